// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "equal.circom";
include "range.circom";

// Statements about a batch of n predictions. n fits into b bits: n < 2^b, b <= 24.

// CorrectAtLeast(n, b): at least `claim` of the predictions equal their labels, 0 <= claim < 2^b. About 3n + 2b constraints.
//
// Does NOT enforce: that the labels are classes of the model, or that the samples differ from each other; a reader must know what
// the committed batch is worth.
template CorrectAtLeast(n, b) {
    assert(n >= 1 && n < (1 << b) && b <= 24);
    signal input prediction[n];
    signal input label[n];
    signal input claim;

    component equal[n];
    var correct = 0;
    for (var i = 0; i < n; i++) {
        equal[i] = Equal();
        equal[i].a <== prediction[i];
        equal[i].b <== label[i];
        correct += equal[i].out;
    }
    // Without this check a claim of -1 would pass, and a reader would take p - 1 for a very high score.
    component claimRange = Range(0, b);
    claimRange.in <== claim;
    component surplus = Range(0, b);
    surplus.in <== correct - claim;
}

// CorrectBelow(n, b): the opposite: fewer than `claim` of the predictions equal their labels, 0 <= claim < 2^b.
//
// Does NOT enforce: the same as CorrectAtLeast.
template CorrectBelow(n, b) {
    assert(n >= 1 && n < (1 << b) && b <= 24);
    signal input prediction[n];
    signal input label[n];
    signal input claim;

    component equal[n];
    var correct = 0;
    for (var i = 0; i < n; i++) {
        equal[i] = Equal();
        equal[i].a <== prediction[i];
        equal[i].b <== label[i];
        correct += equal[i].out;
    }
    component claimRange = Range(0, b);
    claimRange.in <== claim;
    component missing = Range(1, b);
    missing.in <== claim - correct;
}

// GapAtMost(n, positive, b): the rates at which the two groups are predicted `positive` differ by at most claim / 1000, and neither
// group is empty; 0 <= claim <= 1023. Proves that each group[i] is 0 or 1.
//   |P1 N0 - P0 N1| * 1000 <= claim * N0 * N1, with both sides below 2^(2b + 11).
//
// Does NOT enforce: the same as CorrectAtLeast.
template GapAtMost(n, positive, b) {
    assert(n >= 2 && n < (1 << b) && b <= 24);
    signal input prediction[n];
    signal input group[n];
    signal input claim;

    component isPositive[n];
    signal positiveInOne[n];
    var members = 0;
    var positives = 0;
    var positivesInOne = 0;
    for (var i = 0; i < n; i++) {
        group[i] * (group[i] - 1) === 0;
        isPositive[i] = Equal();
        isPositive[i].a <== prediction[i];
        isPositive[i].b <== positive;
        positiveInOne[i] <== isPositive[i].out * group[i];
        members += group[i];
        positives += isPositive[i].out;
        positivesInOne += positiveInOne[i];
    }
    signal both <== members * (n - members);
    component present = Range(1, 2 * b);
    present.in <== both;

    signal oneTimesOther <== positivesInOne * (n - members);
    signal otherTimesOne <== (positives - positivesInOne) * members;
    component claimRange = Range(0, 10);
    claimRange.in <== claim;
    signal allowed <== claim * both;
    component above = Range(0, 2 * b + 11);
    component below = Range(0, 2 * b + 11);
    above.in <== allowed - 1000 * (oneTimesOther - otherTimesOne);
    below.in <== allowed + 1000 * (oneTimesOther - otherTimesOne);
}

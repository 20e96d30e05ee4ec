// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "equal.circom";
include "range.circom";
include "threshold.circom";

// Gaps between the rates at which two groups get the label `positive`, and equalised odds (Hardt, Price, Srebro 2016): the same gap
// among samples that deserve the label, and among samples that do not. n fits into b bits: n < 2^b, b <= 24.

// GroupRates(n, positive): the numbers of members and of positives in both groups, among the samples with counted[i] = 1. Proves that
// each group[i] is 0 or 1. About 7n constraints.
//
// Does NOT enforce: that counted[i] is 0 or 1.
template GroupRates(n, positive) {
    signal input prediction[n];
    signal input group[n];
    signal input counted[n];
    signal output members[2];
    signal output positives[2];

    component isPositive[n];
    signal inOne[n];
    signal positiveHere[n];
    signal positiveInOne[n];
    var all = 0;
    var ones = 0;
    var allPositive = 0;
    var onesPositive = 0;
    for (var i = 0; i < n; i++) {
        group[i] * (group[i] - 1) === 0;
        isPositive[i] = Equal();
        isPositive[i].a <== prediction[i];
        isPositive[i].b <== positive;
        inOne[i] <== group[i] * counted[i];
        positiveHere[i] <== isPositive[i].out * counted[i];
        positiveInOne[i] <== positiveHere[i] * group[i];
        all += counted[i];
        ones += inOne[i];
        allPositive += positiveHere[i];
        onesPositive += positiveInOne[i];
    }
    members[0] <== all - ones;
    members[1] <== ones;
    positives[0] <== allPositive - onesPositive;
    positives[1] <== onesPositive;
}

// GapWithin(b): |positives[1] / members[1] - positives[0] / members[0]| <= claim / 1000, and no group is empty.
//
// Does NOT enforce: positives <= members < 2^b, 0 <= claim < 2^10; the caller's counts and range check do.
template GapWithin(b) {
    signal input members[2];
    signal input positives[2];
    signal input claim;

    signal both <== members[0] * members[1];
    component present = Range(1, 2 * b);
    present.in <== both;
    signal one <== positives[1] * members[0];
    signal zero <== positives[0] * members[1];
    signal allowed <== claim * both;
    component above = Range(0, 2 * b + 11);
    component below = Range(0, 2 * b + 11);
    above.in <== allowed - 1000 * (one - zero);
    below.in <== allowed + 1000 * (one - zero);
}

// GapExceeds(b): the same gap is more than claim / 1000. Has no witness if a group is empty, because then there is no gap.
//
// Does NOT enforce: the same as GapWithin.
template GapExceeds(b) {
    signal input members[2];
    signal input positives[2];
    signal input claim;

    signal both <== members[0] * members[1];
    signal one <== positives[1] * members[0];
    signal zero <== positives[0] * members[1];
    signal allowed <== claim * both;
    component sign = AtLeast(0, 2 * b + 1);
    sign.in <== one - zero;
    signal gap <== (2 * sign.out - 1) * (one - zero);
    component surplus = Range(1, 2 * b + 10);
    surplus.in <== 1000 * gap - allowed;
}

// GapAbove(n, positive, b): the opposite of GapAtMost (statements.circom): the two groups get the label at rates that differ by more
// than claim / 1000; 0 <= claim < 1024.
//
// Does NOT enforce: the same as CorrectAtLeast (statements.circom).
template GapAbove(n, positive, b) {
    assert(n >= 2 && n < (1 << b) && b <= 24);
    signal input prediction[n];
    signal input group[n];
    signal input claim;

    component rates = GroupRates(n, positive);
    for (var i = 0; i < n; i++) {
        rates.prediction[i] <== prediction[i];
        rates.group[i] <== group[i];
        rates.counted[i] <== 1;
    }
    component claimRange = Range(0, 10);
    claimRange.in <== claim;
    component gap = GapExceeds(b);
    for (var g = 0; g < 2; g++) {
        gap.members[g] <== rates.members[g];
        gap.positives[g] <== rates.positives[g];
    }
    gap.claim <== claim;
}

// CellRates(n, positive): GroupRates, among the samples that do not deserve the label (row 0) and among those that do (row 1). cell[i]
// = 2 * (deserves the label) + group. Proves that every cell is 0 to 3.
//
// Enforces everything stated above.
template CellRates(n, positive) {
    signal input prediction[n];
    signal input cell[n];
    signal output members[2][2];
    signal output positives[2][2];

    component rates[2];
    for (var y = 0; y < 2; y++) {
        rates[y] = GroupRates(n, positive);
    }
    component cellBits[n];
    for (var i = 0; i < n; i++) {
        cellBits[i] = Range(0, 2);
        cellBits[i].in <== cell[i];
        var deserves = cellBits[i].high[0];
        for (var y = 0; y < 2; y++) {
            rates[y].prediction[i] <== prediction[i];
            rates[y].group[i] <== cell[i] - 2 * deserves;
            rates[y].counted[i] <== y == 1 ? deserves : 1 - deserves;
        }
    }
    for (var y = 0; y < 2; y++) {
        for (var g = 0; g < 2; g++) {
            members[y][g] <== rates[y].members[g];
            positives[y][g] <== rates[y].positives[g];
        }
    }
}

// OddsAtMost(n, positive, b): between the two groups, the rates of false positives and those of true positives each differ by at most
// claim / 1000, and none of the four cells is empty; 0 <= claim < 1024. About 17n + 12b + 70 constraints.
//
// Does NOT enforce: the same as CorrectAtLeast (statements.circom).
template OddsAtMost(n, positive, b) {
    assert(n >= 4 && n < (1 << b) && b <= 24);
    signal input prediction[n];
    signal input cell[n];
    signal input claim;

    component rates = CellRates(n, positive);
    for (var i = 0; i < n; i++) {
        rates.prediction[i] <== prediction[i];
        rates.cell[i] <== cell[i];
    }
    component claimRange = Range(0, 10);
    claimRange.in <== claim;
    component gap[2];
    for (var y = 0; y < 2; y++) {
        gap[y] = GapWithin(b);
        for (var g = 0; g < 2; g++) {
            gap[y].members[g] <== rates.members[y][g];
            gap[y].positives[g] <== rates.positives[y][g];
        }
        gap[y].claim <== claim;
    }
}

// OddsAbove(n, positive, b): the opposite: at least one of the two gaps is more than claim / 1000. `which` says which one; if both
// are, the prover chooses, and that is the only choice it has.
//
// Does NOT enforce: the same as CorrectAtLeast (statements.circom).
template OddsAbove(n, positive, b) {
    assert(n >= 2 && n < (1 << b) && b <= 24);
    signal input prediction[n];
    signal input cell[n];
    signal input claim;

    component rates = CellRates(n, positive);
    for (var i = 0; i < n; i++) {
        rates.prediction[i] <== prediction[i];
        rates.cell[i] <== cell[i];
    }
    component claimRange = Range(0, 10);
    claimRange.in <== claim;
    var first = rates.positives[0][1] * rates.members[0][0] - rates.positives[0][0] * rates.members[0][1];
    var over = first < 0 ? -first : first;
    signal which;
    which <-- 1000 * over > claim * rates.members[0][0] * rates.members[0][1] ? 0 : 1;
    which * (which - 1) === 0;
    component gap = GapExceeds(b);
    for (var g = 0; g < 2; g++) {
        gap.members[g] <== rates.members[0][g] + which * (rates.members[1][g] - rates.members[0][g]);
        gap.positives[g] <== rates.positives[0][g] + which * (rates.positives[1][g] - rates.positives[0][g]);
    }
    gap.claim <== claim;
}

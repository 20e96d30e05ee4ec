// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "range.circom";
include "onehot.circom";

// ArgMax(n, b): `index` of the largest score, the LOWEST index on ties, and that score as `best`. Needs
// score[i] - score[j]| < 2^b for all i, j. The index is a witness. Two range checks prove it: best - score[i] in [0, 2^b) for
// every i, and best - score[i] - 1 in [0, 2^b) for each i below the index, so that no lower index ties. About n (b + 3)
// constraints.
//
// Enforces everything stated above; exactly one index has a witness.
template ArgMax(n, b) {
    assert(n >= 1);
    signal input score[n];
    signal output index;
    signal output best;

    var hint = 0;
    var highest = score[0];
    for (var i = 1; i < n; i++) {
        // Scores are signed: circom compares field elements above half of the field as negative numbers.
        if (score[i] > highest) {
            highest = score[i];
            hint = i;
        }
    }
    index <-- hint;
    component chosen = OneHot(n);
    chosen.in <== index;

    signal term[n];
    var sum = 0;
    for (var i = 0; i < n; i++) {
        term[i] <== chosen.bit[i] * score[i];
        sum += term[i];
    }
    best <== sum;

    component range[n];
    var later = 1;
    for (var i = 0; i < n; i++) {
        later -= chosen.bit[i];
        range[i] = Range(0, b);
        range[i].in <== best - score[i] - later;
    }
}

// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "argmax.circom";

// Margin(n, b): `index` as in ArgMax, and `margin` = the largest score minus the largest of the others, 0 <= margin < 2^b. Needs n
// >= 2 and |score[i] - score[j]| < 2^b. The runner-up is the maximum after the winner is lowered by 2^b.
//
// Enforces everything stated above.
template Margin(n, b) {
    assert(n >= 2);
    signal input score[n];
    signal output index;
    signal output margin;

    component first = ArgMax(n, b);
    component second = ArgMax(n, b + 1);
    component winner = OneHot(n);
    for (var i = 0; i < n; i++) {
        first.score[i] <== score[i];
    }
    index <== first.index;
    winner.in <== first.index;
    for (var i = 0; i < n; i++) {
        second.score[i] <== score[i] - winner.bit[i] * (1 << b);
    }
    margin <== first.best - second.best;
}

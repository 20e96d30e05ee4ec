// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "range.circom";

// AtLeast(threshold, b): out = [in >= threshold], for -2^(b-1) <= in - threshold < 2^(b-1); threshold is a constant.
// b constraints.
//
// Enforces everything stated above, that bound included.
template AtLeast(threshold, b) {
    assert(b >= 2);
    signal input in;
    signal output out;

    component range = Range(threshold - (1 << (b - 1)), b);
    range.in <== in;
    out <== range.high[b - 2];
}

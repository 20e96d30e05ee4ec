// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "range.circom";

// ReluRescale(b, shift): out = max(0, floor(in / 2^shift)) for -2^(b-1) <= in < 2^(b-1). ONE decomposition gives sign, rescaling
// and bound: the top bit of in + 2^(b-1) is [in >= 0], and the bits from `shift` up are the value. b + 1 constraints.
//
// Enforces everything stated above, the bound included; an honest input outside it has no witness.
template ReluRescale(b, shift) {
    assert(b >= 2 && shift >= 0 && shift < b);
    signal input in;
    signal output out;

    component range = Range(-(1 << (b - 1)), b);
    range.in <== in;
    var value = 0;
    if (shift == 0) {
        value = in;
    } else {
        // The bits below the top one: the value if the top bit is 1; otherwise they are multiplied by 0.
        for (var i = shift; i < b - 1; i++) {
            value += range.high[i - 1] * (1 << (i - shift));
        }
    }
    out <== range.high[b - 2] * value;
}

// LeakyRescale(b, shift, numerator, log2Denominator): with v = floor(in / 2^shift), out = 2^log2Denominator * v if in >= 0, and
// numerator * v otherwise. This is 2^log2Denominator times leaky(v), without a second rounding. b + 1 constraints and one linear.
//
// Enforces the same as ReluRescale.
template LeakyRescale(b, shift, numerator, log2Denominator) {
    assert(b >= 2 && shift >= 0 && shift < b);
    signal input in;
    signal output out;

    component range = Range(-(1 << (b - 1)), b);
    range.in <== in;
    var value = in;
    if (shift > 0) {
        value = -(1 << (b - 1 - shift));
        for (var i = shift; i < b; i++) {
            value += range.high[i - 1] * (1 << (i - shift));
        }
    }
    signal positive <== range.high[b - 2] * value;
    out <== numerator * value + ((1 << log2Denominator) - numerator) * positive;
}

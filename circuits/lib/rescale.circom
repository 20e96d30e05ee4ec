// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "range.circom";

// Rescale(min, b, shift): out = floor(in / 2^shift), an arithmetic shift, for min <= in < min + 2^b; min is 0 or -2^(b-1). b
// constraints and one linear.
//
// Enforces everything stated above, min <= in < min + 2^b included. An honest input outside has no witness, so the caller needs a
// bound that holds for every admissible input.
template Rescale(min, b, shift) {
    assert(shift >= 1 && shift < b);
    assert(min == 0 || min == -(1 << (b - 1)));
    signal input in;
    signal output out;

    component range = Range(min, b);
    range.in <== in;
    var value = -((-min) >> shift);
    for (var i = shift; i < b; i++) {
        value += range.high[i - 1] * (1 << (i - shift));
    }
    out <== value;
}

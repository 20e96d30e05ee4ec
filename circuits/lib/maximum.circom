// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "range.circom";

// Maximum(n, b): out = the largest of in[0 .. n-1] by a tournament, max(x, y) = y + [x >= y] (x - y). Needs
// |in[i] - in[j]| < 2^b for all i, j. (n - 1)(b + 2) constraints and n - 1 linear ones.
//
// Enforces everything stated above; differences outside the bound have no witness.
template Maximum(n, b) {
    assert(n >= 1);
    signal input in[n];
    signal output out;

    component range[n - 1];
    signal largest[n];
    largest[0] <== in[0];
    for (var i = 1; i < n; i++) {
        range[i - 1] = Range(-(1 << b), b + 1);
        range[i - 1].in <== largest[i - 1] - in[i];
        largest[i] <== range[i - 1].high[b - 1] * (largest[i - 1] - in[i]) + in[i];
    }
    out <== largest[n - 1];
}

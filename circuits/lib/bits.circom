// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "range.circom";

// Bits(n): every in[i] is 0 or 1. n constraints.
//
// Does NOT enforce: anything about the number that the bits stand for. The caller puts their weighted sum, with n <= 252, and the
// value that it must equal into ONE linear constraint; Range with a signal of its own would need two.
template Bits(n) {
    signal input in[n];

    component bit[n];
    for (var i = 0; i < n; i++) {
        bit[i] = Range(0, 1);
        bit[i].in <== in[i];
    }
}

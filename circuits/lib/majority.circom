// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

// Majority(): out = 1 if two or three of the bits a, b, c are 1, else 0. One constraint, of the form of Xor3: t = a + b + c,
//   (2t - 3) (8 out - 2t - 1) = 3,
// The first factor is odd, hence never 0:  t = 0: -3 * -1;   t = 1: -1 * -3;   t = 2: 1 * 3;   t = 3: 3 * 1.
//
// Does NOT enforce: that a, b and c are bits; the caller must have proven it. `out` is a bit if they are.
template Majority() {
    signal input a;
    signal input b;
    signal input c;
    signal output out;

    var t = a + b + c;
    out <-- t >> 1;
    (2 * t - 3) * (8 * out - 2 * t - 1) === 3;
}

// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

// Xor3(): out = a xor b xor c for bits. ONE constraint instead of the usual two products: with t = a + b + c,
//   (2t - 3) (2t - 1 - 4 out) = 3.
// The first factor is -3, -1, 1 or 3 and never 0, so exactly one `out` solves the equation, and it is t mod 2:
//   t = 0: -3 * -1;   t = 1: -1 * -3;   t = 2: 1 * 3;   t = 3: 3 * 1.
//
// Does NOT enforce: that a, b and c are bits; the caller must have proven it. `out` is a bit if they are.
template Xor3() {
    signal input a;
    signal input b;
    signal input c;
    signal output out;

    var t = a + b + c;
    out <-- t & 1;
    (2 * t - 3) * (2 * t - 1 - 4 * out) === 3;
}

// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

// Xor3(): out = a xor b xor c for bits. ONE constraint, where two products are usual: with t = a + b + c,
//   (2t - 3) (2t - 1 - 4 out) = 3.
// The first factor is -3, -1, 1 or 3 and never 0, so that exactly one `out` solves it, and that is t mod 2:
//   t = 0: -3 * -1;   t = 1: -1 * -3;   t = 2: 1 * 3;   t = 3: 3 * 1.
//
// Does NOT enforce: that a, b and c are bits; the caller has proven it. `out` is one if they are.
template Xor3() {
    signal input a;
    signal input b;
    signal input c;
    signal output out;

    var t = a + b + c;
    out <-- t & 1;
    (2 * t - 3) * (2 * t - 1 - 4 * out) === 3;
}

// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

// Range(min, b): proves min <= in < min + 2^b. THE range check of this library: every other gadget uses it, so that one day a
// lookup argument can replace it in one place.
//
//   in    any signal; min is a constant and may be negative
//   high  bits 1 .. b-1 of in - min, lowest first: high[i] is bit i + 1. Each is 0 or 1.
//
// Bit 0 is not a signal: it is the linear expression in - min - sum 2^(i+1) high[i]. Forcing THAT to be 0 or 1 supplies the missing
// booleanity check and the sum check together. So the cost is exactly b constraints, the least that any R1CS can need (k quadratic
// equations have at most 2^k isolated solutions: Bezout).
//
// Does NOT enforce: that `in` was small before it came here; a caller that passes a sum which could have wrapped around the field
// proves nothing. Needs b <= 252, or two decompositions (x and x + p) could fit; a larger b is refused at compile time.
template Range(min, b) {
    assert(b >= 1 && b <= 252);
    signal input in;
    signal output high[b - 1];

    var rest = in - min;
    for (var i = 0; i < b - 1; i++) {
        high[i] <-- ((in - min) >> (i + 1)) & 1;
        high[i] * (high[i] - 1) === 0;
        rest -= high[i] * (1 << (i + 1));
    }
    rest * (rest - 1) === 0;
}

// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "range.circom";

// CosineAtLeast(n, bits, numerator, denominator): the angle between the vectors a and b is acute, and its cosine is at least
// sqrt(numerator / denominator): a.b >= 1 and denominator (a.b)^2 >= numerator |a|^2 |b|^2. `bits` bounds the inner product,
// a.b <= 2^bits. 3 n + 3 products, and 3 bits + the bits of the denominator for the two comparisons.
//
// A vector of zeros has a.b = 0 and is refused. Without the first comparison it would count as near everything.
//
// Does NOT enforce: bounds of the elements. The caller must have proven |a_i| < 2^p and |b_i| < 2^q with n 2^(p + q) <= 2^bits; this
// also keeps |a|^2 |b|^2 far below the field's size.
template CosineAtLeast(n, bits, numerator, denominator) {
    assert(numerator >= 1 && numerator <= denominator && denominator < 1 << 20 && 2 * bits + 20 <= 250);
    signal input a[n];
    signal input b[n];

    signal ab[n];
    signal aa[n];
    signal bb[n];
    var dot = 0;
    var lengthA = 0;
    var lengthB = 0;
    for (var i = 0; i < n; i++) {
        ab[i] <== a[i] * b[i];
        aa[i] <== a[i] * a[i];
        bb[i] <== b[i] * b[i];
        dot += ab[i];
        lengthA += aa[i];
        lengthB += bb[i];
    }
    component acute = Range(1, bits);
    acute.in <== dot;
    signal square <== dot * dot;
    signal lengths <== lengthA * lengthB;
    var denominatorBits = 0;
    while (1 << denominatorBits <= denominator) {
        denominatorBits++;
    }
    component near = Range(0, 2 * bits + denominatorBits);
    near.in <== denominator * square - numerator * lengths;
}

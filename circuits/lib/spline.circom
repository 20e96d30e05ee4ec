// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "range.circom";

// Spline(low, b, shift, m, slopes, intercepts): a curve as 2^m straight lines of equal length,
//   v = floor((in - low) / 2^shift),   j = floor(v / 2^(b - shift - m)),   out = slopes[j] v + intercepts[j].
// Proves low <= in < low + 2^b; low is a constant and may be negative.
//
// j is the m highest bits of in - low, which the range check has already. A list that they index is a multilinear
// polynomial of theirs: the sum over subsets S of c_S times the product of the bits in S, with c the Moebius transform of
// the list. Slopes and intercepts share the products, 2^m - m - 1 of them; the line itself is one constraint more.
// b + 2^m - m constraints, where comparing with 2^m breakpoints takes 2^m (b + 1).
//
// Does NOT enforce: that the lines meet; the function is whatever its numbers say.
template Spline(low, b, shift, m, slopes, intercepts) {
    assert(m >= 1 && m <= 8 && shift >= 0 && shift + m < b);
    signal input in;
    signal output out;

    component range = Range(low, b);
    range.in <== in;

    var v = in - low;
    if (shift > 0) {
        v = 0;
        for (var i = shift; i < b; i++) {
            v += range.high[i - 1] * (1 << (i - shift));
        }
    }

    var n = 1 << m;
    var slope[n];
    var intercept[n];
    for (var s = 0; s < n; s++) {
        slope[s] = slopes[s];
        intercept[s] = intercepts[s];
    }
    for (var i = 0; i < m; i++) {
        for (var s = 0; s < n; s++) {
            if (((s >> i) & 1) == 1) {
                slope[s] -= slope[s - (1 << i)];
                intercept[s] -= intercept[s - (1 << i)];
            }
        }
    }

    // product[s]: of the bits that s has, the highest one times the product of the others.
    signal product[n];
    var chosenSlope = slope[0];
    var chosenIntercept = intercept[0];
    product[0] <== 1;
    for (var i = 0; i < m; i++) {
        var top = range.high[b - m + i - 1];
        for (var s = (1 << i); s < (2 << i); s++) {
            if (s == (1 << i)) {
                product[s] <== top;
            } else {
                product[s] <== top * product[s - (1 << i)];
            }
            chosenSlope += slope[s] * product[s];
            chosenIntercept += intercept[s] * product[s];
        }
    }
    out <== chosenSlope * v + chosenIntercept;
}

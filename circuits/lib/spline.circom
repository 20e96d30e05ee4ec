// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "equal.circom";
include "range.circom";

// SplineLine(m, slopes, intercepts): out = slopes[j] v + intercepts[j], where bit[] holds the m bits of j, lowest first.
//
// A list indexed by bits is a multilinear polynomial in those bits: the sum over subsets S of c_S times the product of the bits in
// S, where c is the Moebius transform of the list. Slopes and intercepts share the 2^m - m - 1 products; the line itself costs one
// more constraint.
//
// Does NOT enforce: that the bits are bits; the caller must have proven it.
template SplineLine(m, slopes, intercepts) {
    assert(m >= 1 && m <= 8);
    signal input bit[m];
    signal input v;
    signal output out;

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

    // product[s]: the highest bit in s times the product of the other bits in s.
    signal product[n];
    var chosenSlope = slope[0];
    var chosenIntercept = intercept[0];
    product[0] <== 1;
    for (var i = 0; i < m; i++) {
        for (var s = (1 << i); s < (2 << i); s++) {
            if (s == (1 << i)) {
                product[s] <== bit[i];
            } else {
                product[s] <== bit[i] * product[s - (1 << i)];
            }
            chosenSlope += slope[s] * product[s];
            chosenIntercept += intercept[s] * product[s];
        }
    }
    out <== chosenSlope * v + chosenIntercept;
}

// Spline(low, b, shift, m, slopes, intercepts): a curve as 2^m straight lines of equal length,
//   v = floor((in - low) / 2^shift),   j = floor(v / 2^(b - shift - m)),   out = slopes[j] v + intercepts[j].
// Proves low <= in < low + 2^b; low is a constant and may be negative. j is the m highest bits of in - low, which the range check
// already has. b + 2^m - m constraints and one linear; comparing with 2^m breakpoints would take 2^m (b + 1).
//
// Does NOT enforce: that the lines meet; the function is just what the given numbers define.
template Spline(low, b, shift, m, slopes, intercepts) {
    assert(m >= 1 && shift >= 0 && shift + m < b);
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
    component line = SplineLine(m, slopes, intercepts);
    for (var i = 0; i < m; i++) {
        line.bit[i] <== range.high[b - m + i - 1];
    }
    line.v <== v;
    out <== line.out;
}

// TailedSpline(low, b, w, shift, m, slopes, intercepts, below, above, openBelow, openAbove): the same over 2^w inputs from low up,
// and straight lines of slopes `below` and `above` beyond them:
//   v = floor((in - low) / 2^shift),   u = v cut off to 0 .. 2^(w - shift) - 1,
//   out = slopes[j] u + intercepts[j] + (v - u) (below or above),   j = floor(u / 2^(w - shift - m)).
// Proves -2^(b-1) <= in - low < 2^(b-1), and that the input stays within the window on each side that is not open. b + 2^m + 4
// constraints and one linear, plus one of each for every nonzero tail: ONE comparison of the bits above the window with 0 decides
// whether the input is inside.
//
// Does NOT enforce: the same as Spline.
template TailedSpline(low, b, w, shift, m, slopes, intercepts, below, above, openBelow, openAbove) {
    assert(m >= 1 && shift >= 0 && shift + m < w && w < b);
    signal input in;
    signal output out;

    component range = Range(low - (1 << (b - 1)), b);
    range.in <== in;
    // 1 from low on.
    var right = range.high[b - 2];
    var beyond = b * (1 - right);
    for (var i = w; i < b - 1; i++) {
        beyond += range.high[i - 1];
    }
    component inside = Equal();
    inside.a <== beyond;
    inside.b <== 0;

    var last = (1 << (w - shift)) - 1;
    var kept = 0;
    var v = in - low;
    if (shift > 0) {
        v = -(1 << (b - 1 - shift));
        for (var i = shift; i < b; i++) {
            v += range.high[i - 1] * (1 << (i - shift));
        }
        for (var i = shift; i < w; i++) {
            kept += range.high[i - 1] * (1 << (i - shift));
        }
    } else {
        kept = in - low + (1 << (b - 1));
        for (var i = w; i < b; i++) {
            kept -= range.high[i - 1] * (1 << i);
        }
    }
    component line = SplineLine(m, slopes, intercepts);
    for (var i = 0; i < m; i++) {
        line.bit[i] <== inside.out * (range.high[w - m + i - 1] - right) + right;
    }
    line.v <== inside.out * (kept - right * last) + right * last;

    if (openBelow == 0) {
        right === 1;
    }
    if (openAbove == 0) {
        right * (1 - inside.out) === 0;
    }
    if (below == above) {
        out <== line.out + below * (v - line.v);
    } else {
        signal over <== right * (v - line.v);
        out <== line.out + below * (v - line.v - over) + above * over;
    }
}

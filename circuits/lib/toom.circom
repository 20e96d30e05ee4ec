// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

// Matrices of the Toom-Cook / Winograd filter F(m, r): m outputs y[i] = sum of g[j] d[i + j] over r taps from n = m + r - 1
// inputs by n products,  y = E_m^T [ (E_r g) * (E_n^-T d) ],  where E_k evaluates k coefficients at the points
// 0, 1, -1, 2, -2, ... and infinity. (Transposed polynomial multiplication; Winograd, "Arithmetic complexity of
// computations", 1980.) It is exact over the field: an identity of bilinear forms needs no bound.

// The i-th of n evaluation points; the last one, infinity, has no number.
function toom_point(i) {
    return i % 2 == 1 ? (i + 1) \ 2 : -(i \ 2);
}

// Row i of E_k, evaluation at n points of a polynomial of k coefficients: the powers of point i.
function toom_evaluate(n, k, i) {
    var row[64];
    for (var j = 0; j < 64; j++) {
        row[j] = 0;
    }
    if (i == n - 1) {
        row[k - 1] = 1;
    } else {
        row[0] = 1;
        for (var j = 1; j < k; j++) {
            row[j] = row[j - 1] * toom_point(i);
        }
    }
    return row;
}

// Row i of E_n^-1 transposed: the coefficients of the polynomial that is 1 at point i and 0 at the others.
function toom_interpolate(n, i) {
    var row[64];
    for (var j = 0; j < 64; j++) {
        row[j] = 0;
    }
    row[0] = 1;
    var degree = 0;
    var scale = 1;
    for (var k = 0; k < n - 1; k++) {
        if (k != i) {
            // row *= z - point(k)
            for (var j = degree + 1; j > 0; j--) {
                row[j] = row[j - 1] - toom_point(k) * row[j];
            }
            row[0] = -toom_point(k) * row[0];
            degree++;
            if (i < n - 1) {
                scale *= toom_point(i) - toom_point(k);
            }
        }
    }
    var inverse = 1 / scale;
    for (var j = 0; j <= degree; j++) {
        row[j] = row[j] * inverse;
    }
    return row;
}

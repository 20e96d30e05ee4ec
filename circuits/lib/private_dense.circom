// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

// PrivateDense(n, m, wMin, bMin): out[o] = bias[o] + sum over i of x[i] weight[i m + o], with weights and biases as witnesses. They
// are given as offsets from their least value, w = weight + wMin and b = bias + bMin, because RangedPack needs that. n m
// constraints and m linear ones. We know of no cheaper way in plain R1CS for a single vector.
//
// Does NOT enforce: any range or commitment of the parameters (RangedPack, Commitment), or that sums stay far below the field's
// size; the writer checks that bound.
template PrivateDense(n, m, wMin, bMin) {
    signal input x[n];
    signal input weight[n * m];
    signal input bias[m];
    signal output out[m];

    signal product[n * m];
    for (var o = 0; o < m; o++) {
        var sum = bias[o] + bMin;
        for (var i = 0; i < n; i++) {
            product[i * m + o] <== x[i] * (weight[i * m + o] + wMin);
            sum += product[i * m + o];
        }
        out[o] <== sum;
    }
}

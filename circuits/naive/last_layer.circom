// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "circomlib_ml_style.circom";

// BENCHMARK PEER, NEVER FOR USE. Our own circuit for what zkMNIST proves: only the last layer of a network, 84 to 10, and
// the argmax. The embedding is a private input without a range check or commitment, so the proof says nothing about a
// picture.
template LastLayer(n, m) {
    signal input x[n];
    signal input weight[n * m];
    signal input bias[m];
    signal output out;
    component argmax = NaiveArgMax(m);
    signal product[n * m];
    for (var o = 0; o < m; o++) {
        var sum = bias[o];
        for (var i = 0; i < n; i++) {
            product[i * m + o] <== x[i] * weight[i * m + o];
            sum += product[i * m + o];
        }
        argmax.in[o] <== sum;
    }
    out <== argmax.out;
}

// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

// BENCHMARK PEERS, UNSOUND, NEVER FOR USE. Written for Cohort in the manner of such circuits, so that constraint counts
// can be compared and the forgery tests can show what they catch. Rescaling is "checked" by `assert`, signs come from a
// decomposition into 254 bits that has two solutions, and every product with a constant is a constraint.

// 254 bits hold both x and x + p for small x: two decompositions.
template NaiveBits(n) {
    signal input in;
    signal output bit[n];
    var sum = 0;
    for (var i = 0; i < n; i++) {
        bit[i] <-- (in >> i) & 1;
        bit[i] * (bit[i] - 1) === 0;
        sum += bit[i] * (1 << i);
    }
    sum === in;
}

// [in is at most (p - 1) / 2]: 254 bits compared with that constant from the top, one constraint a bit.
template NaiveIsPositive() {
    signal input in;
    signal output out;
    component bits = NaiveBits(254);
    bits.in <== in;
    var half = 10944121435919637611123202872628637544274182200208017171849102093287904247808;
    signal both[254];
    var equal = 1;
    var greater = 0;
    for (var i = 253; i >= 0; i--) {
        both[i] <== equal * bits.bit[i];
        if ((half >> i) & 1) {
            equal = both[i];
        } else {
            greater += both[i];
            equal -= both[i];
        }
    }
    out <== 1 - greater;
}

template NaiveRelu() {
    signal input in;
    signal output out;
    component positive = NaiveIsPositive();
    positive.in <== in;
    out <== positive.out * in;
}

// out * 2^shift + remainder = in, and an assert where the range of the remainder should be: any quotient passes.
template NaiveRescale(shift) {
    signal input in;
    signal output out;
    signal remainder;
    remainder <-- in & ((1 << shift) - 1);
    out <-- (in - remainder) / (1 << shift);
    assert(remainder < (1 << shift));
    out * (1 << shift) + remainder === in;
}

// Weights are signals, so that every product costs.
template NaiveConv2d(h, w, cin, cout, k, stride, shift) {
    var oh = (h - k) \ stride + 1;
    var ow = (w - k) \ stride + 1;
    signal input x[h * w * cin];
    signal input weight[k * k * cin * cout];
    signal input bias[cout];
    signal output out[oh * ow * cout];
    signal product[oh * ow * cout * k * k * cin];
    component rescale[oh * ow * cout];
    var at = 0;
    for (var y = 0; y < oh; y++) {
        for (var z = 0; z < ow; z++) {
            for (var o = 0; o < cout; o++) {
                var sum = bias[o];
                for (var i = 0; i < k; i++) {
                    for (var j = 0; j < k; j++) {
                        for (var c = 0; c < cin; c++) {
                            product[at] <== x[((y * stride + i) * w + z * stride + j) * cin + c] * weight[((i * k + j) * cin + c) * cout + o];
                            sum += product[at];
                            at++;
                        }
                    }
                }
                rescale[(y * ow + z) * cout + o] = NaiveRescale(shift);
                rescale[(y * ow + z) * cout + o].in <== sum;
                out[(y * ow + z) * cout + o] <== rescale[(y * ow + z) * cout + o].out;
            }
        }
    }
}

template NaiveDense(n, m, shift) {
    signal input x[n];
    signal input weight[n * m];
    signal input bias[m];
    signal output out[m];
    signal product[n * m];
    component rescale[m];
    for (var o = 0; o < m; o++) {
        var sum = bias[o];
        for (var i = 0; i < n; i++) {
            product[i * m + o] <== x[i] * weight[i * m + o];
            sum += product[i * m + o];
        }
        rescale[o] = NaiveRescale(shift);
        rescale[o].in <== sum;
        out[o] <== rescale[o].out;
    }
}

// The largest so far, by 252-bit comparisons of unranged numbers.
template NaiveArgMax(n) {
    signal input in[n];
    signal output out;
    component compare[n];
    signal largest[n + 1];
    signal index[n + 1];
    largest[0] <== in[0];
    index[0] <== 0;
    for (var i = 0; i < n; i++) {
        compare[i] = NaiveBits(253);
        compare[i].in <== in[i] - largest[i] + (1 << 252);
        largest[i + 1] <== compare[i].bit[252] * (in[i] - largest[i]) + largest[i];
        index[i + 1] <== compare[i].bit[252] * (i - index[i]) + index[i];
    }
    out <== index[n];
}

// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "babyjubjub.circom";

// BabyLadder(n): k P, for a point P of the curve and k = sum of 2^i bit[i] with n even. About 10 constraints per bit.
//
// Each step takes two bits as one digit: -3, -1, 1 or 3. So a step is two doublings and one addition of P or 3 P with a sign, and
// no digit is 0. With c_i = 2 bit[i+1] - 1 and c_(n-1) = 1, the sum of 2^i c_i is k + 1 - bit[0]. The excess is subtracted at the
// end.
//
// Does NOT enforce: that the bits are bits or that the point is on the curve; the caller must have proven both.
template BabyLadder(n) {
    assert(n >= 4 && n % 2 == 0);
    signal input x1;
    signal input y1;
    signal input bit[n];
    signal output x;
    signal output y;

    component twice = BabyDouble();
    twice.x1 <== x1;
    twice.y1 <== y1;
    component thrice = BabyAdd();
    thrice.x1 <== twice.x;
    thrice.y1 <== twice.y;
    thrice.x2 <== x1;
    thrice.y2 <== y1;
    var x3 = thrice.x;
    var y3 = thrice.y;

    // The highest digit is 1 or 3.
    signal highX <== bit[n - 1] * (x3 - x1) + x1;
    signal highY <== bit[n - 1] * (y3 - y1) + y1;

    var steps = n \ 2 - 1;
    component first[steps];
    component second[steps];
    component add[steps];
    signal part[steps];
    signal digitX[steps];
    signal digitY[steps];
    signal both[steps];
    for (var k = 0; k < steps; k++) {
        var u = bit[n - 2 - 2 * k];
        var v = bit[n - 3 - 2 * k];
        first[k] = BabyDouble();
        second[k] = BabyDouble();
        if (k == 0) {
            first[k].x1 <== highX;
            first[k].y1 <== highY;
        } else {
            first[k].x1 <== add[k - 1].x;
            first[k].y1 <== add[k - 1].y;
        }
        second[k].x1 <== first[k].x;
        second[k].y1 <== first[k].y;
        // (u, v) = 00: -3 P, 01: -P, 10: P, 11: 3 P; -(x, y) = (-x, y).
        part[k] <== v * (x3 - x1);
        digitX[k] <== u * (x3 + x1) + part[k] - x3;
        both[k] <== u * v;
        digitY[k] <== (u + v - 2 * both[k]) * (y1 - y3) + y3;
        add[k] = BabyAdd();
        add[k].x1 <== second[k].x;
        add[k].y1 <== second[k].y;
        add[k].x2 <== digitX[k];
        add[k].y2 <== digitY[k];
    }

    component last = BabyAdd();
    last.x1 <== add[steps - 1].x;
    last.y1 <== add[steps - 1].y;
    last.x2 <== (bit[0] - 1) * x1;
    last.y2 <== (1 - bit[0]) * (y1 - 1) + 1;
    x <== last.x;
    y <== last.y;
}

// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "babyjubjub.circom";

// BabyBase(windows): (x1, y1) + k B8, with k = sum of 2^i bit[i] over 3 * windows bits. Nine constraints per window of three bits.
// The bits choose the window's multiple of B8 among constants, so nothing is doubled.
//
// Does NOT enforce: that the bits are bits or that the point is on the curve; the caller must have proven both.
template BabyBase(windows) {
    signal input x1;
    signal input y1;
    signal input bit[3 * windows];
    signal output x;
    signal output y;

    var base[2] = baby_base();
    signal both[windows];
    signal chosen[windows][2];
    component add[windows];
    for (var w = 0; w < windows; w++) {
        // table[j] = j 8^w B8.
        var table[8][2];
        table[0] = [0, 1];
        for (var j = 1; j < 8; j++) {
            table[j] = baby_sum(table[j - 1], base);
        }
        base = baby_sum(table[7], base);
        both[w] <== bit[3 * w] * bit[3 * w + 1];
        for (var c = 0; c < 2; c++) {
            // The polynomial through the eight constants: linear in each bit.
            var half[2];
            for (var h = 0; h < 2; h++) {
                var t0 = table[4 * h][c];
                var t1 = table[4 * h + 1][c];
                var t2 = table[4 * h + 2][c];
                var t3 = table[4 * h + 3][c];
                half[h] = t0 + (t1 - t0) * bit[3 * w] + (t2 - t0) * bit[3 * w + 1] + (t3 - t2 - t1 + t0) * both[w];
            }
            chosen[w][c] <== (half[1] - half[0]) * bit[3 * w + 2] + half[0];
        }
        add[w] = BabyAdd();
        if (w == 0) {
            add[w].x1 <== x1;
            add[w].y1 <== y1;
        } else {
            add[w].x1 <== add[w - 1].x;
            add[w].y1 <== add[w - 1].y;
        }
        add[w].x2 <== chosen[w][0];
        add[w].y2 <== chosen[w][1];
    }
    x <== add[windows - 1].x;
    y <== add[windows - 1].y;
}

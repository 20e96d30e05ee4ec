// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "bits.circom";
include "range.circom";

// FieldBits(): the 254 bits, lowest first, of any field element as an integer in [0, p). 505 constraints: one per bit, and as
// many again to refuse the second solution, the bits of in + p, which fit into 254 bits if `in` is small.
//
// p = 3 * 2^252 + c with 2^246 < c < 2^247. The integer of the bits is below p if and only if the two highest bits are not both
// 1, or the other 252 bits make a number less than c.
//
// Enforces everything stated above.
template FieldBits() {
    signal input in;
    signal output bit[254];

    component bits = Bits(254);
    var made = 0;
    var low = 0;
    for (var i = 0; i < 254; i++) {
        bit[i] <-- (in >> i) & 1;
        bits.in[i] <== bit[i];
        made += bit[i] * (1 << i);
        if (i < 252) {
            low += bit[i] * (1 << i);
        }
    }
    made === in;

    // In the field, -3 * 2^252 equals c.
    var c = 0 - 3 * (1 << 252);
    signal high <== bit[253] * bit[252];
    signal excess <== high * low;
    component below = Range(0, 247);
    below.in <== c - 1 - excess;
}

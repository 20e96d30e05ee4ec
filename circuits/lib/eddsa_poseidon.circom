// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "babyjubjub.circom";
include "baby_base.circom";
include "baby_ladder.circom";
include "field_bits.circom";
include "poseidon.circom";
include "range.circom";

// EddsaPoseidon(): (R, S) is a signature of `message` under the key (keyX, keyY), in the scheme of circomlib, iden3 and zk-kit:
//   h = Poseidon(Rx, Ry, keyX, keyY, message),   S B8 = R + 8 h key,   0 <= S < l.
// 4,648 constraints, more than half of them for the ladder of h.
//
// The circuit computes S B8 - 8 h key and compares it with R, so R is on the curve, and even in the subgroup, without a check of
// its own. The circuit checks that the key is on the curve and that 8 key is not the neutral element, because a key of small
// order would sign anything. For each R there is only one S, because S + l is refused; h has only one decomposition, because
// that of h + p is refused.
//
// Does NOT enforce: that the key is in the subgroup (a component of small order vanishes in 8 key, and the maker of such a key
// signs with it as with any other); who owns the key; what the message means.
template EddsaPoseidon() {
    signal input keyX;
    signal input keyY;
    signal input Rx;
    signal input Ry;
    signal input S;
    signal input message;

    component onCurve = BabyCheck();
    onCurve.x <== keyX;
    onCurve.y <== keyY;
    component times[3];
    for (var i = 0; i < 3; i++) {
        times[i] = BabyDouble();
        if (i == 0) {
            times[i].x1 <== keyX;
            times[i].y1 <== keyY;
        } else {
            times[i].x1 <== times[i - 1].x;
            times[i].y1 <== times[i - 1].y;
        }
    }
    // 8 key has odd order, and the only point of odd order with x = 0 is the neutral element.
    signal inverse;
    inverse <-- 1 / times[2].x;
    inverse * times[2].x === 1;

    component hash = Poseidon(5);
    hash.in[0] <== Rx;
    hash.in[1] <== Ry;
    hash.in[2] <== keyX;
    hash.in[3] <== keyY;
    hash.in[4] <== message;
    component challenge = FieldBits();
    challenge.in <== hash.out;

    // S in [0, 2^251) and l - 1 - S in [0, 2^251): S < l.
    component low = Range(0, 251);
    low.in <== S;
    component high = Range(0, 251);
    high.in <== baby_order() - 1 - S;

    component ladder = BabyLadder(254);
    ladder.x1 <== -times[2].x;
    ladder.y1 <== times[2].y;
    ladder.bit <== challenge.bit;

    component sum = BabyBase(84);
    sum.x1 <== ladder.x;
    sum.y1 <== ladder.y;
    var lowest = S;
    for (var i = 1; i < 251; i++) {
        sum.bit[i] <== low.high[i - 1];
        lowest -= low.high[i - 1] * (1 << i);
    }
    sum.bit[0] <== lowest;
    sum.bit[251] <== 0;
    sum.x === Rx;
    sum.y === Ry;
}

// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "bits.circom";
include "merkle_root.circom";
include "poseidon.circom";
include "range.circom";

// A list is represented by the gaps between its values. Each leaf of a Merkle tree is Poseidon(value, next), for the open interval
// from a value to the next larger one, or 0 if it is empty. The empty list is the single interval (0, 2^248) in leaf 0. Values are 1
// .. 2^248 - 1. (This is an indexed Merkle tree without the indices of the next leaves, which no proof needs.)
//
// Invariant of every tree that ListInsertion makes from the empty one: the intervals are disjoint and cover (0, 2^248) except for the
// values, which are exactly their ends. So a value strictly inside an interval is not in the list.

// Bits of a value in a list.
function list_value_bits() {
    return 248;
}

// StrictlyBetween(): low < value < next for numbers of 248 bits; next may be 2^248. 496 constraints.
//
// Does NOT enforce: that the three are numbers of 248 bits. If they are not, a difference can wrap around the field.
template StrictlyBetween() {
    signal input low;
    signal input value;
    signal input next;

    component above = Range(0, list_value_bits());
    above.in <== value - low - 1;
    component below = Range(0, list_value_bits());
    below.in <== next - value - 1;
}

// NotInList(depth): `value` is a number of 248 bits and is not in the list whose root is `out`. 5,867 constraints for depth 20.
//
// ListInsertion has ranged the low and next of every leaf; the value is ranged here.
//
// Does NOT enforce: that the root is that of a list; the caller compares it with a root that ListInsertion proved. The values 0 and
// 2^248, the ends of the empty list, have no witness.
template NotInList(depth) {
    signal input value;
    signal input low;
    signal input next;
    signal input bit[depth];
    signal input sibling[depth];
    signal output out;

    component valueRange = Range(0, list_value_bits());
    valueRange.in <== value;
    component between = StrictlyBetween();
    between.low <== low;
    between.value <== value;
    between.next <== next;

    component bits = Bits(depth);
    bits.in <== bit;
    component leaf = Poseidon(2);
    leaf.in[0] <== low;
    leaf.in[1] <== next;
    component path = MerkleRoot(depth);
    path.leaf <== leaf.out;
    path.bit <== bit;
    path.sibling <== sibling;
    out <== path.out;
}

// ListInsertion(depth): `after` is the root of the list `before` with `value` added by means of the empty leaf `index`: the interval
// (low, next) around it becomes (low, value), and leaf `index` becomes (value, next). Read from `after` to `before`, the same
// statement is a removal: the two intervals that meet in `value` become one, and the leaf becomes empty again.
//
// Needs low and next of 248 bits (next up to 2^248): the invariant implies this, and ranging `value` preserves it. Refuses a value
// that is in the list already (it is strictly inside no interval), and an index whose leaf is not empty.
//
// Does NOT enforce: who may change the list, or that `before` is the root of a list.
template ListInsertion(depth) {
    signal input before;
    signal input after;
    signal input value;
    signal input index;
    signal input low;
    signal input next;
    signal input lowBit[depth];
    signal input lowSibling[depth];
    signal input newSibling[depth];

    component valueRange = Range(0, list_value_bits());
    valueRange.in <== value;
    component between = StrictlyBetween();
    between.low <== low;
    between.value <== value;
    between.next <== next;

    component lowBits = Bits(depth);
    lowBits.in <== lowBit;
    // The bits of `index`, whose range check is their sum.
    component indexRange = Range(0, depth);
    indexRange.in <== index;
    var newBit[depth];
    newBit[0] = index;
    for (var i = 1; i < depth; i++) {
        newBit[i] = indexRange.high[i - 1];
        newBit[0] -= indexRange.high[i - 1] * (1 << i);
    }

    // The interval around `value`, before and after.
    component whole = Poseidon(2);
    whole.in[0] <== low;
    whole.in[1] <== next;
    component shorter = Poseidon(2);
    shorter.in[0] <== low;
    shorter.in[1] <== value;
    component lowPath[2];
    for (var k = 0; k < 2; k++) {
        lowPath[k] = MerkleRoot(depth);
        if (k == 0) {
            lowPath[k].leaf <== whole.out;
        } else {
            lowPath[k].leaf <== shorter.out;
        }
        lowPath[k].bit <== lowBit;
        lowPath[k].sibling <== lowSibling;
    }
    lowPath[0].out === before;

    // The empty leaf before and after, in the tree whose interval is already shortened: so the siblings are those of the tree in
    // between.
    component rest = Poseidon(2);
    rest.in[0] <== value;
    rest.in[1] <== next;
    component newPath[2];
    for (var k = 0; k < 2; k++) {
        newPath[k] = MerkleRoot(depth);
        if (k == 0) {
            newPath[k].leaf <== 0;
        } else {
            newPath[k].leaf <== rest.out;
        }
        for (var i = 0; i < depth; i++) {
            newPath[k].bit[i] <== newBit[i];
        }
        newPath[k].sibling <== newSibling;
    }
    newPath[0].out === lowPath[1].out;
    newPath[1].out === after;
}

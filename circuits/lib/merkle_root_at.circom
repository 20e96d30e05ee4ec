// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "merkle_root.circom";
include "range.circom";

// MerkleRootAt(depth): the root of the Poseidon tree of 2^depth leaves in which `leaf` lies at `index`, from its siblings, lowest first.
// Bit i of the index says on which side the node of level i is. depth >= 2. 244 constraints per level.
//
// Does NOT enforce: that the leaf is not an inner node of a higher tree. The depth is a constant, and the caller's leaves should have a
// hash that no inner node can have.
template MerkleRootAt(depth) {
    assert(depth >= 2);
    signal input leaf;
    signal input index;
    signal input sibling[depth];
    signal output root;

    component bits = Range(0, depth);
    bits.in <== index;
    component path = MerkleRoot(depth);
    path.leaf <== leaf;
    var lowest = index;
    for (var i = 1; i < depth; i++) {
        path.bit[i] <== bits.high[i - 1];
        lowest -= bits.high[i - 1] * (1 << i);
    }
    path.bit[0] <== lowest;
    for (var i = 0; i < depth; i++) path.sibling[i] <== sibling[i];
    root <== path.out;
}

// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "poseidon.circom";
include "range.circom";

// MerkleRootAt(depth): the root of the Poseidon tree of 2^depth leaves in which `leaf` lies at `index`, by its siblings from the leaf up;
// bit i of the index says on which side the node of level i is. depth >= 2. 244 constraints a level.
//
// Does NOT enforce: that the leaf is no inner node of a higher tree; the depth is a constant, and a leaf of the caller's own kind keeps them
// apart.
template MerkleRootAt(depth) {
    assert(depth >= 2);
    signal input leaf;
    signal input index;
    signal input sibling[depth];
    signal output root;

    component bits = Range(0, depth);
    bits.in <== index;
    var lowest = index;
    for (var i = 1; i < depth; i++) lowest -= bits.high[i - 1] * (1 << i);

    component hash[depth];
    signal left[depth];
    for (var i = 0; i < depth; i++) {
        var node = leaf;
        if (i > 0) node = hash[i - 1].out;
        var isRight = lowest;
        if (i > 0) isRight = bits.high[i - 1];
        left[i] <== node + isRight * (sibling[i] - node);
        hash[i] = Poseidon(2);
        hash[i].in[0] <== left[i];
        hash[i].in[1] <== node + sibling[i] - left[i];
    }
    root <== hash[depth - 1].out;
}

// SPDX-License-Identifier: GPL-3.0-or-later
pragma circom 2.2.0;

include "poseidon.circom";

// MerkleRoot(depth): the root of a binary Poseidon tree, from a leaf and its siblings, lowest first; bit[i] = 1 if the node of
// level i is a right child. 243 constraints per level.
//
// Every path has length `depth`, so no inner node can pass for a leaf.
//
// Does NOT enforce: that the bits are bits; the caller must have proven it (Bits).
template MerkleRoot(depth) {
    assert(depth >= 1);
    signal input leaf;
    signal input bit[depth];
    signal input sibling[depth];
    signal output out;

    signal left[depth];
    component hash[depth];
    var node = leaf;
    for (var i = 0; i < depth; i++) {
        left[i] <== bit[i] * (sibling[i] - node) + node;
        hash[i] = Poseidon(2);
        hash[i].in[0] <== left[i];
        hash[i].in[1] <== sibling[i] + node - left[i];
        node = hash[i].out;
    }
    out <== node;
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @dev Whether leaf `index` of a tree of `size` leaves hashes to `leaf`. The index says at each level which side the node is on, and the
/// path is as long as the tree is high: no other leaf, and no inner node, passes for it. Leaves from `size` on are zero.
function isLeaf(
    bytes32 root,
    uint256 size,
    uint256 index,
    bytes32 leaf,
    bytes32[] calldata path
) pure returns (bool) {
    bytes32 node = leaf;
    uint256 width = 1;
    for (uint256 i = 0; i < path.length && width < size; ++i) {
        node = (index / width) & 1 == 0 ? _join(node, path[i]) : _join(path[i], node);
        width <<= 1;
    }
    return path.length < 32 && width == 1 << path.length && width >= size && index < width && node == root;
}

/// @dev The leaf of a batch's commitment.
function leafOf(uint256 commitment) pure returns (bytes32) {
    return keccak256(abi.encode(commitment));
}

function _join(bytes32 left, bytes32 right) pure returns (bytes32) {
    return keccak256(abi.encode(left, right));
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @dev Whether leaf `index` of a tree of `size` leaves hashes to `leaf`. At each level the index says on which side the node is, and the
/// path must be as long as the tree is high. So neither another leaf nor an inner node passes. Leaves from `size` on are zero.
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

/// @dev The leaf for the commitment to a batch.
function leafOf(uint256 commitment) pure returns (bytes32) {
    return keccak256(abi.encode(commitment));
}

function _join(bytes32 left, bytes32 right) pure returns (bytes32) {
    return keccak256(abi.encode(left, right));
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @dev The most ranks that a shuffle computes: each costs a hash.
uint256 constant MAX_RANK = 256;
/// @dev Stands for a rank that is not below the limit that was asked for.
uint256 constant NO_RANK = type(uint256).max;

/// @dev Rank of the element at `position` after a shuffle of `size` elements (Fisher and Yates; Knuth, The Art of Computer Programming,
/// volume 2, algorithm 3.4.2 P, from the front). Step j swaps j with an element of j … size − 1, after which rank j is final. So one
/// element can be followed alone: it moves only if it lies at j itself, and is final once it is chosen. Takes at most `limit` steps and no
/// storage. Every order of the first ranks is equally likely, up to size · 2^-256 a step.
function rankOf(bytes32 seed, uint256 size, uint256 position, uint256 limit) pure returns (uint256) {
    if (position >= size) return NO_RANK;
    if (limit > size) limit = size;
    unchecked {
        for (uint256 j = 0; j < limit; ++j) {
            uint256 chosen = _choice(seed, size, j);
            if (chosen == position) return j;
            if (position == j) position = chosen;
        }
    }
    return NO_RANK;
}

/// @dev Positions of the elements with ranks 0 … count − 1, for count ≤ size. Keeps the elements that were moved in a list, so that it
/// takes count² steps, whatever the size.
function firstRanks(bytes32 seed, uint256 size, uint256 count) pure returns (uint256[] memory positions) {
    positions = new uint256[](count);
    uint256[] memory places = new uint256[](count);
    uint256[] memory elements = new uint256[](count);
    for (uint256 j = 0; j < count; ++j) {
        uint256 chosen = _choice(seed, size, j);
        (uint256 here, uint256 there) = (j, chosen);
        // A later entry for the same place replaces an earlier one.
        for (uint256 i = 0; i < j; ++i) {
            if (places[i] == j) here = elements[i];
            if (places[i] == chosen) there = elements[i];
        }
        positions[j] = there;
        (places[j], elements[j]) = (chosen, here);
    }
}

/// @dev The element of j … size − 1 with which step j swaps, for j < size.
function _choice(bytes32 seed, uint256 size, uint256 j) pure returns (uint256 chosen) {
    assembly ("memory-safe") {
        mstore(0, seed)
        mstore(0x20, j)
        chosen := add(j, mod(keccak256(0, 0x40), sub(size, j)))
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Draws batches without putting any back
/// @dev A batch that was drawn is opened to whoever proves on it, and may be trained on from then on: it never serves again.
abstract contract HoldOut {
    struct Deck {
        uint32 drawn;
        /// What lies at a place, plus 1; 0: the place's own number.
        mapping(uint256 place => uint256) moved;
    }

    mapping(bytes32 key => Deck) private _decks;

    /// @dev Draws `count` of the batches that are left, from 1 to all of them, by `seed`: Fisher and Yates from the end. One storage word a batch.
    function _drawSome(
        bytes32 key,
        uint256 size,
        uint256 count,
        bytes32 seed
    ) internal returns (uint32[] memory indices) {
        Deck storage deck = _decks[key];
        uint256 left = size - deck.drawn;
        indices = new uint32[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 place = uint256(keccak256(abi.encode(seed, i))) % left;
            --left;
            indices[i] = uint32(_at(deck, place));
            deck.moved[place] = _at(deck, left) + 1;
        }
        deck.drawn += uint32(count);
    }

    function _left(bytes32 key, uint256 size) internal view returns (uint256) {
        return size - _decks[key].drawn;
    }

    function _at(Deck storage deck, uint256 place) private view returns (uint256) {
        uint256 moved = deck.moved[place];
        return moved == 0 ? place : moved - 1;
    }
}

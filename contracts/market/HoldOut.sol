// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IImprovementRewards} from "../interfaces/IImprovementRewards.sol";

/// @title Draws batches without replacement
/// @dev A batch that was drawn is opened to whoever proves on it, and from then on somebody may train on it. So it is never drawn again.
abstract contract HoldOut is IImprovementRewards {
    /// @param taken Number of places that draws have used up. @param hidden Number of batches that were seen elsewhere and are still among
    /// the others. @param asked Whether a draw is pending. While it is, nothing else may change the deck: somebody who already knows the
    /// hash could choose what it draws.
    struct Deck {
        uint32 taken;
        uint32 hidden;
        bool asked;
        /// The batch at a place, plus 1; 0: the batch whose number is that of the place.
        mapping(uint256 place => uint256) moved;
        mapping(uint256 index => bool) seen;
    }

    /// @dev Most hidden batches: draws must pass over them, at a storage word each.
    uint256 private constant MAX_HIDDEN = 256;

    mapping(bytes32 key => Deck) private _decks;

    /// @dev Reverts with DrawPending while another draw from the deck is pending.
    function _askDraw(bytes32 key) internal {
        if (_decks[key].asked) revert DrawPending();
        _decks[key].asked = true;
    }

    function _endDraw(bytes32 key) internal {
        _decks[key].asked = false;
    }

    /// @dev Draws `count` of the batches that nobody has seen, by `seed` (Fisher and Yates, from the end). There must be as many. Hidden
    /// batches are passed over.
    function _drawSome(
        bytes32 key,
        uint256 size,
        uint256 count,
        bytes32 seed
    ) internal returns (uint32[] memory indices) {
        Deck storage deck = _decks[key];
        uint256 left = size - deck.taken;
        uint256 found;
        indices = new uint32[](count);
        for (uint256 i = 0; found < count; ++i) {
            uint256 place = uint256(keccak256(abi.encode(seed, i))) % left;
            --left;
            uint256 index = _at(deck, place);
            deck.moved[place] = _at(deck, left) + 1;
            if (deck.seen[index]) {
                --deck.hidden;
                continue;
            }
            deck.seen[index] = true;
            indices[found++] = uint32(index);
        }
        deck.taken = uint32(size - left);
        deck.asked = false;
    }

    function _hide(bytes32 key, uint256 size, uint32[] calldata indices) internal {
        Deck storage deck = _decks[key];
        if (deck.asked) revert DrawPending();
        for (uint256 i = 0; i < indices.length; ++i) {
            if (indices[i] >= size) revert IndexOutOfRange(indices[i], size);
            if (deck.seen[indices[i]]) continue;
            deck.seen[indices[i]] = true;
            if (++deck.hidden > MAX_HIDDEN) revert TooManyHidden(MAX_HIDDEN);
        }
    }

    function _left(bytes32 key, uint256 size) internal view returns (uint256) {
        return size - _decks[key].taken - _decks[key].hidden;
    }

    function _at(Deck storage deck, uint256 place) private view returns (uint256) {
        uint256 moved = deck.moved[place];
        return moved == 0 ? place : moved - 1;
    }
}

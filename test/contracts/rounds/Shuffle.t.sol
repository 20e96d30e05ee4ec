// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {NO_RANK, firstRanks, rankOf} from "../../../contracts/rounds/admission/Shuffle.sol";

/// @dev Fuzzed against a shuffle of a whole list.
contract ShuffleTest {
    function testFuzz_RanksAreThoseOfAWholeShuffle(bytes32 seed, uint8 size_, uint8 limit_) external pure {
        uint256 size = (uint256(size_) % 40) + 1;
        uint256 limit = uint256(limit_) % 50;
        uint256[] memory order = new uint256[](size);
        for (uint256 i = 0; i < size; ++i) order[i] = i;
        for (uint256 j = 0; j < size; ++j) {
            uint256 chosen = j + (uint256(keccak256(abi.encode(seed, j))) % (size - j));
            (order[j], order[chosen]) = (order[chosen], order[j]);
        }
        uint256 count = limit < size ? limit : size;
        uint256[] memory first = firstRanks(seed, size, count);
        for (uint256 rank = 0; rank < size; ++rank) {
            require(rankOf(seed, size, order[rank], limit) == (rank < limit ? rank : NO_RANK), "rank");
            if (rank < count) require(first[rank] == order[rank], "first");
        }
        require(rankOf(seed, size, size, limit) == NO_RANK, "beyond");
    }

    /// @dev Each of 20 candidates is among the 5 drawn in a quarter of 400 draws, give or take five standard deviations.
    function test_EverybodyIsDrawnEquallyOften() external pure {
        for (uint256 position = 0; position < 20; ++position) {
            uint256 found = 0;
            for (uint256 i = 0; i < 400; ++i) if (rankOf(keccak256(abi.encode(i)), 20, position, 5) != NO_RANK) ++found;
            require(found > 56 && found < 144, "biased");
        }
    }
}

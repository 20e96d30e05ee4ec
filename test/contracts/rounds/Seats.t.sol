// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {
    MemberRecord,
    BLANK,
    openRecord,
    opens,
    sealCommitment
} from "../../../contracts/rounds/MemberRecord.sol";
import {Seats, NONE, only} from "../../../contracts/rounds/Seats.sol";

/// @dev Fuzzed against the plainest implementation that can be written.
contract SeatsTest {
    function testFuzz_CountsLikeALoop(uint256 bits) external pure {
        _expectCount(bits);
        _expectCount(~bits);
        _expectCount(bits & (bits >> 1));
    }

    function test_CountsTheEdges() external pure {
        _expectCount(0);
        _expectCount(type(uint256).max);
        _expectCount(type(uint256).max - 1);
        _expectCount(type(uint256).max >> 1);
    }

    function testFuzz_FindsTheLowestLikeALoop(uint256 bits, uint8 shift) external pure {
        uint256 set = (bits << shift) | (1 << 255);
        uint8 wanted = 0;
        while ((set >> wanted) & 1 == 0) ++wanted;
        require(Seats.wrap(set).lowest() == wanted, "lowest");
    }

    function test_FindsEverySingleSeat() external pure {
        for (uint256 seat = 0; seat < 256; ++seat) {
            require(only(uint8(seat)).lowest() == seat, "lowest of one");
            require(only(uint8(seat)).count() == 1, "count of one");
        }
        require(NONE.lowest() == 0 && NONE.isEmpty(), "none");
    }

    function testFuzz_AddsAndTakesAway(uint256 a, uint256 b, uint8 seat) external pure {
        Seats set = Seats.wrap(a);
        require(set.including(seat).contains(seat), "including");
        require(!set.without(only(seat)).contains(seat), "without");
        Seats other = Seats.wrap(b);
        require((set.without(other) | (set & other)) == set, "parts");
        require((set.without(other) & other) == NONE, "disjoint");
        require((set != other) == (a != b), "different");
    }

    function testFuzz_ARecordKeepsItsParts(
        uint32 round,
        uint40 share,
        uint24 version,
        uint8 candidate,
        bool complete
    ) external pure {
        MemberRecord record = openRecord(round, share);
        require(record.isOf(round) && !record.hasVoted() && !record.isComplete(), "opened");
        MemberRecord after_ = record.voted(version, candidate, complete);
        require(after_.isOf(round) && after_.hasVoted() && after_.isComplete() == complete, "voted");
        require(after_.shares() == share && after_.candidateOf() == candidate && after_.versionOf() == version, "parts");
    }

    /// @dev Whatever a liar commits to, it is no record that earns.
    function testFuzz_ACommitmentIsNoRecord(bytes32 commitment, bytes32 other) external pure {
        MemberRecord sealed_ = sealCommitment(commitment);
        require(!sealed_.isOpened() && !sealed_.isComplete(), "sealed");
        require(opens(commitment, sealed_), "opens");
        if (uint256(commitment) | 1 != uint256(other) | 1) require(!opens(other, sealed_), "opens another");
        require(!BLANK.isOpened(), "blank");
    }

    function _expectCount(uint256 bits) private pure {
        uint256 wanted = 0;
        for (uint256 rest = bits; rest != 0; rest >>= 1) wanted += rest & 1;
        require(Seats.wrap(bits).count() == wanted, "count");
    }
}

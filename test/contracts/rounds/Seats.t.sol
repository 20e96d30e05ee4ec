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
        require(set.without(only(seat)) == set.excluding(seat), "excluding");
        Seats other = Seats.wrap(b);
        require((set.without(other) | (set & other)) == set, "parts");
        require((set.without(other) & other) == NONE, "disjoint");
        require((set != other) == (a != b), "different");
    }

    function testFuzz_FindsTheNthLikeALoop(uint256 bits, uint8 k) external pure {
        Seats set = Seats.wrap(bits | 1);
        uint256 wanted = k % set.count();
        uint256 found = set.nth(wanted);
        require(set.contains(uint8(found)), "nth is no member");
        require(Seats.wrap(Seats.unwrap(set) & ((1 << found) - 1)).count() == wanted, "nth");
    }

    function testFuzz_DrawsSoManyOfTheSet(uint256 bits, uint8 size, bytes32 seed) external pure {
        Seats set = Seats.wrap(bits);
        uint256 wanted = size % (set.count() + 1);
        Seats drawn = set.draw(wanted, seed);
        require(drawn.count() == wanted && drawn.without(set).isEmpty(), "draw");
        require(drawn == set.draw(wanted, seed), "draw twice");
        require(set.draw(set.count(), seed) == set && set.draw(0, seed) == NONE, "draw all or none");
    }

    /// @dev Each of four as often as another, whether picked or dropped: 100 draws, so within 4 σ of 25 · size.
    function test_DrawsEverySeatAlike() external pure {
        Seats set = only(0) | only(7) | only(128) | only(255);
        for (uint256 size = 1; size < 4; ++size) {
            uint256[4] memory found;
            for (uint256 i = 0; i < 100; ++i) {
                Seats drawn = set.draw(size, keccak256(abi.encode(i, size)));
                for (uint256 k = 0; k < 4; ++k) if (drawn.contains(set.nth(k))) ++found[k];
            }
            for (uint256 k = 0; k < 4; ++k) {
                require(found[k] + 20 > 25 * size && found[k] < 25 * size + 20, "biased");
            }
        }
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
        MemberRecord after_ = openRecord(round, ~share).voted(version, candidate, complete, share);
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

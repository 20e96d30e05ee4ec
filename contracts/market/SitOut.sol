// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {firstRanks} from "../rounds/admission/Shuffle.sol";

/// @dev How many members sit out, and how often. @param perRound Members that sit out the same round; 0: nobody ever sits out.
/// @param spacing Members sit out in every round whose number is a multiple of this.
struct Rota {
    uint8 members;
    uint8 perRound;
    uint8 spacing;
}

using {cycleRounds, placeOf, sittersOf} for Rota global;

/// @dev As many members sit out as wished, but no more than the round machine has places for members without samples. The places are
/// shared by those of this round and those of the last completed round, which keep theirs (`Rounds._declareEmpty`). If there is only
/// one place, nobody sits out in every second round.
function rotaOf(uint256 members, uint256 updateQuorum, uint256 wished) pure returns (Rota memory) {
    uint256 room = members > updateQuorum ? members - updateQuorum : 0;
    if (room == 0 || wished == 0) return Rota(uint8(members), 0, 1);
    if (room == 1) return Rota(uint8(members), 1, 2);
    uint256 most = room / 2;
    return Rota(uint8(members), uint8(wished < most ? wished : most), 1);
}

/// @dev Number of rounds with absent members until every member has sat out once.
function cycleRounds(Rota memory rota) pure returns (uint256) {
    return rota.perRound == 0 ? 0 : (uint256(rota.members) + rota.perRound - 1) / rota.perRound;
}

/// @return rests Whether some members sit out this round. @return cycle Its cycle. @return position Its position in the cycle, from 0.
function placeOf(Rota memory rota, uint256 round) pure returns (bool rests, uint256 cycle, uint256 position) {
    uint256 length = cycleRounds(rota);
    if (length == 0 || round % rota.spacing != 0) return (false, 0, 0);
    uint256 turn = round / rota.spacing;
    return (true, turn / length, turn % length);
}

/// @dev The order of members in a cycle: those from place position · perRound on sit out, perRound of them. Each cycle has a new order,
/// so that nobody always sits out with the same members, or before them.
/// @return order Places in the list of members.
function orderOf(bytes32 seed, uint256 cycle, uint256 members) pure returns (uint256[] memory order) {
    return firstRanks(keccak256(abi.encode(seed, cycle)), members, members);
}

/// @return sitting Bitmap of places in the list of members.
function sittersOf(Rota memory rota, bytes32 seed, uint256 round) pure returns (uint256 sitting) {
    (bool rests, uint256 cycle, uint256 position) = placeOf(rota, round);
    if (!rests) return 0;
    uint256[] memory order = orderOf(seed, cycle, rota.members);
    uint256 first = position * rota.perRound;
    for (uint256 i = first; i < first + rota.perRound && i < order.length; ++i) sitting |= 1 << order[i];
}

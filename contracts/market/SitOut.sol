// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {firstRanks} from "../rounds/admission/Shuffle.sol";

/// @dev Who sits out how many rounds. @param perRound Members that sit out at once; 0: nobody ever does.
/// @param spacing Every so many rounds some sit out.
struct Rota {
    uint8 members;
    uint8 perRound;
    uint8 spacing;
}

using {cycleRounds, placeOf, sittersOf} for Rota global;

/// @dev As many sit out as wished, if the round machine has room for so many members without samples: those of this round, and those of
/// the last completed round, which keep their places (`Rounds._declareEmpty`). With room for one alone, each second round is full.
function rotaOf(uint256 members, uint256 updateQuorum, uint256 wished) pure returns (Rota memory) {
    uint256 room = members > updateQuorum ? members - updateQuorum : 0;
    if (room == 0 || wished == 0) return Rota(uint8(members), 0, 1);
    if (room == 1) return Rota(uint8(members), 1, 2);
    uint256 most = room / 2;
    return Rota(uint8(members), uint8(wished < most ? wished : most), 1);
}

/// @dev Rounds in which some sit out until everybody has, once.
function cycleRounds(Rota memory rota) pure returns (uint256) {
    return rota.perRound == 0 ? 0 : (uint256(rota.members) + rota.perRound - 1) / rota.perRound;
}

/// @return rests Whether some sit out in this round. @return cycle Its cycle. @return position Its place in the cycle, from 0.
function placeOf(Rota memory rota, uint256 round) pure returns (bool rests, uint256 cycle, uint256 position) {
    uint256 length = cycleRounds(rota);
    if (length == 0 || round % rota.spacing != 0) return (false, 0, 0);
    uint256 turn = round / rota.spacing;
    return (true, turn / length, turn % length);
}

/// @dev The cycle's order of members: those at places [position · perRound, …) sit out. A new order each cycle, so that nobody always
/// sits out with the same others, or before the same ones.
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

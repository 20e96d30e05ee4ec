// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceErrors} from "../interfaces/ILearningServiceErrors.sol";
import {Seats, NONE, only} from "./Seats.sol";

/// @dev The holder of a seat. @param accrued Reward from final rounds, in wei; never more than the registry has allocated.
struct Chair {
    bool taken;
    uint8 seat;
    uint24 intake;
    uint128 accrued;
}

/// @dev Seats, members, keepers that leave, and bans. Only this file writes it.
/// @param members Of the epoch: the seated keepers that had a seat when registration closed.
/// @param reserved Seats reserved for keepers that lost them without fault, until registration next closes or reopens.
/// @param seatOf The keeper's seat, plus 1; 0 if it has none.
/// @param reservations The intake in which a seat was last reserved for the keeper, and the seat. Counts while `reserved`
/// contains the seat.
/// @param partyOf Party that the admission contract named when the keeper took its seat.
/// @param seatsOfParty The seats held by keepers of the party, and possibly others: seats that such keepers held before are
/// not removed.
/// @param registered Members when registration last closed.
struct SeatBook {
    Seats members;
    Seats seated;
    Seats leaving;
    Seats reserved;
    mapping(address operator => Chair) chairs;
    mapping(address keeper => uint256) seatOf;
    mapping(address keeper => uint256 intakeAndSeat) reservations;
    mapping(address keeper => bool) banned;
    mapping(address keeper => bytes32 party) partyOf;
    mapping(bytes32 party => Seats) seatsOfParty;
    uint16 registered;
    address[256] keepers;
    address[256] operators;
}

using {
    memberOf,
    keeperAt,
    take,
    vacate,
    move,
    reserve,
    takeReserved,
    endReservations,
    markLeaving,
    letStay,
    closeRegistration,
    endMembership,
    credit,
    takeCredit,
    setBanned,
    partyMembers,
    enrol
} for SeatBook global;

// ----------------------------------------------------------------------------------------------------- look-ups

/// @dev The seat of the member for which the operator acts. @param intake Of the head.
function memberOf(SeatBook storage book, address operator, uint24 intake) view returns (uint8) {
    Chair memory chair = book.chairs[operator];
    if (!chair.taken) revert ILearningServiceErrors.NotSeated(operator);
    if (chair.intake >= intake) revert ILearningServiceErrors.NotMember(chair.seat, Seats.unwrap(book.members));
    return chair.seat;
}

function keeperAt(SeatBook storage book, uint8 seat) view returns (address keeper) {
    keeper = book.keepers[seat];
    if (keeper == address(0)) revert ILearningServiceErrors.EmptySeat(seat);
}

// ----------------------------------------------------------------------------------------------------- seats

/// @dev Gives the keeper a seat. @param seated The seats taken before. @return The seats taken after.
function take(
    SeatBook storage book,
    uint8 seat,
    address keeper,
    address operator,
    uint24 intake,
    Seats seated
) returns (Seats) {
    if (book.chairs[operator].taken) revert ILearningServiceErrors.OperatorInUse(operator);
    seated = seated.including(seat);
    book.seated = seated;
    book.seatOf[keeper] = uint256(seat) + 1;
    book.keepers[seat] = keeper;
    book.operators[seat] = operator;
    book.chairs[operator] = Chair({taken: true, seat: seat, intake: intake, accrued: 0});
    return seated;
}

/// @dev Vacates a seat. Its reward must have been taken before.
function vacate(SeatBook storage book, uint8 seat, address keeper) {
    delete book.chairs[book.operators[seat]];
    delete book.seatOf[keeper];
    delete book.keepers[seat];
    delete book.operators[seat];
    Seats gone = only(seat);
    book.seated = book.seated.without(gone);
    book.leaving = book.leaving.without(gone);
    book.members = book.members.without(gone);
}

/// @dev Hands a seat over to another operator key of its keeper.
function move(SeatBook storage book, uint8 seat, address from, address to) {
    if (book.chairs[to].taken) revert ILearningServiceErrors.OperatorInUse(to);
    book.chairs[to] = book.chairs[from];
    delete book.chairs[from];
    book.operators[seat] = to;
}

/// @dev Reserves a seat for the keeper that is about to lose it.
function reserve(SeatBook storage book, uint8 seat, address keeper, uint24 intake) {
    book.reserved = book.reserved.including(seat);
    book.reservations[keeper] = (uint256(intake) << 8) | seat;
}

/// @dev Takes the seat that is reserved for the keeper, if there is one.
function takeReserved(
    SeatBook storage book,
    Seats reserved,
    address keeper,
    uint24 intake
) returns (bool found, uint8 seat) {
    uint256 kept = book.reservations[keeper];
    seat = uint8(kept);
    if (!reserved.contains(seat) || kept >> 8 != intake) return (false, 0);
    book.reserved = reserved.excluding(seat);
    return (true, seat);
}

function endReservations(SeatBook storage book) {
    if (!book.reserved.isEmpty()) book.reserved = NONE;
}

// ----------------------------------------------------------------------------------------------------- members

function markLeaving(SeatBook storage book, Seats gone) {
    book.leaving = book.leaving | gone;
}

function letStay(SeatBook storage book, uint8 seat) {
    book.leaving = book.leaving.excluding(seat);
}

/// @dev Makes all seated keepers members.
function closeRegistration(SeatBook storage book) {
    Seats members = book.seated;
    book.members = members;
    book.registered = uint16(members.count());
}

function endMembership(SeatBook storage book) {
    book.members = NONE;
}

// ----------------------------------------------------------------------------------------------------- rewards

function credit(SeatBook storage book, address operator, uint256 amount) {
    if (amount > 0) book.chairs[operator].accrued += uint128(amount);
}

/// @dev Returns the reward that the seat's chair has accrued, and sets it to zero.
function takeCredit(SeatBook storage book, uint8 seat) returns (uint256 amount) {
    Chair storage chair = book.chairs[book.operators[seat]];
    amount = chair.accrued;
    if (amount > 0) chair.accrued = 0;
}

// ----------------------------------------------------------------------------------------------------- who may come

function setBanned(SeatBook storage book, address keeper, bool banned) {
    book.banned[keeper] = banned;
}

/// @dev Those of the `seated` seats whose keepers belong to the party. Needs at most as many look-ups as the party has had
/// seats at once.
function partyMembers(SeatBook storage book, bytes32 party, Seats seated) view returns (Seats held) {
    held = book.seatsOfParty[party] & seated;
    for (Seats rest = held; !rest.isEmpty(); ) {
        uint8 seat = rest.lowest();
        rest = rest.excluding(seat);
        if (book.partyOf[book.keepers[seat]] != party) held = held.excluding(seat);
    }
}

/// @param held The seats of the party, including the new one.
function enrol(SeatBook storage book, address keeper, bytes32 party, Seats held) {
    book.partyOf[keeper] = party;
    book.seatsOfParty[party] = held;
}

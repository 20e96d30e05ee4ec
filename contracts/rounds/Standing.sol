// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {
    Head,
    ABSENT,
    EMPTY_BEFORE,
    EXCLUDED,
    LAST_TRY,
    LEFT_OUT,
    LOST_ONE,
    ONE_EPOCH,
    STRUCK,
    SUSPECTED,
    UNFORGIVEN
} from "./Head.sol";
import {Seats, NONE, only} from "./Seats.sol";

/// @dev A count of 0 … 3 for each seat, stored as two bit planes: 2·high + low.
struct Tally {
    Seats low;
    Seats high;
}

using {countOf, tier} for Tally global;

/// @dev How the members have behaved, as far as it has consequences. Only this file writes it.
/// @param undraftable Members that are not drafted: silent in this epoch after being drafted, convicted, or banned. Counts while EXCLUDED
/// is set.
/// @param leftOut Members that are left out of rounds. Counts while LEFT_OUT is set. @param convicted Those of them that were convicted in
/// a round of this epoch.
/// @param unforgiven Members whose strikes the next draft does not clear. Counts while UNFORGIVEN is set.
/// @param emptyBefore Members without samples in their last completed round. Counts while EMPTY_BEFORE is set.
/// @param absent Members that revealed nothing in the last round. Counts while ABSENT is set.
/// @param struckAt Unix seconds at which a member that was not in `struck` last got a strike for silence.
/// @param struck Members that got a strike for silence then or later, or less than a training window before that.
/// @param defaulted With a buffer: members that took a place in it in this epoch and then delivered nothing. No draft of the epoch clears
/// their strikes.
/// @param newcomers With a buffer: seats taken since the last epoch began.
/// @param delivered With a buffer, by the round modulo 8: members that revealed an update (or committed to one, if too few did), or were
/// left out. Rounds that took no updates are skipped.
struct Standing {
    Seats undraftable;
    Seats leftOut;
    Seats convicted;
    Seats unforgiven;
    Seats emptyBefore;
    Seats absent;
    Tally strikes;
    Tally suspicion;
    Seats struck;
    uint40 struckAt;
    Seats defaulted;
    Seats newcomers;
    Seats[8] delivered;
}

using {
    barred,
    leftOutNow,
    convictedNow,
    bar,
    openEpoch,
    noteAbsent,
    struckLately,
    noteStrikes,
    awaitNewcomer,
    greet,
    noteDefaults,
    noteDelivered,
    passOver,
    deliveredLately,
    holdAgainst,
    emptyBeforeNow,
    knowEmpty,
    strike,
    forgive,
    pardon,
    suspect,
    clear,
    leaveOut
} for Standing global;

function countOf(Tally storage tally, uint8 seat) view returns (uint8) {
    return (tally.low.contains(seat) ? 1 : 0) + (tally.high.contains(seat) ? 2 : 0);
}

/// @dev The seats of `set` whose count is `count`.
function tier(Tally memory tally, Seats set, uint256 count) pure returns (Seats) {
    set = count & 1 == 0 ? set.without(tally.low) : set & tally.low;
    return count & 2 == 0 ? set.without(tally.high) : set & tally.high;
}

// ----------------------------------------------------------------------------------------------------- look-ups

function barred(Standing storage standing, Head memory h) view returns (Seats) {
    return h.has(EXCLUDED) ? standing.undraftable : NONE;
}

function leftOutNow(Standing storage standing, Head memory h) view returns (Seats) {
    return h.has(LEFT_OUT) ? standing.leftOut : NONE;
}

function convictedNow(Standing storage standing, Head memory h) view returns (Seats) {
    return h.has(LEFT_OUT) ? standing.convicted : NONE;
}

// ----------------------------------------------------------------------------------------------------- the epoch

/// @dev Nobody in the set will be drafted any more in this epoch.
function bar(Standing storage standing, Head memory h, Seats set) {
    standing.undraftable = standing.undraftable | set;
    h.flags |= EXCLUDED;
}

/// @dev Strikes stay, and so do places without samples. Everything else held against members belonged to the last epoch.
/// @param oneEpoch Whether all seats are given up when the new epoch ends.
function openEpoch(Standing storage standing, Head memory h, bool oneEpoch) {
    standing.undraftable = NONE;
    if (h.has(SUSPECTED)) standing.suspicion.low = standing.suspicion.high = NONE;
    if (h.has(LEFT_OUT)) standing.leftOut = standing.convicted = NONE;
    h.flags &= ~(EXCLUDED | SUSPECTED | LEFT_OUT | UNFORGIVEN | LOST_ONE | LAST_TRY | ABSENT | ONE_EPOCH);
    if (oneEpoch) h.flags |= ONE_EPOCH;
    h.spared = 0;
}

// ----------------------------------------------------------------------------------------------------- strikes

/// @dev The reveals of a round are over, and the idle members have revealed nothing.
function noteAbsent(Standing storage standing, Head memory h, Seats idle) {
    if (idle.isEmpty()) {
        h.flags &= ~ABSENT;
        return;
    }
    standing.absent = idle;
    h.flags |= ABSENT;
}

/// @dev The members in `struck` if `struckAt` is less than a window ago, else nobody.
function struckLately(Standing storage standing, uint40 window) view returns (Seats) {
    return block.timestamp < uint256(standing.struckAt) + window ? standing.struck : NONE;
}

/// @dev The idle members get a strike for silence now. If all of them got one within the last window, that window is not extended, for the
/// others' sake.
/// @param lately The result of `struckLately`.
function noteStrikes(Standing storage standing, Seats idle, Seats lately) {
    if (idle.without(lately).isEmpty()) return;
    standing.struckAt = uint40(block.timestamp);
    standing.struck = idle | lately;
}

/// @dev A keeper has taken the seat, and could not deliver anything yet.
function awaitNewcomer(Standing storage standing, uint8 seat) {
    standing.newcomers = standing.newcomers.including(seat);
}

/// @dev An epoch begins with these members. The new ones count as having delivered in the round before. A keeper that took a seat while key
/// generation was repeated is not a member yet, and stays a newcomer until the epoch in which it becomes one.
/// @param all Whether all members count as having delivered, because the last epoch had no buffer and no deliveries were recorded.
function greet(Standing storage standing, uint32 round, Seats members, bool all) {
    Seats newcomers = standing.newcomers;
    standing.delivered[round & 7] = all ? members : standing.delivered[round & 7] | (newcomers & members);
    standing.newcomers = newcomers.without(members);
    standing.defaulted = NONE;
}

/// @dev These members took places in the buffer and delivered nothing, so the round may have failed because of them.
function noteDefaults(Standing storage standing, Seats set) {
    if (!set.isEmpty()) standing.defaulted = standing.defaulted | set;
}

/// @dev These members delivered an update in that round, or were not meant to.
function noteDelivered(Standing storage standing, uint32 round, Seats set) {
    standing.delivered[round & 7] = set;
}

/// @dev Nobody could deliver an update in that round, so it does not count: the records of the rounds before move up by one.
function passOver(Standing storage standing, uint32 round) {
    for (uint256 ago = 0; ago < 7; ++ago) {
        standing.delivered[(uint256(round) + 8 - ago) & 7] = standing.delivered[(uint256(round) + 7 - ago) & 7];
    }
}

/// @dev Members that delivered an update in at least one of the `count` rounds before `round`; count ≤ 7.
function deliveredLately(Standing storage standing, uint32 round, uint256 count) view returns (Seats set) {
    for (uint256 ago = 1; ago <= count; ++ago) set = set | standing.delivered[(uint256(round) + 8 - ago) & 7];
}

/// @dev The next draft will not clear these members' strikes. Adds to the set, because a round can have several reasons.
function holdAgainst(Standing storage standing, Head memory h, Seats set) {
    if (set.isEmpty()) return;
    standing.unforgiven = h.has(UNFORGIVEN) ? standing.unforgiven | set : set;
    h.flags |= UNFORGIVEN;
}

/// @dev Members that keep a place among those without samples.
function emptyBeforeNow(Standing storage standing, Head memory h) view returns (Seats) {
    return h.has(EMPTY_BEFORE) ? standing.emptyBefore : NONE;
}

/// @dev A round was completed. Updates which members had no samples.
/// @param revealed Members that revealed in it. @param empty Those of them that had no samples. Members that did not reveal keep their
/// places.
function knowEmpty(Standing storage standing, Head memory h, Seats revealed, Seats empty) {
    Seats known = emptyBeforeNow(standing, h);
    Seats next = known.without(revealed) | empty;
    if (next == known) return;
    standing.emptyBefore = next;
    h.flags = next.isEmpty() ? h.flags & ~EMPTY_BEFORE : h.flags | EMPTY_BEFORE;
}

/// @dev Adds a strike for each idle member, up to 3.
/// @param max Number of strikes at which a seat is lost, 2 or 3. @return out Seats that have reached it; their strikes are cleared.
function strike(Standing storage standing, Head memory h, Seats idle, uint8 max) returns (Seats out) {
    Seats low = standing.strikes.low;
    Seats high = standing.strikes.high;
    Seats nextHigh = high | (idle & low);
    low = low.without(idle) | idle.without(low) | (idle & low & high);
    out = idle & (max == 2 ? nextHigh : nextHigh & low);
    _setStrikes(standing, h, low.without(out), nextHigh.without(out));
}

/// @dev A sum of these members' updates is drafted. Clears their strikes, except those of unforgiven and defaulted members.
/// @param again Whether the next draft, too, leaves the strikes of the unforgiven; otherwise only this one does.
function forgive(Standing storage standing, Head memory h, Seats included, bool again) {
    if (h.has(STRUCK)) {
        if (h.has(UNFORGIVEN)) included = included.without(standing.unforgiven);
        if (h.buffer != 0) included = included.without(standing.defaulted);
        _setStrikes(standing, h, standing.strikes.low.without(included), standing.strikes.high.without(included));
    }
    if (!again) h.flags &= ~UNFORGIVEN;
}

function _setStrikes(Standing storage standing, Head memory h, Seats low, Seats high) {
    standing.strikes.low = low;
    standing.strikes.high = high;
    h.flags = (low | high).isEmpty() ? h.flags & ~STRUCK : h.flags | STRUCK;
}

/// @dev The seat becomes free for another keeper, which has no strikes and is not known to lack samples.
function pardon(Standing storage standing, uint8 seat) {
    Seats gone = only(seat);
    standing.strikes.low = standing.strikes.low.without(gone);
    standing.strikes.high = standing.strikes.high.without(gone);
    standing.emptyBefore = standing.emptyBefore.without(gone);
}

// ----------------------------------------------------------------------------------------------------- suspicion

/// @dev Adds one to the suspicion of each seat of the set, up to 3. @return next All counts after that.
function suspect(Standing storage standing, Head memory h, Seats set) returns (Tally memory next) {
    Seats low = standing.suspicion.low;
    Seats high = standing.suspicion.high;
    next.high = high | (set & low);
    next.low = set.without(low) | low.without(set) | (set & low & high);
    standing.suspicion.low = next.low;
    standing.suspicion.high = next.high;
    h.flags |= SUSPECTED;
}

/// @dev Clears the suspicion of the seats of the set.
function clear(Standing storage standing, Head memory h, Seats set) {
    Seats low = standing.suspicion.low.without(set);
    Seats high = standing.suspicion.high.without(set);
    standing.suspicion.low = low;
    standing.suspicion.high = high;
    if ((low | high).isEmpty()) h.flags &= ~SUSPECTED;
}

/// @dev Sets the members that are left out. @return changed Whether the set has changed.
function leaveOut(Standing storage standing, Head memory h, Seats out, Seats convicted) returns (bool changed) {
    bool before = h.has(LEFT_OUT);
    if (out.isEmpty() && !before) return false;
    changed = !before || out != standing.leftOut;
    standing.leftOut = out;
    standing.convicted = convicted;
    h.flags = out.isEmpty() ? h.flags & ~LEFT_OUT : h.flags | LEFT_OUT;
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceErrors} from "../interfaces/ILearningServiceErrors.sol";
import {ILearningServiceTypes} from "../interfaces/ILearningServiceTypes.sol";
import {Seats, NONE} from "./Seats.sol";

/// @dev Somebody has acted in the current step.
uint16 constant ACTED = 1;
/// @dev The previous round was completed; its late ballots are open and its reward is not set aside yet.
uint16 constant PAYOUT_DUE = 2;
/// @dev The epoch serves no further round.
uint16 constant USED_UP = 4;
/// @dev The set of undraftable members is not empty. While the flag is clear, the set need not be read.
uint16 constant EXCLUDED = 8;
/// @dev Some seat may have a strike.
uint16 constant STRUCK = 16;
/// @dev Some seat may be under suspicion.
uint16 constant SUSPECTED = 32;
/// @dev The set of members that are left out is not empty.
uint16 constant LEFT_OUT = 64;
/// @dev This key generation, or this round, has had its dispute.
uint16 constant DISPUTED = 128;
/// @dev A quorum agrees on the verdict with the number `elected`.
uint16 constant JUDGED = 256;
/// @dev The set of members whose strikes the next draft does not clear is not empty.
uint16 constant UNFORGIVEN = 512;
/// @dev A member has declared no samples in this round.
uint16 constant EMPTY = 1024;
/// @dev In this epoch a member has been struck out, or an update has been disputed.
uint16 constant LOST_ONE = 2048;
/// @dev LOST_ONE was set before this round's Reveal. If the round comes to no draft, the epoch ends, and that member is gone.
uint16 constant LAST_TRY = 4096;
/// @dev Some member had no samples in its last completed round.
uint16 constant EMPTY_BEFORE = 8192;
/// @dev Some member revealed nothing in the last round that reached the end of its Reveal. From the end of this round's Training on,
/// it also means that this Training ended early, without waiting for that member.
uint16 constant ABSENT = 16384;
/// @dev All seats are given up when this epoch ends.
uint16 constant ONE_EPOCH = 32768;

/// @dev The state of the machine, in one slot. Steps work on a copy in memory.
/// @param anchor State after the last recorded transition. Later decisions of the clock are derived from it.
/// @param deadline End of the anchor's window, in Unix seconds.
/// @param memberCount n of the epoch. @param threshold t of the epoch: at most two thirds of 256.
/// @param buffer Number of updates with which Training ends; at least the update quorum. 0: Training waits for all members.
/// @param decryptionsLeft Number of drafts that the epoch's key can still serve.
/// @param candidates Number of open candidates: in the key's ballot (KeyConfirm, KeyJudge), later in the round's.
/// @param versions Number of rounds completed so far, which is also the number of the latest version.
/// @param intake How often registration has closed. A keeper is a member if it took its seat before the last close.
/// @param elected Number of the winning candidate of KeyJudge, or of the last Vote.
/// @param spared By how much to reduce the number of members left out, because rounds without them produced no draft.
/// @param shareBlock Number of the block that began Vote, modulo 256.
/// @param flags Any of ACTED … ONE_EPOCH.
struct Head {
    uint24 epoch;
    uint32 round;
    ILearningServiceTypes.State anchor;
    uint40 deadline;
    uint16 memberCount;
    uint8 threshold;
    uint8 buffer;
    uint16 decryptionsLeft;
    uint16 candidates;
    uint24 versions;
    uint24 intake;
    uint8 elected;
    uint8 spared;
    uint8 shareBlock;
    uint16 flags;
}

using {has, current, since, mark, quorum, expect, expectRound} for Head global;

function has(Head memory h, uint16 flag) pure returns (bool) {
    return h.flags & flag != 0;
}

/// @dev Those of the `recorded` seats that belong to the current step, and not to an earlier round.
function current(Head memory h, Seats recorded) pure returns (Seats) {
    return h.flags & ACTED != 0 ? recorded : NONE;
}

/// @dev A recorded set as it stands at the anchor: empty before its step, the seats so far during the step, all recorded seats after
/// it.
function since(Head memory h, ILearningServiceTypes.State step, Seats recorded) pure returns (uint256) {
    if (h.anchor < step) return 0;
    return Seats.unwrap(h.anchor == step ? current(h, recorded) : recorded);
}

/// @dev Adds `seat` to the current step's set.
function mark(Head memory h, Seats recorded, uint8 seat) pure returns (Seats done) {
    done = current(h, recorded);
    if (done.contains(seat)) revert ILearningServiceErrors.AlreadyDone(h.anchor, seat);
    h.flags |= ACTED;
    return done.including(seat);
}

/// @dev More than two thirds of the members: any two quorums share more than a third of the members.
function quorum(Head memory h) pure returns (uint256) {
    return (2 * uint256(h.memberCount)) / 3 + 1;
}

function expect(Head memory h, ILearningServiceTypes.State wanted) pure {
    if (h.anchor != wanted) revert ILearningServiceErrors.UnexpectedState(h.anchor, 1 << uint256(wanted));
}

function expectRound(Head memory h, uint32 found) pure {
    if (found != h.round) revert ILearningServiceErrors.WrongRound(found, h.round);
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceErrors} from "../interfaces/ILearningServiceErrors.sol";
import {ILearningServiceTypes} from "../interfaces/ILearningServiceTypes.sol";
import {Seats, NONE} from "./Seats.sol";

/// @dev Someone has acted in the current step.
uint16 constant ACTED = 1;
/// @dev The previous round was completed; its late ballots are open and its reward is not set aside yet.
uint16 constant PAYOUT_DUE = 2;
/// @dev The epoch serves no further round.
uint16 constant USED_UP = 4;
/// @dev The set of the undraftable is not empty; while the flag is clear the set need not be read.
uint16 constant EXCLUDED = 8;
/// @dev Some seat may have strikes.
uint16 constant STRUCK = 16;
/// @dev Some seat may be suspect.
uint16 constant SUSPECTED = 32;
/// @dev The set of the left out is not empty.
uint16 constant LEFT_OUT = 64;
/// @dev This key generation, or this round, has had its dispute.
uint16 constant DISPUTED = 128;
/// @dev A quorum agrees on the verdict number `elected`.
uint16 constant JUDGED = 256;
/// @dev The set of the unforgiven is not empty.
uint16 constant UNFORGIVEN = 512;
/// @dev A member has declared no samples in this round.
uint16 constant EMPTY = 1024;
/// @dev A member has been struck out, or accused, in this epoch.
uint16 constant LOST_ONE = 2048;
/// @dev The same in a round before this one: if this one comes to no draft, the epoch ends, and that member is gone.
uint16 constant LAST_TRY = 4096;
/// @dev Some member had no samples in a completed round.
uint16 constant EMPTY_BEFORE = 8192;
/// @dev Some member has revealed nothing in the last round that came to its reveals. After this round's Training: which has not waited
/// for it.
uint16 constant ABSENT = 16384;
/// @dev All seats are given up when this epoch ends.
uint16 constant ONE_EPOCH = 32768;

/// @dev Where the machine stands, in one slot. Steps work on a copy in memory.
/// @param anchor State of the last recorded transition; later decisions of the clock are derived from it.
/// @param deadline End of the anchor's window.
/// @param memberCount n of the epoch. @param threshold t of the epoch: at most two thirds of 256.
/// @param buffer Updates with which Training ends, at least the update quorum; 0: it waits for all.
/// @param decryptionsLeft Drafts that the epoch's key may still serve.
/// @param candidates Open in the key's ballot (KeyConfirm, KeyJudge) or in the round's (later).
/// @param versions Rounds completed so far: the number of the last version.
/// @param intake Times that registration has closed. A seat is a member when it was taken before the last close.
/// @param elected Winning candidate of KeyJudge, or of the last Vote.
/// @param spared How many fewer members are left out, because rounds without them produced no draft.
/// @param shareBlock Number, modulo 256, of the block that began Vote.
/// @param flags ACTED … ONE_EPOCH.
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

/// @dev The part of `recorded` that belongs to the current step.
function current(Head memory h, Seats recorded) pure returns (Seats) {
    return h.flags & ACTED != 0 ? recorded : NONE;
}

/// @dev A set as it stands at the anchor: empty before its step, its members so far during the step, all of them after.
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

/// @dev More than two thirds of the members: two such sets share more than a third of the members.
function quorum(Head memory h) pure returns (uint256) {
    return (2 * uint256(h.memberCount)) / 3 + 1;
}

function expect(Head memory h, ILearningServiceTypes.State wanted) pure {
    if (h.anchor != wanted) revert ILearningServiceErrors.UnexpectedState(h.anchor, 1 << uint256(wanted));
}

function expectRound(Head memory h, uint32 found) pure {
    if (found != h.round) revert ILearningServiceErrors.WrongRound(found, h.round);
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceErrors} from "../interfaces/ILearningServiceErrors.sol";
import {ILearningServiceTypes} from "../interfaces/ILearningServiceTypes.sol";
import {Ballots} from "./Ballots.sol";
import {Head, JUDGED} from "./Head.sol";
import {Seats, NONE} from "./Seats.sol";

/// @dev One collective key and the state of its generation. Only this file writes it; Head defines when a set counts.
/// @param spoken Members that have confirmed the key or complained.
/// @param verdictConvicted The convicted of each candidate verdict in KeyJudge. @param verdictExcused The excused of
/// each.
struct KeyState {
    bytes32 crsSeed;
    bytes32 hash;
    Seats committed;
    Seats revealed;
    Seats spoken;
    Seats complained;
    Seats accused;
    Seats judged;
    bytes32[256] commitments;
    Seats[256] verdictConvicted;
    Seats[256] verdictExcused;
    Ballots.Ballot ballot;
}

using {
    prime,
    open,
    openConfirmation,
    commit,
    reveal,
    confirm,
    agree,
    complain,
    judge,
    spokenAt,
    convictedBy,
    namedBy
} for KeyState global;
using Ballots for Ballots.Ballot;

function prime(KeyState storage key) {
    key.ballot.prime();
}

/// @dev Clears the state for a new epoch.
function open(KeyState storage key, bytes32 crsSeed) {
    key.hash = bytes32(0);
    key.crsSeed = crsSeed;
}

function openConfirmation(KeyState storage key) {
    key.complained = NONE;
    key.accused = NONE;
}

// ----------------------------------------------------------------------------------------------------- steps

/// @return done Members that have done this step; the same for each step below.
function commit(KeyState storage key, Head memory h, uint8 seat, bytes32 commitment) returns (Seats done) {
    done = h.mark(key.committed, seat);
    key.committed = done;
    key.commitments[seat] = commitment;
}

/// @param found Commitment to the revealed value.
function reveal(KeyState storage key, Head memory h, uint8 seat, bytes32 found) returns (Seats done) {
    bytes32 committed = key.commitments[seat];
    if (found != committed) revert ILearningServiceErrors.CommitmentMismatch(found, committed);
    done = h.mark(key.revealed, seat);
    key.revealed = done;
}

/// @return spoken Members that have confirmed or complained. @return supporters Of this hash.
function confirm(
    KeyState storage key,
    Head memory h,
    uint8 seat,
    bytes32 keyHash
) returns (Seats spoken, Seats supporters) {
    spoken = h.mark(key.spoken, seat);
    key.spoken = spoken;
    // Hashes all 256 bits first: with the upper bits alone, the recorded value might not be the one that every member
    // confirmed.
    (, supporters) = _support(key, h, uint256(h.epoch) << 32, bytes26(keccak256(abi.encode(keyHash))), seat);
}

/// @dev Records the key: all members have confirmed it.
function agree(KeyState storage key, bytes32 keyHash) {
    key.hash = keyHash;
}

function complain(KeyState storage key, Head memory h, uint8 seat, uint8 accused) returns (Seats spoken) {
    spoken = h.mark(key.spoken, seat);
    key.spoken = spoken;
    key.complained = key.complained.including(seat);
    key.accused = key.accused.including(accused);
}

/// @return judged Members that have judged. @return supporters Of this verdict. @return index Its number.
function judge(
    KeyState storage key,
    Head memory h,
    uint8 seat,
    uint256 convicted,
    uint256 excused
) returns (Seats judged, Seats supporters, uint8 index) {
    judged = h.mark(key.judged, seat);
    key.judged = judged;
    uint256 before = h.candidates;
    bytes26 digest = bytes26(keccak256(abi.encode(convicted, excused)));
    (index, supporters) = _support(key, h, (uint256(h.epoch) << 32) | 1, digest, seat);
    if (h.candidates > before) {
        key.verdictConvicted[index] = Seats.wrap(convicted);
        key.verdictExcused[index] = Seats.wrap(excused);
    }
}

/// @param number Key of the ballot, derived from the epoch: the ballots of its confirmations and of its verdicts share
/// the storage.
function _support(
    KeyState storage key,
    Head memory h,
    uint256 number,
    bytes26 digest,
    uint8 seat
) returns (uint8 index, Seats supporters) {
    bool opened;
    (index, opened) = key.ballot.findOrOpen(number, h.candidates, digest);
    if (opened) h.candidates += 1;
    supporters = key.ballot.support(index, seat, 0);
}

// ----------------------------------------------------------------------------------------------------- look-ups

/// @dev Members that have done the current step of key generation.
function spokenAt(KeyState storage key, Head memory h) view returns (Seats) {
    if (h.anchor == ILearningServiceTypes.State.KeyCommit) return h.current(key.committed);
    if (h.anchor == ILearningServiceTypes.State.KeyReveal) return h.current(key.revealed);
    return h.current(h.anchor == ILearningServiceTypes.State.KeyConfirm ? key.spoken : key.judged);
}

/// @dev Members convicted by the verdict that a quorum agrees on.
function convictedBy(KeyState storage key, Head memory h) view returns (Seats) {
    return h.has(JUDGED) ? key.verdictConvicted[h.elected] : NONE;
}

/// @dev All members that the verdict names, as convicted or excused.
function namedBy(KeyState storage key, Head memory h) view returns (Seats) {
    return h.has(JUDGED) ? key.verdictConvicted[h.elected] | key.verdictExcused[h.elected] : NONE;
}

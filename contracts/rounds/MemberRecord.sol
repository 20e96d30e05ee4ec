// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @dev A seat's record of one round, in one slot that every second round overwrites.
///
/// Until the reveal it holds the commitment: a hash whose lowest bit is set. After the reveal, the lowest bit is clear:
///
///      255   112 111    88 87          48 47         16 15        8 7      3 2        1       0
///     ┌─────────┬──────────┬──────────────┬─────────────┬───────────┬────────┬────────┬───────┬───┐
///     │         │version 24│ shares 40    │ round 32    │candidate 8│        │complete│ voted │ 0 │
///     └─────────┴──────────┴──────────────┴─────────────┴───────────┴────────┴────────┴───────┴───┘
///
/// `version` is the number that the round gets if it is completed.
///
/// Because of the lowest bit, a commitment that a liar chooses can never be read as a record that earns something.
type MemberRecord is uint256;

using {isOpened, isOf, hasVoted, isComplete, shares, roundOf, versionOf, candidateOf, voted} for MemberRecord global;

uint256 constant COMMITTED = 1;
uint256 constant VOTED = 2;
uint256 constant COMPLETE = 4;

/// @dev An empty record that is not zero, so that overwriting it does not pay for a new slot.
MemberRecord constant BLANK = MemberRecord.wrap(COMMITTED);

function sealCommitment(bytes32 commitment) pure returns (MemberRecord) {
    return MemberRecord.wrap(uint256(commitment) | COMMITTED);
}

function openRecord(uint32 round, uint40 share) pure returns (MemberRecord) {
    return MemberRecord.wrap((uint256(share) << 48) | (uint256(round) << 16));
}

/// @dev Whether the member has revealed: the record holds no commitment any more.
function isOpened(MemberRecord record) pure returns (bool) {
    return MemberRecord.unwrap(record) & COMMITTED == 0;
}

function isOf(MemberRecord record, uint32 round) pure returns (bool) {
    return isOpened(record) && roundOf(record) == round;
}

/// @dev Whether `commitment` is the one that the record holds (255 bits of it).
function opens(bytes32 commitment, MemberRecord record) pure returns (bool) {
    return MemberRecord.unwrap(record) == uint256(commitment) | COMMITTED;
}

function hasVoted(MemberRecord record) pure returns (bool) {
    return MemberRecord.unwrap(record) & VOTED != 0;
}

/// @dev Whether the member did every step of the round, up to a vote for `candidateOf`.
function isComplete(MemberRecord record) pure returns (bool) {
    return MemberRecord.unwrap(record) & (COMPLETE | COMMITTED) == COMPLETE;
}

function shares(MemberRecord record) pure returns (uint40) {
    return uint40(MemberRecord.unwrap(record) >> 48);
}

function roundOf(MemberRecord record) pure returns (uint32) {
    return uint32(MemberRecord.unwrap(record) >> 16);
}

function versionOf(MemberRecord record) pure returns (uint24) {
    return uint24(MemberRecord.unwrap(record) >> 88);
}

function candidateOf(MemberRecord record) pure returns (uint8) {
    return uint8(MemberRecord.unwrap(record) >> 8);
}

/// @param share The reward shares that the member has earned; they replace the value of its update alone.
function voted(
    MemberRecord record,
    uint24 version,
    uint8 candidate,
    bool complete,
    uint40 share
) pure returns (MemberRecord) {
    uint256 kept = MemberRecord.unwrap(record) & ~(uint256(type(uint40).max) << 48);
    uint256 marks = (uint256(share) << 48) |
        (uint256(version) << 88) |
        (uint256(candidate) << 8) |
        VOTED |
        (complete ? COMPLETE : 0);
    return MemberRecord.wrap(kept | marks);
}

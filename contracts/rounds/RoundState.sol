// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceErrors} from "../interfaces/ILearningServiceErrors.sol";
import {ILearningServiceTypes} from "../interfaces/ILearningServiceTypes.sol";
import {Ballots} from "./Ballots.sol";
import {Head, EMPTY, PAYOUT_DUE} from "./Head.sol";
import {MemberRecord, BLANK, openRecord, opens, sealCommitment} from "./MemberRecord.sol";
import {RewardShares} from "./RewardShares.sol";
import {Seats, NONE, only} from "./Seats.sol";

/// @dev A sealed attestation, in one slot. @param blockNumber Block of the attestation.
struct Seal {
    bytes26 digest;
    uint48 blockNumber;
}

/// @dev A member's record of a round. Steps pass it on, so that its slot is computed only once.
struct RecordSlot {
    MemberRecord record;
}

/// @dev The round in progress, in slots that later rounds overwrite, and the permanent results of completed rounds. Only this file
/// writes it; Head defines when a set counts.
/// @param attesters Members that have attested; from the draft on, those with a matching seal.
/// @param included Updates in the sum of the last draft.
/// @param empty Members that revealed and declared no samples. Counts while EMPTY is set.
/// @param outcomes The permanent results of completed rounds, by version; two slots each.
/// @param commitments Of the weights, by version. During a Vote, the first candidate's is already stored under the next version's
/// number.
/// @param records By the round's parity, and then by seat.
struct RoundState {
    Seats committed;
    Seats revealed;
    Seats drafted;
    Seats shared;
    Seats attesters;
    Seats checked;
    Seats included;
    Seats empty;
    mapping(uint256 version => ILearningServiceTypes.Outcome) outcomes;
    mapping(uint256 version => bytes32) commitments;
    RecordSlot[256][2] records;
    Seal[256] seals;
    Ballots.Ballot votes;
}

using {
    prime,
    primeSeat,
    slotOf,
    blank,
    commit,
    reveal,
    declareEmpty,
    emptyNow,
    attest,
    check,
    draft,
    share,
    nominate,
    support,
    elect,
    settle,
    worth,
    takeWorth
} for RoundState global;
using {open} for RecordSlot global;
using Ballots for Ballots.Ballot;

/// @dev Fills the slots that every round uses, so that the first round costs as much as the later ones.
function prime(RoundState storage round) {
    Seats some = only(0);
    round.committed = round.revealed = round.drafted = round.shared = round.attesters = round.included = some;
    round.votes.prime();
}

/// @dev The same for the slots of one seat.
function primeSeat(RoundState storage round, uint8 seat) {
    blank(round, seat);
    if (round.seals[seat].blockNumber == 0) round.seals[seat].blockNumber = 1;
}

function blank(RoundState storage round, uint8 seat) {
    round.records[0][seat].record = BLANK;
    round.records[1][seat].record = BLANK;
}

function slotOf(RoundState storage round, uint32 number, uint8 seat) view returns (RecordSlot storage) {
    return round.records[number & 1][seat];
}

// ----------------------------------------------------------------------------------------------------- steps

/// @return done Members that have done this step so far. The other steps below return the same.
function commit(
    RoundState storage round,
    Head memory h,
    uint8 seat,
    RecordSlot storage slot,
    bytes32 commitment
) returns (Seats done) {
    done = h.mark(round.committed, seat);
    round.committed = done;
    slot.record = sealCommitment(commitment);
}

/// @param found Commitment to the revealed value.
function reveal(
    RoundState storage round,
    Head memory h,
    uint8 seat,
    RecordSlot storage slot,
    bytes32 found
) returns (Seats done) {
    done = h.mark(round.revealed, seat);
    MemberRecord sealed_ = slot.record;
    if (!opens(found, sealed_)) {
        revert ILearningServiceErrors.CommitmentMismatch(found, bytes32(MemberRecord.unwrap(sealed_)));
    }
    round.revealed = done;
}

/// @dev A member has no samples: its update is zero, and hides nobody else's. @param empty All such members so far.
function declareEmpty(RoundState storage round, Head memory h, Seats empty) {
    round.empty = empty;
    h.flags |= EMPTY;
}

function emptyNow(RoundState storage round, Head memory h) view returns (Seats) {
    return h.has(EMPTY) ? round.empty : NONE;
}

/// @param shares Reward shares for the member's update.
function open(RecordSlot storage slot, uint32 number, uint40 shares) {
    slot.record = openRecord(number, shares);
}

function attest(RoundState storage round, Head memory h, uint8 seat, bytes26 seal) {
    round.attesters = h.mark(round.attesters, seat);
    round.seals[seat] = Seal({digest: seal, blockNumber: uint48(block.number)});
}

function check(RoundState storage round, Head memory h, uint8 seat) returns (Seats done) {
    done = h.mark(round.checked, seat);
    round.checked = done;
}

function draft(RoundState storage round, Seats drafted, Seats included, Seats matched) {
    round.drafted = drafted;
    round.included = included;
    round.attesters = matched;
}

function share(RoundState storage round, Head memory h, uint8 seat) returns (Seats done) {
    done = h.mark(round.shared, seat);
    round.shared = done;
}

// ----------------------------------------------------------------------------------------------------- votes

/// @dev Finds the candidate, or opens it. @return opened Whether the candidate is new; `h` has then counted it.
function nominate(
    RoundState storage round,
    Head memory h,
    bytes26 digest,
    bytes32 modelCommitment
) returns (uint8 index, bool opened) {
    (index, opened) = round.votes.findOrOpen(h.round, h.candidates, digest);
    if (!opened) return (index, false);
    h.candidates += 1;
    // The first voter stores the commitment for all, so that the deciding voter does not also pay for the slot.
    if (index == 0) round.commitments[h.versions + 1] = modelCommitment;
}

/// @dev Enters a member's vote in its record and adds it to the candidate. The member's shares count if it did all other steps: its
/// update is in the sum (so it committed and revealed), and its seal matched this sum. Every drafted member has posted its
/// decryption share, otherwise there would be no vote.
/// @param record The member's record of this round. @param version Number that the round has, or gets when it is completed.
function support(
    RoundState storage round,
    uint8 seat,
    RecordSlot storage slot,
    MemberRecord record,
    uint24 version,
    uint8 index
) returns (Seats supporters) {
    bool complete = (round.included & round.attesters).contains(seat);
    uint40 shares = record.shares();
    if (complete) shares *= round.drafted.contains(seat) ? RewardShares.DRAFTED : RewardShares.MEMBER;
    slot.record = record.voted(version, index, complete, shares);
    return round.votes.support(index, seat, complete ? shares : 0);
}

/// @dev The candidate has a quorum: it is the next version.
function elect(RoundState storage round, Head memory h, uint8 index, bytes32 modelCommitment) {
    h.elected = index;
    h.flags |= PAYOUT_DUE;
    h.versions += 1;
    if (index > 0) round.commitments[h.versions] = modelCommitment;
}

// ----------------------------------------------------------------------------------------------------- rewards

/// @dev Stores the outcome of a round, which is now final, with its reward.
function settle(RoundState storage round, uint24 version, ILearningServiceTypes.Outcome memory outcome) {
    round.outcomes[version] = outcome;
}

/// @dev What a record has earned, once its round is final; else 0.
function worth(RoundState storage round, MemberRecord record) view returns (uint256) {
    if (!record.isComplete()) return 0;
    // The outcome is empty until the reward is set aside. If this round failed, it belongs to another one.
    ILearningServiceTypes.Outcome memory outcome = round.outcomes[record.versionOf()];
    if (outcome.round != record.roundOf() || outcome.candidate != record.candidateOf()) return 0;
    return uint256(record.shares()) * outcome.perShare;
}

/// @dev Returns the earnings of both records of a seat, and clears them.
function takeWorth(RoundState storage round, uint8 seat) returns (uint256 amount) {
    for (uint256 parity = 0; parity < 2; ++parity) {
        RecordSlot storage slot = round.records[parity][seat];
        uint256 earned = worth(round, slot.record);
        if (earned == 0) continue;
        amount += earned;
        slot.record = BLANK;
    }
}

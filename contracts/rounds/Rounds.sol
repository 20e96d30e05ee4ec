// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceRounds} from "../interfaces/ILearningServiceRounds.sol";
import {Ballots} from "./Ballots.sol";
import {MemberRecord, openRecord, opens, sealCommitment} from "./MemberRecord.sol";
import {RewardShares} from "./RewardShares.sol";
import {RoundClock} from "./RoundClock.sol";
import {Seats, NONE, only} from "./Seats.sol";

/// @title The five steps of a round
abstract contract Rounds is ILearningServiceRounds, RoundClock {
    using Ballots for Ballots.Ballot;

    /// @dev Order of the BN254 scalar field, which Poseidon digests live in (EIP-197).
    uint256 private constant FIELD_ORDER =
        21888242871839275222246405745257275088548364400416034343698204186575808495617;

    /// @inheritdoc ILearningServiceRounds
    function commitUpdate(uint32 round_, bytes32 commitment) external {
        Head memory h = _settle();
        _expect(h, State.Training);
        _expectRound(h, round_);
        if (_has(h, USED_UP)) revert EpochUsedUp(h.epoch, _parameters.decryptionsPerEpoch - h.decryptionsLeft);
        uint8 seat = _callingMember(h);
        if (commitment == bytes32(0)) revert ZeroHash("commitment");
        Seats done = _mark(h, _committed, seat);
        _committed = done;
        _accrue(msg.sender, _records[round_ & 1][seat]);
        _records[round_ & 1][seat] = sealCommitment(commitment);
        emit UpdateCommitted(round_, seat, commitment);
        if (done.count() == h.memberCount) _complete(h);
        _head = h;
    }

    /// @inheritdoc ILearningServiceRounds
    function revealUpdate(uint32 round_, bytes calldata cid, uint64 size, uint40 samples, bytes32 salt) external {
        Head memory h = _settle();
        _expect(h, State.Reveal);
        _expectRound(h, round_);
        uint8 seat = _callingMember(h);
        _checkCid(cid);
        if (size == 0) revert ZeroSize();
        if (samples == 0) revert ZeroSamples();
        Seats committed = _committed;
        if (!committed.contains(seat)) revert NotCommitted(State.Reveal, seat);
        Seats done = _mark(h, _revealed, seat);
        bytes32 found = updateCommitment(round_, seat, cid, size, samples, salt);
        MemberRecord record = _records[round_ & 1][seat];
        if (!opens(found, record)) revert CommitmentMismatch(found, bytes32(MemberRecord.unwrap(record)));
        _revealed = done;
        uint40 share = RewardShares.ofUpdate(_parameters.strategy, samples);
        _records[round_ & 1][seat] = openRecord(round_, share);
        emit UpdateRevealed(round_, seat, cid, size, samples);
        if (done == committed) _complete(h);
        _head = h;
    }

    /// @inheritdoc ILearningServiceRounds
    function attest(uint32 round_, bytes32 aggregateHash, uint256 included) external {
        Head memory h = _settle();
        uint256 inTime = _bit(State.Aggregate) | _bit(State.Decrypt) | _bit(State.Vote);
        bool late = _isLate(h, round_, inTime) || h.anchor != State.Aggregate;
        uint8 seat = _callingMember(h);
        if (aggregateHash == bytes32(0)) revert ZeroHash("aggregateHash");
        Ballots.Ballot storage ballot = _attestations;
        bool disagreed = h.attestCount > 1 && _dissent.contains(seat);
        if (disagreed || (h.attestCount > 0 && ballot.entries[0].supporters.contains(seat))) {
            revert AlreadyDone(State.Aggregate, seat);
        }
        bytes26 digest = bytes26(keccak256(abi.encode(aggregateHash, included)));
        uint8 index = h.attested;
        if (late) {
            if (ballot.entries[index].digest != digest) revert AgainstOutcome(digest, ballot.entries[index].digest);
        } else {
            index = _candidateFor(h, digest, included);
        }
        if (index > 0) _dissent = h.attestCount > 1 ? _dissent.including(seat) : only(seat);
        Seats supporters = ballot.entries[index].supporters.including(seat);
        ballot.entries[index].supporters = supporters;
        emit AggregateAttested(round_, seat, aggregateHash, included);
        if (!late) _draft(h, seat, index, supporters, aggregateHash, included);
        _head = h;
    }

    /// @inheritdoc ILearningServiceRounds
    function submitShare(uint32 round_, bytes calldata cid, uint64 size) external {
        Head memory h = _settle();
        _expect(h, State.Decrypt);
        _expectRound(h, round_);
        uint8 seat = _callingMember(h);
        _checkCid(cid);
        if (size == 0) revert ZeroSize();
        Seats drafted = _drafted;
        if (!drafted.contains(seat)) revert NotDrafted(seat, Seats.unwrap(drafted));
        Seats done = _mark(h, _shared, seat);
        _shared = done;
        emit ShareSubmitted(round_, seat, cid, size);
        if (done == drafted) _complete(h);
        _head = h;
    }

    /// @inheritdoc ILearningServiceRounds
    function vote(uint32 round_, bytes32 modelCommitment, bytes calldata cid) external {
        Head memory h = _settle();
        bool late = _isLate(h, round_, _bit(State.Vote));
        uint8 seat = _callingMember(h);
        if (modelCommitment == bytes32(0)) revert ZeroHash("modelCommitment");
        if (uint256(modelCommitment) >= FIELD_ORDER) revert CommitmentNotInField(modelCommitment);
        _checkCid(cid);
        bytes26 digest = bytes26(keccak256(abi.encode(modelCommitment, keccak256(cid))));
        uint8 index = h.elected;
        if (late) {
            if (_votes.entries[index].digest != digest) revert AgainstOutcome(digest, _votes.entries[index].digest);
        } else {
            bool opened;
            (index, opened) = _votes.findOrOpen(round_, h.voteCount, digest, NONE);
            if (opened) h.voteCount += 1;
            // The first to vote keeps the commitment for all, so that who decides does not also pay for the slot.
            if (opened && index == 0) _commitments[h.versions + 1] = modelCommitment;
        }
        Seats supporters = _support(h, seat, round_, late ? h.versions : h.versions + 1, index);
        emit ModelVoted(round_, seat, modelCommitment, cid, index);
        if (!late && supporters.count() >= _quorum(h)) {
            h.elected = index;
            h.flags |= PAYOUT_DUE;
            h.versions += 1;
            if (index > 0) _commitments[h.versions] = modelCommitment;
            emit UpdateCompleted(round_, modelCommitment, cid, h.versions);
            _complete(h);
        }
        _head = h;
    }

    /// @inheritdoc ILearningServiceRounds
    function updateCommitment(
        uint32 round_,
        uint8 seat,
        bytes calldata cid,
        uint64 size,
        uint40 samples,
        bytes32 salt
    ) public view returns (bytes32) {
        return
            keccak256(abi.encode(block.chainid, address(this), round_, seat, keccak256(cid), size, samples, salt));
    }

    /// @dev Ballots of the previous round stay open, for what it decided, while the next one trains: the quorum that
    /// decides is faster than the slowest honest member, who did the same work.
    function _isLate(Head memory h, uint32 round_, uint256 inTime) private pure returns (bool) {
        if (_has(h, PAYOUT_DUE) && uint256(round_) + 1 == h.round) return true;
        _expectRound(h, round_);
        if (_bit(h.anchor) & inTime == 0) revert UnexpectedState(h.anchor, inTime);
        return false;
    }

    /// @dev Candidate of an attestation in time; a new one must be a sum that may be decrypted.
    function _candidateFor(Head memory h, bytes26 digest, uint256 included) private returns (uint8 index) {
        bool opened;
        (index, opened) = _attestations.findOrOpen(h.round, h.attestCount, digest, Seats.wrap(included));
        if (!opened) return index;
        Seats revealed = _revealed;
        if (!Seats.wrap(included).without(revealed).isEmpty()) {
            revert IncludedNotRevealed(included, Seats.unwrap(revealed));
        }
        uint256 updates = Seats.wrap(included).count();
        uint256 min = _parameters.minKeepers;
        if (updates < min) revert TooFewIncluded(updates, min);
        // A leftover of an earlier round must not count as dissent in this one.
        if (h.attestCount == 1) _dissent = NONE;
        h.attestCount += 1;
    }

    /// @dev Fixes the active set: the first t attesters of a pair that may still be drafted. As t > n/2 and each member
    /// attests once, only one pair can come so far. The pair has won when a quorum has attested it, too.
    function _draft(
        Head memory h,
        uint8 seat,
        uint8 index,
        Seats supporters,
        bytes32 aggregateHash,
        uint256 included
    ) private {
        uint256 attesters = supporters.count();
        if (attesters < h.threshold) return;
        Seats undraftable = _has(h, EXCLUDED) ? _undraftable : NONE;
        Seats draftable = supporters.without(undraftable);
        uint256 found = draftable.count();
        if (found < h.threshold) return;
        if (found == h.threshold && !undraftable.contains(seat)) _drafted = draftable;
        if (attesters < _quorum(h)) return;
        h.attested = index;
        emit MembersDrafted(h.round, Seats.unwrap(_drafted), aggregateHash, included);
        _complete(h);
    }

    /// @dev Enters a member's vote in its record and the candidate. Shares count when the member did all other steps:
    /// its update is in the sum (so it committed and revealed), and it attested the sum. Whoever was drafted posted its
    /// share, or there would be no vote.
    /// @param version That the round has, or gets when it completes.
    function _support(
        Head memory h,
        uint8 seat,
        uint32 round_,
        uint24 version,
        uint8 index
    ) private returns (Seats supporters) {
        MemberRecord record = _records[round_ & 1][seat];
        if (!record.isOf(round_)) {
            _accrue(msg.sender, record);
            record = openRecord(round_, 0);
        }
        if (record.hasVoted()) revert AlreadyDone(State.Vote, seat);
        Ballots.Entry storage winner = _attestations.entries[h.attested];
        bool complete = winner.included.contains(seat) && winner.supporters.contains(seat);
        _records[round_ & 1][seat] = record.voted(version, index, complete);
        Ballots.Entry storage entry = _votes.entries[index];
        if (complete) entry.weight += record.shares();
        supporters = entry.supporters.including(seat);
        entry.supporters = supporters;
    }
}

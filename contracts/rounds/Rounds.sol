// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceRounds} from "../interfaces/ILearningServiceRounds.sol";
import {Ballots} from "./Ballots.sol";
import {ClockedPart} from "./ClockedPart.sol";
import {Incentives} from "./Incentives.sol";
import {MemberRecord, openRecord, opens, sealCommitment} from "./MemberRecord.sol";
import {RewardShares} from "./RewardShares.sol";
import {Seats} from "./Seats.sol";
import {Bn254} from "../inference/Bn254.sol";

/// @title The five steps of a round
/// @dev Only the first to act in a step changes the head; for the others it is left as it is.
abstract contract Rounds is ILearningServiceRounds, Incentives, ClockedPart {
    using Ballots for Ballots.Ballot;


    /// @inheritdoc ILearningServiceRounds
    function commitUpdate(uint32 round_, bytes32 commitment) external {
        _record();
        Head memory h = _head;
        _expect(h, State.Training);
        _expectRound(h, round_);
        if (_has(h, USED_UP)) revert EpochUsedUp(h.epoch, _parameters.decryptionsPerEpoch - h.decryptionsLeft);
        uint8 seat = _callingMember(h);
        if (commitment == bytes32(0)) revert ZeroHash("commitment");
        Seats leftOut = _leftOutNow(h);
        if (leftOut.contains(seat)) revert LeftOut(seat, Seats.unwrap(leftOut));
        bool first = !_has(h, ACTED);
        Seats done = _mark(h, _committed, seat);
        _committed = done;
        _accrue(_caller(), _records[round_ & 1][seat]);
        _records[round_ & 1][seat] = sealCommitment(commitment);
        emit UpdateCommitted(round_, seat, commitment);
        if (done.count() + leftOut.count() == h.memberCount) _complete(h);
        else if (first) _head = h;
    }

    /// @inheritdoc ILearningServiceRounds
    function revealUpdate(uint32 round_, bytes calldata cid, uint64 size, uint40 samples, bytes32 salt) external {
        _record();
        Head memory h = _head;
        _expect(h, State.Reveal);
        _expectRound(h, round_);
        uint8 seat = _callingMember(h);
        _checkCid(cid);
        if (size == 0) revert ZeroSize();
        if (samples == 0) revert ZeroSamples();
        Seats committed = _committed;
        if (!committed.contains(seat)) revert NotCommitted(State.Reveal, seat);
        bool first = !_has(h, ACTED);
        Seats done = _mark(h, _revealed, seat);
        bytes32 found = _updateCommitment(round_, seat, cid, size, samples, salt);
        MemberRecord record = _records[round_ & 1][seat];
        if (!opens(found, record)) revert CommitmentMismatch(found, bytes32(MemberRecord.unwrap(record)));
        _revealed = done;
        uint40 share = RewardShares.ofUpdate(_parameters.strategy, samples);
        _records[round_ & 1][seat] = openRecord(round_, share);
        emit UpdateRevealed(round_, seat, cid, size, samples);
        if (done == committed) _complete(h);
        else if (first) _head = h;
    }

    /// @inheritdoc ILearningServiceRounds
    function attest(uint32 round_, bytes26 seal) external {
        _record();
        Head memory h = _head;
        _expect(h, State.Aggregate);
        _expectRound(h, round_);
        uint8 seat = _callingMember(h);
        if (seal == bytes26(0)) revert ZeroHash("seal");
        uint40 until = _attestUntil(h);
        if (block.timestamp >= until) revert AttestationsClosed(until);
        bool first = !_has(h, ACTED);
        _attesters = _mark(h, _attesters, seat);
        _seals[seat] = Seal({digest: seal, blockNumber: uint48(block.number)});
        emit AggregateAttested(round_, seat, seal);
        if (first) _head = h;
    }

    /// @inheritdoc ILearningServiceRounds
    function submitShare(uint32 round_, bytes calldata cid, uint64 size) external {
        _record();
        Head memory h = _head;
        _expect(h, State.Decrypt);
        _expectRound(h, round_);
        uint8 seat = _callingMember(h);
        _checkCid(cid);
        if (size == 0) revert ZeroSize();
        Seats drafted = _drafted;
        if (!drafted.contains(seat)) revert NotDrafted(seat, Seats.unwrap(drafted));
        bool first = !_has(h, ACTED);
        Seats done = _mark(h, _shared, seat);
        _shared = done;
        emit ShareSubmitted(round_, seat, cid, size);
        if (done == drafted) _complete(h);
        else if (first) _head = h;
    }

    /// @inheritdoc ILearningServiceRounds
    function vote(uint32 round_, bytes32 modelCommitment, bytes calldata cid) external {
        _record();
        Head memory h = _head;
        bool late = _isLate(h, round_);
        uint8 seat = _callingMember(h);
        if (modelCommitment == bytes32(0)) revert ZeroHash("modelCommitment");
        if (uint256(modelCommitment) >= Bn254.SCALAR_ORDER) revert CommitmentNotInField(modelCommitment);
        _checkCid(cid);
        bytes26 digest = bytes26(keccak256(abi.encode(modelCommitment, keccak256(cid))));
        uint8 index = h.elected;
        bool opened;
        if (late) {
            if (_votes.entries[index].digest != digest) revert AgainstOutcome(digest, _votes.entries[index].digest);
        } else {
            (index, opened) = _votes.findOrOpen(round_, h.candidates, digest);
            if (opened) h.candidates += 1;
            // The first to vote keeps the commitment for all, so that who decides does not also pay for the slot.
            if (opened && index == 0) _commitments[h.versions + 1] = modelCommitment;
        }
        Seats supporters = _support(seat, round_, late ? h.versions : h.versions + 1, index);
        emit ModelVoted(round_, seat, modelCommitment, cid, index);
        if (!late && supporters.count() >= _quorum(h)) {
            h.elected = index;
            h.flags |= PAYOUT_DUE;
            h.versions += 1;
            if (index > 0) _commitments[h.versions] = modelCommitment;
            emit UpdateCompleted(round_, modelCommitment, cid, h.versions);
            _complete(h);
        } else if (opened) {
            _head = h;
        }
    }

    /// @dev Ballots of the previous round stay open, for what it decided, while the next one trains: the quorum that
    /// decides is faster than the slowest honest member, who did the same work.
    function _isLate(Head memory h, uint32 round_) private pure returns (bool) {
        if (_has(h, PAYOUT_DUE) && uint256(round_) + 1 == h.round) return true;
        _expectRound(h, round_);
        _expect(h, State.Vote);
        return false;
    }

    /// @dev Enters a member's vote in its record and the candidate. Shares count when the member did all other steps:
    /// its update is in the sum (so it committed and revealed), and its seal was of this sum. Whoever was drafted posted its
    /// share, or there would be no vote.
    /// @param version That the round has, or gets when it completes.
    function _support(
        uint8 seat,
        uint32 round_,
        uint24 version,
        uint8 index
    ) private returns (Seats supporters) {
        MemberRecord record = _records[round_ & 1][seat];
        if (!record.isOf(round_)) {
            _accrue(_caller(), record);
            record = openRecord(round_, 0);
        }
        if (record.hasVoted()) revert AlreadyDone(State.Vote, seat);
        bool complete = (_included & _attesters).contains(seat);
        uint40 share = record.shares();
        Ballots.Entry storage entry = _votes.entries[index];
        if (complete) {
            share *= _drafted.contains(seat) ? RewardShares.DRAFTED : RewardShares.MEMBER;
            entry.weight += share;
        }
        _records[round_ & 1][seat] = record.voted(version, index, complete, share);
        supporters = entry.supporters.including(seat);
        entry.supporters = supporters;
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceRounds} from "../interfaces/ILearningServiceRounds.sol";
import {ClockedPart} from "./ClockedPart.sol";
import {Head, ABSENT, ACTED, DISPUTED, EMPTY, EMPTY_BEFORE, LOST_ONE, PAYOUT_DUE, USED_UP} from "./Head.sol";
import {Incentives} from "./Incentives.sol";
import {MemberRecord, openRecord} from "./MemberRecord.sol";
import {RewardShares} from "./RewardShares.sol";
import {RecordSlot} from "./RoundState.sol";
import {Seats} from "./Seats.sol";
import {Bn254} from "../inference/Bn254.sol";

/// @title The five steps of a round, and disputes about an update
/// @dev Only the first member to act in a step writes the head; later ones leave it unchanged.
abstract contract Rounds is ILearningServiceRounds, Incentives, ClockedPart {
    /// @dev Bytes of one repetition of the check of one update: 8 for each of two primes.
    uint256 private constant SCALARS = 16;
    uint256 private constant MAX_REPEATS = 4;

    /// @inheritdoc ILearningServiceRounds
    function commitUpdate(uint32 round_, bytes32 commitment) external {
        _record();
        _commitUpdate(_head, round_, commitment);
    }

    /// @inheritdoc ILearningServiceRounds
    function commitStaleUpdate(uint32 round_, uint24 base, bytes32 commitment) external {
        _record();
        Head memory h = _head;
        h.expectRound(round_);
        uint256 latest = h.versions;
        uint256 reach = _parameters.maxStaleness;
        uint256 oldest = latest > reach ? latest - reach : 0;
        if (base < oldest || base > latest) revert BaseOutOfRange(base, oldest, latest);
        uint8 seat = _commitUpdate(h, round_, commitment);
        emit StaleUpdateCommitted(round_, seat, base);
    }

    /// @inheritdoc ILearningServiceRounds
    function revealUpdate(uint32 round_, bytes calldata cid, uint64 size, uint40 samples, bytes32 salt) external {
        _record();
        Head memory h = _head;
        h.expect(State.Reveal);
        h.expectRound(round_);
        uint8 seat = _callingMember(h);
        _checkCid(cid);
        if (size == 0) revert ZeroSize();
        if (samples == 0) _declareEmpty(h, seat);
        Seats committed = _round.committed;
        if (!committed.contains(seat)) revert NotCommitted(State.Reveal, seat);
        bool first = !h.has(ACTED) || samples == 0;
        RecordSlot storage slot = _round.slotOf(round_, seat);
        Seats done = _round.reveal(h, seat, slot, _updateCommitment(round_, seat, cid, size, samples, salt));
        slot.open(round_, RewardShares.ofUpdate(_parameters.strategy, samples));
        emit UpdateRevealed(round_, seat, cid, size, samples);
        if (done == committed) _complete(h);
        else if (first) _head = h;
    }

    /// @inheritdoc ILearningServiceRounds
    function dispute(uint32 round_, uint8 accused) external {
        _record();
        Head memory h = _head;
        h.expect(State.Aggregate);
        h.expectRound(round_);
        uint8 seat = _callingMember(h);
        if (h.has(DISPUTED)) revert AlreadyDisputed(round_);
        // A convicted member must not hold up another round of this epoch.
        if (_standing.convictedNow(h).contains(seat)) revert LeftOut(seat, Seats.unwrap(_standing.leftOut));
        if (accused == seat || !_round.revealed.contains(accused)) revert DisputeInvalid(seat, accused);
        h.flags |= DISPUTED | LOST_ONE;
        emit UpdateDisputed(round_, seat, accused);
        _complete(h);
    }

    /// @inheritdoc ILearningServiceRounds
    function submitCheck(uint32 round_, bytes calldata scalars) external {
        _record();
        Head memory h = _head;
        h.expect(State.Check);
        h.expectRound(round_);
        uint8 seat = _callingMember(h);
        uint256 unit = SCALARS * _round.revealed.count();
        if (scalars.length == 0 || scalars.length % unit != 0 || scalars.length > MAX_REPEATS * unit) {
            revert CheckLength(scalars.length, MAX_REPEATS * unit);
        }
        bool first = !h.has(ACTED);
        Seats done = _round.check(h, seat);
        emit CheckSubmitted(round_, seat, scalars);
        if (done.count() == h.memberCount) _complete(h);
        else if (first) _head = h;
    }

    /// @inheritdoc ILearningServiceRounds
    function attest(uint32 round_, bytes26 seal) external {
        _record();
        Head memory h = _head;
        h.expect(State.Aggregate);
        h.expectRound(round_);
        uint8 seat = _callingMember(h);
        if (seal == bytes26(0)) revert ZeroHash("seal");
        uint40 until = _attestUntil(h);
        if (block.timestamp >= until) revert AttestationsClosed(until);
        bool first = !h.has(ACTED);
        _round.attest(h, seat, seal);
        emit AggregateAttested(round_, seat, seal);
        if (first) _head = h;
    }

    /// @inheritdoc ILearningServiceRounds
    function submitShare(uint32 round_, bytes calldata cid, uint64 size) external {
        _record();
        Head memory h = _head;
        h.expect(State.Decrypt);
        h.expectRound(round_);
        uint8 seat = _callingMember(h);
        _checkCid(cid);
        if (size == 0) revert ZeroSize();
        Seats drafted = _round.drafted;
        if (!drafted.contains(seat)) revert NotDrafted(seat, Seats.unwrap(drafted));
        bool first = !h.has(ACTED);
        Seats done = _round.share(h, seat);
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
            if (_round.votes.entries[index].digest != digest) revert AgainstOutcome(digest, _round.votes.entries[index].digest);
        } else {
            (index, opened) = _round.nominate(h, digest, modelCommitment);
        }
        Seats supporters = _support(seat, round_, late ? h.versions : h.versions + 1, index);
        emit ModelVoted(round_, seat, modelCommitment, cid, index);
        if (!late && supporters.count() >= h.quorum()) {
            _round.elect(h, index, modelCommitment);
            emit UpdateCompleted(round_, modelCommitment, cid, h.versions);
            if (h.has(EMPTY | EMPTY_BEFORE)) _standing.knowEmpty(h, _round.revealed, _round.emptyNow(h));
            _complete(h);
        } else if (opened) {
            _head = h;
        }
    }

    /// @dev Commits to an update. Training ends when all members that may commit have done so, or as many as the buffer takes.
    function _commitUpdate(Head memory h, uint32 round_, bytes32 commitment) private returns (uint8 seat) {
        h.expect(State.Training);
        h.expectRound(round_);
        if (h.has(USED_UP)) revert EpochUsedUp(h.epoch, _parameters.decryptionsPerEpoch - h.decryptionsLeft);
        seat = _callingMember(h);
        if (commitment == bytes32(0)) revert ZeroHash("commitment");
        Seats leftOut = _standing.leftOutNow(h);
        if (leftOut.contains(seat)) revert LeftOut(seat, Seats.unwrap(leftOut));
        bool first = !h.has(ACTED);
        RecordSlot storage slot = _round.slotOf(round_, seat);
        _accrue(_caller(), slot.record);
        Seats done = _round.commit(h, seat, slot, commitment);
        emit UpdateCommitted(round_, seat, commitment);
        uint256 count = done.count();
        if (count == h.buffer || count + leftOut.count() == h.memberCount || _needNotWait(h, done, leftOut)) _complete(h);
        else if (first) _head = h;
    }

    /// @dev Whether Training can end without the members that are still missing: a quorum has committed; the last round was completed
    /// without the missing ones, and nothing has been heard of them since. If such a member votes for that round's model, even late,
    /// Training waits for it.
    function _needNotWait(Head memory h, Seats done, Seats leftOut) private view returns (bool) {
        if (!h.has(ABSENT) || !h.has(PAYOUT_DUE)) return false;
        Seats away = _standing.absent.without(_round.votes.entries[h.elected].supporters);
        return (done | leftOut | away).count() == h.memberCount && done.count() >= _updateQuorum(h);
    }

    /// @dev As many members may have no samples as a round has members to spare. A member that had none in a completed round keeps its
    /// place among them. A member that finds no place counts as silent, like those that reveal nothing, and gets the same strike.
    /// Otherwise it could stop rounds for free, since a sum that hides too few updates is not decrypted. Where a buffer ends Training,
    /// only members that have committed can contribute updates, so the places are counted among them.
    function _declareEmpty(Head memory h, uint8 seat) private {
        Seats empty = _round.emptyNow(h).including(seat);
        Seats known = _standing.emptyBeforeNow(h);
        Seats among = h.buffer == 0 ? _seats.members : _round.committed;
        Seats taken = known.contains(seat) ? empty : empty | (known & among);
        uint256 needed = _updateQuorum(h);
        uint256 places = among.count();
        uint256 room = places > needed ? places - needed : 0;
        if (taken.count() > room) revert NoRoomWithoutSamples(Seats.unwrap(taken), room);
        _round.declareEmpty(h, empty);
    }

    /// @dev Ballots of the previous round stay open while the next one trains, for the candidate that it decided on. The quorum that
    /// decides is faster than the slowest honest member, which did the same work.
    function _isLate(Head memory h, uint32 round_) private pure returns (bool) {
        if (h.has(PAYOUT_DUE) && uint256(round_) + 1 == h.round) return true;
        h.expectRound(round_);
        h.expect(State.Vote);
        return false;
    }

    /// @dev Enters a member's vote. @param version Number that the round has, or gets when it is completed.
    function _support(
        uint8 seat,
        uint32 round_,
        uint24 version,
        uint8 index
    ) private returns (Seats supporters) {
        RecordSlot storage slot = _round.slotOf(round_, seat);
        MemberRecord record = slot.record;
        if (!record.isOf(round_)) {
            _accrue(_caller(), record);
            record = openRecord(round_, 0);
        }
        if (record.hasVoted()) revert AlreadyDone(State.Vote, seat);
        return _round.support(seat, slot, record, version, index);
    }
}

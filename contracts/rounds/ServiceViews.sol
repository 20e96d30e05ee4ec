// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceViews} from "../interfaces/ILearningServiceViews.sol";
import {IVersionSource} from "../interfaces/IVersionSource.sol";
import {Ballots} from "./Ballots.sol";
import {Head, DISPUTED, PAYOUT_DUE, SUSPECTED, USED_UP} from "./Head.sol";
import {Incentives} from "./Incentives.sol";
import {RoundClock} from "./RoundClock.sol";
import {Chair} from "./SeatBook.sol";
import {Seats} from "./Seats.sol";

/// @title Views of a learning service
abstract contract ServiceViews is ILearningServiceViews, RoundClock, Incentives {
    using Ballots for Ballots.Ballot;

    /// @inheritdoc ILearningServiceViews
    function clock() public view returns (State current, uint32 currentEpoch, uint32 currentRound, uint40 end) {
        Head memory h = _derived();
        return (h.anchor, h.epoch, h.round, h.deadline);
    }

    /// @inheritdoc ILearningServiceViews
    function state() external view returns (State) {
        return _derived().anchor;
    }

    /// @inheritdoc ILearningServiceViews
    function isDue() public view returns (bool) {
        return block.timestamp >= _head.deadline;
    }

    /// @inheritdoc ILearningServiceViews
    function epochInfo() public view returns (EpochInfo memory) {
        Head memory h = _head;
        return
            EpochInfo({
                epoch: h.epoch,
                members: Seats.unwrap(_seats.members),
                memberCount: h.memberCount,
                quorum: uint16(h.quorum()),
                updateQuorum: uint16(_updateQuorum(h)),
                decryptionThreshold: h.threshold,
                decryptions: h.anchor == State.Registration ? 0 : _parameters.decryptionsPerEpoch - h.decryptionsLeft,
                crsSeed: _key.crsSeed,
                keyHash: h.anchor > State.KeyJudge ? _key.hash : bytes32(0),
                undraftable: Seats.unwrap(_standing.undraftable),
                registered: _seats.registered
            });
    }

    /// @inheritdoc ILearningServiceViews
    function keyInfo() public view returns (KeyInfo memory info) {
        Head memory h = _head;
        if (h.anchor > State.KeyJudge) return info;
        info.committed = h.since(State.KeyCommit, _key.committed);
        info.revealed = h.since(State.KeyReveal, _key.revealed);
        info.spoken = h.since(State.KeyConfirm, _key.spoken);
        info.judged = h.since(State.KeyJudge, _key.judged);
        if (h.anchor >= State.KeyConfirm) {
            info.complained = Seats.unwrap(_key.complained);
            info.accused = Seats.unwrap(_key.accused);
        }
    }

    /// @inheritdoc ILearningServiceViews
    function roundInfo() public view returns (RoundInfo memory) {
        Head memory h = _head;
        bool decided = h.anchor >= State.Decrypt;
        return
            RoundInfo({
                round: h.round,
                committed: h.since(State.Training, _round.committed),
                revealed: h.since(State.Reveal, _round.revealed),
                included: decided ? Seats.unwrap(_round.included) : 0,
                // A dispute has voided all attestations made before it.
                attesters: h.anchor == State.Check ? 0 : h.since(State.Aggregate, _round.attesters),
                drafted: decided ? Seats.unwrap(_round.drafted) : 0,
                shared: h.since(State.Decrypt, _round.shared),
                checked: h.anchor == State.Check ? Seats.unwrap(h.current(_round.checked)) : 0,
                leftOut: Seats.unwrap(_standing.leftOutNow(h)),
                disputed: h.anchor > State.KeyJudge && h.has(DISPUTED),
                lateRound: h.has(PAYOUT_DUE) ? h.round - 1 : 0,
                usedUp: h.has(USED_UP)
            });
    }

    /// @inheritdoc ILearningServiceViews
    function snapshot(address operator) external view returns (Snapshot memory s) {
        (s.current, s.currentEpoch, s.currentRound, s.end) = clock();
        s.due = isDue();
        s.epoch = epochInfo();
        s.key = keyInfo();
        s.round = roundInfo();
        s.seated = Seats.unwrap(_seats.seated);
        Chair storage chair = _seats.chairs[operator];
        s.seat = chair.taken ? chair.seat : type(uint16).max;
    }

    /// @inheritdoc ILearningServiceViews
    function keyCandidates() external view returns (Candidate[] memory) {
        Head memory h = _head;
        bool open = h.anchor == State.KeyConfirm || h.anchor == State.KeyJudge;
        return _key.ballot.list(open ? h.candidates : 0);
    }

    /// @inheritdoc ILearningServiceViews
    function reservedSeats() external view returns (uint256) {
        return Seats.unwrap(_seats.reserved);
    }

    /// @inheritdoc ILearningServiceViews
    function suspicionOf(uint8 seat) external view returns (uint8) {
        if (!_head.has(SUSPECTED)) return 0;
        return _standing.suspicion.countOf(seat);
    }

    /// @inheritdoc ILearningServiceViews
    function votes() external view returns (Candidate[] memory) {
        Head memory h = _head;
        return _round.votes.list(h.anchor > State.KeyJudge ? h.candidates : 0);
    }

    /// @inheritdoc IVersionSource
    function versionCount() external view returns (uint64) {
        return _head.versions;
    }

    /// @inheritdoc IVersionSource
    function versionAt(uint64 version) external view returns (Origin memory origin) {
        Outcome memory outcome = outcomeOf(version);
        if (outcome.round == 0) return origin;
        return
            Origin({
                epoch: outcome.epoch,
                round: outcome.round,
                acceptedAt: outcome.completedAt,
                votes: outcome.votes,
                weightsCommitment: _round.commitments[version]
            });
    }

    /// @inheritdoc ILearningServiceViews
    function outcomeOf(uint64 version) public view returns (Outcome memory) {
        Head memory h = _head;
        return h.has(PAYOUT_DUE) && version == h.versions ? _unsettled(h) : _round.outcomes[version];
    }

    /// @inheritdoc ILearningServiceViews
    function partyOf(address keeper) external view returns (bytes32) {
        return _seats.partyOf[keeper];
    }

    /// @inheritdoc ILearningServiceViews
    function isBanned(address keeper) external view returns (bool) {
        return _seats.banned[keeper];
    }

    /// @inheritdoc ILearningServiceViews
    function isSeated(address keeper) external view returns (bool) {
        return _seats.seatOf[keeper] != 0;
    }

    /// @inheritdoc ILearningServiceViews
    function seats() external view returns (uint256 seated, uint256 leaving) {
        return (Seats.unwrap(_seats.seated), Seats.unwrap(_seats.leaving));
    }

    /// @inheritdoc ILearningServiceViews
    function seatOf(address operator) external view returns (uint8) {
        Chair storage chair = _seats.chairs[operator];
        if (!chair.taken) revert NotSeated(operator);
        return chair.seat;
    }

    /// @inheritdoc ILearningServiceViews
    function seatInfo(uint8 seat) external view returns (address keeper, address operator, uint8 strikes) {
        return (_seats.keepers[seat], _seats.operators[seat], _standing.strikes.countOf(seat));
    }

    /// @inheritdoc ILearningServiceViews
    function earned(uint8 seat) external view returns (uint256) {
        return _seats.chairs[_seats.operators[seat]].accrued + _round.worth(_round.records[0][seat].record) + _round.worth(_round.records[1][seat].record);
    }

    /// @inheritdoc ILearningServiceViews
    function parameters() external view returns (Parameters memory) {
        return _parameters;
    }

    /// @inheritdoc ILearningServiceViews
    function pendingParameters() external view returns (bool pending, Parameters memory next) {
        if (_hasPending) return (true, _pending);
    }

    /// @inheritdoc ILearningServiceViews
    function keeperRegistry() external view returns (address) {
        return address(REGISTRY);
    }

    /// @inheritdoc ILearningServiceViews
    function modelRegistry() external view returns (address) {
        return address(MODELS);
    }

    // ------------------------------------------------------------------------------------------------- commitments

    /// @inheritdoc ILearningServiceViews
    function keyCommitment(
        uint32 epoch_,
        uint8 seat,
        bytes calldata cid,
        bytes32 salt
    ) external view returns (bytes32) {
        return _keyCommitment(epoch_, seat, cid, salt);
    }

    /// @inheritdoc ILearningServiceViews
    function updateCommitment(
        uint32 round_,
        uint8 seat,
        bytes calldata cid,
        uint64 size,
        uint40 samples,
        bytes32 salt
    ) external view returns (bytes32) {
        return _updateCommitment(round_, seat, cid, size, samples, salt);
    }

    /// @inheritdoc ILearningServiceViews
    function attestationSeal(
        uint32 round_,
        uint8 seat,
        bytes32 aggregateHash,
        uint256 included,
        uint256 convicted
    ) external view returns (bytes26) {
        return _seal(round_, seat, aggregateHash, included, convicted);
    }
}

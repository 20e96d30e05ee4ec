// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceViews} from "../interfaces/ILearningServiceViews.sol";
import {IVersionSource} from "../interfaces/IVersionSource.sol";
import {Ballots} from "./Ballots.sol";
import {RoundClock} from "./RoundClock.sol";
import {Seats} from "./Seats.sol";

/// @title What can be read of a learning service
abstract contract ServiceViews is ILearningServiceViews, RoundClock {
    using Ballots for Ballots.Ballot;

    /// @inheritdoc ILearningServiceViews
    function clock() external view returns (State current, uint32 currentEpoch, uint32 currentRound, uint40 end) {
        Head memory h = _derived();
        return (h.anchor, h.epoch, h.round, h.deadline);
    }

    /// @inheritdoc ILearningServiceViews
    function state() external view returns (State) {
        return _derived().anchor;
    }

    /// @inheritdoc ILearningServiceViews
    function isDue() external view returns (bool) {
        return block.timestamp >= _head.deadline;
    }

    /// @inheritdoc ILearningServiceViews
    function epochInfo() external view returns (EpochInfo memory) {
        Head memory h = _head;
        return
            EpochInfo({
                epoch: h.epoch,
                members: Seats.unwrap(_members),
                memberCount: h.memberCount,
                quorum: uint16(_quorum(h)),
                updateQuorum: uint16(_updateQuorum(h)),
                decryptionThreshold: h.threshold,
                decryptions: h.anchor == State.Registration ? 0 : _parameters.decryptionsPerEpoch - h.decryptionsLeft,
                crsSeed: _crsSeed,
                keyHash: _keyHash,
                undraftable: Seats.unwrap(_undraftable)
            });
    }

    /// @inheritdoc ILearningServiceViews
    function keyInfo() external view returns (KeyInfo memory info) {
        Head memory h = _head;
        if (h.anchor > State.KeyConfirm) return info;
        info.committed = _since(h, State.KeyCommit, _keyCommitted);
        info.revealed = _since(h, State.KeyReveal, _keyRevealed);
        info.spoken = _since(h, State.KeyConfirm, _keySpoken);
        if (h.anchor == State.KeyConfirm) {
            info.complained = Seats.unwrap(_keyComplained);
            info.accused = Seats.unwrap(_keyAccused);
        }
    }

    /// @inheritdoc ILearningServiceViews
    function roundInfo() external view returns (RoundInfo memory) {
        Head memory h = _head;
        Ballots.Entry storage winner = _attestations.entries[h.attested];
        bool decided = h.anchor >= State.Decrypt;
        return
            RoundInfo({
                round: h.round,
                committed: _since(h, State.Training, _committed),
                revealed: _since(h, State.Reveal, _revealed),
                included: decided ? Seats.unwrap(winner.included) : 0,
                attesters: decided ? Seats.unwrap(winner.supporters) : 0,
                drafted: decided ? Seats.unwrap(_drafted) : 0,
                shared: _since(h, State.Decrypt, _shared),
                attested: h.attested,
                lateRound: _has(h, PAYOUT_DUE) ? h.round - 1 : 0,
                usedUp: _has(h, USED_UP)
            });
    }

    /// @inheritdoc ILearningServiceViews
    function attestations() external view returns (Candidate[] memory) {
        return _attestations.list(_head.attestCount);
    }

    /// @inheritdoc ILearningServiceViews
    function votes() external view returns (Candidate[] memory) {
        return _votes.list(_head.voteCount);
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
                weightsCommitment: _commitments[version]
            });
    }

    /// @inheritdoc ILearningServiceViews
    function outcomeOf(uint64 version) public view returns (Outcome memory) {
        Head memory h = _head;
        return _has(h, PAYOUT_DUE) && version == h.versions ? _unsettled(h) : _outcomes[version];
    }

    /// @inheritdoc ILearningServiceViews
    function isBanned(address keeper) external view returns (bool) {
        return _banned[keeper];
    }

    /// @inheritdoc ILearningServiceViews
    function seats() external view returns (uint256 seated, uint256 leaving) {
        return (Seats.unwrap(_seated), Seats.unwrap(_leaving));
    }

    /// @inheritdoc ILearningServiceViews
    function seatOf(address operator) external view returns (uint8) {
        Chair storage chair = _chairs[operator];
        if (!chair.taken) revert NotSeated(operator);
        return chair.seat;
    }

    /// @inheritdoc ILearningServiceViews
    function seatInfo(uint8 seat) external view returns (address keeper, address operator, uint8 strikes) {
        strikes = (_strikesLow.contains(seat) ? 1 : 0) + (_strikesHigh.contains(seat) ? 2 : 0);
        return (_keepers[seat], _operators[seat], strikes);
    }

    /// @inheritdoc ILearningServiceViews
    function earned(uint8 seat) external view returns (uint256) {
        return _chairs[_operators[seat]].accrued + _worth(_records[0][seat]) + _worth(_records[1][seat]);
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
        return address(_registry);
    }

    /// @inheritdoc ILearningServiceViews
    function modelRegistry() external view returns (address) {
        return address(_models);
    }
}

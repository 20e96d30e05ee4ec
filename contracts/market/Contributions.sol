// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IImprovementRewards} from "../interfaces/IImprovementRewards.sol";
import {ILearningServiceViews} from "../interfaces/ILearningServiceViews.sol";
import {Seats} from "../rounds/Seats.sol";
import {orderOf, Rota, rotaOf} from "./SitOut.sol";

/// @title Who sits out which round, and the scores that follow
/// @dev A score is the least-squares effect of taking part, with a separate mean for each cycle (a randomised block design: each member is
/// absent from one round of each cycle). It is computed by the rota, which nobody chooses, and not by who actually took part: a member that
/// trains when it should sit out, or idles when it should train, only brings its own score towards zero.
abstract contract Contributions is IImprovementRewards {
    /// @notice Most members of an epoch whose rounds are scored, because payments loop over them.
    uint256 public constant MAX_MEMBERS = 32;
    /// @dev Scores are in thousandths of right answers.
    int256 private constant UNIT = 1000;

    struct Cycle {
        uint8 filled;
        /// Gain of the round at each position of the cycle, in right answers.
        mapping(uint256 position => int256) gains;
    }

    mapping(address service => mapping(uint32 epoch => Epoch)) private _epochs;
    mapping(bytes32 key => Cycle) private _cycles;
    mapping(uint256 campaignId => mapping(address keeper => Score)) private _scores;

    /// @inheritdoc IImprovementRewards
    function noteEpoch(address service) public {
        ILearningServiceViews.EpochInfo memory info = ILearningServiceViews(service).epochInfo();
        if (_epochs[service][info.epoch].seed != 0) revert EpochAlreadyNoted(info.epoch);
        _epochs[service][info.epoch] = _read(service, info);
        Epoch storage noted = _epochs[service][info.epoch];
        emit EpochNoted(service, info.epoch, noted.seed, noted.keepers);
    }

    /// @inheritdoc IImprovementRewards
    function epochOf(address service, uint32 epoch) external view returns (Epoch memory) {
        return _epochs[service][epoch];
    }

    /// @inheritdoc IImprovementRewards
    function scoreOf(uint256 campaignId, address keeper) external view returns (Score memory) {
        return _scores[campaignId][keeper];
    }

    /// @dev Bitmap of the seats that sit out a round: by the epoch's record, or if nobody noted it, by its present members.
    function _sitters(address service, uint8 perRound, uint32 round) internal view returns (uint256 seats) {
        ILearningServiceViews.EpochInfo memory info = ILearningServiceViews(service).epochInfo();
        Epoch memory epoch = _epochs[service][info.epoch];
        if (epoch.seed == 0) epoch = _read(service, info);
        uint256 places = _rotaOf(epoch, perRound).sittersOf(epoch.seed, round);
        Seats rest = Seats.wrap(epoch.seats);
        for (uint256 place = 0; !rest.isEmpty(); ++place) {
            uint8 seat = rest.lowest();
            rest = rest.excluding(seat);
            if ((places >> place) & 1 == 1) seats |= 1 << seat;
        }
    }

    /// @dev Notes the version's epoch if nobody has and it is the present one. Reverts with EpochNotNoted for an earlier one.
    function _requireNoted(address service, uint32 epoch) internal {
        if (_epochs[service][epoch].seed != 0) return;
        if (ILearningServiceViews(service).epochInfo().epoch != epoch) revert EpochNotNoted(epoch);
        noteEpoch(service);
    }

    /// @dev Whether the epoch was noted or still can be.
    function _canNote(address service, uint32 epoch) internal view returns (bool) {
        return _epochs[service][epoch].seed != 0 || ILearningServiceViews(service).epochInfo().epoch == epoch;
    }

    function _membersOf(
        address service,
        uint32 number,
        uint8 perRound,
        uint32 round
    ) internal view returns (address[] memory keepers, uint256 sitting) {
        Epoch memory epoch = _epochs[service][number];
        return (epoch.keepers, _rotaOf(epoch, perRound).sittersOf(epoch.seed, round));
    }

    /// @dev Records the gain of a round. The last round of a cycle scores all members.
    function _enter(uint256 campaignId, address service, uint8 perRound, Measured storage version, int256 gain) internal {
        Epoch memory epoch = _epochs[service][version.epoch];
        Rota memory rota = _rotaOf(epoch, perRound);
        (bool rests, uint256 number, uint256 position) = rota.placeOf(version.round);
        if (!rests) return;
        Cycle storage cycle = _cycles[keccak256(abi.encode(campaignId, version.epoch, number))];
        cycle.gains[position] = gain;
        uint256 length = rota.cycleRounds();
        if (++cycle.filled < length) return;
        _score(campaignId, epoch, rota, number, cycle);
        emit CycleScored(campaignId, version.epoch, number);
    }

    /// @dev Weights of the members: their positive scores; 0 for other scores, and for members with fewer than `cycles`.
    function _weights(
        uint256 campaignId,
        address[] memory keepers,
        uint256 cycles
    ) internal view returns (uint256[] memory weights, uint256 total) {
        weights = new uint256[](keepers.length);
        for (uint256 i = 0; i < keepers.length; ++i) {
            Score memory score = _scores[campaignId][keepers[i]];
            if (score.sum <= 0 || score.cycles < cycles) continue;
            // A mean over cycles, so that members that came later have no disadvantage.
            weights[i] = (uint256(int256(score.sum)) << 32) / score.cycles;
            total += weights[i];
        }
    }

    function _score(
        uint256 campaignId,
        Epoch memory epoch,
        Rota memory rota,
        uint256 number,
        Cycle storage cycle
    ) private {
        uint256 length = rota.cycleRounds();
        int256 all;
        for (uint256 position = 0; position < length; ++position) all += cycle.gains[position];
        uint256[] memory order = orderOf(epoch.seed, number, rota.members);
        for (uint256 i = 0; i < order.length; ++i) {
            int256 absent = cycle.gains[i / rota.perRound];
            Score storage score = _scores[campaignId][epoch.keepers[order[i]]];
            score.sum += int64((UNIT * (all - int256(length) * absent)) / int256(length));
            ++score.cycles;
        }
    }

    function _rotaOf(Epoch memory epoch, uint8 perRound) private pure returns (Rota memory) {
        return rotaOf(epoch.keepers.length, epoch.updateQuorum, perRound);
    }

    function _read(
        address service,
        ILearningServiceViews.EpochInfo memory info
    ) private view returns (Epoch memory epoch) {
        // Before its key is confirmed, members of the epoch may still be dropped.
        if (info.keyHash == 0) revert EpochNotOpen(info.epoch);
        if (info.memberCount > MAX_MEMBERS) revert TooManyMembers(info.memberCount, MAX_MEMBERS);
        epoch.seed = info.crsSeed;
        epoch.seats = info.members;
        epoch.updateQuorum = info.updateQuorum;
        epoch.keepers = new address[](info.memberCount);
        Seats rest = Seats.wrap(info.members);
        for (uint256 i = 0; i < epoch.keepers.length; ++i) {
            uint8 seat = rest.lowest();
            rest = rest.excluding(seat);
            (epoch.keepers[i], , ) = ILearningServiceViews(service).seatInfo(seat);
        }
    }
}

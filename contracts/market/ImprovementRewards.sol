// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IClaimRegistry, IClaimRegistryTypes} from "../interfaces/IClaimRegistry.sol";
import {IImprovementRewards} from "../interfaces/IImprovementRewards.sol";
import {ILearningServiceViews} from "../interfaces/ILearningServiceViews.sol";
import {IModelRegistry, IModelRegistryErrors} from "../interfaces/IModelRegistry.sol";
import {PullPayments} from "../inference/PullPayments.sol";
import {isLeaf, leafOf} from "../claims/BatchLeaf.sol";
import {Contributions} from "./Contributions.sol";
import {HoldOut} from "./HoldOut.sol";

/// @title Rewards for improvement that is proven on a hold-out
/// @notice See IImprovementRewards, which owns the documentation.
/// @dev Ether leaves only through `withdraw`. The services are registered by the DAO's factory and trusted. Nothing here calls keepers.
contract ImprovementRewards is Contributions, HoldOut, PullPayments {
    uint256 public constant MAX_DRAWS = 16;
    /// @notice Blocks from the request to the block whose hash decides.
    uint256 public constant DRAW_DELAY = 2;
    /// @notice Seconds for which claims must remain valid after the challenge period, to leave time for settling.
    uint256 public constant GRACE_SECONDS = 7 days;
    uint256 private constant MIN_SECONDS = 1 hours;
    uint256 private constant MAX_SECONDS = 90 days;
    uint256 private constant BASIS_POINTS = 10_000;

    IClaimRegistry public immutable CLAIMS;
    IModelRegistry public immutable MODELS;

    /// @inheritdoc IImprovementRewards
    uint256 public campaignCount;
    mapping(uint256 campaignId => Campaign) private _campaigns;
    mapping(uint256 campaignId => bytes32) private _statements;
    mapping(uint256 campaignId => mapping(uint64 version => Measured)) private _measured;
    /// @dev The version that waits next after this one.
    mapping(uint256 campaignId => mapping(uint64 version => uint64)) private _after;
    /// @dev The last version that was settled with a figure.
    mapping(uint256 campaignId => uint64 version) private _lastSettled;
    mapping(address service => mapping(address keeper => uint256)) private _earned;
    mapping(address service => mapping(address keeper => uint256)) private _lastImprovement;

    constructor(IClaimRegistry claims, IModelRegistry models) {
        CLAIMS = claims;
        MODELS = models;
    }

    /// @inheritdoc IImprovementRewards
    function open(Terms calldata terms) external payable returns (uint256 campaignId) {
        bool admin = MODELS.isService(terms.service) && IAccessControl(terms.service).hasRole(bytes32(0), msg.sender);
        if (!admin) revert NotServiceAdmin(terms.service, msg.sender);
        if (terms.statement.kind != IClaimRegistryTypes.Kind.Accuracy) revert NotAccuracy(terms.statement.kind);
        uint256 samples = uint256(terms.statement.count) * terms.draws;
        _within("draws", terms.draws, 1, MAX_DRAWS);
        _within("count", terms.statement.count, 1, type(uint16).max);
        _within("baseline", terms.baseline, 0, samples);
        _within("margin", terms.margin, 0, samples);
        _within("step", terms.step, 1, samples);
        _within("tolerance", terms.tolerance, 0, terms.statement.count);
        _within("presentSeconds", terms.presentSeconds, MIN_SECONDS, MAX_SECONDS);
        _within("patienceSeconds", terms.patienceSeconds, MIN_SECONDS, MAX_SECONDS);
        _within("endsAt", terms.endsAt, block.timestamp + 1, block.timestamp + 730 days);
        _within("scoreBps", terms.scoreBps, 0, BASIS_POINTS);
        _within("scoredAfter", terms.scoredAfter, 1, type(uint16).max);
        _requireUnseen(terms.service, terms.poolId, terms.draws);
        campaignId = ++campaignCount;
        Campaign storage campaign = _campaigns[campaignId];
        campaign.sponsor = msg.sender;
        campaign.terms = terms;
        campaign.budget = msg.value;
        campaign.best = terms.baseline;
        campaign.lastDrawn = MODELS.versionCount(terms.service);
        _statements[campaignId] = CLAIMS.statementIdOf(terms.statement);
        emit CampaignOpened(campaignId, terms.service, msg.sender, terms);
    }

    /// @inheritdoc IImprovementRewards
    function fund(uint256 campaignId) external payable {
        Campaign storage campaign = _known(campaignId);
        if (block.timestamp > campaign.terms.endsAt) revert CampaignOver(campaign.terms.endsAt);
        campaign.budget += msg.value;
        emit CampaignFunded(campaignId, msg.sender, msg.value);
    }

    /// @inheritdoc IImprovementRewards
    function close(uint256 campaignId) external {
        Campaign storage campaign = _known(campaignId);
        if (campaign.sponsor != msg.sender) revert NotSponsor(campaignId, msg.sender);
        if (block.timestamp <= campaign.terms.endsAt) revert CampaignRuns(campaign.terms.endsAt);
        if (campaign.waiting != 0) revert VersionsWait(campaign.waiting);
        uint256 rest = campaign.budget;
        campaign.budget = 0;
        _credit(msg.sender, rest);
        emit CampaignClosed(campaignId, rest);
    }

    /// @inheritdoc IImprovementRewards
    function draw(uint256 campaignId, uint64 version) external {
        Campaign storage campaign = _known(campaignId);
        Terms storage terms = campaign.terms;
        if (block.timestamp > terms.endsAt) revert CampaignOver(terms.endsAt);
        Measured storage measured = _measured[campaignId][version];
        if (measured.phase == Phase.None) {
            // A draw for a future version would allow training that version on its batches.
            if (!_isAlive(terms.service, version)) revert VersionNotAlive(terms.service, version);
            _requireNext(terms.service, version, campaign.lastDrawn);
            _requireUnseen(terms.service, terms.poolId, terms.draws);
            ILearningServiceViews.Outcome memory outcome = ILearningServiceViews(terms.service).outcomeOf(version);
            _requireNoted(terms.service, outcome.epoch);
            measured.epoch = outcome.epoch;
            measured.round = outcome.round;
            measured.phase = Phase.Drawing;
            measured.askedAt = uint48(block.timestamp);
            measured.presentBy = uint48(block.timestamp + terms.presentSeconds);
            _askDraw(_deck(terms.service, terms.poolId));
            if (campaign.waiting++ == 0) campaign.next = version;
            else _after[campaignId][campaign.lastDrawn] = version;
            campaign.lastDrawn = version;
        } else {
            // Nobody fixed the draw in time. Each side can fix a draw that the other side would prefer to repeat.
            bool lapsed = measured.phase == Phase.Drawing &&
                block.number > measured.decidedBy &&
                blockhash(measured.decidedBy) == 0;
            if (!lapsed) revert DrawStands(measured.decidedBy);
            if (block.timestamp > measured.presentBy) revert TooLate(block.timestamp, measured.presentBy);
            // The queue waits for repeated draws once more as long, and no longer.
            uint256 last = uint256(measured.askedAt) + 2 * uint256(terms.presentSeconds);
            uint256 by = block.timestamp + terms.presentSeconds;
            measured.presentBy = uint48(by < last ? by : last);
        }
        measured.decidedBy = uint64(block.number + DRAW_DELAY);
        emit DrawAsked(campaignId, version, measured.decidedBy);
    }

    /// @inheritdoc IImprovementRewards
    function hide(address service, uint64 poolId, uint32[] calldata indices) external {
        IClaimRegistryTypes.Pool memory pool = CLAIMS.poolOf(poolId);
        if (pool.keeper != msg.sender) revert NotPoolKeeper(poolId, msg.sender);
        _hide(_deck(service, poolId), pool.size, indices);
        emit BatchesHidden(service, poolId, indices);
    }

    /// @inheritdoc IImprovementRewards
    function fixDraw(uint256 campaignId, uint64 version) external {
        Measured storage measured = _measured[campaignId][version];
        if (measured.phase != Phase.Drawing) revert NotMeasured(campaignId, version);
        if (block.number <= measured.decidedBy) revert DrawTooEarly(block.number, measured.decidedBy);
        bytes32 hash = blockhash(measured.decidedBy);
        if (hash == 0) revert DrawLapsed(block.number, measured.decidedBy);
        Terms storage terms = _campaigns[campaignId].terms;
        uint256 size = CLAIMS.poolOf(terms.poolId).size;
        bytes32 seed = keccak256(abi.encode(block.chainid, address(this), campaignId, version, hash));
        measured.indices = _drawSome(_deck(terms.service, terms.poolId), size, terms.draws, seed);
        measured.phase = Phase.Presenting;
        emit DrawFixed(campaignId, version, measured.indices);
    }

    /// @inheritdoc IImprovementRewards
    function present(
        uint256 campaignId,
        uint64 version,
        uint256[] calldata claimIds,
        bytes32[][] calldata paths
    ) external {
        Measured storage measured = _measured[campaignId][version];
        if (measured.phase != Phase.Presenting) revert DrawNotFixed(version);
        if (block.timestamp > measured.presentBy) revert TooLate(block.timestamp, measured.presentBy);
        Terms memory terms = _campaigns[campaignId].terms;
        if (claimIds.length != terms.draws || paths.length != terms.draws) revert ClaimCount(claimIds.length, terms.draws);
        uint256 until = uint256(measured.presentBy) + terms.patienceSeconds + GRACE_SECONDS;
        IClaimRegistryTypes.Pool memory pool = CLAIMS.poolOf(terms.poolId);
        (uint32 figure, uint32 guaranteed) = (0, 0);
        for (uint256 i = 0; i < claimIds.length; ++i) {
            IClaimRegistryTypes.Claim memory claim = CLAIMS.claimOf(claimIds[i]);
            if (claim.expiresAt < until || !_fits(campaignId, terms, version, claimIds[i], claim)) {
                revert ClaimUnfit(claimIds[i]);
            }
            if (!isLeaf(pool.root, pool.size, measured.indices[i], leafOf(claim.batch), paths[i])) {
                revert NotDrawnBatch(claimIds[i], measured.indices[i]);
            }
            figure += claim.figure;
            guaranteed += claim.guarantee;
        }
        // Of two presentations with equal figures, the one that guarantees less stands: so nobody holds the place with claims that are
        // meant to fall.
        bool better = figure > measured.figure || (figure == measured.figure && guaranteed < measured.guaranteed);
        if (measured.claimIds.length != 0 && !better) revert NotBetter(figure, guaranteed);
        measured.figure = figure;
        measured.guaranteed = guaranteed;
        measured.claimIds = claimIds;
        emit Presented(campaignId, version, msg.sender, figure);
    }

    /// @inheritdoc IImprovementRewards
    function settle(uint256 campaignId) external {
        Campaign storage campaign = _known(campaignId);
        if (campaign.waiting == 0) revert NothingWaits(campaignId);
        uint64 version = campaign.next;
        Measured storage measured = _measured[campaignId][version];
        if (block.timestamp <= measured.presentBy) revert TooEarly(block.timestamp, uint256(measured.presentBy) + 1);
        bool presented = measured.claimIds.length != 0;
        if (presented) {
            uint256 last = uint256(measured.presentBy) + campaign.terms.patienceSeconds;
            if (block.timestamp <= last) revert TooEarly(block.timestamp, last + 1);
            if (!_allStand(campaignId, version, measured)) {
                // This can happen repeatedly. The version lapses only when nobody presents anything during a whole period.
                delete measured.claimIds;
                measured.figure = 0;
                measured.presentBy = uint48(block.timestamp + campaign.terms.presentSeconds);
                emit Reopened(campaignId, version, measured.presentBy);
                return;
            }
        }
        --campaign.waiting;
        campaign.next = _after[campaignId][version];
        if (!presented) {
            if (measured.phase == Phase.Drawing) _endDraw(_deck(campaign.terms.service, campaign.terms.poolId));
            measured.phase = Phase.Lapsed;
            emit VersionLapsed(campaignId, version);
            return;
        }
        measured.phase = Phase.Settled;
        _settle(campaignId, campaign, version, measured);
    }

    /// @inheritdoc IImprovementRewards
    function campaignOf(uint256 campaignId) external view returns (Campaign memory) {
        return _known(campaignId);
    }

    /// @inheritdoc IImprovementRewards
    function measuredOf(uint256 campaignId, uint64 version) external view returns (Measured memory) {
        return _measured[campaignId][version];
    }

    /// @inheritdoc IImprovementRewards
    function sittersOf(uint256 campaignId, uint32 round) external view returns (uint256 seats) {
        Terms storage terms = _known(campaignId).terms;
        return _sitters(terms.service, terms.perRound, round);
    }

    /// @inheritdoc IImprovementRewards
    function earnedOf(address service, address keeper) external view returns (uint256) {
        return _earned[service][keeper];
    }

    /// @inheritdoc IImprovementRewards
    function lastImprovementOf(address service, address keeper) external view returns (uint256) {
        return _lastImprovement[service][keeper];
    }

    /// @inheritdoc IImprovementRewards
    function unseenOf(address service, uint64 poolId) external view returns (uint256) {
        return _left(_deck(service, poolId), CLAIMS.poolOf(poolId).size);
    }

    function _settle(uint256 campaignId, Campaign storage campaign, uint64 version, Measured storage measured) private {
        Terms memory terms = campaign.terms;
        uint32 figure = measured.figure;
        uint64 before = _lastSettled[campaignId];
        if (before != 0 && before + 1 == version) {
            int256 gain = int256(uint256(figure)) - int256(uint256(_measured[campaignId][before].figure));
            _enter(campaignId, terms.service, terms.perRound, measured, gain);
        }
        _lastSettled[campaignId] = version;
        uint32 level = figure > terms.margin ? figure - terms.margin : 0;
        uint256 prize;
        if (level >= campaign.best + terms.step) {
            prize = uint256(level - campaign.best) * terms.rate;
            if (prize > campaign.budget) prize = campaign.budget;
            campaign.best = level;
            prize = _split(campaignId, terms, version, measured, prize);
            campaign.budget -= prize;
            measured.prize = uint128(prize);
        }
        emit VersionSettled(campaignId, version, figure, campaign.best, prize);
    }

    /// @dev Splits one part of the prize equally among the members that were not to sit out this round, and the other part by scores among
    /// all.
    /// @return paid The prize minus the indivisible remainder.
    function _split(
        uint256 campaignId,
        Terms memory terms,
        uint64 version,
        Measured storage measured,
        uint256 prize
    ) private returns (uint256 paid) {
        (address[] memory keepers, uint256 sitting) = _membersOf(
            terms.service,
            measured.epoch,
            terms.perRound,
            measured.round
        );
        (uint256[] memory weights, uint256 total) = _weights(campaignId, keepers, terms.scoredAfter);
        uint256 scored = total == 0 ? 0 : (prize * terms.scoreBps) / BASIS_POINTS;
        uint256 working = keepers.length;
        for (uint256 i = 0; i < keepers.length; ++i) working -= (sitting >> i) & 1;
        for (uint256 i = 0; i < keepers.length; ++i) {
            uint256 amount = (sitting >> i) & 1 == 1 ? 0 : (prize - scored) / working;
            if (scored != 0) amount += (scored * weights[i]) / total;
            if (amount == 0) continue;
            paid += amount;
            _pay(campaignId, version, terms.service, keepers[i], amount);
        }
    }

    function _pay(uint256 campaignId, uint64 version, address service, address keeper, uint256 amount) private {
        _earned[service][keeper] += amount;
        uint256 acceptedAt = ILearningServiceViews(service).outcomeOf(version).completedAt;
        if (acceptedAt > _lastImprovement[service][keeper]) _lastImprovement[service][keeper] = acceptedAt;
        _credit(keeper, amount);
        emit KeeperRewarded(campaignId, version, keeper, amount);
    }

    function _allStand(uint256 campaignId, uint64 version, Measured storage measured) private view returns (bool) {
        Terms memory terms = _campaigns[campaignId].terms;
        for (uint256 i = 0; i < measured.claimIds.length; ++i) {
            uint256 claimId = measured.claimIds[i];
            if (!_fits(campaignId, terms, version, claimId, CLAIMS.claimOf(claimId))) return false;
        }
        return true;
    }

    /// @dev Whether the claim counts and is about this version and campaign. Whether its batch is the drawn one is checked when it is
    /// presented.
    function _fits(
        uint256 campaignId,
        Terms memory terms,
        uint64 version,
        uint256 claimId,
        IClaimRegistryTypes.Claim memory claim
    ) private view returns (bool) {
        if (claim.poolId != terms.poolId || uint256(claim.guarantee) + terms.tolerance < claim.figure) return false;
        // An accomplice as auditor could refute the claim whenever that suits.
        if (claim.auditor != address(0)) return false;
        return
            CLAIMS.meets(
                claimId,
                IClaimRegistryTypes.Requirement({
                    service: terms.service,
                    version: version,
                    statementId: _statements[campaignId],
                    source: IClaimRegistryTypes.Source.Claimant,
                    by: bytes32(uint256(uint160(claim.claimant))),
                    bound: claim.guarantee,
                    minBond: terms.minBond,
                    ceremony: terms.ceremony
                })
            );
    }

    /// @dev No version that can be measured is skipped: its improvement would be paid to the members of a later one.
    function _requireNext(address service, uint64 version, uint64 last) private view {
        if (version <= last) revert VersionOutOfOrder(version, last);
        for (uint64 between = last + 1; between < version; ++between) {
            if (!_isAlive(service, between)) continue;
            uint32 epoch = ILearningServiceViews(service).outcomeOf(between).epoch;
            if (_canNote(service, epoch)) revert VersionOutOfOrder(version, between - 1);
        }
    }

    function _isAlive(address service, uint64 version) private view returns (bool) {
        (IModelRegistryErrors.VersionStatus status, , ) = MODELS.lookUp(service, version);
        return
            status == IModelRegistryErrors.VersionStatus.Accepted ||
            status == IModelRegistryErrors.VersionStatus.Released;
    }

    function _requireUnseen(address service, uint64 poolId, uint256 needed) private view {
        uint256 left = _left(_deck(service, poolId), CLAIMS.poolOf(poolId).size);
        if (left < needed) revert HoldOutUsedUp(left, needed);
    }

    /// @dev The deck belongs to the service, so that another service's campaign cannot use up its pool.
    function _deck(address service, uint64 poolId) private pure returns (bytes32) {
        return keccak256(abi.encode(service, poolId));
    }

    function _known(uint256 campaignId) private view returns (Campaign storage campaign) {
        campaign = _campaigns[campaignId];
        if (campaign.sponsor == address(0)) revert UnknownCampaign(campaignId);
    }

    function _within(bytes32 field, uint256 found, uint256 min, uint256 max) private pure {
        if (found < min || found > max) revert TermOutOfRange(field, found, min, max);
    }
}

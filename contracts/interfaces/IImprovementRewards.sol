// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IClaimRegistryTypes} from "./IClaimRegistry.sol";
import {IPullPayments} from "./IPullPayments.sol";

/// @dev Errors of rewards for proven improvement. They carry the values that explain them.
interface IImprovementRewardsErrors {
    error UnknownCampaign(uint256 campaignId);
    /// @notice Only an administrator of the service (the timelock) opens campaigns for it. Other accounts could pay themselves and pass the
    /// payments off as reputation.
    error NotServiceAdmin(address service, address caller);
    /// @notice `field` lies outside `min` … `max`.
    error TermOutOfRange(bytes32 field, uint256 found, uint256 min, uint256 max);
    /// @notice Campaigns measure improvement in right answers, so the statement must be about accuracy.
    error NotAccuracy(IClaimRegistryTypes.Kind kind);
    /// @notice The caller is not the sponsor of this campaign.
    error NotSponsor(uint256 campaignId, address caller);
    /// @notice The campaign ended at `endsAt` (Unix seconds): it measures no further version and takes no further money.
    error CampaignOver(uint256 endsAt);
    error CampaignRuns(uint256 endsAt);
    /// @notice Some versions are not settled yet.
    error VersionsWait(uint256 count);
    /// @notice Versions are measured in order, each once. Only versions that were withdrawn, or whose epoch nobody noted while it lasted,
    /// are skipped.
    error VersionOutOfOrder(uint64 version, uint64 last);
    error VersionNotAlive(address service, uint64 version);
    /// @notice Only `left` hold-out batches are still unseen, and measuring a version takes `needed`. Open a campaign on a new pool.
    error HoldOutUsedUp(uint256 left, uint256 needed);
    /// @notice An epoch can be noted only while it serves rounds. The key of the service's present epoch, `found`, is not confirmed.
    error EpochNotOpen(uint32 found);
    error EpochAlreadyNoted(uint32 epoch);
    /// @notice Nobody noted the members of this version's epoch.
    error EpochNotNoted(uint32 epoch);
    error TooManyMembers(uint256 found, uint256 max);
    error NotMeasured(uint256 campaignId, uint64 version);
    /// @notice The draw is fixed, or the hash that decides can still be read.
    error DrawStands(uint64 decidedBy);
    error DrawTooEarly(uint256 blockNumber, uint256 decidedBy);
    /// @notice The hash that decides can no longer be read. Ask for the draw again.
    error DrawLapsed(uint256 blockNumber, uint256 decidedBy);
    error DrawNotFixed(uint64 version);
    /// @notice A presentation needs one claim for each drawn batch.
    error ClaimCount(uint256 found, uint256 expected);
    /// @notice The claim does not count, is about another service, version, statement or pool, or has too small a bond or guarantee.
    error ClaimUnfit(uint256 claimId);
    /// @notice The claim's batch is not the one that was drawn.
    error NotDrawnBatch(uint256 claimId, uint256 index);
    /// @notice A presentation replaces another one only with more right answers, or with as many and smaller guarantees.
    error NotBetter(uint256 figure, uint256 guaranteed);
    /// @notice Another draw from this hold-out is not fixed yet. Draws are made one after the other.
    error DrawPending();
    /// @notice At most `max` batches can be hidden at a time. Draws make room as they pass over hidden batches.
    error TooManyHidden(uint256 max);
    error NotPoolKeeper(uint64 poolId, address caller);
    error IndexOutOfRange(uint256 index, uint256 size);
    error TooEarly(uint256 found, uint256 first);
    error TooLate(uint256 found, uint256 last);
    error NothingWaits(uint256 campaignId);
}

/// @dev Types of rewards for proven improvement.
interface IImprovementRewardsTypes is IImprovementRewardsErrors {
    /// @notice What a sponsor promises. Figures are right answers among the samples of all batches that are drawn for one version.
    struct Terms {
        address service;
        /// Pool of the claim registry that serves as the hold-out: batches on which nobody trains.
        uint64 poolId;
        /// The statement that claims must make: accuracy, over a batch of so many samples.
        IClaimRegistryTypes.Statement statement;
        /// Number of batches that are drawn for each version, 1 … 16.
        uint8 draws;
        /// Figure above which improvement counts.
        uint32 baseline;
        /// Subtracted from each figure: what a sample of this size can show by luck (Hoeffding's bound).
        uint32 margin;
        /// Least improvement that is paid; at least 1.
        uint32 step;
        /// How far the guarantee of a claim may lie below its figure, in right answers of one batch.
        uint32 tolerance;
        /// Wei for each right answer by which a figure exceeds the best one so far.
        uint128 rate;
        /// Least bond of each claim, in wei.
        uint128 minBond;
        /// Whether the circuits' keys must come from a ceremony.
        bool ceremony;
        /// Seconds for presenting claims, and then again for challenging them.
        uint32 presentSeconds;
        uint32 patienceSeconds;
        /// Unix seconds; no draws after this time.
        uint48 endsAt;
        /// Members that sit out each round, as far as the round machine can spare them; 0: nobody does.
        uint8 perRound;
        /// Part of each prize that is split by contribution scores, in basis points.
        uint16 scoreBps;
        /// Cycles of rounds after which scores count. In each cycle every member sits out once.
        uint16 scoredAfter;
    }

    /// @notice Where a version stands between draw and prize.
    enum Phase {
        None,
        Drawing,
        Presenting,
        Settled,
        /// Nobody presented claims that lasted.
        Lapsed
    }

    struct Measured {
        Phase phase;
        uint64 decidedBy;
        /// Unix seconds at which the draw was first asked for, and until which claims may be presented.
        uint48 askedAt;
        uint48 presentBy;
        /// The current presentation: right answers shown, and the sum of what its claims guarantee.
        uint32 figure;
        uint32 guaranteed;
        uint32 epoch;
        uint32 round;
        /// Prize for the version, in wei.
        uint128 prize;
        uint32[] indices;
        uint256[] claimIds;
    }

    /// @notice The members of an epoch, in the order of their seats.
    struct Epoch {
        bytes32 seed;
        uint256 seats;
        uint16 updateQuorum;
        address[] keepers;
    }

    struct Campaign {
        address sponsor;
        Terms terms;
        /// Wei that are left.
        uint256 budget;
        /// Best figure so far, minus the margin.
        uint32 best;
        /// The last version with a draw, or the newest one when the campaign was opened.
        uint64 lastDrawn;
        /// Number of versions that wait to be settled, and the first of them.
        uint32 waiting;
        uint64 next;
    }

    /// @notice `sum`, in thousandths of right answers: by how much the average round of a cycle gained more than the round that the member
    /// sat out, added up over `cycles`.
    struct Score {
        int64 sum;
        uint32 cycles;
    }
}

/// @dev Events of rewards for proven improvement.
interface IImprovementRewardsEvents is IImprovementRewardsTypes {
    event CampaignOpened(uint256 indexed campaignId, address indexed service, address indexed sponsor, Terms terms);
    event CampaignFunded(uint256 indexed campaignId, address indexed payer, uint256 amount);
    event CampaignClosed(uint256 indexed campaignId, uint256 returned);
    event EpochNoted(address indexed service, uint32 indexed epoch, bytes32 seed, address[] keepers);
    event DrawAsked(uint256 indexed campaignId, uint64 indexed version, uint64 decidedBy);
    event DrawFixed(uint256 indexed campaignId, uint64 indexed version, uint32[] indices);
    event Presented(uint256 indexed campaignId, uint64 indexed version, address presenter, uint32 figure);
    event BatchesHidden(address indexed service, uint64 indexed poolId, uint32[] indices);
    /// @notice A claim fell, so the version may be presented again until `presentBy`.
    event Reopened(uint256 indexed campaignId, uint64 indexed version, uint48 presentBy);
    event VersionLapsed(uint256 indexed campaignId, uint64 indexed version);
    event VersionSettled(uint256 indexed campaignId, uint64 indexed version, uint32 figure, uint32 best, uint256 prize);
    event KeeperRewarded(uint256 indexed campaignId, uint64 indexed version, address indexed keeper, uint256 amount);
    event CycleScored(uint256 indexed campaignId, uint32 indexed epoch, uint256 indexed cycle);
}

/// @title Rewards for improvement that is proven on a hold-out
/// @notice A service commits to batches on which nobody trains (a pool of the claim registry). After a version is accepted, the hash of a
/// later block draws batches that were never drawn before, and anybody proves how many answers on them are right. Once the claims have
/// stood for a challenge period, a prize is paid for the improvement over the best figure so far, minus a margin for luck. The record only
/// rises, so all prizes together pay for the way from the baseline to the best figure once, and for no part of it twice. Members sit out
/// rounds in turn, in an order that a seed decides. A member's score compares the rounds of a cycle with the one that it sat out; computing
/// it needs no update.
interface IImprovementRewards is IImprovementRewardsEvents, IPullPayments {
    /// @notice Opens a campaign. The ether sent is its budget. Only administrators of the service may.
    function open(Terms calldata terms) external payable returns (uint256 campaignId);

    /// @notice Adds the ether sent to the budget. Anybody may, until the campaign ends.
    function fund(uint256 campaignId) external payable;

    /// @notice Gives the rest of the budget back, after the end, when no version waits. Only the sponsor may.
    function close(uint256 campaignId) external;

    /// @notice Records members and seed of the service's present epoch. Anybody may, while the epoch serves rounds. `draw` does so, too.
    function noteEpoch(address service) external;

    /// @notice Asks for a version's batches; the hash of the second block after this one decides. Anybody may, so nobody who wants the
    /// version to stay unmeasured can prevent it. A draw that nobody fixed in time can be asked for again.
    function draw(uint256 campaignId, uint64 version) external;

    /// @notice Fixes the draw by reading the hash that decides. Anybody may, within 256 blocks, so nobody can prevent a draw that they
    /// dislike.
    function fixDraw(uint256 campaignId, uint64 version) external;

    /// @notice Excludes batches from later draws because somebody has seen them: those that challenges drew. Only the pool's keeper may; it
    /// is the one that opens them.
    function hide(address service, uint64 poolId, uint32[] calldata indices) external;

    /// @notice Presents claims on the drawn batches, in their order. They replace an earlier presentation if they show more right answers,
    /// or as many with smaller guarantees, which are less likely to fall. The claims must name no auditor.
    /// @param paths From each batch to the pool's root.
    function present(
        uint256 campaignId,
        uint64 version,
        uint256[] calldata claimIds,
        bytes32[][] calldata paths
    ) external;

    /// @notice Settles the version that has waited longest, when its time is over: pays the prize, reopens the version if a claim fell, or
    /// lets it lapse. Anybody may.
    function settle(uint256 campaignId) external;

    function campaignOf(uint256 campaignId) external view returns (Campaign memory);

    function campaignCount() external view returns (uint256);

    function measuredOf(uint256 campaignId, uint64 version) external view returns (Measured memory);

    /// @notice All empty for an epoch that nobody noted.
    function epochOf(address service, uint32 epoch) external view returns (Epoch memory);

    /// @notice Bitmap of the seats that sit out a round of the service's present epoch. It depends only on the epoch's seed and the round.
    function sittersOf(uint256 campaignId, uint32 round) external view returns (uint256 seats);

    function scoreOf(uint256 campaignId, address keeper) external view returns (Score memory);

    /// @notice Wei that campaigns of a service have paid a keeper so far.
    function earnedOf(address service, address keeper) external view returns (uint256);

    /// @notice When the last version was accepted for which the service's campaigns paid the keeper, in Unix seconds; 0: none was.
    function lastImprovementOf(address service, address keeper) external view returns (uint256);

    /// @notice Batches of a service's pool that were never drawn here.
    function unseenOf(address service, uint64 poolId) external view returns (uint256);
}

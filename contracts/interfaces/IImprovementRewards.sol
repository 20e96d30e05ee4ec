// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IClaimRegistryTypes} from "./IClaimRegistry.sol";
import {IPullPayments} from "./IPullPayments.sol";

/// @dev Errors of rewards for proven improvement. Values explain each.
interface IImprovementRewardsErrors {
    error UnknownCampaign(uint256 campaignId);
    /// @notice Only who administers the service (the timelock) opens campaigns for it: others could pay themselves and call it reputation.
    error NotServiceAdmin(address service, address caller);
    /// @notice `field` lies outside `min` … `max`.
    error TermOutOfRange(bytes32 field, uint256 found, uint256 min, uint256 max);
    /// @notice Improvement is measured in right answers.
    error NotAccuracy(IClaimRegistryTypes.Kind kind);
    /// @notice The caller sponsors no such campaign.
    error NotSponsor(uint256 campaignId, address caller);
    /// @notice No version is measured after this time (Unix seconds), and nothing comes back to the sponsor before it.
    error CampaignOver(uint256 endsAt);
    error CampaignRuns(uint256 endsAt);
    /// @notice Versions still wait to be settled.
    error VersionsWait(uint256 count);
    /// @notice Versions are measured one after the other, each once. None is passed over but those that were
    /// withdrawn, or of an epoch that nobody noted in its time.
    error VersionOutOfOrder(uint64 version, uint64 last);
    error VersionNotAlive(address service, uint64 version);
    /// @notice So many hold-out batches are left that nobody has seen; a version takes `needed`. Open a campaign on a new pool.
    error HoldOutUsedUp(uint256 left, uint256 needed);
    /// @notice An epoch is noted while it serves rounds: it is not epoch `found`, or its key is not confirmed.
    error EpochNotOpen(uint32 found);
    error EpochAlreadyNoted(uint32 epoch);
    /// @notice Nobody noted who was a member in this version's epoch.
    error EpochNotNoted(uint32 epoch);
    error TooManyMembers(uint256 found, uint256 max);
    error NotMeasured(uint256 campaignId, uint64 version);
    /// @notice The draw stands, or its hash can still be read.
    error DrawStands(uint64 decidedBy);
    error DrawTooEarly(uint256 blockNumber, uint256 decidedBy);
    /// @notice The hash can no longer be read: ask for the draw again.
    error DrawLapsed(uint256 blockNumber, uint256 decidedBy);
    error DrawNotFixed(uint64 version);
    /// @notice A presentation brings one claim for each drawn batch.
    error ClaimCount(uint256 found, uint256 expected);
    /// @notice The claim does not count, or is of another service, version, statement or pool, or has too small a bond or guarantee.
    error ClaimUnfit(uint256 claimId);
    /// @notice The claim's batch is not the one that was drawn.
    error NotDrawnBatch(uint256 claimId, uint256 index);
    /// @notice Who shows more right answers, or the same with smaller guarantees, takes the place of who showed less.
    error NotBetter(uint256 figure, uint256 guaranteed);
    /// @notice A draw of this hold-out was asked for and is not fixed yet: one after the other.
    error DrawPending();
    /// @notice So many batches can be hidden until draws have passed over them.
    error TooManyHidden(uint256 max);
    error NotPoolKeeper(uint64 poolId, address caller);
    error IndexOutOfRange(uint256 index, uint256 size);
    error TooEarly(uint256 found, uint256 first);
    error TooLate(uint256 found, uint256 last);
    error NothingWaits(uint256 campaignId);
}

/// @dev Types of rewards for proven improvement.
interface IImprovementRewardsTypes is IImprovementRewardsErrors {
    /// @notice What a sponsor promises. Figures are right answers among the samples of all batches that are drawn for a version.
    struct Terms {
        address service;
        /// Of the claim registry: the hold-out, batches that nobody trains on.
        uint64 poolId;
        /// What claims have to say: accuracy, with the samples of a batch.
        IClaimRegistryTypes.Statement statement;
        /// Batches that are drawn for a version, 1 … 16.
        uint8 draws;
        /// Improvement counts from here on.
        uint32 baseline;
        /// Taken from each figure: what a sample of this size may show by luck (Hoeffding's bound).
        uint32 margin;
        /// Least improvement that is paid, at least 1.
        uint32 step;
        /// Right answers of one batch by which a claim's guarantee may stay behind its figure.
        uint32 tolerance;
        /// Wei for each right answer more than the best so far.
        uint128 rate;
        /// Least bond of each claim, in wei.
        uint128 minBond;
        /// Whether keys must come from a ceremony.
        bool ceremony;
        /// Seconds to present claims, and then to challenge them.
        uint32 presentSeconds;
        uint32 patienceSeconds;
        /// Unix seconds: no draws after it.
        uint48 endsAt;
        /// Members that sit out a round at once, as far as the round machine has room; 0: nobody does.
        uint8 perRound;
        /// Part of each prize, in basis points, that is split by contribution scores.
        uint16 scoreBps;
        /// Cycles of rounds, in each of which everybody sits out once, before scores count.
        uint16 scoredAfter;
    }

    /// @notice A version's way from draw to prize.
    enum Phase {
        None,
        Drawing,
        Presenting,
        Settled,
        /// Nobody presented a claim that lasted.
        Lapsed
    }

    struct Measured {
        Phase phase;
        uint64 decidedBy;
        /// Unix seconds at which the draw was first asked for, and at which presentations end.
        uint48 askedAt;
        uint48 presentBy;
        /// Right answers shown, and what the claims guarantee together; of a presentation that stands.
        uint32 figure;
        uint32 guaranteed;
        uint32 epoch;
        uint32 round;
        /// Wei that it earned.
        uint128 prize;
        uint32[] indices;
        uint256[] claimIds;
    }

    /// @notice Members of an epoch, in the order of their seats.
    struct Epoch {
        bytes32 seed;
        uint256 seats;
        uint16 updateQuorum;
        address[] keepers;
    }

    struct Campaign {
        address sponsor;
        Terms terms;
        /// Wei left.
        uint256 budget;
        /// Best figure so far, less the margin.
        uint32 best;
        /// Last version that was drawn for, or that was there when the campaign was opened.
        uint64 lastDrawn;
        /// Versions that wait, and the first of them.
        uint32 waiting;
        uint64 next;
    }

    /// @notice `sum` is in thousandths of right answers: by how much the rounds of its cycles beat the round in which the member sat out.
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
    /// @notice A claim fell, so that the version may be presented again.
    event Reopened(uint256 indexed campaignId, uint64 indexed version, uint48 presentBy);
    event VersionLapsed(uint256 indexed campaignId, uint64 indexed version);
    event VersionSettled(uint256 indexed campaignId, uint64 indexed version, uint32 figure, uint32 best, uint256 prize);
    event KeeperRewarded(uint256 indexed campaignId, uint64 indexed version, address indexed keeper, uint256 amount);
    event CycleScored(uint256 indexed campaignId, uint32 indexed epoch, uint256 indexed cycle);
}

/// @title Rewards for improvement that is proven on a hold-out
/// @notice A service commits to batches that nobody trains on (a pool of the claim registry). After a version is accepted a later block's
/// hash draws batches that were never drawn before; anybody proves on them how many answers are right. A prize follows the improvement over
/// the best so far, less a margin for luck, once the claims have stood a challenge period. The record only rises, so that all prizes together
/// pay for one way from the baseline to the best, and none twice. Members sit out rounds in turn, by a seed; the score of a member compares
/// the rounds of a cycle with the one that it sat out, and sees no update.
interface IImprovementRewards is IImprovementRewardsEvents, IPullPayments {
    /// @notice Opens a campaign with the ether sent as its budget. Administrators of the service only.
    function open(Terms calldata terms) external payable returns (uint256 campaignId);

    /// @notice Adds the ether sent to the budget. Anybody, until the campaign ends.
    function fund(uint256 campaignId) external payable;

    /// @notice Gives the rest of the budget back, after the end, when no version waits. The sponsor.
    function close(uint256 campaignId) external;

    /// @notice Records members and seed of a service's present epoch. Anybody, while it serves rounds; `draw` does it, too.
    function noteEpoch(address service) external;

    /// @notice Asks for a version's batches; a hash two blocks later decides. Anybody: who wants it unmeasured cannot hold it back. Asked for
    /// again where nobody fixed it in time.
    function draw(uint256 campaignId, uint64 version) external;

    /// @notice Reads the hash that decides. Anybody, within 256 blocks. Who would like another draw cannot prevent it.
    function fixDraw(uint256 campaignId, uint64 version) external;

    /// @notice Takes batches out of a service's draws that somebody has seen: those that challenges drew. The pool's keeper, who opens them.
    function hide(address service, uint64 poolId, uint32[] calldata indices) external;

    /// @notice Shows claims on the drawn batches, in their order. More right answers than shown before take the place, or as many with
    /// smaller guarantees, which are less likely to fall. Claims name no auditor.
    /// @param paths From each batch to the pool's root.
    function present(
        uint256 campaignId,
        uint64 version,
        uint256[] calldata claimIds,
        bytes32[][] calldata paths
    ) external;

    /// @notice Settles the version that waits longest, when its time is over: pays, reopens it if a claim fell, or lets it lapse. Anybody.
    function settle(uint256 campaignId) external;

    function campaignOf(uint256 campaignId) external view returns (Campaign memory);

    function campaignCount() external view returns (uint256);

    function measuredOf(uint256 campaignId, uint64 version) external view returns (Measured memory);

    /// @notice All empty for an epoch that nobody noted.
    function epochOf(address service, uint32 epoch) external view returns (Epoch memory);

    /// @notice Seats that sit out a round of the service's present epoch: a bitmap, by epoch seed and round alone.
    function sittersOf(uint256 campaignId, uint32 round) external view returns (uint256 seats);

    function scoreOf(uint256 campaignId, address keeper) external view returns (Score memory);

    /// @notice Wei that campaigns of a service have paid a keeper so far.
    function earnedOf(address service, address keeper) external view returns (uint256);

    /// @notice Unix seconds at which the last version was accepted for which a service's campaigns paid the keeper; 0: none.
    function lastImprovementOf(address service, address keeper) external view returns (uint256);

    /// @notice Batches of a service's pool that were never drawn here.
    function unseenOf(address service, uint64 poolId) external view returns (uint256);
}

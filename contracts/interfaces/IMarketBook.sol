// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IInferenceHub} from "./IInferenceHub.sol";
import {IModelRegistry, IModelRegistryErrors} from "./IModelRegistry.sol";
import {IVerifierRegistry} from "./IVerifierRegistry.sol";

/// @dev The terms of a market, and its errors. The publisher registry reverts for a wrong key or an altered story, and the hub
/// for a wrong proof.
interface IPredictionMarketTypes {
    error ZeroAddress();
    error DelayOutOfRange(uint64 found, uint64 min, uint64 max);
    error CollateralHasNoCode(address collateral);
    error OutcomeCount(uint256 found, uint256 min, uint256 max);
    error ClassMapLength(uint256 found, uint256 max);
    /// @notice A class maps to a value that is neither an existing outcome nor 0xff.
    error ClassMapsNowhere(uint256 class, uint8 outcome, uint8 outcomes);
    /// @notice No class maps to the outcome, so that it could never win.
    error OutcomeUnreachable(uint256 outcome);
    /// @notice A window must open before it closes, and must close in the future but not after the deadline.
    error WindowInvalid(uint64 opensAt, uint64 closesAt, uint64 deadline, uint256 timestamp);
    error DeadlineTooFar(uint64 deadline, uint256 latest);
    error TextTooLong(uint256 found, uint256 max);
    /// @notice The hub's model pins a different version (`pinned`; 0: it follows releases).
    error ModelPinsAnotherVersion(uint64 modelId, uint64 pinned, uint64 found);
    error VkHashMismatch(uint64 modelId, bytes32 found, bytes32 expected);
    /// @notice The model states labels without margins, so a market cannot ask for a margin.
    error MarginNotStated(uint64 modelId, uint64 minMargin);

    error UnknownMarket(uint256 marketId, uint256 count);
    /// @notice The market is in status `found`; the call needs one of `expected` (bit i stands for status i).
    error UnexpectedStatus(uint256 marketId, Status found, uint256 expected);
    /// @notice A story has resolved the market already.
    error AlreadyResolved(uint256 marketId, uint64 resolvedAt);
    error StoryTooEarly(uint256 marketId, uint64 opensAt, uint256 timestamp);
    /// @notice The window is closed, and this story was not recorded while it was open.
    error StoryTooLate(uint256 marketId, uint64 closesAt, uint256 timestamp);
    error ResolutionTooLate(uint256 marketId, uint64 deadline, uint256 timestamp);
    error StoryLengthInvalid(uint256 found, uint256 expected);
    /// @notice The story names another market.
    error TagMismatch(uint256 marketId, bytes8 found, bytes8 expected);
    error StoryAlreadyRecorded(uint256 marketId, bytes32 digest, uint64 recordedAt);
    /// @notice The DAO has not released the version, or has withdrawn it, even if the hub's model pins it.
    error VersionNotReleased(address service, uint64 version, IModelRegistryErrors.VersionStatus found);
    /// @notice The model is not sure enough. The market stays open for a clearer story.
    error MarginTooLow(uint256 marketId, uint256 margin, uint64 min);
    error UnknownLabel(uint256 marketId, uint256 label, uint256 classes);
    /// @notice Key, version and circuit are all still valid.
    error NoGroundsToFlag(uint256 marketId);
    /// @notice Nobody challenged the reading.
    error NotChallenged(uint256 marketId);
    error AlreadyChallenged(uint256 marketId, address challenger);
    error AlreadyDefended(uint256 marketId, address defender);
    /// @notice It is too late to defend the reading: the DAO may have decided already.
    error DefenceTooLate(uint256 marketId, uint256 until);
    /// @notice Nothing is due: the account was wrong, is neither challenger nor defender, or was paid before.
    error NoBondOwed(uint256 marketId, address account);
    error UnknownOutcome(uint256 marketId, uint256 outcome, uint256 outcomes);

    error ZeroAmount();
    /// @notice The collateral did not move the stated amount: it takes a fee, or it rebased in the meantime.
    error CollateralMismatch(uint256 expected, uint256 found);
    error NothingToRedeem(uint256 marketId, address account);

    /// @notice Derived from the records and the clock, never stored.
    enum Status {
        None,
        /// Sets can be split. From `opensAt` on, a story can resolve the market.
        Trading,
        /// Resolved; anyone can flag it until the dispute delay is over.
        Pending,
        /// Flagged, challenged or frozen during the delay; waits for the DAO to settle.
        Flagged,
        /// One outcome pays everything.
        Final,
        /// Every outcome pays the same.
        Invalid
    }

    enum FlagReason {
        None,
        KeyRevoked,
        VersionWithdrawn,
        CircuitRevoked,
        /// Somebody challenged the reading with a bond.
        Challenged,
        /// The guardian asked the DAO to look.
        Frozen
    }

    /// @notice The question of a market, fixed for good when the market is made.
    struct Question {
        /// The token that complete sets cost and redeem for. A transfer must move exactly its stated amount.
        IERC20 collateral;
        /// A model of the hub that pins `version`; `vkHash` must be its key hash.
        uint64 modelId;
        uint64 version;
        bytes32 vkHash;
        /// The publisher that signs the stories.
        uint64 publisherId;
        /// Unix seconds, both inclusive. Within them, a story must resolve the market or at least be recorded.
        uint64 opensAt;
        uint64 closesAt;
        /// Unix seconds, inclusive: the last at which a proof is accepted.
        uint64 deadline;
        /// Least margin of a label that resolves the market, in the circuit's units.
        uint64 minMargin;
        /// 2 … 16.
        uint8 outcomes;
        /// One byte for each class of the model: the outcome that the class stands for, or 0xff if the model abstains. 1 … 31
        /// bytes.
        bytes classMap;
    }

    /// @param keyId The key that signed the story. @param outcome 0xff: the model abstained.
    struct Resolution {
        uint64 keyId;
        uint64 resolvedAt;
        uint64 flaggedAt;
        uint8 outcome;
        FlagReason reason;
    }

    /// @notice The bond against a reading and the bond in its defence. Amounts are in the market's collateral.
    struct Challenge {
        address challenger;
        /// Zero until somebody defends the reading.
        address defender;
        /// The amount of each of the two bonds.
        uint128 bond;
        /// The DAO decided against the reading.
        bool upheld;
    }
}

/// @title What all markets have in common: sets of outcomes, disputes, payout
/// @notice Outcomes are ERC-1155 tokens with id = marketId << 8 | outcome. One unit of collateral splits into one of each;
/// a complete set merges back at any time.
interface IMarketBook is IPredictionMarketTypes {
    event MarketFlagged(uint256 indexed marketId, FlagReason reason, address indexed by);
    event ReadingChallenged(uint256 indexed marketId, address indexed challenger, uint256 bond);
    event ReadingDefended(uint256 indexed marketId, address indexed defender, uint256 bond);
    event BondReturned(uint256 indexed marketId, address indexed to, uint256 amount);
    event MarketSettled(uint256 indexed marketId, uint8 indexed outcome);
    event SetsSplit(uint256 indexed marketId, address indexed account, uint256 amount);
    event SetsMerged(uint256 indexed marketId, address indexed account, uint256 amount, uint256 paid);
    event Redeemed(uint256 indexed marketId, address indexed account, uint256 tokens, uint256 paid);

    /// @notice Stops a pending or challenged resolution whose key was revoked, or whose version or circuit was withdrawn. Anyone
    /// may.
    function flag(uint256 marketId) external;

    /// @notice Challenges the reading of a pending market with a bond; the DAO decides. Anyone may, once per market. The bond is
    /// CHALLENGE_BPS of the pot, in collateral; `challengeBond` returns the amount. If the DAO decides on another outcome, the
    /// challenger gets its bond back, with half of the defender's. If the reading stands, the defender gets half of the
    /// challenger's bond. The rest of a lost bond goes to the timelock, so that an account that defends against itself pays, too.
    function challenge(uint256 marketId) external;

    /// @notice Defends the reading of a challenged market with the same bond. Anyone may, once per market, within the dispute
    /// delay after the challenge.
    function defend(uint256 marketId) external;

    /// @notice Pays an account its part of the bonds of a challenged market that is final or invalid. An account that was right
    /// gets its bond and half of the other. If the market became invalid because something was withdrawn and the DAO stayed
    /// silent, the account gets its own bond back. Anyone may.
    function returnBond(uint256 marketId, address account) external;

    /// @notice Makes a pending market wait for the DAO. GUARDIAN_ROLE only.
    function freeze(uint256 marketId) external;

    /// @notice Decides a flagged market: an outcome, or 0xff for an equal split. SETTLER_ROLE (the timelock) only. If the DAO
    /// does not settle within the fallback delay, a market with a withdrawn key, version or circuit becomes invalid, and in a
    /// challenged or frozen market the reading stands.
    function settle(uint256 marketId, uint8 outcome) external;

    /// @notice Takes collateral and mints the same amount of every outcome. Reverts while intake is paused.
    function split(uint256 marketId, uint256 amount) external;

    /// @notice Burns the same amount of every outcome and pays it out as collateral, in any status of the market.
    function merge(uint256 marketId, uint256 amount) external;

    /// @notice Burns all of the caller's tokens of a final or invalid market and pays out their worth. Shares of an invalid
    /// market are rounded down; the last holder to leave gets the dust.
    function redeem(uint256 marketId) external returns (uint256 paid);

    function statusOf(uint256 marketId) external view returns (Status);

    function questionOf(uint256 marketId) external view returns (Question memory);

    function resolutionOf(uint256 marketId) external view returns (Resolution memory);

    /// @notice The collateral held for a market, and the number of its outcome tokens, over all outcomes.
    function potOf(uint256 marketId) external view returns (uint256 collateral, uint256 tokens);

    /// @notice The facts that matter to a trader: status, end of the window, and the time of the first recorded story (0: none
    /// yet).
    function tradingOf(uint256 marketId) external view returns (Status status, uint64 closesAt, uint64 firstRecordedAt);

    function challengeOf(uint256 marketId) external view returns (Challenge memory);

    /// @notice The bond that `challenge` would take now.
    function challengeBond(uint256 marketId) external view returns (uint256);

    function marketCount() external view returns (uint256);

    /// @notice A publisher signs this tag together with its content, so that the content counts only for this market of this
    /// contract on this chain.
    function tagOf(uint256 marketId) external view returns (bytes8);

    /// @notice The fourth public signal of a proof that resolves the market.
    function contextOf(uint256 marketId) external view returns (uint256);

    function positionId(uint256 marketId, uint256 outcome) external pure returns (uint256);

    // The contracts and delays on which a market's answer depends, as the contract's public constants. solhint-disable
    // func-name-mixedcase
    function HUB() external view returns (IInferenceHub);

    function VERIFIERS() external view returns (IVerifierRegistry);

    function MODELS() external view returns (IModelRegistry);
    // solhint-enable func-name-mixedcase
}

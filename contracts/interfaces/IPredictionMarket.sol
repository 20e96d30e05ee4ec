// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Groth16Proof} from "./IGroth16Verifier.sol";
import {IModelRegistryErrors} from "./IModelRegistry.sol";

/// @dev What a market is made of, and its errors. Those of a wrong key or an altered story come from the publisher
/// registry, those of a proof from the hub.
interface IPredictionMarketTypes {
    /// @notice Derived from what is recorded and the clock, never stored.
    enum Status {
        None,
        /// Sets can be split; a story resolves it from `opensAt` on.
        Trading,
        /// Resolved; anyone can flag it until the dispute delay is over.
        Pending,
        /// Flagged or challenged during the delay: the DAO settles.
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
        /// Somebody put a bond on the model having misread the story.
        Challenged,
        /// The guardian asked the DAO to look.
        Frozen
    }

    /// @notice A question, pinned for good when the market is made.
    struct Question {
        /// Pays for complete sets and is what they redeem for. Must move exactly what a transfer says.
        IERC20 collateral;
        /// A model of the hub that pins `version`; `vkHash` must be its key hash.
        uint64 modelId;
        uint64 version;
        bytes32 vkHash;
        /// Whose stories count.
        uint64 publisherId;
        /// Unix seconds, both inclusive: when a story must resolve the market, or at least be recorded.
        uint64 opensAt;
        uint64 closesAt;
        /// Unix seconds, inclusive: the last at which a proof is accepted.
        uint64 deadline;
        /// Least margin of a label that resolves the market, in the circuit's units.
        uint64 minMargin;
        /// 2 … 16.
        uint8 outcomes;
        /// One byte a class of the model: the outcome it stands for, or 0xff where the model abstains. 1 … 31 bytes.
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

    /// @notice A bond on the model having misread, and one on its having read well. Amounts are in the market's collateral.
    struct Challenge {
        address challenger;
        /// Zero until somebody stands up for the reading.
        address defender;
        /// Of each of the two.
        uint128 bond;
        /// The DAO decided on another outcome.
        bool upheld;
    }

    error ZeroAddress();
    error DelayOutOfRange(uint64 given, uint64 minimum, uint64 maximum);
    error CollateralHasNoCode(address collateral);
    error OutcomeCount(uint256 found, uint256 minimum, uint256 maximum);
    error ClassMapLength(uint256 found, uint256 maximum);
    /// @notice A class maps to an outcome that does not exist and is not 0xff.
    error ClassMapsNowhere(uint256 class, uint8 outcome, uint8 outcomes);
    /// @notice No class maps to the outcome, so that it could never win.
    error OutcomeUnreachable(uint256 outcome);
    /// @notice A window opens before it closes, closes in the future, and not after the deadline.
    error WindowInvalid(uint64 opensAt, uint64 closesAt, uint64 deadline, uint256 timestamp);
    error DeadlineTooFar(uint64 deadline, uint256 latest);
    error TextTooLong(uint256 length, uint256 maximum);
    /// @notice The hub's model pins another version (0: it follows the releases).
    error ModelPinsAnotherVersion(uint64 modelId, uint64 pinned, uint64 given);
    error VkHashMismatch(uint64 modelId, bytes32 given, bytes32 found);
    /// @notice The model states labels without margins, so none can be asked for.
    error MarginNotStated(uint64 modelId, uint64 minMargin);

    error UnknownMarket(uint256 marketId, uint256 count);
    /// @notice The market is in status `found`; the call needs one of `expected` (bit i stands for status i).
    error UnexpectedStatus(uint256 marketId, Status found, uint256 expected);
    /// @notice A story resolved the market before.
    error AlreadyResolved(uint256 marketId, uint64 resolvedAt);
    error StoryTooEarly(uint256 marketId, uint64 opensAt, uint256 timestamp);
    /// @notice The window is closed, and this story was not recorded in it.
    error StoryTooLate(uint256 marketId, uint64 closesAt, uint256 timestamp);
    error ResolutionTooLate(uint256 marketId, uint64 deadline, uint256 timestamp);
    error StoryLengthInvalid(uint256 found, uint256 expected);
    /// @notice The story names another market.
    error TagMismatch(uint256 marketId, bytes8 found, bytes8 expected);
    error StoryAlreadyRecorded(uint256 marketId, bytes32 digest, uint64 recordedAt);
    /// @notice The DAO does not stand behind the version (any more), even if the hub's model pins it.
    error VersionNotReleased(address service, uint64 version, IModelRegistryErrors.VersionStatus found);
    /// @notice The model is not sure enough. The market stays open for a clearer story.
    error MarginTooLow(uint256 marketId, uint256 margin, uint64 minimum);
    error UnknownLabel(uint256 marketId, uint256 label, uint256 classes);
    /// @notice Key, version and circuit all stand.
    error NoGroundsToFlag(uint256 marketId);
    /// @notice Nobody challenged the reading.
    error NotChallenged(uint256 marketId);
    error AlreadyChallenged(uint256 marketId, address challenger);
    error AlreadyDefended(uint256 marketId, address defender);
    /// @notice The account was wrong, is neither challenger nor defender, or has its money.
    error NoBondOwed(uint256 marketId, address account);
    error UnknownOutcome(uint256 marketId, uint256 outcome, uint256 outcomes);

    error ZeroAmount();
    /// @notice The collateral did not move what its transfer said: it takes a fee, or rebased meanwhile.
    error CollateralMismatch(uint256 expected, uint256 found);
    error NothingToRedeem(uint256 marketId, address account);
}

/// @title Markets that a proven reading of a signed story resolves.
/// @notice Outcomes are ERC-1155 tokens with id = marketId << 8 | outcome. One unit of collateral splits into one of each;
/// a complete set merges back at any time. A story is 119 bytes: `tagOf(marketId)` ‖ 111 bytes of headline. Its publisher
/// signs the SHA-256 digest of all of it; the model's input commitment is that digest >> 8, and the circuit hashes the
/// same bytes that it reads, so what was signed is what was classified. what
/// the output says is read by the model's schema in the hub: a label, with a margin or without. A market whose model has a
/// circuit for private content takes a story that is never shown instead: see `resolvePrivate`.
/// A reading that is wrong can be challenged with a bond while the market is pending; the DAO decides, and if it stays silent the
/// reading stands. A market is bound to circuit, key and version: what the owner of the hub's model does with it later changes nothing.
/// @dev Trusted: the publisher to tell the truth once; the DAO not to withdraw a version or a circuit to stall a market (all that this
/// gains anyone is an equal split). Nobody can take collateral.
interface IPredictionMarket is IPredictionMarketTypes {
    event MarketCreated(uint256 indexed marketId, address indexed creator, Question question, string text);
    event StoryRecorded(uint256 indexed marketId, bytes32 indexed digest, uint64 indexed keyId, bytes story);
    /// @param outcome 0xff when the model abstained: an equal split.
    event MarketResolved(
        uint256 indexed marketId,
        uint8 indexed outcome,
        address indexed by,
        bytes32 digest,
        uint64 keyId,
        uint256 output,
        bytes story
    );
    /// @notice As MarketResolved, by a story that stays private.
    event MarketResolvedPrivately(
        uint256 indexed marketId,
        uint8 indexed outcome,
        address indexed by,
        uint64 keyId,
        uint256 output
    );
    event MarketFlagged(uint256 indexed marketId, FlagReason reason, address indexed by);
    event ReadingChallenged(uint256 indexed marketId, address indexed challenger, uint256 bond);
    event ReadingDefended(uint256 indexed marketId, address indexed defender, uint256 bond);
    event BondReturned(uint256 indexed marketId, address indexed to, uint256 amount);
    event MarketSettled(uint256 indexed marketId, uint8 indexed outcome);
    event SetsSplit(uint256 indexed marketId, address indexed account, uint256 amount);
    event SetsMerged(uint256 indexed marketId, address indexed account, uint256 amount, uint256 paid);
    event Redeemed(uint256 indexed marketId, address indexed account, uint256 tokens, uint256 paid);

    /// @notice Opens a market. Anyone may; whoever trades reads what it is pinned to first.
    /// @param text The question in words, at most 1,024 bytes; in the event only.
    function createMarket(Question calldata question, string calldata text) external returns (uint256 marketId);

    /// @notice Shows that a signed story existed within the window, so that its proof can follow until the deadline.
    function recordStory(uint256 marketId, bytes calldata story, uint64 keyId, bytes calldata signature) external;

    /// @notice Resolves a market by a signed story and the proof of what the model reads in it. Anyone may.
    /// @param output By the model's schema: the label, or label + 2^16 · margin.
    /// @param proof For the context `contextOf(marketId)`.
    /// @dev The key must be valid now; the one that a story was recorded with must only not have been revoked since.
    function resolve(
        uint256 marketId,
        bytes calldata story,
        uint64 keyId,
        bytes calldata signature,
        uint256 output,
        Groth16Proof calldata proof
    ) external;

    /// @notice Resolves a market by the proof of what the model reads in a story that nobody is shown, and that its publisher
    /// signed for this market with an EddsaPoseidon key. Anyone may who has the story, its salt and the signature; what becomes
    /// public is the publisher's key, the label and the margin.
    /// @param output By the model's schema: the label, or label + 2^16 · margin.
    /// @param proof For the input commitment PublisherRegistry.signedCommitment(publisherId, keyId, tagOf(marketId)) and the
    /// context `contextOf(marketId)`.
    /// @dev Only if the market's model has a circuit of that kind, and then `resolve` serves nobody: a proof of one kind is none
    /// of the other. Nothing can be recorded ahead, since nobody can see that a private story is signed: the proof must be here
    /// by `closesAt` (StoryTooLate). The other rules and errors are those of `resolve`.
    function resolvePrivate(uint256 marketId, uint64 keyId, uint256 output, Groth16Proof calldata proof) external;

    /// @notice Stops a resolution whose key was revoked or whose version or circuit was withdrawn, pending or challenged. Anyone may.
    function flag(uint256 marketId) external;

    /// @notice Puts a bond on the model having misread the story of a pending market, for the DAO to decide. Anyone may, once a market.
    /// The bond is CHALLENGE_BPS of the pot, in collateral; `challengeBond` tells it. If the DAO decides another outcome it comes back,
    /// with that of whoever stood up for the reading; if the reading stands, it goes to that defender, or to the timelock.
    function challenge(uint256 marketId) external;

    /// @notice Puts the same bond on the reading of a challenged market being right. Anyone may, once a market.
    function defend(uint256 marketId) external;

    /// @notice Pays an account what it is owed of the bonds of a challenged market that is final or invalid: both, if it was right; its
    /// own, if the market became invalid because something was withdrawn and the DAO stayed silent. Anyone may.
    function returnBond(uint256 marketId, address account) external;

    /// @notice Makes a pending market wait for the DAO. GUARDIAN_ROLE only.
    function freeze(uint256 marketId) external;

    /// @notice Decides a flagged market: an outcome, or 0xff for an equal split. SETTLER_ROLE (the timelock) only. Without
    /// it, when the fallback delay is over, a market whose key, version or circuit was withdrawn becomes invalid by itself, and in one
    /// that was challenged or frozen the reading stands.
    function settle(uint256 marketId, uint8 outcome) external;

    /// @notice Pays collateral in, for as many of each outcome. Reverts while intake is paused.
    function split(uint256 marketId, uint256 amount) external;

    /// @notice Gives back one of each outcome for one of collateral, whatever the market's status.
    function merge(uint256 marketId, uint256 amount) external;

    /// @notice Burns all that the caller holds of a final or invalid market, for what it is worth. Shares of an invalid
    /// market round down; the last to leave gets the dust.
    function redeem(uint256 marketId) external returns (uint256 paid);

    function statusOf(uint256 marketId) external view returns (Status);

    function questionOf(uint256 marketId) external view returns (Question memory);

    function resolutionOf(uint256 marketId) external view returns (Resolution memory);

    /// @notice Collateral held for a market, and its outcome tokens of all outcomes together.
    function potOf(uint256 marketId) external view returns (uint256 collateral, uint256 tokens);

    /// @notice What somebody who trades the outcomes must know: status, end of the window, and when the first story was recorded (0:
    /// none yet).
    function tradingOf(uint256 marketId) external view returns (Status status, uint64 closesAt, uint64 firstRecordedAt);

    function challengeOf(uint256 marketId) external view returns (Challenge memory);

    /// @notice The bond that `challenge` would take now.
    function challengeBond(uint256 marketId) external view returns (uint256);

    /// @notice Unix seconds at which a story was recorded; 0 when it was not.
    function recordedAt(uint256 marketId, bytes32 digest) external view returns (uint64);

    function marketCount() external view returns (uint256);

    /// @notice The first eight bytes of every story of this market, on this chain, for this contract.
    function tagOf(uint256 marketId) external view returns (bytes8);

    /// @notice The fourth public signal of a proof that resolves the market.
    function contextOf(uint256 marketId) external view returns (uint256);

    function positionId(uint256 marketId, uint256 outcome) external pure returns (uint256);
}

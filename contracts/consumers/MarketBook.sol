// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IInferenceHub, IInferenceHubErrors, IInferenceHubTypes} from "../interfaces/IInferenceHub.sol";
import {IERC7992Verifier} from "../interfaces/IERC7992.sol";
import {IMarketBook} from "../interfaces/IMarketBook.sol";
import {IPublisherRegistry} from "../interfaces/IPublisherRegistry.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";
import {OutputReading} from "../inference/OutputReading.sol";

/// @title The questions: the terms that each market pins, and the status that follows from them and the clock
abstract contract MarketBook is IMarketBook {
    /// @notice In a class map: the model abstains. As an outcome: every outcome pays the same.
    uint8 public constant INVALID = 0xff;
    uint256 public constant MIN_OUTCOMES = 2;
    /// @notice Most outcomes of a market. Bounds the loops over outcomes.
    uint256 public constant MAX_OUTCOMES = 16;
    /// @notice Most classes of a class map: with at most 31 bytes, it shares its slot with its length.
    uint256 public constant MAX_CLASSES = 31;
    /// @notice Longest life of a question, in seconds, so that a typing error cannot lock one side's money for a century.
    uint256 public constant MAX_MARKET_SECONDS = 730 days;
    uint256 public constant MAX_TEXT_BYTES = 1024;

    /// @dev Ordered by the fields that are read together: a resolution reads the first four slots and the class map.
    struct Market {
        IERC20 collateral;
        uint8 outcomes;
        uint64 minMargin;
        // ---
        address service;
        uint64 version;
        IInferenceHubErrors.OutputForm form;
        // ---
        uint64 modelId;
        uint64 publisherId;
        uint64 opensAt;
        uint64 closesAt;
        // ---
        uint64 deadline;
        uint64 keyId;
        uint48 resolvedAt;
        uint48 flaggedAt;
        uint8 outcome;
        /// Decided by the DAO.
        bool settled;
        FlagReason reason;
        // ---
        bytes classMap;
        bytes32 circuitId;
        // ---
        uint128 potCollateral;
        uint128 potTokens;
        // ---
        uint64 firstRecordedAt;
        mapping(bytes32 digest => Recorded) recorded;
    }

    struct Recorded {
        uint64 at;
        /// The key that signed the story, valid at that time.
        uint64 keyId;
    }

    IInferenceHub public immutable HUB;
    IPublisherRegistry public immutable PUBLISHERS;
    IVerifierRegistry public immutable VERIFIERS;
    /// @notice Seconds from a resolution to its payout. A resolution can be flagged during that time.
    uint64 public immutable DISPUTE_SECONDS;
    /// @notice Seconds from a flag to an equal split, or from a challenge until the reading stands, if the DAO decides nothing.
    uint64 public immutable FALLBACK_SECONDS;

    uint256 private _count;
    mapping(uint256 marketId => Market) private _markets;

    constructor(IInferenceHub hub, IPublisherRegistry publishers, uint64 disputeSeconds, uint64 fallbackSeconds) {
        if (address(hub) == address(0) || address(publishers) == address(0)) revert ZeroAddress();
        if (disputeSeconds == 0 || disputeSeconds > 30 days) revert DelayOutOfRange(disputeSeconds, 1, 30 days);
        if (fallbackSeconds == 0 || fallbackSeconds > 365 days) revert DelayOutOfRange(fallbackSeconds, 1, 365 days);
        HUB = hub;
        PUBLISHERS = publishers;
        VERIFIERS = hub.VERIFIERS();
        DISPUTE_SECONDS = disputeSeconds;
        FALLBACK_SECONDS = fallbackSeconds;
    }

    /// @inheritdoc IMarketBook
    function statusOf(uint256 marketId) external view returns (Status) {
        return marketId == 0 || marketId > _count ? Status.None : _statusOf(_markets[marketId]);
    }

    /// @inheritdoc IMarketBook
    function questionOf(uint256 marketId) external view returns (Question memory) {
        Market storage market = _known(marketId);
        return
            Question({
                collateral: market.collateral,
                modelId: market.modelId,
                version: market.version,
                vkHash: VERIFIERS.getVerifier(market.circuitId).vkHash,
                publisherId: market.publisherId,
                opensAt: market.opensAt,
                closesAt: market.closesAt,
                deadline: market.deadline,
                minMargin: market.minMargin,
                outcomes: market.outcomes,
                classMap: market.classMap
            });
    }

    /// @inheritdoc IMarketBook
    function resolutionOf(uint256 marketId) external view returns (Resolution memory) {
        Market storage market = _known(marketId);
        return Resolution(market.keyId, market.resolvedAt, market.flaggedAt, market.outcome, market.reason);
    }

    /// @inheritdoc IMarketBook
    function potOf(uint256 marketId) external view returns (uint256 collateral, uint256 tokens) {
        Market storage market = _known(marketId);
        return (market.potCollateral, market.potTokens);
    }

    /// @inheritdoc IMarketBook
    function tradingOf(uint256 marketId) external view returns (Status, uint64, uint64) {
        Market storage market = _known(marketId);
        return (_statusOf(market), market.closesAt, market.firstRecordedAt);
    }

    /// @inheritdoc IMarketBook
    function marketCount() external view returns (uint256) {
        return _count;
    }

    /// @inheritdoc IMarketBook
    function positionId(uint256 marketId, uint256 outcome) public pure returns (uint256) {
        return (marketId << 8) | outcome;
    }

    function _known(uint256 marketId) internal view returns (Market storage market) {
        if (marketId == 0 || marketId > _count) revert UnknownMarket(marketId, _count);
        return _markets[marketId];
    }

    function _statusOf(Market storage market) internal view returns (Status) {
        uint256 resolvedAt = market.resolvedAt;
        if (resolvedAt == 0) return block.timestamp > market.deadline ? Status.Invalid : Status.Trading;
        uint256 flaggedAt = market.flaggedAt;
        if (!market.settled) {
            if (flaggedAt != 0) {
                if (block.timestamp < flaggedAt + FALLBACK_SECONDS) return Status.Flagged;
                if (_isWithdrawn(market.reason)) return Status.Invalid;
            } else if (block.timestamp < resolvedAt + DISPUTE_SECONDS) {
                return Status.Pending;
            }
        }
        return market.outcome == INVALID ? Status.Invalid : Status.Final;
    }

    /// @dev Whether a flag is about something that was withdrawn: then nobody vouches for the reading any more. Otherwise the
    /// reading stands unless the DAO decides differently, because neither a bond nor the guardian may buy an equal split.
    function _isWithdrawn(FlagReason reason) internal pure returns (bool) {
        return
            reason == FlagReason.KeyRevoked ||
            reason == FlagReason.VersionWithdrawn ||
            reason == FlagReason.CircuitRevoked;
    }

    function _requireStatus(uint256 marketId, Market storage market, uint256 expected) internal view returns (Status found) {
        found = _statusOf(market);
        if ((expected >> uint8(found)) & 1 == 0) revert UnexpectedStatus(marketId, found, expected);
    }

    function _requireWindow(uint64 opensAt, uint64 closesAt, uint64 deadline) private view {
        if (opensAt > closesAt || closesAt > deadline || closesAt <= block.timestamp) {
            revert WindowInvalid(opensAt, closesAt, deadline, block.timestamp);
        }
        uint256 latest = block.timestamp + MAX_MARKET_SECONDS;
        if (deadline > latest) revert DeadlineTooFar(deadline, latest);
    }

    /// @dev Opens a market with the terms that all kinds pin; the kind itself checks publisher, class map and form.
    function _create(
        Question memory question,
        uint256 textBytes
    ) internal returns (uint256 marketId, Market storage market) {
        _requireWindow(question.opensAt, question.closesAt, question.deadline);
        if (address(question.collateral).code.length == 0) revert CollateralHasNoCode(address(question.collateral));
        if (textBytes > MAX_TEXT_BYTES) revert TextTooLong(textBytes, MAX_TEXT_BYTES);
        IInferenceHubTypes.Model memory model = HUB.modelOf(question.modelId);
        if (model.deprecated) revert IERC7992Verifier.VerificationRefusedModelDeprecated(question.modelId);
        if (model.pinned == 0 || model.pinned != question.version) {
            revert ModelPinsAnotherVersion(question.modelId, model.pinned, question.version);
        }
        if (model.vkHash != question.vkHash) revert VkHashMismatch(question.modelId, question.vkHash, model.vkHash);
        VERIFIERS.requireIntakeFor(model.circuitId);

        marketId = ++_count;
        market = _markets[marketId];
        market.collateral = question.collateral;
        market.outcomes = question.outcomes;
        market.minMargin = question.minMargin;
        market.service = model.service;
        market.version = question.version;
        market.form = model.form;
        market.modelId = question.modelId;
        market.publisherId = question.publisherId;
        market.opensAt = question.opensAt;
        market.closesAt = question.closesAt;
        market.deadline = question.deadline;
        market.classMap = question.classMap;
        market.circuitId = model.circuitId;
    }

    /// @dev For markets with classes of the model as outcomes.
    function _requireClasses(Question memory question, IInferenceHubErrors.OutputForm form) internal pure {
        _requireClassMap(question.classMap, question.outcomes);
        if (!OutputReading.requireLabel(form) && question.minMargin != 0) {
            revert MarginNotStated(question.modelId, question.minMargin);
        }
    }

    function _requireClassMap(bytes memory classMap, uint8 outcomes) private pure {
        if (outcomes < MIN_OUTCOMES || outcomes > MAX_OUTCOMES) {
            revert OutcomeCount(outcomes, MIN_OUTCOMES, MAX_OUTCOMES);
        }
        uint256 classes = classMap.length;
        if (classes == 0 || classes > MAX_CLASSES) revert ClassMapLength(classes, MAX_CLASSES);
        uint256 reached;
        for (uint256 class = 0; class < classes; ++class) {
            uint8 outcome = uint8(classMap[class]);
            if (outcome == INVALID) continue;
            if (outcome >= outcomes) revert ClassMapsNowhere(class, outcome, outcomes);
            reached |= 1 << outcome;
        }
        for (uint256 outcome = 0; outcome < outcomes; ++outcome) {
            if ((reached >> outcome) & 1 == 0) revert OutcomeUnreachable(outcome);
        }
    }
}

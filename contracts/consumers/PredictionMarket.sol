// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Groth16Proof} from "../interfaces/IGroth16Verifier.sol";
import {IERC7992Verifier} from "../interfaces/IERC7992.sol";
import {IInferenceHub, IInferenceHubErrors} from "../interfaces/IInferenceHub.sol";
import {IModelRegistry, IModelRegistryErrors} from "../interfaces/IModelRegistry.sol";
import {IPredictionMarket} from "../interfaces/IPredictionMarket.sol";
import {IPublisherRegistry, IPublisherRegistryTypes} from "../interfaces/IPublisherRegistry.sol";
import {BabyJubjub} from "../inference/BabyJubjub.sol";
import {OutputReading} from "../inference/OutputReading.sol";
import {ProofCheck} from "../inference/ProofCheck.sol";
import {MarketBook} from "./MarketBook.sol";
import {MarketDisputes} from "./MarketDisputes.sol";

/// @title Markets that a proven reading of a signed story resolves
/// @notice See IPredictionMarket, which owns the documentation.
contract PredictionMarket is MarketDisputes {
    /// @notice First word of what a tag is the hash of.
    bytes32 public constant TAG_DOMAIN = keccak256("cohort.market.story.v1");
    /// @notice Tag and headline.
    uint256 public constant STORY_BYTES = 119;

    /// @param models The registry of `hub`.
    /// @param disputeSeconds 1 second … 30 days. @param fallbackSeconds 1 second … 365 days.
    /// @param treasury Gets the bonds of failed challenges: the timelock.
    /// @param admin Gets the default admin role: it grants SETTLER_ROLE and GUARDIAN_ROLE and hands itself over.
    constructor(
        IInferenceHub hub,
        IModelRegistry models,
        IPublisherRegistry publishers,
        uint64 disputeSeconds,
        uint64 fallbackSeconds,
        address treasury,
        address admin
    ) MarketBook(hub, publishers, disputeSeconds, fallbackSeconds) MarketDisputes(models, treasury) {
        if (admin == address(0)) revert ZeroAddress();
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
    }

    /// @inheritdoc IPredictionMarket
    function recordStory(uint256 marketId, bytes calldata story, uint64 keyId, bytes calldata signature) external {
        Market storage market = _known(marketId);
        _requireOpen(marketId, market);
        if (block.timestamp > market.closesAt) revert StoryTooLate(marketId, market.closesAt, block.timestamp);
        bytes32 digest = _digestOf(marketId, story);
        PUBLISHERS.requireSigned(market.publisherId, keyId, digest, signature);
        uint64 before = market.recorded[digest].at;
        if (before != 0) revert StoryAlreadyRecorded(marketId, digest, before);
        market.recorded[digest] = Recorded(uint64(block.timestamp), keyId);
        if (market.firstRecordedAt == 0) market.firstRecordedAt = uint64(block.timestamp);
        emit StoryRecorded(marketId, digest, keyId, story);
    }

    /// @inheritdoc IPredictionMarket
    function resolve(
        uint256 marketId,
        bytes calldata story,
        uint64 keyId,
        bytes calldata signature,
        uint256 output,
        Groth16Proof calldata proof
    ) external {
        Market storage market = _known(marketId);
        _requireOpen(marketId, market);
        bytes32 digest = _digestOf(marketId, story);
        _requireSigned(marketId, market, digest, keyId, signature);
        uint8 outcome = _resolve(marketId, market, keyId, output);
        emit MarketResolved(marketId, outcome, msg.sender, digest, keyId, output, story);
        _requireProven(marketId, market, bytes32(uint256(digest) >> 8), output, proof);
    }

    /// @inheritdoc IPredictionMarket
    function resolvePrivate(uint256 marketId, uint64 keyId, uint256 output, Groth16Proof calldata proof) external {
        Market storage market = _known(marketId);
        _requireOpen(marketId, market);
        if (block.timestamp > market.closesAt) revert StoryTooLate(marketId, market.closesAt, block.timestamp);
        bytes32 commitment = PUBLISHERS.signedCommitment(market.publisherId, keyId, tagOf(marketId));
        uint8 outcome = _resolve(marketId, market, keyId, output);
        emit MarketResolvedPrivately(marketId, outcome, msg.sender, keyId, output);
        _requireProven(marketId, market, commitment, output, proof);
    }

    /// @inheritdoc IPredictionMarket
    function contextOf(uint256 marketId) public view returns (uint256) {
        Market storage market = _known(marketId);
        bytes32 requestId = HUB.directRequestId(address(this), bytes32(marketId));
        return HUB.contextOf(requestId, address(this), market.modelId, market.version, market.deadline);
    }

    /// @inheritdoc IPredictionMarket
    function tagOf(uint256 marketId) public view returns (bytes8) {
        return bytes8(keccak256(abi.encode(TAG_DOMAIN, block.chainid, address(this), marketId)));
    }

    /// @dev Neither resolved nor out of time, with an error for each; and not too early.
    function _requireOpen(uint256 marketId, Market storage market) private view {
        if (market.resolvedAt != 0) revert AlreadyResolved(marketId, market.resolvedAt);
        if (block.timestamp > market.deadline) revert ResolutionTooLate(marketId, market.deadline, block.timestamp);
        if (block.timestamp < market.opensAt) revert StoryTooEarly(marketId, market.opensAt, block.timestamp);
    }

    /// @return SHA-256 of a story for this market.
    function _digestOf(uint256 marketId, bytes calldata story) private view returns (bytes32) {
        if (story.length != STORY_BYTES) revert StoryLengthInvalid(story.length, STORY_BYTES);
        bytes8 tag = tagOf(marketId);
        if (bytes8(story[:8]) != tag) revert TagMismatch(marketId, bytes8(story[:8]), tag);
        return sha256(story);
    }

    /// @dev What was recorded was signed by a key that was valid then: it has only not to be revoked since. Anything else is signed by
    /// a key that is valid now, and in time.
    function _requireSigned(
        uint256 marketId,
        Market storage market,
        bytes32 digest,
        uint64 keyId,
        bytes calldata signature
    ) private view {
        Recorded memory entry = market.recorded[digest];
        if (entry.at != 0 && entry.keyId == keyId) {
            IPublisherRegistry.Key memory key = PUBLISHERS.keyOf(keyId);
            if (key.revokedAt != 0) revert IPublisherRegistryTypes.KeyRevoked(keyId, key.revokedAt);
            return;
        }
        PUBLISHERS.requireSigned(market.publisherId, keyId, digest, signature);
        if (entry.at == 0 && block.timestamp > market.closesAt) {
            revert StoryTooLate(marketId, market.closesAt, block.timestamp);
        }
    }

    /// @dev Records what the model said, if it is sure enough.
    function _resolve(uint256 marketId, Market storage market, uint64 keyId, uint256 output) private returns (uint8 outcome) {
        outcome = _outcomeOf(marketId, market, output);
        market.keyId = keyId;
        market.resolvedAt = uint48(block.timestamp);
        market.outcome = outcome;
    }

    /// @dev Whether the model said it of that input, for this market. Not by the hub's `verifyInference`, which refuses what the owner
    /// of the model id withdrew: an owner could turn a market that it loses into an equal split. The proof must be about a version
    /// that the DAO stands behind, under the circuit that the market was made for; the context is that of the hub.
    function _requireProven(
        uint256 marketId,
        Market storage market,
        bytes32 inputCommitment,
        uint256 output,
        Groth16Proof calldata proof
    ) private view {
        (address service, uint64 version) = (market.service, market.version);
        (IModelRegistryErrors.VersionStatus status, bytes32 weights, ) = MODELS.lookUp(service, version);
        if (status != IModelRegistryErrors.VersionStatus.Released) revert VersionNotReleased(service, version, status);
        // Not left to the verifier: what is congruent to a proven output reads as another label.
        if (output >= BabyJubjub.FIELD) revert IInferenceHubErrors.SignalOutOfField(2, output);
        uint256[4] memory signals = [uint256(weights), uint256(inputCommitment), output, contextOf(marketId)];
        if (!ProofCheck.holds(VERIFIERS, market.circuitId, signals, proof)) revert IERC7992Verifier.InvalidProof();
    }

    /// @dev A low margin is refused rather than settled: it must not kill a market that a clearer story can still
    /// resolve. If none comes, the deadline makes it invalid.
    function _outcomeOf(uint256 marketId, Market storage market, uint256 output) private view returns (uint8) {
        (uint256 label, uint256 margin) = OutputReading.label(market.form, output);
        if (margin < market.minMargin) revert MarginTooLow(marketId, margin, market.minMargin);
        bytes memory classMap = market.classMap;
        if (label >= classMap.length) revert UnknownLabel(marketId, label, classMap.length);
        return uint8(classMap[label]);
    }
}

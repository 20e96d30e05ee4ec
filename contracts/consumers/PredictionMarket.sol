// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";
import {Groth16Proof} from "../interfaces/IGroth16Verifier.sol";
import {IInferenceHub, IInferenceHubTypes} from "../interfaces/IInferenceHub.sol";
import {IModelRegistry, IModelRegistryErrors} from "../interfaces/IModelRegistry.sol";
import {IPredictionMarket} from "../interfaces/IPredictionMarket.sol";
import {IPublisherRegistry} from "../interfaces/IPublisherRegistry.sol";
import {MarketBook} from "./MarketBook.sol";
import {OutcomeTokens} from "./OutcomeTokens.sol";

/// @title Markets that a proven reading of a signed story resolves
/// @notice See IPredictionMarket, which owns the documentation.
contract PredictionMarket is OutcomeTokens, AccessControl {
    /// @notice May settle flagged markets, and nothing else: the timelock.
    bytes32 public constant SETTLER_ROLE = keccak256("SETTLER_ROLE");
    /// @notice First word of what a tag is the hash of.
    bytes32 public constant TAG_DOMAIN = keccak256("cohort.market.story.v1");
    /// @notice Tag and headline.
    uint256 public constant STORY_BYTES = 119;

    IModelRegistry public immutable MODELS;

    /// @param models The registry of `hub`.
    /// @param disputeSeconds 1 second … 30 days. @param fallbackSeconds 1 second … 365 days.
    /// @param admin Gets the default admin role: it grants SETTLER_ROLE and hands itself over.
    constructor(
        IInferenceHub hub,
        IModelRegistry models,
        IPublisherRegistry publishers,
        uint64 disputeSeconds,
        uint64 fallbackSeconds,
        address admin
    ) MarketBook(hub, publishers, disputeSeconds, fallbackSeconds) {
        if (address(models) == address(0) || admin == address(0)) revert ZeroAddress();
        MODELS = models;
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
    }

    /// @inheritdoc IPredictionMarket
    function recordStory(uint256 marketId, bytes calldata story, uint64 keyId, bytes calldata signature) external {
        Market storage market = _known(marketId);
        _requireOpen(marketId, market);
        if (block.timestamp > market.closesAt) revert StoryTooLate(marketId, market.closesAt, block.timestamp);
        bytes32 digest = _requireStory(marketId, market, story, keyId, signature);
        uint64 before = market.recordedAt[digest];
        if (before != 0) revert StoryAlreadyRecorded(marketId, digest, before);
        market.recordedAt[digest] = uint64(block.timestamp);
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
        bytes32 digest = _requireStory(marketId, market, story, keyId, signature);
        if (block.timestamp > market.closesAt && market.recordedAt[digest] == 0) {
            revert StoryTooLate(marketId, market.closesAt, block.timestamp);
        }
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
    function flag(uint256 marketId) external {
        Market storage market = _known(marketId);
        _requireStatus(marketId, market, 1 << uint8(Status.Pending));
        FlagReason reason;
        if (PUBLISHERS.isRevoked(market.keyId)) reason = FlagReason.KeyRevoked;
        else if (!MODELS.isReleased(market.service, market.version)) reason = FlagReason.VersionWithdrawn;
        else if (HUB.modelOf(market.modelId).deprecated) reason = FlagReason.ModelWithdrawn;
        else revert NoGroundsToFlag(marketId);
        market.flaggedAt = uint48(block.timestamp);
        emit MarketFlagged(marketId, reason, msg.sender);
    }

    /// @inheritdoc IPredictionMarket
    function settle(uint256 marketId, uint8 outcome) external onlyRole(SETTLER_ROLE) {
        Market storage market = _known(marketId);
        _requireStatus(marketId, market, 1 << uint8(Status.Flagged));
        if (outcome >= market.outcomes && outcome != INVALID) {
            revert UnknownOutcome(marketId, outcome, market.outcomes);
        }
        market.outcome = outcome;
        market.settled = true;
        emit MarketSettled(marketId, outcome);
    }

    /// @inheritdoc IPredictionMarket
    function contextOf(uint256 marketId) external view returns (uint256) {
        Market storage market = _known(marketId);
        bytes32 requestId = HUB.directRequestId(address(this), bytes32(marketId));
        return HUB.contextOf(requestId, address(this), market.modelId, market.version, market.deadline);
    }

    /// @inheritdoc IPredictionMarket
    function tagOf(uint256 marketId) public view returns (bytes8) {
        return bytes8(keccak256(abi.encode(TAG_DOMAIN, block.chainid, address(this), marketId)));
    }

    /// @dev Interfaces of ERC-1155 and AccessControl.
    function supportsInterface(bytes4 interfaceId) public view override(ERC1155, AccessControl) returns (bool) {
        return ERC1155.supportsInterface(interfaceId) || AccessControl.supportsInterface(interfaceId);
    }

    /// @dev Neither resolved nor out of time, with an error for each; and not too early.
    function _requireOpen(uint256 marketId, Market storage market) private view {
        if (market.resolvedAt != 0) revert AlreadyResolved(marketId, market.resolvedAt);
        if (block.timestamp > market.deadline) revert ResolutionTooLate(marketId, market.deadline, block.timestamp);
        if (block.timestamp < market.opensAt) revert StoryTooEarly(marketId, market.opensAt, block.timestamp);
    }

    /// @return digest SHA-256 of a story for this market that its publisher signed.
    function _requireStory(
        uint256 marketId,
        Market storage market,
        bytes calldata story,
        uint64 keyId,
        bytes calldata signature
    ) private view returns (bytes32 digest) {
        if (story.length != STORY_BYTES) revert StoryLengthInvalid(story.length, STORY_BYTES);
        bytes8 tag = tagOf(marketId);
        if (bytes8(story[:8]) != tag) revert TagMismatch(marketId, bytes8(story[:8]), tag);
        digest = sha256(story);
        PUBLISHERS.requireSigned(market.publisherId, keyId, digest, signature);
    }

    /// @dev Records what the model said, if the DAO stands behind it and it is sure enough.
    function _resolve(uint256 marketId, Market storage market, uint64 keyId, uint256 output) private returns (uint8 outcome) {
        _requireReleased(market.service, market.version);
        outcome = _outcomeOf(marketId, market, output);
        market.keyId = keyId;
        market.resolvedAt = uint48(block.timestamp);
        market.outcome = outcome;
    }

    /// @dev The hub's answer to whether the model said it of that input, for this market.
    function _requireProven(
        uint256 marketId,
        Market storage market,
        bytes32 inputCommitment,
        uint256 output,
        Groth16Proof calldata proof
    ) private {
        HUB.verifyInference(
            market.modelId,
            inputCommitment,
            abi.encode(output),
            abi.encode(proof, IInferenceHubTypes.Ticket(bytes32(marketId), market.version, market.deadline))
        );
    }

    /// @dev The hub is content with a pinned version that is accepted; money asks for one that the DAO stands behind.
    function _requireReleased(address service, uint64 version) private view {
        (IModelRegistryErrors.VersionStatus status, , ) = MODELS.lookUp(service, version);
        if (status != IModelRegistryErrors.VersionStatus.Released) revert VersionNotReleased(service, version, status);
    }

    /// @dev A low margin is refused rather than settled: it must not kill a market that a clearer story can still
    /// resolve. If none comes, the deadline makes it invalid.
    function _outcomeOf(uint256 marketId, Market storage market, uint256 output) private view returns (uint8) {
        uint256 margin = output >> 16;
        if (margin < market.minMargin) revert MarginTooLow(marketId, margin, market.minMargin);
        bytes memory classMap = market.classMap;
        uint256 label = output & 0xffff;
        if (label >= classMap.length) revert UnknownLabel(marketId, label, classMap.length);
        return uint8(classMap[label]);
    }
}

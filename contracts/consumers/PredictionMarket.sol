// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Groth16Proof} from "../interfaces/IGroth16Verifier.sol";
import {IInferenceHub} from "../interfaces/IInferenceHub.sol";
import {IMarketBook} from "../interfaces/IMarketBook.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {IPredictionMarket} from "../interfaces/IPredictionMarket.sol";
import {IPublisherRegistry} from "../interfaces/IPublisherRegistry.sol";
import {ProvenMarket} from "./ProvenMarket.sol";

/// @title Markets that a proven reading of a signed story resolves
/// @notice See IPredictionMarket, which owns the documentation.
contract PredictionMarket is ProvenMarket, IPredictionMarket {
    /// @notice First word of the preimage of a tag.
    bytes32 public constant TAG_DOMAIN = keccak256("cohort.market.story.v1");
    /// @notice Length of a story: tag and headline.
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
    ) ProvenMarket(hub, models, publishers, disputeSeconds, fallbackSeconds, treasury, admin) {}

    /// @inheritdoc IPredictionMarket
    function createMarket(Question calldata question, string calldata text) external returns (uint256 marketId) {
        PUBLISHERS.publisherOf(question.publisherId);
        Market storage market;
        (marketId, market) = _create(question, bytes(text).length);
        _requireClasses(question, market.form);
        emit MarketCreated(marketId, msg.sender, question, text);
    }

    /// @inheritdoc IPredictionMarket
    function recordedAt(uint256 marketId, bytes32 digest) external view returns (uint64) {
        return _known(marketId).recorded[digest].at;
    }

    /// @inheritdoc IPredictionMarket
    function recordStory(uint256 marketId, bytes calldata story, uint64 keyId, bytes calldata signature) external {
        Market storage market = _known(marketId);
        _requireOpen(marketId, market);
        bytes32 digest = _digestOf(marketId, story);
        _record(marketId, market, digest, keyId, signature);
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

    /// @inheritdoc IMarketBook
    function tagOf(uint256 marketId) public view returns (bytes8) {
        return bytes8(keccak256(abi.encode(TAG_DOMAIN, block.chainid, address(this), marketId)));
    }

    /// @return SHA-256 of a story for this market.
    function _digestOf(uint256 marketId, bytes calldata story) private view returns (bytes32) {
        if (story.length != STORY_BYTES) revert StoryLengthInvalid(story.length, STORY_BYTES);
        bytes8 tag = tagOf(marketId);
        if (bytes8(story[:8]) != tag) revert TagMismatch(marketId, bytes8(story[:8]), tag);
        return sha256(story);
    }

    /// @dev Records the model's answer, if it is sure enough.
    function _resolve(uint256 marketId, Market storage market, uint64 keyId, uint256 output) private returns (uint8 outcome) {
        outcome = _outcomeOf(marketId, market, output);
        _resolveAs(market, keyId, outcome);
    }

    /// @dev These interfaces, in addition to those of every market.
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == type(IPredictionMarket).interfaceId || super.supportsInterface(interfaceId);
    }
}

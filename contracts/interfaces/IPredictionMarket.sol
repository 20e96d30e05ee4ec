// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IMarketBook} from "./IMarketBook.sol";
import {Groth16Proof} from "./IGroth16Verifier.sol";

/// @title Markets that a proven reading of a signed story resolves
/// @notice Outcomes are ERC-1155 tokens with id = marketId << 8 | outcome. One unit of collateral splits into one of each; a
/// complete set merges back at any time. A story is 119 bytes: `tagOf(marketId)` ‖ 111 bytes of headline. Its publisher signs the
/// SHA-256 digest of all 119 bytes, and the model's input commitment is that digest >> 8. The circuit hashes the same bytes that
/// the model reads, so the classified story is the signed one. The model's schema in the hub defines how the output is read: a
/// label, with a margin or without. If the model's circuit takes private content, the story stays hidden: see `resolvePrivate`. A
/// wrong reading can be challenged with a bond while the market is pending; the DAO decides, and if it stays silent the reading
/// stands. A market is bound to circuit, key and version: later actions of the owner of the hub's model change nothing.
/// @dev Traders trust the publisher to be truthful once, and the DAO not to stall a market by withdrawing a version or a circuit,
/// which at most leads to an equal split. Nobody can take collateral.
interface IPredictionMarket is IMarketBook {
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
    /// @notice Like MarketResolved, for a story that stays private.
    event MarketResolvedPrivately(
        uint256 indexed marketId,
        uint8 indexed outcome,
        address indexed by,
        uint64 keyId,
        uint256 output
    );

    /// @notice Opens a market. Anyone may; traders should read its terms first.
    /// @param text The question in words, at most 1,024 bytes; in the event only.
    function createMarket(Question calldata question, string calldata text) external returns (uint256 marketId);

    /// @notice Shows that a signed story existed within the window, so that its proof can follow until the deadline.
    function recordStory(uint256 marketId, bytes calldata story, uint64 keyId, bytes calldata signature) external;

    /// @notice Unix seconds at which a story was recorded; 0 when it was not.
    function recordedAt(uint256 marketId, bytes32 digest) external view returns (uint64);

    /// @notice Resolves a market by a signed story and the proof of the model's reading of it. Anyone may.
    /// @param output By the model's schema: the label, or label + 2^16 · margin.
    /// @param proof For the context `contextOf(marketId)`.
    /// @dev The key must be valid now. If the story was recorded, it suffices that its key has not been revoked since.
    function resolve(
        uint256 marketId,
        bytes calldata story,
        uint64 keyId,
        bytes calldata signature,
        uint256 output,
        Groth16Proof calldata proof
    ) external;

    /// @notice Resolves a market with a proof of the model's reading of a hidden story, which its publisher signed for this market
    /// with an EddsaPoseidon key. Anyone who has the story, its salt and the signature may. The publisher's key, the label and the
    /// margin become public.
    /// @param output By the model's schema: the label, or label + 2^16 · margin.
    /// @param proof For the input commitment PublisherRegistry.signedCommitment(publisherId, keyId, tagOf(marketId)) and the
    /// context `contextOf(marketId)`.
    /// @dev Works only if the market's model has a circuit of this kind; then `resolve` does not work, because a proof of one
    /// kind is invalid for the other. Nobody can record a private story in advance, because its signature is invisible, so the
    /// proof must arrive by `closesAt` (StoryTooLate). The other rules and errors are the same as for `resolve`.
    function resolvePrivate(uint256 marketId, uint64 keyId, uint256 output, Groth16Proof calldata proof) external;
}

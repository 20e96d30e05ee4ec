// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IMarketBook} from "./IMarketBook.sol";
import {Groth16Proof} from "./IGroth16Verifier.sol";

/// @title Markets on any input of any model: an image, a measurement, a document
/// @notice The input commitment identifies the model's input. It is pinned when the market is made, or a publisher signs it later.
/// The content can have any length and never appears on the chain. The model's output pays by class, by the bin of a score, or in
/// proportion to a score. Sets, disputes and payouts work as in every market (IMarketBook).
/// @dev A publisher signs SHA-256(`tagOf(marketId)` ‖ input commitment); the hashed bytes are 40. If the circuit hashes its input,
/// the commitment is the content's SHA-256, shifted right by eight bits. Traders must be able to get the content: the market cannot
/// check that.
interface IInputMarket is IMarketBook {
    /// @notice The bounds do not suit the payout: Classes takes none; Bins and Linear need a width of at least 1.
    error BoundsInvalid(int128 lower, uint128 width);
    /// @notice The market has both a pinned input and a publisher, or neither, or the pinned input is not a field element.
    error InputInvalid(bytes32 input, uint64 publisherId);
    /// @notice The market is pinned to a different input.
    error InputMismatch(uint256 marketId, bytes32 found, bytes32 expected);
    /// @notice Bins and Linear read no classes, so they take neither a class map nor a margin.
    error ClassesNotRead();
    error NotLinear(uint256 marketId);

    /// @notice How the model's output determines the payout.
    enum Payout {
        /// Outcome classMap[label] wins.
        Classes,
        /// Outcome 0 wins for a score below `lower`. From `lower` on, outcome i wins for the i-th bin of `width`; the last outcome
        /// wins for everything above.
        Bins,
        /// There are two outcomes: 1 pays (score − lower) / width, clamped between nothing and everything; 0 pays the rest.
        Linear
    }

    /// @param input The pinned input commitment, not zero; or zero if `question.publisherId` signs the input.
    /// @param lower Bins and Linear: in units of one over the model's scale, like `width`. Classes: zero.
    /// @param width Bins and Linear: at least 1. Classes: zero.
    struct Terms {
        Question question;
        bytes32 input;
        Payout payout;
        int128 lower;
        uint128 width;
    }

    /// @notice `questionOf` and `termsOf` return its terms.
    event InputMarketCreated(uint256 indexed marketId, address indexed creator, bytes32 input, Payout payout, string text);
    event InputRecorded(uint256 indexed marketId, bytes32 indexed input, uint64 indexed keyId);
    /// @param outcome The constant LINEAR for a market that pays in proportion.
    /// @param share The payment of outcome 1 of such a market, in units of 1e-18.
    event InputMarketResolved(
        uint256 indexed marketId,
        uint8 indexed outcome,
        address indexed by,
        bytes32 input,
        uint64 keyId,
        uint256 output,
        uint256 share
    );
    event ScoreSettled(uint256 indexed marketId, int256 score, uint256 share);

    /// @notice Opens a market. Anyone may; traders should read its terms first. A pinned input is not secret: anyone who has the
    /// content and the model knows the answer, so the content should become known only when the window closes.
    function createMarket(Terms calldata terms, string calldata text) external returns (uint256 marketId);

    /// @notice Shows that a signed input existed within the window. Pools then stop trading. Reverts for a pinned input.
    function recordInput(uint256 marketId, bytes32 input, uint64 keyId, bytes calldata signature) external;

    /// @notice Resolves a market with a proof of the model's output for its input. Anyone may, from `opensAt` to `deadline`.
    /// @param keyId The key that made the signature. For a pinned input 0, and the signature is empty.
    function resolve(
        uint256 marketId,
        bytes32 input,
        uint64 keyId,
        bytes calldata signature,
        uint256 output,
        Groth16Proof calldata proof
    ) external;

    /// @notice Decides a flagged market that pays in proportion, by the score that the model should have given. SETTLER_ROLE only.
    /// (`settle` instead decides for one outcome alone, or for an equal split.) The share is computed from the score as for a
    /// reading: rounded down to 1e-18, and clamped between nothing and everything. A challenge succeeds exactly if this share differs
    /// from the share of the reading, with no tolerance. The same holds for `settle`: an equal split pays one half, so it does not
    /// uphold a challenge of a share of exactly one half.
    /// @param score In units of one over the model's scale, like `lower` and `width`; any value.
    function settleScore(uint256 marketId, int256 score) external;

    /// @notice Unix seconds at which an input was recorded; 0 if it was not.
    function recordedAt(uint256 marketId, bytes32 input) external view returns (uint64);

    /// @notice The pinned input, how the market pays, the bounds, and the payment of outcome 1 once it is resolved (Linear).
    function termsOf(
        uint256 marketId
    ) external view returns (bytes32 input, Payout payout, int128 lower, uint128 width, uint256 share);
}

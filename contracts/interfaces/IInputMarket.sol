// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IMarketBook} from "./IMarketBook.sol";
import {Groth16Proof} from "./IGroth16Verifier.sol";

/// @title Markets on any input of any model: an image, a measurement, a document
/// @notice The input commitment names the model's input: pinned when the market is made, or signed by a publisher, however long
/// the content is. The content never appears on the chain. The output pays by class, by the bin of a score, or in proportion to a
/// score. Sets, disputes and payouts work as in every market (IMarketBook).
/// @dev A publisher signs SHA-256(`tagOf(marketId)` ‖ input commitment), 40 bytes. For a circuit that hashes its input the
/// commitment is SHA-256 of the content, shifted right by eight bits. Traders must be able to get the content: the market cannot
/// check that.
interface IInputMarket is IMarketBook {
    /// @notice The bounds do not fit the payout: classes take none, and scores need a width of at least 1.
    error BoundsInvalid(int128 lower, uint128 width);
    /// @notice The market has both a pinned input and a publisher, or neither; or the input is not a field element.
    error InputInvalid(bytes32 input, uint64 publisherId);
    /// @notice The market is pinned to another input.
    error InputMismatch(uint256 marketId, bytes32 found, bytes32 expected);
    /// @notice Bins and Linear take neither a class map nor a margin.
    error ClassesNotRead();
    error NotLinear(uint256 marketId);

    /// @notice How outcomes follow from the model's output.
    enum Payout {
        /// Outcome classMap[label] wins.
        Classes,
        /// Outcome 0 wins for a score below `lower`, outcome i for one of the i-th bin of `width` from there, the last for all above.
        Bins,
        /// Two outcomes: 1 pays (score − lower) / width, between nothing and everything; 0 pays the rest.
        Linear
    }

    /// @param input The pinned input commitment, not zero; or zero, and `question.publisherId` signs it.
    /// @param lower Bins and Linear: in units of one over the model's scale, as `width` is. Classes: zero.
    /// @param width Bins and Linear: at least one. Classes: zero.
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
    /// @param outcome LINEAR for a market that pays in proportion.
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

    /// @notice Opens a market. Anyone may; traders should read its terms first. A pinned input is not secret: anyone who has it and
    /// the model knows the answer, so its content should appear only when the window closes.
    function createMarket(Terms calldata terms, string calldata text) external returns (uint256 marketId);

    /// @notice Shows that a signed input existed within the window; pools stop trading. Reverts for a pinned input.
    function recordInput(uint256 marketId, bytes32 input, uint64 keyId, bytes calldata signature) external;

    /// @notice Resolves a market by a proof of the model's output for its input. Anyone may, from `opensAt` to `deadline`.
    /// @param keyId The key of the signature; 0 for a pinned input, with an empty signature.
    function resolve(
        uint256 marketId,
        bytes32 input,
        uint64 keyId,
        bytes calldata signature,
        uint256 output,
        Groth16Proof calldata proof
    ) external;

    /// @notice Decides a flagged market that pays in proportion, by the score that the model should have given. SETTLER_ROLE
    /// only. `settle` decides for all or nothing, and for an equal split. The share is computed from the score as for a reading:
    /// rounded down to 1e-18, and clamped between nothing and everything. A challenge succeeds exactly if this share differs from
    /// the reading's, without tolerance. The same holds for `settle`: an equal split pays one half, so it does not uphold a
    /// challenge of a share of exactly one half.
    /// @param score In units of one over the model's scale, as `lower` and `width` are; any.
    function settleScore(uint256 marketId, int256 score) external;

    /// @notice Unix seconds at which an input was recorded; 0 if it was not.
    function recordedAt(uint256 marketId, bytes32 input) external view returns (uint64);

    /// @notice The pinned input, how the market pays, the bounds, and the payment of outcome 1 once it is resolved (Linear).
    function termsOf(
        uint256 marketId
    ) external view returns (bytes32 input, Payout payout, int128 lower, uint128 width, uint256 share);
}

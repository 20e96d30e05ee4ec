// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title A contract that acts on a model's answers.
/// @notice Ten lines are enough: check that the caller is the hub you trust, then use the output. A revert, a return
/// bomb or too much gas costs the consumer its callback and nobody else anything; the result stays readable in the hub.
interface IInferenceConsumer {
    /// @param requestId The id that the hub's `request` returned.
    /// @param version Version of the co-owned model that answered.
    /// @param output The proven output: label, logits' commitment, or 0/1 for a threshold or a margin, by the circuit.
    function onInference(
        bytes32 requestId,
        uint256 modelId,
        uint64 version,
        bytes32 inputCommitment,
        uint256 output
    ) external;
}

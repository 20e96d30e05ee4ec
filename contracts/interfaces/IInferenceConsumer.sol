// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title A contract that acts on a model's answers
/// @notice An implementation needs few lines: check that the caller is the hub that you trust, then use the output. A
/// consumer that reverts, returns too much data or runs out of gas loses only its own callback; the result stays
/// readable in the hub.
interface IInferenceConsumer {
    /// @param requestId The id that the hub's `request` returned.
    /// @param version Version of the co-owned model that answered.
    /// @param output The proven output. The circuit determines what it is: a label, a commitment to the logits, or 0/1
    /// for a threshold or a margin.
    function onInference(
        bytes32 requestId,
        uint256 modelId,
        uint64 version,
        bytes32 inputCommitment,
        uint256 output
    ) external;
}

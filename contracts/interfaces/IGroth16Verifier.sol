// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title The verifier of one circuit, as `cohort zkml export-verifier` writes it.
/// @notice Four public signals, in this order: model commitment, input commitment, output, context.
interface IGroth16Verifier {
    /// @notice Whether the proof holds for the signals. Returns false, and does not revert, for points that are not on
    /// the curve, coordinates that are not below q, and signals that are not below r.
    function verifyProof(
        uint256[2] calldata a,
        uint256[2][2] calldata b,
        uint256[2] calldata c,
        uint256[4] calldata publicSignals
    ) external view returns (bool);

    /// @notice Hash of the verification key that is built into the code.
    function vkHash() external view returns (bytes32);
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title The verifier of one circuit, as `cohort zkml export-verifier` writes it.
/// @notice Four public signals, in this order: model commitment, input commitment, output, context.
interface IGroth16Verifier {
    /// @notice Whether the proof holds for the signals. For points off the curve, coordinates of q or more, and signals of r or
    /// more it returns false rather than revert. Reverts when the gas is short.
    function verifyProof(
        uint256[2] calldata a,
        uint256[2][2] calldata b,
        uint256[2] calldata c,
        uint256[4] calldata publicSignals
    ) external view returns (bool);

    /// @notice Hash of the verification key that is built into the code.
    function vkHash() external view returns (bytes32);

    /// @notice How the key was made, as IVerifierRegistry.SetupKind numbers it.
    // solhint-disable-next-line func-name-mixedcase
    function SETUP_KIND() external view returns (uint8);
}

/// @notice Coordinates below q, in the order of the EVM's pairing precompile (imaginary part of b first).
struct Groth16Proof {
    uint256[2] a;
    uint256[2][2] b;
    uint256[2] c;
}

/// @title A verifier that checks many proofs under its key at once; `cohort zkml export-verifier` writes such.
/// @notice A verifier without this function is asked for each proof alone.
interface IGroth16BatchVerifier {
    /// @notice Whether all proofs hold; row i of the signals belongs to proof i. One product of n + 3 pairings checks a random
    /// linear combination. Its 128-bit coefficients are hashed from the key, all proofs and all signals.
    function verifyBatch(
        Groth16Proof[] calldata proofs,
        uint256[4][] calldata publicSignals
    ) external view returns (bool);
}

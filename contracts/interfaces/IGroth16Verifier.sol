// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title The verifier of one circuit, as `cohort zkml export-verifier` writes it.
/// @notice Four public signals, in this order: model commitment, input commitment, output, context.
interface IGroth16Verifier {
    /// @notice Whether the proof holds for the signals. If a point is not on the curve, a coordinate is q or more, or a signal
    /// is r or more, returns false instead of reverting. Reverts if there is too little gas.
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

/// @title A verifier that checks many proofs under its key at once, as `cohort zkml export-verifier` writes it
/// @notice Callers check proofs one by one with a verifier that lacks this function.
interface IGroth16BatchVerifier {
    /// @notice Whether all proofs hold. Row i of the signals belongs to proof i. Checks a random linear combination of the n
    /// proofs with one product of n + 3 pairings. The 128-bit coefficients are derived by hashing the key, all proofs and all
    /// signals.
    function verifyBatch(
        Groth16Proof[] calldata proofs,
        uint256[4][] calldata publicSignals
    ) external view returns (bool);
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title The verifier of the circuit of identities, as `cohort identity deploy-verifier` writes it
/// @notice Eleven public signals: issuer, sanctions root, revocations root, application, nullifier, context, dates, and the four words
/// of the set of countries.
interface IIdentityVerifier {
    /// @notice Whether the proof holds for the signals; false for signals of r or more, as in IGroth16Verifier.
    function verifyProof(
        uint256[2] calldata a,
        uint256[2][2] calldata b,
        uint256[2] calldata c,
        uint256[11] calldata publicSignals
    ) external view returns (bool);
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Groth16Proof, IGroth16BatchVerifier, IGroth16Verifier} from "../interfaces/IGroth16Verifier.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";

/// @title Asks a circuit's registered verifier whether proofs hold
library ProofCheck {
    /// @notice Least gas at which a caller may rely on a verifier's "no". A verifier that runs out of gas inside a precompile may
    /// answer "no" to a true proof. This leaves it several times the price of the pairings, even though each call keeps 1/64 of
    /// the gas back (EIP-150).
    uint256 internal constant REFUTATION_GAS = 1_000_000;

    /// @notice The call carries too little gas to decide that a proof does not hold.
    error GasTooLowToRefute(uint256 found, uint256 min);

    /// @notice Whether a proof is false, reliably enough to penalise its prover.
    /// @dev Reverts with GasTooLowToRefute, and with the errors of `holds`.
    function isFalse(
        IVerifierRegistry verifiers,
        bytes32 circuitId,
        uint256[4] memory signals,
        Groth16Proof memory proof
    ) internal view returns (bool) {
        if (gasleft() < REFUTATION_GAS) revert GasTooLowToRefute(gasleft(), REFUTATION_GAS);
        return !holds(verifiers, circuitId, signals, proof);
    }

    /// @dev Reverts with UnknownCircuit, CircuitIsRevoked or VerifierCodeChanged. A caller that acts on "no" uses `isFalse`.
    function holds(
        IVerifierRegistry verifiers,
        bytes32 circuitId,
        uint256[4] memory signals,
        Groth16Proof memory proof
    ) internal view returns (bool) {
        address verifier = verifiers.resolve(circuitId);
        return IGroth16Verifier(verifier).verifyProof(proof.a, proof.b, proof.c, signals);
    }

    /// @dev All proofs of one circuit, row i of the signals belonging to proof i. One combined check where the verifier has it; a
    /// verifier without `verifyBatch` reverts, and is then asked for each proof alone. A combined check that runs out of gas also
    /// leads there, with at most 1/64 of the gas left (EIP-150), so the call can then only fail.
    function allHold(
        IVerifierRegistry verifiers,
        bytes32 circuitId,
        uint256[4][] memory signals,
        Groth16Proof[] memory proofs
    ) internal view returns (bool) {
        address verifier = verifiers.resolve(circuitId);
        if (proofs.length > 1) {
            try IGroth16BatchVerifier(verifier).verifyBatch(proofs, signals) returns (bool all) {
                return all;
            } catch {}
        }
        for (uint256 i = 0; i < proofs.length; ++i) {
            Groth16Proof memory proof = proofs[i];
            if (!IGroth16Verifier(verifier).verifyProof(proof.a, proof.b, proof.c, signals[i])) return false;
        }
        return true;
    }

    /// @dev The same for proofs in calldata, which go to the verifier without being copied to memory first.
    function allGivenHold(
        IVerifierRegistry verifiers,
        bytes32 circuitId,
        uint256[4][] memory signals,
        Groth16Proof[] calldata proofs
    ) internal view returns (bool) {
        address verifier = verifiers.resolve(circuitId);
        if (proofs.length > 1) {
            try IGroth16BatchVerifier(verifier).verifyBatch(proofs, signals) returns (bool all) {
                return all;
            } catch {}
        }
        for (uint256 i = 0; i < proofs.length; ++i) {
            Groth16Proof calldata proof = proofs[i];
            if (!IGroth16Verifier(verifier).verifyProof(proof.a, proof.b, proof.c, signals[i])) return false;
        }
        return true;
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Groth16Proof, IGroth16BatchVerifier, IGroth16Verifier} from "../interfaces/IGroth16Verifier.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";

/// @title Asks the registered verifier of a circuit whether proofs hold.
library ProofCheck {
    /// @notice Least gas with which a verifier's "no" is believed. A verifier that is starved inside a precompile may answer "no" of a
    /// true proof; this leaves it several times the price of the pairings, whatever 1/64 is kept on the way (EIP-150).
    uint256 internal constant REFUTATION_GAS = 1_000_000;

    /// @notice The call carries too little gas to say that a proof does not hold.
    error GasTooLowToRefute(uint256 found, uint256 min);

    /// @notice Whether a proof is false, as a ground on which anybody may act.
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

    /// @dev All proofs of one circuit, row i of the signals belonging to proof i. One combined check where the verifier has
    /// it; a verifier without `verifyBatch` reverts, and is then asked for each proof alone. A call that runs out of gas
    /// ends up there too, with at most 1/64 of it left (EIP-150): it can then only fail.
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

    /// @dev The same for proofs that are still in calldata: they go on to the verifier without a copy in between.
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

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC7992Verifier} from "../interfaces/IERC7992.sol";
import {Groth16Proof} from "../interfaces/IGroth16Verifier.sol";
import {IInferenceHub} from "../interfaces/IInferenceHub.sol";
import {ModelCatalog} from "./ModelCatalog.sol";
import {ProofCheck} from "./ProofCheck.sol";
import {Bn254} from "./Bn254.sol";

/// @title Builds the statement, checks the proof, refuses replays
/// @dev Replays are keyed on the request, never on the proof's bytes: a Groth16 proof can be re-randomised.
abstract contract InferenceVerification is ModelCatalog {
    /// @notice Most items of a batch.
    uint256 public constant MAX_BATCH = 64;
    /// @notice First word of every context.
    bytes32 public constant CONTEXT_DOMAIN = keccak256("cohort.inference.context.v1");
    /// @dev Separates the ids of direct verifications from those of escrowed requests, which are small counters.
    bytes32 private constant DIRECT_DOMAIN = keccak256("cohort.inference.direct.v1");
    /// @dev Separates the nonces of batch items from those that callers choose.
    bytes32 private constant BATCH_DOMAIN = keccak256("cohort.inference.batch.v1");
    /// @dev Eight coordinates and the three words of the ticket.
    uint256 private constant DIRECT_PROOF_BYTES = 11 * 32;

    mapping(bytes32 requestId => bool) private _verified;

    /// @inheritdoc IInferenceHub
    function verifyInference(
        uint256 modelId,
        bytes32 inputCommitment,
        bytes calldata output,
        bytes calldata proof
    ) external override {
        if (output.length != 32) revert OutputLengthInvalid(output.length, 32);
        if (proof.length != DIRECT_PROOF_BYTES) revert ProofLengthInvalid(proof.length, DIRECT_PROOF_BYTES);
        (Groth16Proof memory groth16, Ticket memory ticket) = abi.decode(proof, (Groth16Proof, Ticket));
        (bytes32 circuitId, uint256 weights) = _inForce(modelId, ticket.version, ticket.deadline);
        uint256 context = _record(modelId, ticket.nonce, ticket.version, ticket.deadline);
        _check(circuitId, [weights, uint256(inputCommitment), uint256(bytes32(output)), context], groth16);
        emit InferenceVerified(modelId, inputCommitment, output, msg.sender);
    }

    /// @inheritdoc IInferenceHub
    function verifyInferenceBatch(
        uint256 modelId,
        bytes32[] calldata inputs,
        uint256[] calldata outputs,
        Groth16Proof[] calldata proofs,
        Ticket calldata ticket
    ) external {
        _requireBatch(inputs.length, outputs.length, proofs.length);
        (bytes32 circuitId, uint256 weights) = _inForce(modelId, ticket.version, ticket.deadline);
        uint256[4][] memory signals = new uint256[4][](proofs.length);
        for (uint256 i = 0; i < proofs.length; ++i) {
            uint256 context = _record(modelId, batchNonce(ticket.nonce, i), ticket.version, ticket.deadline);
            signals[i] = [weights, uint256(inputs[i]), outputs[i], context];
        }
        _checkAll(circuitId, signals, proofs);
        for (uint256 i = 0; i < proofs.length; ++i) {
            emit InferenceVerified(modelId, inputs[i], abi.encode(outputs[i]), msg.sender);
        }
    }

    /// @inheritdoc IInferenceHub
    function findInvalid(
        address caller,
        uint256 modelId,
        bytes32[] calldata inputs,
        uint256[] calldata outputs,
        Groth16Proof[] calldata proofs,
        Ticket calldata ticket
    ) external view returns (uint256 bitmap) {
        _requireBatch(inputs.length, outputs.length, proofs.length);
        Model storage model = _known(modelId);
        (, bytes32 weights, ) = _judge(model, ticket.version);
        for (uint256 i = 0; i < proofs.length; ++i) {
            bytes32 id = directRequestId(caller, batchNonce(ticket.nonce, i));
            uint256 context = contextOf(id, caller, modelId, ticket.version, ticket.deadline);
            uint256[4] memory signals = [uint256(weights), uint256(inputs[i]), outputs[i], context];
            if (ProofCheck.isFalse(VERIFIERS, model.circuitId, signals, proofs[i])) bitmap |= 1 << i;
        }
    }

    /// @inheritdoc IInferenceHub
    function isVerified(bytes32 requestId) external view returns (bool) {
        return _verified[requestId];
    }

    /// @inheritdoc IInferenceHub
    function directRequestId(address caller, bytes32 nonce) public pure returns (bytes32) {
        return keccak256(abi.encode(DIRECT_DOMAIN, caller, nonce));
    }

    /// @inheritdoc IInferenceHub
    function batchNonce(bytes32 nonce, uint256 index) public pure returns (bytes32) {
        return keccak256(abi.encode(BATCH_DOMAIN, nonce, index));
    }

    /// @inheritdoc IInferenceHub
    function contextOf(
        bytes32 requestId,
        address caller,
        uint256 modelId,
        uint64 version,
        uint64 deadline
    ) public view returns (uint256) {
        return
            uint256(
                keccak256(
                    abi.encode(
                        CONTEXT_DOMAIN,
                        block.chainid,
                        address(this),
                        requestId,
                        caller,
                        modelId,
                        version,
                        deadline
                    )
                )
            ) >> 8;
    }

    /// @dev Reverts unless the proof holds for the signals [model, input, output, context]. The first comes from the
    /// model registry, which refuses commitments out of the field, and the last has 248 bits.
    function _check(bytes32 circuitId, uint256[4] memory signals, Groth16Proof memory proof) internal view {
        _requireField(1, signals[1]);
        _requireField(2, signals[2]);
        if (!ProofCheck.holds(VERIFIERS, circuitId, signals, proof)) revert IERC7992Verifier.InvalidProof();
    }

    /// @dev Like `_check`, for several proofs.
    function _checkAll(bytes32 circuitId, uint256[4][] memory signals, Groth16Proof[] calldata proofs) internal view {
        for (uint256 i = 0; i < signals.length; ++i) {
            _requireField(1, signals[i][1]);
            _requireField(2, signals[i][2]);
        }
        if (!ProofCheck.allGivenHold(VERIFIERS, circuitId, signals, proofs)) revert IERC7992Verifier.InvalidProof();
    }

    function _requireBatch(uint256 inputs, uint256 outputs, uint256 proofs) internal pure {
        if (inputs != proofs || outputs != proofs) revert BatchLengthsDiffer(inputs, outputs, proofs);
        if (proofs == 0 || proofs > MAX_BATCH) revert BatchSizeInvalid(proofs, MAX_BATCH);
    }

    function _requireField(uint256 index, uint256 value) internal pure {
        if (value >= Bn254.SCALAR_ORDER) revert SignalOutOfField(index, value);
    }

    /// @dev The required subject of a direct proof. Reverts if the hub accepts none now.
    function _inForce(
        uint256 modelId,
        uint64 version,
        uint64 deadline
    ) private view returns (bytes32 circuitId, uint256 weights) {
        if (block.timestamp > deadline) revert DeadlinePassed(deadline, block.timestamp);
        Model storage model = _alive(modelId);
        (bool usable, bytes32 commitment, uint64 inForce) = _judge(model, version);
        if (version != inForce) revert NotVersionInForce(modelId, version, inForce);
        if (!usable) revert VersionNotUsable(modelId, version);
        return (model.circuitId, uint256(commitment));
    }

    /// @dev Uses up the caller's nonce; returns the context of the resulting request.
    function _record(uint256 modelId, bytes32 nonce, uint64 version, uint64 deadline) private returns (uint256 context) {
        bytes32 requestId = directRequestId(msg.sender, nonce);
        if (_verified[requestId]) revert AlreadyVerified(requestId);
        _verified[requestId] = true;
        return contextOf(requestId, msg.sender, modelId, version, deadline);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC7992Verifier} from "../interfaces/IERC7992.sol";
import {IGroth16Verifier} from "../interfaces/IGroth16Verifier.sol";
import {IInferenceHub} from "../interfaces/IInferenceHub.sol";
import {ModelCatalog} from "./ModelCatalog.sol";

/// @title Builds the statement, checks the proof, refuses replays.
/// @dev Replays are keyed on the request, never on the proof's bytes: a Groth16 proof can be re-randomised.
abstract contract InferenceVerification is ModelCatalog {
    /// @notice First word of every context.
    bytes32 public constant CONTEXT_DOMAIN = keccak256("cohort.inference.context.v1");
    /// @dev Keeps the ids of direct verifications apart from those of escrowed requests, which are small counters.
    bytes32 private constant DIRECT_DOMAIN = keccak256("cohort.inference.direct.v1");
    /// @dev Order of the BN254 scalar field (EIP-197).
    uint256 private constant FIELD_ORDER =
        21888242871839275222246405745257275088548364400416034343698204186575808495617;
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
        if (block.timestamp > ticket.deadline) revert DeadlinePassed(ticket.deadline, block.timestamp);
        Model storage model = _alive(modelId);
        (bool usable, bytes32 weights, uint64 inForce) = _judge(model, ticket.version);
        if (ticket.version != inForce) revert NotVersionInForce(modelId, ticket.version, inForce);
        if (!usable) revert VersionNotUsable(modelId, ticket.version);
        bytes32 requestId = directRequestId(msg.sender, ticket.nonce);
        if (_verified[requestId]) revert AlreadyVerified(requestId);

        _verified[requestId] = true;
        uint256 context = contextOf(requestId, msg.sender, modelId, ticket.version, ticket.deadline);
        _check(model.circuitId, [uint256(weights), uint256(inputCommitment), uint256(bytes32(output)), context], groth16);
        emit InferenceVerified(modelId, inputCommitment, output, msg.sender);
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
        if (!IGroth16Verifier(VERIFIERS.resolve(circuitId)).verifyProof(proof.a, proof.b, proof.c, signals)) {
            revert IERC7992Verifier.InvalidProof();
        }
    }

    function _requireField(uint256 index, uint256 value) internal pure {
        if (value >= FIELD_ORDER) revert SignalOutOfField(index, value);
    }
}

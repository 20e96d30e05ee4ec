// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC165} from "@openzeppelin/contracts/utils/introspection/ERC165.sol";
import {Groth16Proof} from "../interfaces/IGroth16Verifier.sol";
import {IProverMarket} from "../interfaces/IProverMarket.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";
import {ProofCheck} from "./ProofCheck.sol";
import {ProverBonds} from "./ProverBonds.sol";
import {ProverJobs} from "./ProverJobs.sol";
import {Bn254} from "./Bn254.sol";

/// @title Proving as a service
/// @notice See IProverMarket, which owns the documentation. The market has no roles and no administrator.
contract ProverMarket is ProverJobs, ERC165 {
    /// @notice First word of every context.
    bytes32 public constant CONTEXT_DOMAIN = keccak256("cohort.prover-market.context.v1");
    /// @notice Most answers that can be settled together.
    uint256 public constant MAX_ANSWERS = 64;

    IVerifierRegistry public immutable VERIFIERS;

    constructor(
        IVerifierRegistry verifiers,
        address treasury,
        uint96 minBond,
        uint32 unbondingSeconds,
        uint32 settleSeconds
    ) ProverBonds(treasury, minBond, unbondingSeconds) ProverJobs(settleSeconds) {
        VERIFIERS = verifiers;
    }

    /// @inheritdoc IProverMarket
    function submit(
        uint256 jobId,
        uint8 segment,
        uint8 copy,
        uint256 output,
        Groth16Proof calldata proof
    ) external {
        Job storage job = _unended(jobId);
        Slot storage slot = _slotAt(jobId, job, segment, copy);
        _requireState(jobId, segment, copy, slot.state, SlotState.Claimed);
        if (slot.prover != msg.sender) revert NotSlotHolder(jobId, segment, copy, slot.prover, msg.sender);
        uint256 due = _due(job, slot);
        if (block.timestamp > due) revert AnswerTooLate(due, block.timestamp);
        if (output >= Bn254.SCALAR_ORDER) revert ValueOutOfField(segment, output);
        if (segment + 1 < job.segments) {
            uint256 next = _segmentAt(jobId, segment + 1).inputCommitment;
            if (output != next) revert ChainBroken(jobId, segment, output, next);
        }
        slot.state = SlotState.Submitted;
        slot.answer = _hashOf(output, proof);
        emit SegmentSubmitted(jobId, segment, copy, msg.sender, output, proof);
    }

    /// @inheritdoc IProverMarket
    function settle(uint256 jobId, Answer[] calldata answers) external {
        Job storage job = _unended(jobId);
        uint256 count = answers.length;
        if (count == 0 || count > MAX_ANSWERS) revert AnswerCountInvalid(count, MAX_ANSWERS);
        bytes32[] memory circuits = new bytes32[](count);
        uint256[4][] memory signals = new uint256[4][](count);
        for (uint256 i = 0; i < count; ++i) {
            Slot storage slot = _submitted(jobId, job, answers[i]);
            (circuits[i], signals[i]) = _statement(jobId, job, answers[i].segment, slot.prover, answers[i].output);
            // If the same answer occurs twice, the slot is no longer `Submitted` the second time.
            slot.state = SlotState.Proven;
            slot.answer = bytes32(answers[i].output);
        }
        _verifyByCircuit(jobId, circuits, signals, answers);
        // Pays all provers before a dispute ends the job, in any order of the answers.
        bool disputed;
        uint256 one;
        uint256 other;
        for (uint256 i = 0; i < count; ++i) {
            (bool differ, uint256 first, uint256 second) = _accept(jobId, job, answers[i].segment);
            if (differ) (disputed, one, other) = (true, first, second);
        }
        if (!disputed) return;
        _freeSlots(jobId, job, true);
        emit JobDisputed(jobId, one, other);
        _end(jobId, job, JobStatus.Disputed);
    }

    /// @inheritdoc IProverMarket
    function accuse(uint256 jobId, Answer calldata answer) external {
        Job storage job = _unended(jobId);
        Slot storage slot = _submitted(jobId, job, answer);
        (bytes32 circuitId, uint256[4] memory signals) = _statement(
            jobId,
            job,
            answer.segment,
            slot.prover,
            answer.output
        );
        if (!ProofCheck.isFalse(VERIFIERS, circuitId, signals, answer.proof)) {
            revert ProofHolds(jobId, answer.segment, answer.copy);
        }
        _fail(jobId, job, slot, answer.segment, answer.copy, SlashReason.FalseProof);
    }

    /// @inheritdoc IProverMarket
    function statementOf(
        uint256 jobId,
        uint8 segment,
        address prover,
        uint256 output
    ) external view returns (uint256[4] memory signals) {
        Job storage job = _known(jobId);
        if (segment >= job.segments) revert UnknownSlot(jobId, segment, 0);
        (, signals) = _statement(jobId, job, segment, prover, output);
    }

    /// @inheritdoc IProverMarket
    function contextOf(
        uint256 jobId,
        uint8 segment,
        address prover,
        bytes32 circuitId,
        uint48 deadline
    ) public view returns (uint256) {
        bytes memory encoded = abi.encode(
            CONTEXT_DOMAIN,
            block.chainid,
            address(this),
            jobId,
            segment,
            prover,
            circuitId,
            deadline
        );
        return uint256(keccak256(encoded)) >> 8;
    }

    /// @dev Reverts with UnknownCircuit, CircuitIsRevoked or IntakeIsPaused.
    function _requireCircuit(bytes32 circuitId) internal view override {
        VERIFIERS.requireIntakeFor(circuitId);
    }

    function _isRevoked(bytes32 circuitId) internal view override returns (bool) {
        return VERIFIERS.isRevoked(circuitId);
    }

    /// @inheritdoc ERC165
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == type(IProverMarket).interfaceId || super.supportsInterface(interfaceId);
    }

    function _hashOf(uint256 output, Groth16Proof calldata proof) private pure returns (bytes32) {
        return keccak256(abi.encode(output, proof));
    }

    /// @dev The slot of an answer, which must be the one that was submitted.
    function _submitted(uint256 jobId, Job storage job, Answer calldata answer) private view returns (Slot storage slot) {
        slot = _slotAt(jobId, job, answer.segment, answer.copy);
        _requireState(jobId, answer.segment, answer.copy, slot.state, SlotState.Submitted);
        bytes32 given = _hashOf(answer.output, answer.proof);
        if (given != slot.answer) revert AnswerMismatch(jobId, answer.segment, answer.copy, given, slot.answer);
    }

    /// @dev The poster states the output of every segment but the last; the prover does not choose it.
    function _statement(
        uint256 jobId,
        Job storage job,
        uint8 segment,
        address prover,
        uint256 output
    ) private view returns (bytes32 circuitId, uint256[4] memory signals) {
        SegmentTerms storage terms = _segmentAt(jobId, segment);
        circuitId = terms.circuitId;
        if (segment + 1 < job.segments) output = _segmentAt(jobId, segment + 1).inputCommitment;
        uint256 context = contextOf(jobId, segment, prover, circuitId, job.deadline);
        signals = [terms.modelCommitment, terms.inputCommitment, output, context];
    }

    /// @dev One combined check for each circuit.
    function _verifyByCircuit(
        uint256 jobId,
        bytes32[] memory circuits,
        uint256[4][] memory signals,
        Answer[] calldata answers
    ) private view {
        uint256 done;
        for (uint256 i = 0; i < circuits.length; ++i) {
            if ((done >> i) & 1 == 1) continue;
            uint256 size;
            for (uint256 j = i; j < circuits.length; ++j) if (circuits[j] == circuits[i]) ++size;
            uint256[4][] memory some = new uint256[4][](size);
            Groth16Proof[] memory proofs = new Groth16Proof[](size);
            size = 0;
            for (uint256 j = i; j < circuits.length; ++j) {
                if (circuits[j] != circuits[i]) continue;
                some[size] = signals[j];
                proofs[size++] = answers[j].proof;
                done |= 1 << j;
            }
            if (!ProofCheck.allHold(VERIFIERS, circuits[i], some, proofs)) revert ProofsDoNotHold(jobId, circuits[i]);
        }
    }

    /// @dev Pays the provers of a segment once all its copies are proven and agree, and ends the job with its last segment. Returns
    /// whether two proven copies differ, and in what. Only copies of the last segment can.
    function _accept(
        uint256 jobId,
        Job storage job,
        uint8 segment
    ) private returns (bool differ, uint256 output, uint256 other) {
        bool first = true;
        bool all = true;
        for (uint8 copy = 0; copy < job.copies; ++copy) {
            Slot storage slot = _slotAt(jobId, job, segment, copy);
            if (slot.state == SlotState.Paid) return (false, 0, 0);
            if (slot.state != SlotState.Proven) {
                all = false;
            } else if (first) {
                (output, first) = (uint256(slot.answer), false);
            } else if (uint256(slot.answer) != output) {
                return (true, output, uint256(slot.answer));
            }
        }
        if (!all) return (false, 0, 0);
        for (uint8 copy = 0; copy < job.copies; ++copy) _pay(jobId, job, segment, copy);
        emit SegmentAccepted(jobId, segment, output);
        if (segment + 1 == job.segments) job.output = output;
        if (++job.accepted == job.segments) {
            emit JobCompleted(jobId, job.output);
            _end(jobId, job, JobStatus.Completed);
        }
    }
}

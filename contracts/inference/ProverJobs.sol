// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IProverMarket} from "../interfaces/IProverMarket.sol";
import {ProverBonds} from "./ProverBonds.sol";
import {Bn254} from "./Bn254.sol";

/// @title Jobs from their posting to their end, and who holds which slot
abstract contract ProverJobs is ProverBonds {
    uint8 public constant MAX_SEGMENTS = 16;
    uint8 public constant MAX_COPIES = 4;
    /// @notice Longest time until a deadline, in seconds.
    uint256 public constant MAX_JOB_SECONDS = 30 days;
    /// @notice Shortest claim window. A prover must be able to answer a claim two blocks later; with less time it could only
    /// lose.
    uint32 public constant MIN_CLAIM_SECONDS = 30;
    uint256 public constant MAX_WITNESS_BYTES = 16_384;
    uint256 public constant MAX_INVITATIONS = 16;

    /// @notice Seconds after a deadline during which answers can still be settled or accused.
    uint32 public immutable SETTLE_SECONDS;

    uint256 private _count;
    mapping(uint256 jobId => Job) private _jobs;
    mapping(uint256 jobId => SegmentTerms[]) private _segments;
    mapping(uint256 jobId => mapping(uint256 number => Slot)) private _slots;
    mapping(uint256 jobId => mapping(address prover => bytes32)) private _witnesses;

    constructor(uint32 settleSeconds) {
        SETTLE_SECONDS = settleSeconds;
    }

    /// @inheritdoc IProverMarket
    function post(
        JobTerms calldata terms,
        SegmentTerms[] calldata segments,
        bytes calldata witness
    ) external payable returns (uint256 jobId) {
        jobId = _post(terms, segments, witness.length);
        emit JobPosted(jobId, msg.sender, terms, segments, witness);
    }

    /// @inheritdoc IProverMarket
    function postPrivately(
        JobTerms calldata terms,
        SegmentTerms[] calldata segments,
        Invitation[] calldata invitations
    ) external payable returns (uint256 jobId) {
        uint256 count = invitations.length;
        if (count < terms.copies || count > MAX_INVITATIONS) {
            revert InvitationCountInvalid(count, terms.copies, MAX_INVITATIONS);
        }
        uint256 length;
        for (uint256 i = 0; i < count; ++i) length += invitations[i].witness.length;
        jobId = _post(terms, segments, length);
        _jobs[jobId].invited = true;
        emit JobPosted(jobId, msg.sender, terms, segments, "");
        for (uint256 i = 0; i < count; ++i) {
            (address prover, bytes calldata witness) = (invitations[i].prover, invitations[i].witness);
            if (prover == address(0) || witness.length == 0 || _witnesses[jobId][prover] != 0) {
                revert InvitationInvalid(i, prover);
            }
            bytes32 witnessHash = keccak256(witness);
            _witnesses[jobId][prover] = witnessHash;
            emit ProverInvited(jobId, prover, witnessHash, witness);
        }
    }

    function _post(
        JobTerms calldata terms,
        SegmentTerms[] calldata segments,
        uint256 witnessBytes
    ) private returns (uint256 jobId) {
        _checkTerms(terms, segments.length, witnessBytes);
        jobId = ++_count;
        for (uint256 i = 0; i < segments.length; ++i) {
            SegmentTerms calldata segment = segments[i];
            if (segment.modelCommitment >= Bn254.SCALAR_ORDER) revert ValueOutOfField(i, segment.modelCommitment);
            if (segment.inputCommitment >= Bn254.SCALAR_ORDER) revert ValueOutOfField(i, segment.inputCommitment);
            _requireCircuit(segment.circuitId);
            _segments[jobId].push(segment);
        }
        Job storage job = _jobs[jobId];
        job.poster = msg.sender;
        job.postedAt = uint48(block.timestamp);
        job.deadline = terms.deadline;
        job.startPrice = terms.startPrice;
        job.maxPrice = terms.maxPrice;
        job.claimSeconds = terms.claimSeconds;
        job.segments = uint8(segments.length);
        job.copies = terms.copies;
        job.status = JobStatus.Open;
        job.escrow = uint128(msg.value);
        job.bond = terms.maxPrice > MIN_BOND ? terms.maxPrice : MIN_BOND;
    }

    /// @inheritdoc IProverMarket
    function cancel(uint256 jobId) external {
        Job storage job = _open(jobId);
        if (job.poster != msg.sender) revert NotPoster(jobId, msg.sender);
        uint256 count = uint256(job.segments) * job.copies;
        for (uint256 i = 0; i < count; ++i) {
            if (_slots[jobId][i].state != SlotState.Open) revert JobInProgress(jobId);
        }
        _end(jobId, job, JobStatus.Cancelled);
    }

    /// @inheritdoc IProverMarket
    function claim(uint256 jobId, uint8 segment, uint8 copy) external {
        Job storage job = _open(jobId);
        Slot storage slot = _slotAt(jobId, job, segment, copy);
        if (job.invited && _witnesses[jobId][msg.sender] == 0) revert NotInvited(jobId, msg.sender);
        _requireStanding(jobId, _segmentAt(jobId, segment).circuitId);
        if (slot.state == SlotState.Claimed) {
            uint256 held = _due(job, slot);
            if (block.timestamp <= held) revert SlotHeld(jobId, segment, copy, slot.prover, held);
            _requireStanding(jobId, job);
            _fail(jobId, job, slot, segment, copy, SlashReason.Silence);
        }
        _requireState(jobId, segment, copy, slot.state, SlotState.Open);
        if (slot.prover == msg.sender) revert ProverFailedSlot(jobId, segment, copy, msg.sender);
        for (uint8 other = 0; other < job.copies; ++other) {
            Slot storage beside = _slotAt(jobId, job, segment, other);
            if (beside.state != SlotState.Open && beside.prover == msg.sender) {
                revert ProverNotIndependent(jobId, segment, msg.sender);
            }
        }
        _reserve(msg.sender, job.bond);
        slot.prover = msg.sender;
        slot.claimedAt = uint48(block.timestamp);
        slot.state = SlotState.Claimed;
        uint256 price = _price(job, block.timestamp);
        emit SegmentClaimed(jobId, segment, copy, msg.sender, price, _due(job, slot));
    }

    /// @inheritdoc IProverMarket
    function expire(uint256 jobId, uint8 segment, uint8 copy) external {
        Job storage job = _unended(jobId);
        Slot storage slot = _slotAt(jobId, job, segment, copy);
        _requireState(jobId, segment, copy, slot.state, SlotState.Claimed);
        uint256 due = _due(job, slot);
        if (block.timestamp <= due) revert NotOverdue(jobId, segment, copy, due);
        _requireStanding(jobId, job);
        _fail(jobId, job, slot, segment, copy, SlashReason.Silence);
    }

    /// @inheritdoc IProverMarket
    function close(uint256 jobId) external {
        Job storage job = _unended(jobId);
        uint256 closableAt = uint256(job.deadline) + SETTLE_SECONDS + 1;
        (bool revoked, ) = _firstRevoked(jobId, job);
        if (block.timestamp < closableAt && !revoked) revert NotClosableYet(jobId, closableAt);
        _freeSlots(jobId, job, !revoked);
        _end(jobId, job, JobStatus.Closed);
    }

    /// @inheritdoc IProverMarket
    function witnessHashOf(uint256 jobId, address prover) external view returns (bytes32) {
        return _witnesses[jobId][prover];
    }

    /// @inheritdoc IProverMarket
    function jobCount() external view returns (uint256) {
        return _count;
    }

    /// @inheritdoc IProverMarket
    function getJob(uint256 jobId) external view returns (Job memory job) {
        job = _known(jobId);
        job.status = statusOf(jobId);
    }

    /// @inheritdoc IProverMarket
    function statusOf(uint256 jobId) public view returns (JobStatus) {
        Job storage job = _jobs[jobId];
        JobStatus status = job.status;
        if (status != JobStatus.Open || block.timestamp <= job.deadline) return status;
        return block.timestamp <= uint256(job.deadline) + SETTLE_SECONDS ? JobStatus.Settling : JobStatus.Expired;
    }

    /// @inheritdoc IProverMarket
    function getSegments(uint256 jobId) external view returns (SegmentTerms[] memory) {
        _known(jobId);
        return _segments[jobId];
    }

    /// @inheritdoc IProverMarket
    function getSlots(uint256 jobId) external view returns (Slot[] memory slots) {
        Job storage job = _known(jobId);
        slots = new Slot[](uint256(job.segments) * job.copies);
        for (uint256 i = 0; i < slots.length; ++i) slots[i] = _slots[jobId][i];
    }

    /// @inheritdoc IProverMarket
    function priceAt(uint256 jobId, uint256 timestamp) external view returns (uint256) {
        return _price(_known(jobId), timestamp);
    }

    /// @inheritdoc IProverMarket
    function resultOf(uint256 jobId) external view returns (uint256 output) {
        Job storage job = _known(jobId);
        if (job.status != JobStatus.Completed) revert NotCompleted(jobId, statusOf(jobId));
        return job.output;
    }

    /// @dev Reverts unless the circuit has a verifier and is not revoked, and intake is open.
    function _requireCircuit(bytes32 circuitId) internal view virtual;

    function _isRevoked(bytes32 circuitId) internal view virtual returns (bool);

    function _requireStanding(uint256 jobId, bytes32 circuitId) private view {
        if (_isRevoked(circuitId)) revert JobOfRevokedCircuit(jobId, circuitId);
    }

    /// @dev Nobody is slashed for having stopped work on a job that cannot be completed.
    function _requireStanding(uint256 jobId, Job storage job) private view {
        (bool revoked, bytes32 circuitId) = _firstRevoked(jobId, job);
        if (revoked) revert JobOfRevokedCircuit(jobId, circuitId);
    }

    /// @dev A job may repeat circuits; for each run of equal circuits this asks once.
    function _firstRevoked(uint256 jobId, Job storage job) private view returns (bool, bytes32 circuitId) {
        for (uint256 i = 0; i < job.segments; ++i) {
            bytes32 found = _segmentAt(jobId, i).circuitId;
            if (found == circuitId) continue;
            circuitId = found;
            if (_isRevoked(found)) return (true, found);
        }
        return (false, 0);
    }

    function _known(uint256 jobId) internal view returns (Job storage job) {
        job = _jobs[jobId];
        if (job.status == JobStatus.None) revert UnknownJob(jobId);
    }

    /// @dev A job that still takes claims and answers.
    function _open(uint256 jobId) internal view returns (Job storage job) {
        job = _known(jobId);
        JobStatus found = statusOf(jobId);
        if (found != JobStatus.Open) revert JobNotOpen(jobId, found);
    }

    /// @dev A job that no transaction has ended yet, even if its time is over.
    function _unended(uint256 jobId) internal view returns (Job storage job) {
        job = _known(jobId);
        if (job.status != JobStatus.Open) revert JobNotOpen(jobId, job.status);
    }

    function _segmentAt(uint256 jobId, uint256 segment) internal view returns (SegmentTerms storage) {
        return _segments[jobId][segment];
    }

    function _slotAt(uint256 jobId, Job storage job, uint8 segment, uint8 copy) internal view returns (Slot storage) {
        if (segment >= job.segments || copy >= job.copies) revert UnknownSlot(jobId, segment, copy);
        return _slots[jobId][uint256(segment) * job.copies + copy];
    }

    function _requireState(
        uint256 jobId,
        uint8 segment,
        uint8 copy,
        SlotState found,
        SlotState expected
    ) internal pure {
        if (found != expected) revert SlotNotInState(jobId, segment, copy, found, expected);
    }

    /// @dev The last second at which a claimed slot can be answered.
    function _due(Job storage job, Slot storage slot) internal view returns (uint256) {
        uint256 due = uint256(slot.claimedAt) + job.claimSeconds;
        return due < job.deadline ? due : job.deadline;
    }

    /// @dev Rounded down. Never above the maximum: nobody claims after the deadline.
    function _price(Job storage job, uint256 timestamp) internal view returns (uint256) {
        if (timestamp <= job.postedAt) return job.startPrice;
        if (timestamp >= job.deadline) return job.maxPrice;
        uint256 rise = uint256(job.maxPrice - job.startPrice) * (timestamp - job.postedAt);
        return job.startPrice + rise / (job.deadline - job.postedAt);
    }

    /// @dev Takes the slot from its prover, and the penalty for the reason from its bond.
    function _fail(
        uint256 jobId,
        Job storage job,
        Slot storage slot,
        uint8 segment,
        uint8 copy,
        SlashReason reason
    ) internal {
        address prover = slot.prover;
        slot.state = SlotState.Open;
        slot.answer = 0;
        (uint256 taken, uint256 toPoster, uint256 toAccuser) = _slash(prover, job.bond, job.poster, reason);
        emit ProverSlashed(jobId, segment, copy, prover, reason, taken, toPoster);
        if (toAccuser != 0) emit AccuserPaid(jobId, segment, copy, msg.sender, toAccuser);
    }

    function _pay(uint256 jobId, Job storage job, uint8 segment, uint8 copy) internal {
        Slot storage slot = _slotAt(jobId, job, segment, copy);
        uint256 price = _price(job, slot.claimedAt);
        slot.state = SlotState.Paid;
        job.escrow -= uint128(price);
        address prover = slot.prover;
        _release(prover, job.bond);
        _credit(prover, price);
        emit ProverPaid(jobId, segment, copy, prover, price);
    }

    /// @dev Pays each account that has proven its slot, even if the other copies never came. The proof is public, and a poster
    /// that holds the other copies itself must not get the proof for the price of a slash. Frees the bond of all others, but
    /// slashes those that claimed a slot and ran out of time.
    function _freeSlots(uint256 jobId, Job storage job, bool slashing) internal {
        for (uint8 segment = 0; segment < job.segments; ++segment) {
            for (uint8 copy = 0; copy < job.copies; ++copy) {
                Slot storage slot = _slotAt(jobId, job, segment, copy);
                if (slot.state == SlotState.Open || slot.state == SlotState.Paid) continue;
                if (slot.state == SlotState.Proven) {
                    _pay(jobId, job, segment, copy);
                } else if (slashing && slot.state == SlotState.Claimed && block.timestamp > _due(job, slot)) {
                    _fail(jobId, job, slot, segment, copy, SlashReason.Silence);
                } else {
                    slot.state = SlotState.Open;
                    _release(slot.prover, job.bond);
                }
            }
        }
    }

    /// @dev Ends a job: the rest of the escrow goes back to the poster.
    function _end(uint256 jobId, Job storage job, JobStatus status) internal {
        uint256 left = job.escrow;
        job.escrow = 0;
        job.status = status;
        _credit(job.poster, left);
        emit JobEnded(jobId, status, left);
    }

    function _checkTerms(JobTerms calldata terms, uint256 count, uint256 witnessBytes) private view {
        if (terms.startPrice == 0) revert ZeroPrice();
        if (terms.maxPrice < terms.startPrice) revert PriceFalls(terms.startPrice, terms.maxPrice);
        if (count == 0 || count > MAX_SEGMENTS) revert SegmentCountInvalid(count, MAX_SEGMENTS);
        if (terms.copies == 0 || terms.copies > MAX_COPIES) revert CopyCountInvalid(terms.copies, MAX_COPIES);
        if (terms.deadline <= block.timestamp) revert DeadlinePassed(terms.deadline, block.timestamp);
        uint256 latest = block.timestamp + MAX_JOB_SECONDS;
        if (terms.deadline > latest) revert DeadlineTooFar(terms.deadline, latest);
        if (terms.claimSeconds < MIN_CLAIM_SECONDS) revert ClaimWindowTooShort(terms.claimSeconds, MIN_CLAIM_SECONDS);
        if (witnessBytes > MAX_WITNESS_BYTES) revert WitnessTooLong(witnessBytes, MAX_WITNESS_BYTES);
        uint256 needed = uint256(terms.maxPrice) * count * terms.copies;
        if (msg.value != needed) revert EscrowMismatch(msg.value, needed);
    }
}

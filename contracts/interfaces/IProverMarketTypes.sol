// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Groth16Proof} from "./IGroth16Verifier.sol";

/// @dev What the market stores and what its functions take.
interface IProverMarketTypes {
    error ZeroTreasury();
    error UnknownJob(uint256 jobId);
    error JobNotOpen(uint256 jobId, JobStatus found);
    error NotPoster(uint256 jobId, address caller);
    error ZeroPrice();
    error PriceFalls(uint96 startPrice, uint96 maxPrice);
    error EscrowMismatch(uint256 sent, uint256 needed);
    error DeadlinePassed(uint256 deadline, uint256 timestamp);
    error DeadlineTooFar(uint256 deadline, uint256 latest);
    error ClaimWindowTooShort(uint32 claimSeconds, uint32 min);
    error SegmentCountInvalid(uint256 count, uint256 max);
    error CopyCountInvalid(uint8 count, uint8 max);
    error WitnessTooLong(uint256 length, uint256 max);
    /// @notice There are fewer invited provers than copies, or too many.
    error InvitationCountInvalid(uint256 count, uint256 min, uint256 max);
    /// @notice The invitation lacks a prover or a witness, or the prover is invited twice.
    error InvitationInvalid(uint256 index, address prover);
    /// @notice The job is for provers that its poster chose.
    error NotInvited(uint256 jobId, address prover);
    /// @notice A commitment or output is not below the BN254 scalar order.
    error ValueOutOfField(uint256 segment, uint256 value);
    error UnknownSlot(uint256 jobId, uint8 segment, uint8 copy);
    error SlotNotInState(uint256 jobId, uint8 segment, uint8 copy, SlotState found, SlotState expected);
    /// @notice Another prover holds the slot until `due`.
    error SlotHeld(uint256 jobId, uint8 segment, uint8 copy, address prover, uint256 due);
    /// @notice The caller failed this slot; another prover must take it.
    error ProverFailedSlot(uint256 jobId, uint8 segment, uint8 copy, address prover);
    /// @notice The caller works on another copy of this segment, but copies must be proven by different provers.
    error ProverNotIndependent(uint256 jobId, uint8 segment, address prover);
    error NotSlotHolder(uint256 jobId, uint8 segment, uint8 copy, address holder, address caller);
    error AnswerTooLate(uint256 due, uint256 timestamp);
    /// @notice The slot's prover still has time, until `due`.
    error NotOverdue(uint256 jobId, uint8 segment, uint8 copy, uint256 due);
    /// @notice A segment's output must be the next one's input commitment.
    error ChainBroken(uint256 jobId, uint8 segment, uint256 output, uint256 expected);
    error AnswerMismatch(uint256 jobId, uint8 segment, uint8 copy, bytes32 given, bytes32 submitted);
    error AnswerCountInvalid(uint256 count, uint256 max);
    /// @notice At least one proof of this circuit does not hold; `accuse` finds its prover.
    error ProofsDoNotHold(uint256 jobId, bytes32 circuitId);
    /// @notice The accused answer's proof holds.
    error ProofHolds(uint256 jobId, uint8 segment, uint8 copy);
    /// @notice One of the job's circuits was withdrawn: `close` can end the job now.
    error JobOfRevokedCircuit(uint256 jobId, bytes32 circuitId);
    error JobInProgress(uint256 jobId);
    error NotClosableYet(uint256 jobId, uint256 closableAt);
    error NotCompleted(uint256 jobId, JobStatus found);
    error BondTooLow(address prover, uint256 free, uint256 needed);
    error AmountInvalid(uint256 amount, uint256 max);
    error StillUnbonding(address prover, uint256 unbondsAt);

    enum JobStatus {
        None,
        /// Accepts claims and submissions until the deadline.
        Open,
        /// Past the deadline; submitted answers can still be settled or accused.
        Settling,
        /// Past the settling window; waits for somebody to close it.
        Expired,
        /// Every copy of every segment is proven and paid.
        Completed,
        /// Two valid proofs of one statement gave different outputs: the circuit or its set-up cannot be trusted.
        Disputed,
        /// The poster took the job back before anybody worked on it.
        Cancelled,
        /// Ended with unproven segments, after its deadline or because one of its circuits was revoked.
        Closed
    }

    enum SlotState {
        Open,
        Claimed,
        /// Answered; only the hash of the answer is stored.
        Submitted,
        /// The answer's proof held. It is paid with the segment, or when the job ends.
        Proven,
        /// All copies of the segment are proven: the prover is paid and its bond free.
        Paid
    }

    enum SlashReason {
        /// Claimed and not answered in time.
        Silence,
        /// Answered with a proof that does not hold for the job's statement.
        FalseProof
    }

    /// @notice What a poster asks for. Prices are in wei for each proof.
    struct JobTerms {
        /// Price at posting; rises linearly to `maxPrice` at the deadline, and is fixed when a prover claims.
        uint96 startPrice;
        uint96 maxPrice;
        /// Unix seconds, the last at which a segment can be claimed or answered.
        uint48 deadline;
        /// Seconds that a prover has after its claim, but never beyond the deadline.
        uint32 claimSeconds;
        /// Number of provers that must prove each segment and agree on its output before the market accepts it. A prover that has
        /// proven its copy is paid in the end, even if the other copies never come. With more than one copy, the last output must
        /// follow from the input alone: if provers chose a salt, their outputs could differ.
        uint8 copies;
    }

    /// @notice One circuit of a job. Its output must be the next segment's `inputCommitment`; the last one's is free.
    struct SegmentTerms {
        /// Circuit id in the VerifierRegistry.
        bytes32 circuitId;
        uint256 modelCommitment;
        uint256 inputCommitment;
    }

    struct Job {
        address poster;
        uint48 postedAt;
        uint48 deadline;
        uint96 startPrice;
        uint96 maxPrice;
        uint32 claimSeconds;
        uint8 segments;
        uint8 copies;
        /// Number of segments whose copies are all proven.
        uint8 accepted;
        /// As `statusOf` returns it.
        JobStatus status;
        /// Wei that is neither paid nor refunded yet.
        uint128 escrow;
        /// Wei reserved from a prover's bond for each slot it claims.
        uint96 bond;
        /// Only provers that the poster chose may claim.
        bool invited;
        /// The last segment's output, once it is accepted.
        uint256 output;
    }

    /// @notice A prover that the poster chose, and the data that only that prover can read.
    struct Invitation {
        address prover;
        /// The witness, encrypted for this prover, or the CID of that ciphertext; at least one byte. The market logs it and
        /// stores its hash.
        bytes witness;
    }

    /// @notice One copy of one segment.
    struct Slot {
        /// The prover that holds the slot. In an open slot, the prover that failed it last (and may not claim it again), or zero.
        address prover;
        uint48 claimedAt;
        SlotState state;
        /// Submitted: hash of output and proof. Proven or Paid: the output.
        bytes32 answer;
    }

    /// @notice An answer, given again to be checked against its stored hash.
    struct Answer {
        uint8 segment;
        uint8 copy;
        uint256 output;
        Groth16Proof proof;
    }

    /// @notice A prover's bond, in wei.
    struct Bond {
        uint96 free;
        /// Held for claimed slots.
        uint96 reserved;
        uint96 unbonding;
        /// Unix seconds from which the unbonding amount can be withdrawn.
        uint48 unbondsAt;
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Groth16Proof} from "./IGroth16Verifier.sol";
import {IPullPayments} from "./IPullPayments.sol";
import {IProverMarketTypes} from "./IProverMarketTypes.sol";

/// @title Proving as a service: jobs in segments, bonded provers, payment for proofs that hold
/// @notice A job is a chain of segments. The poster states every segment's input commitment, so each segment is a separate statement,
/// [modelCommitment, inputCommitment, next inputCommitment, context], and provers can prove all segments at the same time. A proof with
/// other commitments is worthless. The life of a slot (one copy of one segment):
///
///   Open --claim--> Claimed --submit--> Submitted --settle--> Proven (paid once all copies of the segment are, or at the end)
///     ^----- time-out: part of the bond -----|                   |
///     ^----------------------- accuse: the whole bond -----------|  (from Submitted, when the proof does not hold)
///
/// Answers are stored as hashes and verified together. One false proof makes all of `settle` fail; `accuse` then identifies its
/// prover, takes that prover's bond and opens the slot again. In every case `close` frees everything after the deadline and the
/// settling window. Prices and bonds are in the chain's own coin; payments are pulled.
interface IProverMarket is IProverMarketTypes, IPullPayments {
    /// @param witness What provers need, in a form on which they and the poster agree: a CID, or the inputs themselves.
    event JobPosted(
        uint256 indexed jobId,
        address indexed poster,
        JobTerms terms,
        SegmentTerms[] segments,
        bytes witness
    );
    event SegmentClaimed(
        uint256 indexed jobId,
        uint8 segment,
        uint8 copy,
        address indexed prover,
        uint256 price,
        uint256 due
    );
    event SegmentSubmitted(
        uint256 indexed jobId,
        uint8 segment,
        uint8 copy,
        address indexed prover,
        uint256 output,
        Groth16Proof proof
    );
    event SegmentAccepted(uint256 indexed jobId, uint8 segment, uint256 output);
    event ProverPaid(uint256 indexed jobId, uint8 segment, uint8 copy, address indexed prover, uint256 amount);
    event ProverSlashed(
        uint256 indexed jobId,
        uint8 segment,
        uint8 copy,
        address indexed prover,
        SlashReason reason,
        uint256 amount,
        uint256 toPoster
    );
    /// @notice The account that showed that a proof is false received a part of the bond.
    event AccuserPaid(uint256 indexed jobId, uint8 segment, uint8 copy, address indexed accuser, uint256 amount);
    event JobCompleted(uint256 indexed jobId, uint256 output);
    /// @notice Two provers' proofs of the last segment hold and give different outputs.
    event ProverInvited(uint256 indexed jobId, address indexed prover, bytes32 witnessHash, bytes witness);
    event JobDisputed(uint256 indexed jobId, uint256 output, uint256 otherOutput);
    event JobEnded(uint256 indexed jobId, JobStatus status, uint256 refunded);
    event Bonded(address indexed prover, uint256 amount, uint256 free);
    event UnbondingStarted(address indexed prover, uint256 amount, uint256 unbondsAt);

    /// @notice Posts a job. The ether sent must be `maxPrice · segments · copies`; the poster gets back what is not earned.
    /// @param segments 1 to 16, in order.
    /// @param witness At most 16,384 bytes; only logged.
    function post(
        JobTerms calldata terms,
        SegmentTerms[] calldata segments,
        bytes calldata witness
    ) external payable returns (uint256 jobId);

    /// @notice Posts a job for chosen provers: nobody else may claim its slots, and each gets a witness that it alone can read. Prices,
    /// bonds and everything that follows are as for any job. Who was chosen, and the ciphertexts, are public.
    /// @param invitations One for each prover, at least `copies` and at most 16. Their witnesses have at most 16,384 bytes together.
    function postPrivately(
        JobTerms calldata terms,
        SegmentTerms[] calldata segments,
        Invitation[] calldata invitations
    ) external payable returns (uint256 jobId);

    /// @notice Takes back a job on which nobody is working. Its poster only.
    function cancel(uint256 jobId) external;

    /// @notice Claims a slot that is open, or whose prover has run out of time (which costs that prover).
    function claim(uint256 jobId, uint8 segment, uint8 copy) external;

    /// @notice Reopens a slot whose prover has run out of time, and slashes that prover. Anybody may.
    function expire(uint256 jobId, uint8 segment, uint8 copy) external;

    /// @notice Answers a claimed slot. Only the hash is stored; the proof goes into the log, for the account that settles.
    /// @param output The circuit's third public signal. For every segment but the last, it must be the next segment's input commitment.
    function submit(uint256 jobId, uint8 segment, uint8 copy, uint256 output, Groth16Proof calldata proof) external;

    /// @notice Verifies submitted answers together, with one check per circuit, and pays each segment once all its copies are proven.
    /// Either all answers hold or the call reverts. Anybody may.
    function settle(uint256 jobId, Answer[] calldata answers) external;

    /// @notice Shows that a submitted answer's proof does not hold: its prover loses the slot's bond (half to the poster, a fifth
    /// to the caller, the rest to the treasury), and the slot opens again. Anybody may. At the time of the check, at least a
    /// million gas must be left, because a verifier that runs out of gas must not reject a true proof; most of it comes back.
    function accuse(uint256 jobId, Answer calldata answer) external;

    /// @notice Ends a job after its settling window: pays proven slots, frees bonds, slashes the silent, refunds the poster. A job
    /// with a revoked circuit ends at once, and nobody is slashed. Anybody may.
    function close(uint256 jobId) external;

    /// @notice Adds the value sent to the caller's bond.
    function bond() external payable;

    /// @notice Moves `amount` of the free bond into unbonding, and restarts the delay for everything that is unbonding.
    function unbond(uint96 amount) external;

    /// @notice Credits the caller with the bond that has finished unbonding.
    function withdrawBond() external;

    function bondOf(address prover) external view returns (Bond memory);

    /// @notice keccak256 of the witness that the poster gave to a chosen prover; 0 for any other.
    function witnessHashOf(uint256 jobId, address prover) external view returns (bytes32);

    function jobCount() external view returns (uint256);

    function getJob(uint256 jobId) external view returns (Job memory);

    function statusOf(uint256 jobId) external view returns (JobStatus);

    function getSegments(uint256 jobId) external view returns (SegmentTerms[] memory);

    /// @notice All slots: copy c of segment s is number s · copies + c.
    function getSlots(uint256 jobId) external view returns (Slot[] memory);

    /// @notice Wei for a proof in a slot claimed at `timestamp`.
    function priceAt(uint256 jobId, uint256 timestamp) external view returns (uint256);

    /// @notice The last segment's output. Reverts with NotCompleted before all of the job is proven.
    function resultOf(uint256 jobId) external view returns (uint256 output);

    /// @notice The public signals that `prover` must show for a segment. `output` counts for the last segment only.
    function statementOf(
        uint256 jobId,
        uint8 segment,
        address prover,
        uint256 output
    ) external view returns (uint256[4] memory signals);

    /// @notice keccak256(abi.encode(CONTEXT_DOMAIN, chainid, market, jobId, segment, prover, circuitId, deadline)) >> 8.
    function contextOf(
        uint256 jobId,
        uint8 segment,
        address prover,
        bytes32 circuitId,
        uint48 deadline
    ) external view returns (uint256);
}

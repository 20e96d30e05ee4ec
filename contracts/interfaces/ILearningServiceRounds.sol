// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceErrors} from "./ILearningServiceErrors.sol";
import {ILearningServiceEvents} from "./ILearningServiceEvents.sol";

/// @title The clock, and the steps of a round (TrainingState and UpdateGlobalModelState)
interface ILearningServiceRounds is ILearningServiceEvents, ILearningServiceErrors {
    // ------------------------------------------------------------------------------------------------- the round

    /// @notice Training. @param commitment `updateCommitment(round, seat, cid, size, samples, salt)`.
    function commitUpdate(uint32 round, bytes32 commitment) external;

    /// @notice Reveal. @param cid Of the ciphertext, 1 … 64 bytes. @param samples Declared training samples, > 0.
    function revealUpdate(uint32 round, bytes calldata cid, uint64 size, uint40 samples, bytes32 salt) external;

    /// @notice Aggregate. @param seal `attestationSeal(round, seat, aggregateHash, included, convicted)`: nobody can tell
    /// from it what was attested, or use it for another seat.
    function attest(uint32 round, bytes26 seal) external;

    /// @notice Aggregate, instead of attesting first; once in a round. The update of `accused` fails the caller's check.
    /// All attestations are void; Check follows, and then Aggregate again.
    function dispute(uint32 round, uint8 accused) external;

    /// @notice Check. @param scalars What the caller's key shares make of each revealed update, in the order of seats; at
    /// most 64 bytes each. Only in the event: the members settle the dispute from it.
    function submitCheck(uint32 round, bytes calldata scalars) external;

    /// @notice Aggregate, anyone, in a later block than the last attestation, and once all that revealed have attested or
    /// half of the window has passed. Opens what a quorum has sealed, draws who decrypts by the hash of the block of the
    /// last attestation, and penalises whom the quorum convicts.
    /// @param aggregateHash Hash of the sum's bytes. @param included Bitmap of the updates in it.
    /// @param convicted Bitmap of members that a dispute has shown to lie; zero without one.
    function draft(uint32 round, bytes32 aggregateHash, uint256 included, uint256 convicted) external;

    /// @notice Decrypt, drafted members only. @param cid Of the decryption share.
    function submitShare(uint32 round, bytes calldata cid, uint64 size) external;

    /// @notice Vote; the winning model also later, until the round's reward is final (the next Training closes).
    /// @param modelCommitment Commitment of the weights. @param cid Of the model blob.
    function vote(uint32 round, bytes32 modelCommitment, bytes calldata cid) external;

    // ------------------------------------------------------------------------------------------------- anyone

    /// @notice Settles what is due. @return found The state after it.
    function poke() external returns (State found);

    // ------------------------------------------------------------------------------------------------- views

    /// @notice What `commitUpdate` expects:
    /// keccak256(abi.encode(chainid, service, round, seat, keccak256(cid), size, samples, salt)).
    function updateCommitment(
        uint32 round,
        uint8 seat,
        bytes calldata cid,
        uint64 size,
        uint40 samples,
        bytes32 salt
    ) external view returns (bytes32);

    /// @notice What `attest` expects: the first 26 bytes of
    /// keccak256(abi.encode(chainid, service, round, seat, aggregateHash, included, convicted)).
    function attestationSeal(
        uint32 round,
        uint8 seat,
        bytes32 aggregateHash,
        uint256 included,
        uint256 convicted
    ) external view returns (bytes26);
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceErrors} from "./ILearningServiceErrors.sol";
import {ILearningServiceEvents} from "./ILearningServiceEvents.sol";

/// @title The steps of a round (TrainingState and UpdateGlobalModelState)
interface ILearningServiceRounds is ILearningServiceEvents, ILearningServiceErrors {
    // ------------------------------------------------------------------------------------------------- the round

    /// @notice Training. @param commitment `updateCommitment(round, seat, cid, size, samples, salt)`.
    function commitUpdate(uint32 round, bytes32 commitment) external;

    /// @notice The same for an update of a training that outlived the round in which it began. @param base Version that the training
    /// started from, 0 for the initial model: at most maxStaleness versions ago, or BaseOutOfRange.
    function commitStaleUpdate(uint32 round, uint24 base, bytes32 commitment) external;

    /// @notice Reveal. @param cid Of the ciphertext, 1 … 64 bytes. @param samples Declared training
    /// samples; 0 says that the update is zero, and does not count towards the update quorum.
    function revealUpdate(uint32 round, bytes calldata cid, uint64 size, uint40 samples, bytes32 salt) external;

    /// @notice Aggregate, instead of attesting first; once in a round. The update of `accused` fails the caller's check.
    /// All attestations are void; Check follows, and then Aggregate again.
    function dispute(uint32 round, uint8 accused) external;

    /// @notice Check. @param scalars What the caller's key shares make of each revealed update, in the order of seats; at
    /// most 64 bytes each. Only in the event: the members settle the dispute from it.
    function submitCheck(uint32 round, bytes calldata scalars) external;

    /// @notice Aggregate, in the first half of its window, once. @param seal `attestationSeal(round, seat, aggregateHash, included, convicted)`: nobody can tell
    /// from it what was attested, or use it for another seat. What the draft opens later comes too late to be attested.
    function attest(uint32 round, bytes26 seal) external;

    /// @notice Decrypt, drafted members only. @param cid Of the decryption share.
    function submitShare(uint32 round, bytes calldata cid, uint64 size) external;

    /// @notice Vote; the winning model also later, until the round's reward is final (the next Training closes).
    /// @param modelCommitment Commitment of the weights. @param cid Of the model blob.
    function vote(uint32 round, bytes32 modelCommitment, bytes calldata cid) external;
}

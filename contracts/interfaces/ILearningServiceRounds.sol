// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceErrors} from "./ILearningServiceErrors.sol";
import {ILearningServiceEvents} from "./ILearningServiceEvents.sol";

/// @title The steps of a round (TrainingState and UpdateGlobalModelState)
interface ILearningServiceRounds is ILearningServiceEvents, ILearningServiceErrors {
    // ------------------------------------------------------------------------------------------------- the round

    /// @notice In Training: commits to an update. @param commitment `updateCommitment(round, seat, cid, size, samples, salt)`.
    function commitUpdate(uint32 round, bytes32 commitment) external;

    /// @notice The same, for an update whose training started in an earlier round.
    /// @param base The version that the training started from, 0 for the initial model. At most maxStaleness versions ago; otherwise
    /// reverts with BaseOutOfRange.
    function commitStaleUpdate(uint32 round, uint24 base, bytes32 commitment) external;

    /// @notice In Reveal: publishes the committed update. @param cid Of the ciphertext, 1 … 64 bytes. @param size Of the ciphertext, in
    /// bytes.
    /// @param samples Declared number of training samples. 0 states that the update is zero; it then does not count towards the update
    /// quorum.
    function revealUpdate(uint32 round, bytes calldata cid, uint64 size, uint40 samples, bytes32 salt) external;

    /// @notice In Aggregate, instead of attesting, and once a round: states that the update of `accused` fails the caller's check. All
    /// attestations become void; Check follows, and then Aggregate again.
    function dispute(uint32 round, uint8 accused) external;

    /// @notice In Check: posts the caller's scalars.
    /// @param scalars One for each revealed update, in the order of seats, computed from the caller's key shares; at most 64 bytes each.
    /// They appear only in the event: the members settle the dispute from it.
    function submitCheck(uint32 round, bytes calldata scalars) external;

    /// @notice In the first half of Aggregate's window, once: seals the sum that the member computed.
    /// @param seal `attestationSeal(round, seat, aggregateHash, included, convicted)`. Nobody can tell from it what was attested, or use it
    /// for another seat. The draft opens the sum only when it is too late to attest, so nobody can attest a sum that they have not
    /// computed.
    function attest(uint32 round, bytes26 seal) external;

    /// @notice In Decrypt, for drafted members: publishes the decryption share. @param cid Of the decryption share. @param size In bytes.
    function submitShare(uint32 round, bytes calldata cid, uint64 size) external;

    /// @notice In Vote: votes for a model. Votes for the winning model also count later, until the round's reward is final (the next
    /// Training closes).
    /// @param modelCommitment Commitment to the weights. @param cid Of the model's blob.
    function vote(uint32 round, bytes32 modelCommitment, bytes calldata cid) external;
}

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

    /// @notice Aggregate; the winning pair also later, until the round's reward is final.
    /// @param aggregateHash Hash of the sum's bytes. @param included Bitmap of the revealed updates in it.
    function attest(uint32 round, bytes32 aggregateHash, uint256 included) external;

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
}

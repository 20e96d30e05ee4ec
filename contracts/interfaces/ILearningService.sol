// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceErrors} from "./ILearningServiceErrors.sol";
import {ILearningServiceEvents} from "./ILearningServiceEvents.sol";

/// @title One co-owned model and the machine of its rounds
/// @notice Keepers sit on up to 256 seats. An epoch is one collective key over a fixed set of members; it serves rounds
/// until it times out, its decryptions are used up, or too few members can be drafted. Every function settles first what
/// the clock has decided, then checks the state, then acts. The caller of a member's step is its operator key.
///
/// A step names its round (or epoch), so that a transaction that arrives too late is refused and not taken for another.
interface ILearningService is ILearningServiceEvents, ILearningServiceErrors {
    // ------------------------------------------------------------------------------------------------- membership

    /// @notice Owner or operator of the registered keeper `keeper` (its owner address) takes the lowest free seat; the
    /// bond is engaged at the registry. Possible at any time; the seat becomes a member when registration closes next.
    function join(address keeper) external returns (uint8 seat);

    /// @notice Owner or operator gives the seat up: at once between epochs or while waiting for one, else when the
    /// current epoch ends. A member that has asked to leave still does its steps until then.
    function leave(uint8 seat) external;

    /// @notice Anyone. Removes, as if by `leave`, a seat whose keeper is jailed or whose bond no longer covers the
    /// service's largest penalty.
    function expel(uint8 seat) external;

    /// @notice Owner or operator fills the bond up to the service's current one.
    function topUp(uint8 seat) external;

    /// @notice Anyone. Takes over the operator key that the keeper's owner has set at the registry.
    function syncOperator(uint8 seat) external;

    // ------------------------------------------------------------------------------------------------- key generation

    /// @notice KeyCommit. @param commitment `keyCommitment(epoch, seat, cid, salt)`.
    function commitKey(uint32 epoch, bytes32 commitment) external;

    /// @notice KeyReveal. Opens the commitment; `cid` names the blob of the public-key share and encrypted re-shares.
    function revealKey(uint32 epoch, bytes calldata cid, bytes32 salt) external;

    /// @notice KeyConfirm. All members confirming one hash start the training.
    function confirmKey(uint32 epoch, bytes32 keyHash) external;

    /// @notice KeyConfirm, instead of confirming: the blob of `accused` is missing or does not open. Costs nobody stake.
    /// More than a third of the members accusing one drop that one; complainers that stay below are dropped themselves.
    function complain(uint32 epoch, uint8 accused) external;

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

    /// @notice Moves a seat's earned rewards to its owner's claimable balance at the KeeperRegistry.
    function collect(uint8 seat) external returns (uint256 amount);

    // ------------------------------------------------------------------------------------------------- the DAO

    /// @notice Admin only. Takes effect between epochs: at once in Registration, else when the current epoch ends.
    function setParameters(Parameters calldata parameters) external;

    // ------------------------------------------------------------------------------------------------- views

    /// @notice What a transaction sent now would find, whether or not the clock's decisions are recorded yet.
    /// @param end Of the state's window, Unix seconds; a step counts while block.timestamp < end.
    /// @dev While a new epoch waits to be recorded (isDue, KeyCommit) its seed is not known: poke first.
    function clock() external view returns (State current, uint32 currentEpoch, uint32 currentRound, uint40 end);

    /// @notice First of `clock`.
    function state() external view returns (State);

    /// @notice Whether `poke` would do something: the clock has decided what no transaction has recorded yet.
    function isDue() external view returns (bool);

    /// @notice As recorded.
    function epochInfo() external view returns (EpochInfo memory);

    /// @notice As recorded.
    function roundInfo() external view returns (RoundInfo memory);

    /// @notice Candidates of the last Aggregate step, in order of their first attestation. The winning one is
    /// `roundInfo().attested`. In KeyConfirm: of the collective key.
    function attestations() external view returns (Candidate[] memory);

    /// @notice Candidates of the last Vote step, in order of their first vote.
    function votes() external view returns (Candidate[] memory);

    /// @notice As recorded.
    function keyInfo() external view returns (KeyInfo memory);

    function outcomeOf(uint32 round) external view returns (Outcome memory);

    /// @return seated Bitmap of taken seats, waiting ones included. @return leaving Those that go when the epoch ends.
    function seats() external view returns (uint256 seated, uint256 leaving);

    /// @notice Reverts with NotSeated when the key acts for no seat.
    function seatOf(address operator) external view returns (uint8 seat);

    /// @return keeper Owner address at the registry; zero for an empty seat.
    function seatInfo(uint8 seat) external view returns (address keeper, address operator, uint8 strikes);

    /// @notice Reward earned in final rounds and not collected.
    function earned(uint8 seat) external view returns (uint256);

    function parameters() external view returns (Parameters memory);

    /// @return pending Whether `next` waits for the epoch to end.
    function pendingParameters() external view returns (bool pending, Parameters memory next);

    /// @notice What `commitKey` expects. Bound to chain, service, epoch and seat, so that nobody can copy it.
    function keyCommitment(
        uint32 epoch,
        uint8 seat,
        bytes calldata cid,
        bytes32 salt
    ) external view returns (bytes32);

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

    function keeperRegistry() external view returns (address);

    function modelRegistry() external view returns (address);
}

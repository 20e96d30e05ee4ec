// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceTypes} from "./ILearningServiceTypes.sol";
import {IVersionSource} from "./IVersionSource.sol";

/// @title The views of a learning service
interface ILearningServiceViews is ILearningServiceTypes, IVersionSource {
    /// @notice The state that a transaction sent now would find, whether or not the clock's decisions are recorded yet.
    /// @param end End of the state's window in Unix seconds. A step counts while block.timestamp < end.
    /// @dev While a new epoch has not been recorded (isDue, KeyCommit), its seed is unknown: poke first.
    function clock() external view returns (State current, uint32 currentEpoch, uint32 currentRound, uint40 end);

    /// @notice The first value of `clock`.
    function state() external view returns (State);

    /// @notice Whether `poke` would do something: some decision of the clock has not been recorded by a transaction yet.
    function isDue() external view returns (bool);

    /// @notice The epoch as last recorded.
    function epochInfo() external view returns (EpochInfo memory);

    /// @notice The key generation as last recorded.
    function keyInfo() external view returns (KeyInfo memory);

    /// @notice The round as last recorded.
    function roundInfo() external view returns (RoundInfo memory);

    /// @notice All of the above, and the seat of an operator, so that a keeper needs only one request per block.
    function snapshot(address operator) external view returns (Snapshot memory);

    /// @notice The confirmed hashes (KeyConfirm) or the verdicts (KeyJudge), in the order of their first supporter. Empty later.
    function keyCandidates() external view returns (Candidate[] memory);

    /// @notice Bitmap of the seats that are reserved, until registration next closes, for keepers that lost them without fault.
    function reservedSeats() external view returns (uint256);

    /// @notice Number of rounds that were lost at the vote and in which the seat took part, since it was last cleared; 0 … 3.
    function suspicionOf(uint8 seat) external view returns (uint8);

    /// @notice Candidates of the last Vote step, in order of their first vote.
    function votes() external view returns (Candidate[] memory);

    /// @notice All zero for a version that does not exist.
    function outcomeOf(uint64 version) external view returns (Outcome memory);

    /// @notice The keeper's party when it took its last seat here under an admission contract; zero without one.
    function partyOf(address keeper) external view returns (bytes32);

    /// @notice Whether the DAO has banned this keeper (its owner address) from the service.
    function isBanned(address keeper) external view returns (bool);

    /// @notice Whether the keeper (its owner address) has a seat, as a member or waiting.
    function isSeated(address keeper) external view returns (bool);

    /// @return seated Bitmap of taken seats, including seats of keepers that are not members yet. @return leaving Seats that are
    /// given up when the epoch ends.
    function seats() external view returns (uint256 seated, uint256 leaving);

    /// @notice The seat for which the key acts. Reverts with NotSeated if there is none.
    function seatOf(address operator) external view returns (uint8 seat);

    /// @return keeper Owner address at the registry; zero for an empty seat.
    function seatInfo(uint8 seat) external view returns (address keeper, address operator, uint8 strikes);

    /// @notice Reward earned in final rounds and not collected yet, in wei.
    function earned(uint8 seat) external view returns (uint256);

    function parameters() external view returns (Parameters memory);

    /// @return pending Whether `next` waits for the epoch to end.
    function pendingParameters() external view returns (bool pending, Parameters memory next);

    function keeperRegistry() external view returns (address);

    function modelRegistry() external view returns (address);

    // ------------------------------------------------------------------------------------------------- commitments

    /// @notice The argument of `commitKey`. It is bound to chain, service, epoch and seat, so that nobody can copy it.
    function keyCommitment(
        uint32 epoch,
        uint8 seat,
        bytes calldata cid,
        bytes32 salt
    ) external view returns (bytes32);

    /// @notice The argument of `commitUpdate`: keccak256(abi.encode(chainid, service, round, seat, keccak256(cid), size, samples,
    /// salt)).
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

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceTypes} from "./ILearningServiceTypes.sol";

/// @title Events of the round machine
/// @notice CIDs are binary CIDs; sizes in bytes. Seats are indices 0 … 255.
interface ILearningServiceEvents is ILearningServiceTypes {
    /// @notice Every transition, in order. `epoch`, `round` and `deadline` (Unix seconds) are those of the new state,
    /// `to`.
    event Transitioned(
        State indexed from,
        State indexed to,
        Trigger indexed trigger,
        uint32 epoch,
        uint32 round,
        uint40 deadline
    );
    /// @notice Too few keepers had joined when the window closed, so registration opens again.
    event RegistrationReopened(uint40 deadline);
    event EpochOpened(
        uint32 indexed epoch,
        bytes32 crsSeed,
        uint256 members,
        uint16 quorum,
        uint16 decryptionThreshold
    );

    event Joined(uint8 indexed seat, address indexed keeper, address indexed operator);
    event LeaveRequested(uint8 indexed seat, address indexed keeper);
    /// @notice A keeper that was about to lose its seat has topped up its bond and keeps the seat.
    event Staying(uint8 indexed seat, address indexed keeper);
    event Banned(address indexed keeper);
    event Unbanned(address indexed keeper);
    event Left(uint8 indexed seat, address indexed keeper);
    /// @param penalised False for members that a verdict excuses. Their seats are reserved for them until registration
    /// closes.
    event Dropped(uint32 indexed epoch, uint8 indexed seat, address indexed keeper, bool penalised);
    event OperatorSynced(uint8 indexed seat, address indexed previous, address indexed current);
    /// @param taken The amount that the registry actually took.
    event Penalised(uint32 indexed epoch, uint8 indexed seat, address indexed keeper, bytes32 reason, uint256 taken);
    event StruckOut(uint8 indexed seat, address indexed keeper);

    event KeyCommitted(uint32 indexed epoch, uint8 indexed seat, bytes32 commitment);
    event KeyRevealed(uint32 indexed epoch, uint8 indexed seat, bytes cid);
    event KeyConfirmed(uint32 indexed epoch, uint8 indexed seat, bytes32 keyHash);
    event KeyComplaint(uint32 indexed epoch, uint8 indexed seat, uint8 indexed accused, bytes evidence);
    event KeyJudged(uint32 indexed epoch, uint8 indexed seat, uint256 convicted, uint256 excused);

    event UpdateCommitted(uint32 indexed round, uint8 indexed seat, bytes32 commitment);
    /// @notice Follows UpdateCommitted: the update started from version `base`.
    event StaleUpdateCommitted(uint32 indexed round, uint8 indexed seat, uint24 base);
    event UpdateRevealed(uint32 indexed round, uint8 indexed seat, bytes cid, uint64 size, uint40 samples);
    event AggregateAttested(uint32 indexed round, uint8 indexed seat, bytes26 seal);
    event UpdateDisputed(uint32 indexed round, uint8 indexed seat, uint8 indexed accused);
    event CheckSubmitted(uint32 indexed round, uint8 indexed seat, bytes scalars);
    /// @notice The active set for this round's only decryption. @param attesters Members with matching seals.
    event MembersDrafted(
        uint32 indexed round,
        uint256 drafted,
        bytes32 aggregateHash,
        uint256 included,
        uint256 convicted,
        uint256 attesters
    );
    /// @notice A quorum has sealed a sum of too few updates to be decrypted, so the round ends.
    /// @param missing Members that get a strike because their revealed updates are not in the sum.
    event SumFellShort(uint32 indexed round, uint256 included, uint256 missing);
    /// @notice The members that are left out of rounds from now on: the convicted and, after a lost vote, the most
    /// suspect.
    event MembersLeftOut(uint32 indexed epoch, uint256 leftOut);
    event ShareSubmitted(uint32 indexed round, uint8 indexed seat, bytes cid, uint64 size);
    event ModelVoted(
        uint32 indexed round,
        uint8 indexed seat,
        bytes32 modelCommitment,
        bytes cid,
        uint8 candidate
    );
    /// @notice The members have accepted a model. It is version `versionId` of this service; versions count from 1.
    event UpdateCompleted(uint32 indexed round, bytes32 modelCommitment, bytes cid, uint256 indexed versionId);
    /// @notice Voting has ended without a quorum for any model.
    event UpdateIncomplete(uint32 indexed round);
    event RoundRewarded(uint32 indexed round, uint256 perShare, uint256 totalShares);
    event RewardCollected(uint8 indexed seat, address indexed keeper, uint256 amount);

    event ParametersProposed(Parameters parameters);
    /// @notice The parameters proposed last are in force from now on.
    event ParametersApplied();
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceTypes} from "./ILearningServiceTypes.sol";

/// @title Errors of the round machine
interface ILearningServiceErrors is ILearningServiceTypes {
    /// @notice The call does not belong to the state found. Bit s of `expected` is set for each State s that would do.
    error UnexpectedState(State found, uint256 expected);
    /// @notice Nothing is due: the state stands until `deadline`, or until enough members act.
    error NothingDue(State found, uint40 deadline);
    /// @notice More seats must be vacated than one transaction may: poke until nothing is due, then act.
    error SettlementUnfinished(State found);
    error WrongEpoch(uint32 found, uint32 expected);
    /// @notice The epoch was opened with another reference string than the share was made for.
    error WrongSeed(bytes32 found, bytes32 expected);
    error WrongRound(uint32 found, uint32 expected);
    /// @notice `caller` acts for no seat of this service.
    error NotSeated(address caller);
    /// @notice The seat is taken, but its keeper joins only with the next epoch.
    error NotMember(uint8 seat, uint256 members);
    /// @notice Only a member's steps are relayed.
    error NotAStep(bytes4 selector);
    /// @notice The relayed step that starts at byte `start` would end at `end`.
    error RelayCutShort(uint256 start, uint256 end, uint256 length);
    /// @notice The relayed step at `index` ran out of `gas`, so none of the steps is taken.
    error RelayStarved(uint256 index, uint256 gas);
    error EmptySeat(uint8 seat);
    /// @notice `caller` is neither owner nor operator of `keeper`.
    error NotKeeper(address caller, address keeper);
    error ZeroAddress(bytes32 field);
    /// @notice The parts of a service must share its registries.
    error PartMismatch(address part);
    /// @notice The epoch's key is used up: its last Training only waits for late ballots.
    error EpochUsedUp(uint32 epoch, uint16 decryptions);
    error AlreadySeated(address keeper, uint8 seat);
    /// @notice The admission contract does not admit the keeper, or does not answer as it must.
    error NotAdmitted(address keeper, address admission);
    /// @notice Keepers of that party have as many seats as one party may.
    error PartyFull(bytes32 party, uint256 found, uint256 max);
    error AdmissionWithoutCode(address admission);
    error AlreadyLeaving(uint8 seat);
    error ServiceFull(uint256 found, uint256 max);
    /// @notice The member has done this step of this round (or epoch) already.
    error AlreadyDone(State step, uint8 seat);
    error ZeroHash(bytes32 field);
    error CidLength(uint256 found, uint256 max);
    /// @notice So many members have declared no samples, or had none in the last completed round, and the round can do without so few.
    error NoRoomWithoutSamples(uint256 taken, uint256 room);
    error ZeroSize();
    /// @notice An update may start from these versions: none that is still to come, and none that is too long ago.
    error BaseOutOfRange(uint256 found, uint256 oldest, uint256 latest);
    error NotCommitted(State step, uint8 seat);
    /// @notice The opening does not match the commitment.
    error CommitmentMismatch(bytes32 found, bytes32 committed);
    error ComplaintInvalid(uint8 seat, uint8 accused);
    error EvidenceLength(uint256 found, uint256 max);
    /// @notice The verdict names seats that are not members, or one seat in both sets.
    error VerdictInvalid(uint256 convicted, uint256 excused, uint256 members);
    /// @notice Only members that confirmed or complained judge.
    error NotSpoken(uint8 seat, uint256 spoken);
    /// @notice The member is suspect or convicted, and contributes nothing to this round.
    error LeftOut(uint8 seat, uint256 leftOut);
    /// @notice The bitmap names updates that were never revealed, or that may not be summed.
    error IncludedNotRevealed(uint256 included, uint256 allowed);
    /// @notice Only another member's revealed update can be disputed.
    error DisputeInvalid(uint8 seat, uint8 accused);
    /// @notice A round has one dispute at most.
    error AlreadyDisputed(uint32 round);
    /// @notice In the second half of Aggregate's window, when the draft may be open, nobody attests.
    error AttestationsClosed(uint40 until);
    /// @notice 16 bytes for each revealed update, once to four times.
    error CheckLength(uint256 found, uint256 max);
    /// @notice Not all that revealed have attested: wait for them, or until `from`.
    error DraftTooEarly(uint256 waiting, uint40 from);
    /// @notice The block of the last attestation has no hash yet.
    error DraftInSameBlock(uint256 found);
    /// @notice Seals that this opening matches are fewer than a quorum.
    error SealsNotMatched(uint256 found, uint256 min);
    /// @notice Too few of those who attested may decrypt.
    error TooFewDraftable(uint256 found, uint256 min);
    /// @notice A conviction needs a dispute in the round, and only members can be convicted.
    error ConvictionInvalid(uint256 convicted, uint256 members);
    /// @notice Members cannot leave in the second half of registration's window.
    error LeaveTooLate(uint8 seat, uint40 until);
    error NotDrafted(uint8 seat, uint256 drafted);
    /// @notice A late ballot must agree with the decision.
    error AgainstOutcome(bytes26 found, bytes26 decided);
    /// @notice The keeper is neither jailed nor short of its bond.
    error NotExpellable(uint8 seat, address keeper);
    error OperatorInUse(address operator);
    error OperatorUnchanged(uint8 seat, address operator);
    error NothingToCollect(uint8 seat);
    error ParameterOutOfRange(bytes32 field, uint256 found, uint256 min, uint256 max);
    error StrategyWithoutCode(address strategy);
    /// @notice The strategy reverts, takes too much gas, or answers no uint40 when asked about one sample.
    error StrategyBroken(address strategy);
    /// @notice A commitment to weights is a Poseidon digest: below the order of the BN254 scalar field.
    error CommitmentNotInField(bytes32 modelCommitment);
    /// @notice The DAO has barred this keeper from the service.
    error KeeperIsBanned(address keeper);
    error KeeperNotBanned(address keeper);
    /// @notice No keeper of this owner is registered.
    error UnknownKeeper(address keeper);
    /// @notice The transaction must leave this much gas for asking the reward strategy.
    error GasTooLow(uint256 found, uint256 min);
}

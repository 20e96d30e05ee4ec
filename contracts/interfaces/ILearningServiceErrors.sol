// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceTypes} from "./ILearningServiceTypes.sol";

/// @title Errors of the round machine
interface ILearningServiceErrors is ILearningServiceTypes {
    /// @notice The call is not allowed in the state found. Bit s of `expected` is set for each State s that allows it.
    error UnexpectedState(State found, uint256 expected);
    /// @notice Nothing is due: the state lasts until `deadline`, or until enough members act.
    error NothingDue(State found, uint40 deadline);
    /// @notice One transaction cannot vacate all the seats that must be vacated. Poke until nothing is due, then act.
    error SettlementUnfinished(State found);
    error WrongEpoch(uint32 found, uint32 expected);
    /// @notice The key share was made for another common reference string than the one of the epoch.
    error WrongSeed(bytes32 found, bytes32 expected);
    error WrongRound(uint32 found, uint32 expected);
    /// @notice `caller` acts for no seat of this service.
    error NotSeated(address caller);
    /// @notice The seat is taken, but its keeper becomes a member only with the next epoch.
    error NotMember(uint8 seat, uint256 members);
    /// @notice Only steps of members are relayed.
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
    /// @notice The epoch's key is used up: its last Training takes no commits and only waits for late ballots.
    error EpochUsedUp(uint32 epoch, uint16 decryptions);
    error AlreadySeated(address keeper, uint8 seat);
    /// @notice The admission contract does not admit the keeper, or did not return a valid answer.
    error NotAdmitted(address keeper, address admission);
    /// @notice Keepers of this party already have as many seats as one party may have.
    error PartyFull(bytes32 party, uint256 found, uint256 max);
    error AdmissionWithoutCode(address admission);
    error AlreadyLeaving(uint8 seat);
    error ServiceFull(uint256 found, uint256 max);
    /// @notice The member has already done this step of this round (or epoch).
    error AlreadyDone(State step, uint8 seat);
    error ZeroHash(bytes32 field);
    error CidLength(uint256 found, uint256 max);
    /// @notice `taken` (a bitmap) has more members than the `room` for members without samples. They have declared no samples in this
    /// round, or keep their place because they had none in an earlier one.
    error NoRoomWithoutSamples(uint256 taken, uint256 room);
    error ZeroSize();
    /// @notice An update may start only from a version between `oldest` and `latest`: not a later one, nor one that is too old.
    error BaseOutOfRange(uint256 found, uint256 oldest, uint256 latest);
    error NotCommitted(State step, uint8 seat);
    /// @notice The opening does not match the commitment.
    error CommitmentMismatch(bytes32 found, bytes32 committed);
    error ComplaintInvalid(uint8 seat, uint8 accused);
    error EvidenceLength(uint256 found, uint256 max);
    /// @notice The verdict names a seat that is not a member's, or names one seat in both sets.
    error VerdictInvalid(uint256 convicted, uint256 excused, uint256 members);
    /// @notice Only members that confirmed the key or complained may judge.
    error NotSpoken(uint8 seat, uint256 spoken);
    /// @notice The member is suspect or convicted, and contributes nothing to this round.
    error LeftOut(uint8 seat, uint256 leftOut);
    /// @notice The bitmap includes an update that was not revealed, or that must not be summed.
    error IncludedNotRevealed(uint256 included, uint256 allowed);
    /// @notice Only another member's revealed update can be disputed.
    error DisputeInvalid(uint8 seat, uint8 accused);
    /// @notice A round can have only one dispute.
    error AlreadyDisputed(uint32 round);
    /// @notice Nobody can attest in the second half of Aggregate's window, when the draft may already be open.
    error AttestationsClosed(uint40 until);
    /// @notice The scalars must have 16 bytes for each revealed update, repeated one to four times.
    error CheckLength(uint256 found, uint256 max);
    /// @notice Some members that revealed (`waiting`, a bitmap) have not attested. The draft must wait for them, or until `from`.
    error DraftTooEarly(uint256 waiting, uint40 from);
    /// @notice The block of the last attestation has no hash yet: draft in a later block.
    error DraftInSameBlock(uint256 found);
    /// @notice Fewer seals than a quorum match this opening.
    error SealsNotMatched(uint256 found, uint256 min);
    /// @notice Too few of the members that attested may decrypt.
    error TooFewDraftable(uint256 found, uint256 min);
    /// @notice Only members can be convicted, and only in a round with a dispute.
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
    /// @notice When asked about one sample, the strategy reverts, uses too much gas, or does not return a uint40.
    error StrategyBroken(address strategy);
    /// @notice A commitment to weights is a Poseidon digest, so it must be below the order of the BN254 scalar field.
    error CommitmentNotInField(bytes32 modelCommitment);
    /// @notice The DAO has barred this keeper from the service.
    error KeeperIsBanned(address keeper);
    error KeeperNotBanned(address keeper);
    /// @notice No keeper of this owner is registered.
    error UnknownKeeper(address keeper);
    /// @notice At least `min` gas must be left, so that the reward strategy can be asked.
    error GasTooLow(uint256 found, uint256 min);
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IKeeperRegistry} from "../interfaces/IKeeperRegistry.sol";
import {ILearningServiceErrors} from "../interfaces/ILearningServiceErrors.sol";
import {ILearningServiceEvents} from "../interfaces/ILearningServiceEvents.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {Ballots} from "./Ballots.sol";
import {MemberRecord} from "./MemberRecord.sol";
import {Seats, NONE} from "./Seats.sol";

/// @title Storage of a learning service and the look-ups that every part needs
/// @dev Everything of a round lives in slots that later rounds overwrite; docs/round-machine.md draws the layout. A set
/// that belongs to the current step counts only when `head.acted` is set: before, the slot holds an earlier round's.
abstract contract ServiceStorage is ILearningServiceEvents, ILearningServiceErrors {
    using Ballots for Ballots.Ballot;

    /// @dev One slot.
    /// @param anchor State of the last recorded transition; what the clock has decided since is derived.
    /// @param deadline End of the anchor's window.
    /// @param memberCount n of the epoch. @param threshold t of the epoch.
    /// @param decryptionsLeft Drafts that the epoch's key may still serve.
    /// @param candidates Open in `_keyBallot` (KeyConfirm, KeyJudge) or in `_votes` (later).
    /// @param versions Rounds completed so far: the number of the last version.
    /// @param intake Times that registration has closed. A seat is a member when it was taken before the last close.
    /// @param elected Winning candidate of KeyJudge, or of the last Vote.
    /// @param spared How many fewer members are left out, because rounds without them came to no draft.
    /// @param shareBlock Number of the block in which Vote began, modulo 256.
    /// @param flags ACTED … CHECK_MISSED.
    struct Head {
        uint24 epoch;
        uint32 round;
        State anchor;
        uint40 deadline;
        uint16 memberCount;
        uint16 threshold;
        uint16 decryptionsLeft;
        uint16 candidates;
        uint24 versions;
        uint24 intake;
        uint8 elected;
        uint8 spared;
        uint8 shareBlock;
        uint16 flags;
    }

    /// @dev One slot. @param blockNumber Of the attestation.
    struct Seal {
        bytes26 digest;
        uint48 blockNumber;
    }

    /// @dev Who acts for a seat. @param accrued Reward of final rounds, at most what the registry has allocated.
    struct Chair {
        bool taken;
        uint8 seat;
        uint24 intake;
        uint128 accrued;
    }

    /// @dev Someone has acted in the current step.
    uint16 internal constant ACTED = 1;
    /// @dev The previous round was completed; its late ballots are open and its reward is not set aside yet.
    uint16 internal constant PAYOUT_DUE = 2;
    /// @dev The epoch serves no further round.
    uint16 internal constant USED_UP = 4;
    /// @dev `_undraftable` is not empty; while the flag is clear nobody has to look.
    uint16 internal constant EXCLUDED = 8;
    /// @dev Some seat may have strikes.
    uint16 internal constant STRUCK = 16;
    /// @dev Some seat may be suspect.
    uint16 internal constant SUSPECTED = 32;
    /// @dev `_leftOut` is not empty.
    uint16 internal constant LEFT_OUT = 64;
    /// @dev This key generation, or this round, has had its dispute.
    uint16 internal constant DISPUTED = 128;
    /// @dev A quorum agrees on the verdict number `elected`.
    uint16 internal constant JUDGED = 256;
    /// @dev `_missedCheck` belongs to the current round or the one before.
    uint16 internal constant CHECK_MISSED = 512;

    uint256 internal constant MAX_CID = 64;

    IKeeperRegistry internal immutable _registry;
    IModelRegistry internal immutable _models;

    Head internal _head;
    Parameters internal _parameters;

    Seats internal _members;
    Seats internal _seated;
    Seats internal _leaving;
    Seats internal _undraftable;

    Seats internal _committed;
    Seats internal _revealed;
    Seats internal _drafted;
    Seats internal _shared;
    /// @dev Members that have attested; from the draft on, those whose seal matched.
    Seats internal _attesters;
    Seats internal _checked;
    /// @dev Updates in the sum of the last draft.
    Seats internal _included;
    Seats internal _leftOut;
    /// @dev Members convicted in a round of this epoch; they are among the left out. Counts while LEFT_OUT is set.
    Seats internal _convicted;
    /// @dev Members that were silent in the last Check.
    Seats internal _missedCheck;

    /// @dev Bit planes of each seat's strikes, 0 … 3.
    Seats internal _strikesLow;
    Seats internal _strikesHigh;
    /// @dev Bit planes of each seat's suspicion, 0 … 3.
    Seats internal _suspicionLow;
    Seats internal _suspicionHigh;

    bytes32 internal _crsSeed;
    bytes32 internal _keyHash;
    Seats internal _keyCommitted;
    Seats internal _keyRevealed;
    Seats internal _keySpoken;
    Seats internal _keyComplained;
    Seats internal _keyAccused;
    Seats internal _keyJudged;
    /// @dev Seats kept for those who lost them without fault, until registration closes or opens again.
    Seats internal _reserved;

    MemberRecord[256][2] internal _records;
    bytes32[256] internal _keyCommitments;
    address[256] internal _keepers;
    address[256] internal _operators;
    Seal[256] internal _seals;
    /// @dev Of the candidates of KeyJudge.
    Seats[256] internal _verdictConvicted;
    Seats[256] internal _verdictExcused;

    Ballots.Ballot internal _keyBallot;
    Ballots.Ballot internal _votes;

    mapping(address operator => Chair) internal _chairs;
    /// @dev Seat + 1; 0 when the keeper has none.
    mapping(address keeper => uint256) internal _seatOfKeeper;
    /// @dev Intake in which a seat of the keeper was last reserved, and the seat; counts while `_reserved` has the seat.
    mapping(address keeper => uint256 intakeAndSeat) internal _reservations;
    /// @dev What a completed round leaves for good: two slots, by version.
    mapping(uint256 version => Outcome) internal _outcomes;
    /// @dev Also holds the first candidate of an open Vote, under the next version's number.
    mapping(uint256 version => bytes32) internal _commitments;
    mapping(address keeper => bool) internal _banned;

    Parameters internal _pending;
    bool internal _hasPending;
    /// @dev Members when registration last closed.
    uint16 internal _registered;

    /// @dev Party that the admission contract named when the keeper took its seat. Seats that a party's bitmap has beyond
    /// those whose keepers are of the party are left over from earlier keepers, and do not count.
    mapping(address keeper => bytes32 party) internal _partyOf;
    mapping(bytes32 party => Seats) internal _partySeats;

    /// @param registry Stake, penalties, rewards. @param models Where the DAO decides about versions.
    constructor(IKeeperRegistry registry, IModelRegistry models) {
        if (address(registry) == address(0)) revert ZeroAddress("registry");
        if (address(models) == address(0)) revert ZeroAddress("models");
        _registry = registry;
        _models = models;
    }

    // ------------------------------------------------------------------------------------------------- the head

    function _has(Head memory h, uint16 flag) internal pure returns (bool) {
        return h.flags & flag != 0;
    }

    /// @dev What of `recorded` belongs to the current step.
    function _current(Head memory h, Seats recorded) internal pure returns (Seats) {
        return _has(h, ACTED) ? recorded : NONE;
    }

    /// @dev A set as it stands at the anchor: nothing before its step, what has been done during it, all of it after.
    function _since(Head memory h, State step, Seats recorded) internal pure returns (uint256) {
        if (h.anchor < step) return 0;
        return Seats.unwrap(h.anchor == step ? _current(h, recorded) : recorded);
    }

    /// @dev Adds `seat` to the current step's set.
    function _mark(Head memory h, Seats recorded, uint8 seat) internal pure returns (Seats done) {
        done = _current(h, recorded);
        if (done.contains(seat)) revert AlreadyDone(h.anchor, seat);
        h.flags |= ACTED;
        return done.including(seat);
    }

    /// @dev More than two thirds of the members: two such sets share more than a third of the members.
    function _quorum(Head memory h) internal pure returns (uint256) {
        return (2 * uint256(h.memberCount)) / 3 + 1;
    }

    /// @dev Updates that a round needs: a quorum, and never fewer than may be summed and decrypted.
    function _updateQuorum(Head memory h) internal view returns (uint256) {
        uint256 quorum = _quorum(h);
        uint256 min = _parameters.minKeepers;
        return quorum > min ? quorum : min;
    }

    function _leftOutNow(Head memory h) internal view returns (Seats) {
        return _has(h, LEFT_OUT) ? _leftOut : NONE;
    }

    /// @dev End of the attestations, and from when anybody may open the draft.
    function _attestUntil(Head memory h) internal view returns (uint40) {
        return h.deadline - _parameters.aggregateWindow / 2;
    }

    /// @dev Hash of the last block, before this one, whose number has that remainder modulo 256: the chain knows the last
    /// 256. As long as the block meant is among them it is that block, so that nobody chooses by acting later.
    function _hashOfBlock(uint256 number) internal view returns (bytes32) {
        uint256 last = block.number - 1;
        return blockhash(last - ((last - (number & 0xff)) & 0xff));
    }

    // ------------------------------------------------------------------------------------------------- commitments

    function _keyCommitment(uint32 epoch, uint8 seat, bytes calldata cid, bytes32 salt) internal view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), epoch, seat, keccak256(cid), salt));
    }

    function _updateCommitment(
        uint32 round,
        uint8 seat,
        bytes calldata cid,
        uint64 size,
        uint40 samples,
        bytes32 salt
    ) internal view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), round, seat, keccak256(cid), size, samples, salt));
    }

    function _seal(
        uint32 round,
        uint8 seat,
        bytes32 aggregateHash,
        uint256 included,
        uint256 convicted
    ) internal view returns (bytes26) {
        return
            bytes26(
                keccak256(
                    abi.encode(block.chainid, address(this), round, seat, aggregateHash, included, convicted)
                )
            );
    }

    // ------------------------------------------------------------------------------------------------- parameters

    function _applyPending() internal {
        _parameters = _pending;
        _hasPending = false;
        emit ParametersApplied();
    }

    // ------------------------------------------------------------------------------------------------- checks

    function _bit(State s) internal pure returns (uint256) {
        return 1 << uint256(s);
    }

    function _expect(Head memory h, State wanted) internal pure {
        if (h.anchor != wanted) revert UnexpectedState(h.anchor, _bit(wanted));
    }

    function _expectRound(Head memory h, uint32 found) internal pure {
        if (found != h.round) revert WrongRound(found, h.round);
    }

    /// @dev Whose step this is: the sender's, or, when the service relays it to itself, the signer's, whose address it has
    /// put behind the call.
    function _caller() internal view returns (address) {
        if (msg.sender != address(this)) return msg.sender;
        return address(bytes20(msg.data[msg.data.length - 20:]));
    }

    /// @dev The member's seat that the caller acts for.
    function _callingMember(Head memory h) internal view returns (uint8) {
        address caller = _caller();
        Chair memory chair = _chairs[caller];
        if (!chair.taken) revert NotSeated(caller);
        if (chair.intake >= h.intake) revert NotMember(chair.seat, Seats.unwrap(_members));
        return chair.seat;
    }

    function _keeperOf(uint8 seat) internal view returns (address keeper) {
        keeper = _keepers[seat];
        if (keeper == address(0)) revert EmptySeat(seat);
    }

    function _checkCid(bytes calldata cid) internal pure {
        if (cid.length == 0 || cid.length > MAX_CID) revert CidLength(cid.length, MAX_CID);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Head, ABSENT, ONE_EPOCH, USED_UP} from "./Head.sol";
import {RoundClock} from "./RoundClock.sol";
import {Seats, NONE, only} from "./Seats.sol";
import {Suspicion} from "./Suspicion.sol";

/// @title Records transitions with all their consequences
abstract contract Recorder is RoundClock, Suspicion {
    /// @dev Number of seats that one transaction vacates while the machine moves on. Keeps the worst case (all of 256 members silent)
    /// far below the gas limit of a transaction (2^24, EIP-7825); the rest needs another poke.
    uint256 internal constant DEPARTURES_AT_ONCE = 64;

    /// @dev Records the clock's decisions. Called before an action.
    function _settle() internal returns (Head memory h) {
        h = _head;
        if (block.timestamp >= h.deadline && !_run(h)) revert SettlementUnfinished(h.anchor);
    }

    /// @dev Records transitions until the state's window is open. @return done False if seats are left to vacate.
    function _run(Head memory h) internal returns (bool done) {
        do {
            if (!_clear(h)) return false;
            (State to, Trigger trigger) = _verdict(h);
            _transition(h, to, trigger);
        } while (block.timestamp >= h.deadline);
        return true;
    }

    /// @dev Records the transition of a state that has done its work before its deadline. KeyConfirm and Vote lead to Training, Check
    /// leads back to Aggregate, and any other state leads to the next one in the enumeration. (From Aggregate that is Check, after a
    /// dispute; a draft leads either to Decrypt or to Training, and records that itself.)
    function _complete(Head memory h) internal {
        State from = h.anchor;
        State to = State.Training;
        Trigger trigger = Trigger.None;
        if (from == State.KeyConfirm) trigger = Trigger.START_TRAINING;
        else if (from == State.Vote) trigger = Trigger.DONE_UPDATE;
        else if (from == State.Check) to = State.Aggregate;
        else to = State(uint8(from) + 1);
        if (from == State.Training) trigger = Trigger.DONE_TRAINING;
        // A single call: for each call with a pair of constants, the compiler would make a copy of the whole function.
        _transition(h, to, trigger);
    }

    /// @dev Records one transition.
    function _transition(Head memory h, State to, Trigger trigger) internal {
        State from = h.anchor;
        if (from == State.Registration) _seats.endReservations();
        _leaveState(h, to, trigger);
        if (to == State.Registration && _hasPending) _applyPending();
        _enter(h, to, NONE);
        if (to == State.Registration) {
            if (from != State.Registration) {
                // After a failed key generation, keepers keep their seats: if silence could force a new draw, repeating the draw might
                // be worth the penalty.
                if (from == State.Training && h.has(ONE_EPOCH)) _seats.markLeaving(_seats.seated);
                _seats.endMembership();
                _vacateSome(_seats.leaving, DEPARTURES_AT_ONCE);
            } else {
                emit RegistrationReopened(h.deadline);
            }
        } else if (to == State.KeyCommit) {
            if (from == State.Registration) {
                _seats.closeRegistration();
                h.intake += 1;
            }
            _openEpoch(h);
        } else if (to == State.KeyConfirm) {
            _key.openConfirmation();
        }
        emit Transitioned(from, to, trigger, h.epoch, h.round, h.deadline);
    }

    /// @dev Applies the consequences that a state's end has for the members.
    function _leaveState(Head memory h, State to, Trigger trigger) private {
        State from = h.anchor;
        if (from == State.Training) {
            // This Training has waited for everybody.
            if (block.timestamp >= h.deadline) h.flags &= ~ABSENT;
            if (to == State.Registration) {
                bool usedUp = h.has(USED_UP);
                Seats committed = h.current(_round.committed);
                if (h.buffer != 0) {
                    // Nobody could deliver an update in a round that takes no commits. In a round with too few of them, a training in
                    // progress is no excuse.
                    if (usedUp) _standing.passOver(h.round);
                    else _standing.noteDelivered(h.round, committed);
                }
                if (!usedUp) _strikeIdle(h, committed);
            }
            _payOut(h);
        } else if (from == State.Reveal) {
            Seats revealed = h.current(_round.revealed);
            _strikeIdle(h, h.buffer == 0 ? revealed : _deliver(h, revealed));
            if (to == State.Training) _loseRound(h, revealed);
        } else if (from == State.Aggregate) {
            if (to == State.Training) _loseRound(h, _round.revealed);
        } else if (from == State.Check) {
            _strikeMissing(h, _seats.members.without(h.current(_round.checked)));
        } else if (from == State.Decrypt) {
            if (to == State.Training) _penaliseSilentDraft(h);
            h.shareBlock = uint8(block.number);
        } else if (from == State.Vote) {
            if (trigger == Trigger.NO_MAJORITY) {
                emit UpdateIncomplete(h.round);
                _suspect(h);
            } else {
                _absolve(h);
            }
        }
    }

    /// @dev For services with a buffer, whose rounds do not wait for slower members: records which members have delivered an update.
    /// @return fine These members, and those that have not committed but delivered an update lately, and so may still be training.
    function _deliver(Head memory h, Seats revealed) private returns (Seats fine) {
        Seats lately = _standing.deliveredLately(h.round, _parameters.maxStaleness);
        _standing.noteDelivered(h.round, revealed | _standing.leftOutNow(h));
        _standing.noteDefaults(_round.committed.without(revealed));
        return revealed | lately.without(_round.committed);
    }

    /// @dev A round is over without a draft. The next draft does not clear the strikes of members that revealed nothing: if it did, a
    /// member could fail every second round, which is more than a service can spare.
    function _loseRound(Head memory h, Seats revealed) private {
        _standing.holdAgainst(h, _seats.members.without(revealed));
        _spare(h);
    }

    /// @dev Fixes the parameters of one collective key. Nobody knows the seed before the block that precedes this one. It is recorded
    /// here because the chain forgets block hashes after 256 blocks.
    function _openEpoch(Head memory h) private {
        Seats members = _seats.members;
        h.memberCount = uint16(members.count());
        // Computed from the registered members, so that having others dropped does not bring anybody nearer to the threshold. At most
        // 6666 bps.
        h.threshold = uint8((uint256(_seats.registered) * _parameters.decryptionBps) / 10_000 + 1);
        h.decryptionsLeft = _parameters.decryptionsPerEpoch;
        bool first = h.buffer == 0;
        h.buffer = _parameters.buffer;
        if (h.buffer != 0) {
            uint256 needed = _updateQuorum(h);
            // At most two thirds of 256 members plus one, or minKeepers; and a buffer is never below minKeepers.
            if (h.buffer < needed) h.buffer = uint8(needed);
            _standing.greet(h.round, members, first);
        }
        _standing.openEpoch(h, _parameters.oneEpochSeats);
        bytes32 seed = keccak256(abi.encode(block.chainid, address(this), h.epoch, blockhash(block.number - 1)));
        _key.open(seed);
        emit EpochOpened(h.epoch, seed, Seats.unwrap(members), uint16(h.quorum()), h.threshold);
    }

    /// @dev Vacates the seats that are given up when this state ends, as many as one transaction can.
    /// @return done Whether none is left.
    function _clear(Head memory h) private returns (bool done) {
        if (h.anchor > State.KeyJudge || _goesToJudge(h)) return true;
        if (h.anchor == State.Registration) return _vacateSome(_seats.leaving, DEPARTURES_AT_ONCE).isEmpty();
        Seats dropped = _droppedAtKey(h);
        if (!dropped.isEmpty() && !_dropSome(h, dropped)) return false;
        return _vacateSome(_seats.members & _seats.leaving, DEPARTURES_AT_ONCE).isEmpty();
    }

    /// @dev Convicted and silent members pay and lose their seats. Members that are dropped without fault get their seats reserved.
    function _dropSome(Head memory h, Seats dropped) private returns (bool done) {
        Seats convicted = _key.convictedBy(h);
        Seats spoken = _key.spokenAt(h);
        for (uint256 i = 0; i < DEPARTURES_AT_ONCE && !dropped.isEmpty(); ++i) {
            uint8 seat = dropped.lowest();
            dropped = dropped.without(only(seat));
            address keeper = _seats.keepers[seat];
            bool excused = spoken.contains(seat) && !convicted.contains(seat);
            emit Dropped(h.epoch, seat, keeper, !excused);
            if (excused) {
                // Members that wanted to leave, or must leave, do leave.
                if (!_seats.leaving.contains(seat)) _seats.reserve(seat, keeper, h.intake);
            } else if (convicted.contains(seat)) {
                _penalise(h, seat, _parameters.fraudPenalty, CONVICTED_AT_KEY);
            } else {
                _penalise(h, seat, _parameters.keyPenalty, SILENT_AT_KEY);
            }
            _vacate(seat);
        }
        return dropped.isEmpty();
    }
}

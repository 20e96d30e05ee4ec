// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Ballots} from "./Ballots.sol";
import {Incentives} from "./Incentives.sol";
import {Seats, NONE, only} from "./Seats.sol";

/// @title The clock of the machine: what deadlines decide, and how transitions are recorded
/// @dev Nobody has to act for a deadline to count. `_verdict` says what the end of a window means on the recorded facts;
/// `clock` only follows it, `_run` also records it. Windows of a round follow each other without a gap, whenever they are
/// recorded. Registration and KeyCommit open when they are recorded: the one gives members the time to leave, the other
/// takes a block hash.
abstract contract RoundClock is Incentives {
    using Ballots for Ballots.Ballot;

    /// @dev Seats given up in one transaction while the machine moves on. Keeps the worst case (all of 256 members silent)
    /// far below the gas limit of a transaction (2^24, EIP-7825); what is left takes another poke.
    uint256 internal constant DEPARTURES_AT_ONCE = 64;

    // ------------------------------------------------------------------------------------------------- views

    /// @dev The head as a transaction sent now would find it.
    function _derived() internal view returns (Head memory h) {
        h = _head;
        while (block.timestamp >= h.deadline) {
            Seats silent = h.anchor == State.Decrypt ? _drafted.without(_current(h, _shared)) : NONE;
            (State to, ) = _verdict(h);
            _enter(h, to, silent);
        }
    }

    /// @dev What the end of the window decides.
    function _verdict(Head memory h) internal view returns (State to, Trigger trigger) {
        State from = h.anchor;
        if (from == State.Training) {
            return
                _current(h, _committed).count() >= _updateQuorum(h)
                    ? (State.Reveal, Trigger.DONE_TRAINING)
                    : (State.Registration, Trigger.TRAINING_TIMEOUT);
        }
        if (from == State.Reveal) {
            return
                _current(h, _revealed).count() >= _updateQuorum(h)
                    ? (State.Aggregate, Trigger.None)
                    : (State.Training, Trigger.UPDATE_TIMEOUT);
        }
        if (from == State.Decrypt) return (State.Training, Trigger.UPDATE_TIMEOUT);
        if (from == State.Aggregate || from == State.Vote) return (State.Training, Trigger.NO_MAJORITY);
        Seats ready = _seated;
        uint256 min = _parameters.minKeepers;
        if (from != State.Registration) {
            (Seats dropped, ) = _droppedAtKey(h);
            ready = _members.without(dropped);
            // However often a generation fails, two thirds of those who registered must be left: else a coalition could
            // have the others dropped until it holds the decryption threshold of the rest.
            uint256 twoThirds = (2 * uint256(_registered) + 2) / 3;
            if (min < twoThirds) min = twoThirds;
        }
        bool enough = ready.without(_leaving).count() >= min;
        return (enough ? State.KeyCommit : State.Registration, Trigger.None);
    }

    /// @dev Moves `h` to `to`. @param silent Members that this very transition makes undraftable.
    function _enter(Head memory h, State to, Seats silent) internal view {
        Parameters storage p = _parameters;
        uint256 window = p.keyWindow;
        uint256 start = h.deadline;
        if (h.anchor == State.Training) h.flags &= ~PAYOUT_DUE;
        h.flags &= ~(ACTED | USED_UP);
        // A step that ended early ends now; so do the states that only a transaction can leave.
        if (block.timestamp < start || to <= State.KeyConfirm) start = block.timestamp;
        if (to == State.Registration) {
            // Pending parameters apply with this very transition, which a view sees before it is recorded.
            window = (_hasPending ? _pending : p).registrationWindow;
        } else if (to == State.KeyCommit) {
            h.epoch += 1;
        } else if (to == State.KeyConfirm) {
            h.attestCount = 0;
        } else if (to == State.Training) {
            h.round += 1;
            window = p.trainingWindow;
            if (_isUsedUp(h, silent)) {
                h.flags |= USED_UP;
                window = _has(h, PAYOUT_DUE) ? p.voteWindow : 0;
            }
        } else if (to == State.Reveal) {
            window = p.revealWindow;
        } else if (to == State.Aggregate) {
            h.attestCount = 0;
            window = p.aggregateWindow;
        } else if (to == State.Decrypt) {
            h.decryptionsLeft -= 1;
            window = p.decryptWindow;
        } else if (to == State.Vote) {
            h.voteCount = 0;
            window = p.voteWindow;
        }
        h.anchor = to;
        h.deadline = uint40(start + window);
    }

    /// @dev No decryption left for this key, or too few members left to draft for one.
    function _isUsedUp(Head memory h, Seats silent) private view returns (bool) {
        if (h.decryptionsLeft == 0) return true;
        if (silent.isEmpty() && !_has(h, EXCLUDED)) return false;
        return _members.without(_undraftable | silent).count() < h.threshold;
    }

    // ------------------------------------------------------------------------------------------------- recording

    /// @dev Records what the clock has decided, before an action.
    function _settle() internal returns (Head memory h) {
        h = _head;
        if (block.timestamp >= h.deadline && !_run(h)) revert SettlementUnfinished(h.anchor);
    }

    /// @dev Records transitions until the window of the state is open. @return done False when seats are left to vacate.
    function _run(Head memory h) internal returns (bool done) {
        do {
            if (!_clear(h)) return false;
            (State to, Trigger trigger) = _verdict(h);
            _transition(h, to, trigger);
        } while (block.timestamp >= h.deadline);
        return true;
    }

    /// @dev Records the transition of a state whose work is done before its deadline: the next state, in the order of the
    /// enumeration, and Training after Vote.
    function _complete(Head memory h) internal {
        State from = h.anchor;
        Trigger trigger = Trigger.None;
        if (from == State.KeyConfirm) trigger = Trigger.START_TRAINING;
        else if (from == State.Training) trigger = Trigger.DONE_TRAINING;
        else if (from == State.Vote) trigger = Trigger.DONE_UPDATE;
        _transition(h, from == State.Vote ? State.Training : State(uint8(from) + 1), trigger);
    }

    /// @dev Records one transition, with everything that it means.
    function _transition(Head memory h, State to, Trigger trigger) private {
        State from = h.anchor;
        if (from == State.Training) {
            if (to == State.Registration && !_has(h, USED_UP)) _strike(h, _current(h, _committed));
            _payOut(h);
        } else if (from == State.Reveal) {
            _strike(h, _current(h, _revealed));
        } else if (from == State.Decrypt && to == State.Training) {
            _penaliseSilentDraft(h);
        } else if (from == State.Vote && trigger == Trigger.NO_MAJORITY) {
            emit UpdateIncomplete(h.round);
        }
        if (to == State.Registration && _hasPending) _applyPending();
        _enter(h, to, NONE);
        if (to == State.Registration) {
            if (from != State.Registration) {
                _members = NONE;
                _vacateSome(_leaving, DEPARTURES_AT_ONCE);
            } else {
                emit RegistrationReopened(h.deadline);
            }
        } else if (to == State.KeyCommit) {
            if (from == State.Registration) {
                Seats members = _seated;
                _members = members;
                _registered = uint16(members.count());
                h.intake += 1;
            }
            _openEpoch(h);
        } else if (to == State.KeyConfirm) {
            _keyComplained = NONE;
            _keyAccused = NONE;
        }
        emit Transitioned(from, to, trigger, h.epoch, h.round, h.deadline);
    }

    /// @dev Fixes what holds for one collective key. The seed is unknown to all before the block that precedes this one,
    /// and recorded here because the chain forgets block hashes after 256 blocks.
    function _openEpoch(Head memory h) private {
        Seats members = _members;
        uint256 n = members.count();
        h.memberCount = uint16(n);
        // At most 6666 bps: t ≤ ⌈2n/3⌉, so a third of the members cannot stop a decryption by silence.
        h.threshold = uint16((n * _parameters.decryptionBps) / 10_000 + 1);
        h.decryptionsLeft = _parameters.decryptionsPerEpoch;
        h.flags &= ~EXCLUDED;
        _undraftable = NONE;
        _keyHash = bytes32(0);
        bytes32 seed = keccak256(abi.encode(block.chainid, address(this), h.epoch, blockhash(block.number - 1)));
        _crsSeed = seed;
        emit EpochOpened(h.epoch, seed, Seats.unwrap(members), uint16(_quorum(h)), h.threshold);
    }

    /// @dev Vacates the seats that the end of this state leaves behind, as many as one transaction may.
    /// @return done Whether none is left.
    function _clear(Head memory h) private returns (bool done) {
        if (h.anchor > State.KeyConfirm) return true;
        if (h.anchor == State.Registration) return _vacateSome(_leaving, DEPARTURES_AT_ONCE).isEmpty();
        (Seats dropped, Seats silent) = _droppedAtKey(h);
        uint256 penalty = _parameters.keyPenalty;
        for (uint256 i = 0; i < DEPARTURES_AT_ONCE && !dropped.isEmpty(); ++i) {
            uint8 seat = dropped.lowest();
            dropped = dropped.without(only(seat));
            bool penalised = silent.contains(seat);
            emit Dropped(h.epoch, seat, _keepers[seat], penalised);
            if (penalised) _penalise(h, seat, penalty, SILENT_AT_KEY);
            _vacate(seat);
        }
        if (!dropped.isEmpty()) return false;
        return _vacateSome(_members & _leaving, DEPARTURES_AT_ONCE).isEmpty();
    }

    // ------------------------------------------------------------------------------------------------- key generation

    /// @dev Who is out when a key generation ends without a key.
    /// @return dropped Members to drop: the silent; those whom more than a third accuse; complainers whose complaint less
    /// than that share; dissenters from the hash that most confirmed. Never empty when the generation has failed, so
    /// that trying again comes to an end.
    /// @return silent Those of them that did not do the step: only they are penalised.
    function _droppedAtKey(Head memory h) internal view returns (Seats dropped, Seats silent) {
        Seats members = _members;
        if (h.anchor == State.KeyCommit) silent = members.without(_current(h, _keyCommitted));
        else if (h.anchor == State.KeyReveal) silent = members.without(_current(h, _keyRevealed));
        else {
            Seats spoken = _current(h, _keySpoken);
            silent = members.without(spoken);
            (Seats upheld, Seats dismissed) = _judgeComplaints(h);
            Seats agreed = h.attestCount == 0
                ? NONE
                : _attestations.entries[_attestations.leading(h.attestCount)].supporters;
            Seats dissenters = spoken.without(_keyComplained).without(agreed);
            return ((silent | upheld | dismissed | dissenters) & members, silent);
        }
        return (silent, silent);
    }

    /// @return upheld Members accused by more than a third of the epoch: at least one honest member is among the accusers
    /// when fewer than a third lie. @return dismissed Members whose complaint is not upheld.
    function _judgeComplaints(Head memory h) private view returns (Seats upheld, Seats dismissed) {
        dismissed = _keyComplained;
        Seats accused = _keyAccused;
        while (!accused.isEmpty()) {
            uint8 seat = accused.lowest();
            accused = accused.without(only(seat));
            Seats accusers = _accusers[_accusationKey(h.epoch, seat)];
            if (accusers.count() * 3 <= h.memberCount) continue;
            upheld = upheld | only(seat);
            dismissed = dismissed.without(accusers);
        }
    }

    function _accusationKey(uint32 epoch, uint8 seat) internal pure returns (uint256) {
        return (uint256(epoch) << 8) | seat;
    }

    // ------------------------------------------------------------------------------------------------- parameters

    function _applyPending() internal {
        _parameters = _pending;
        _hasPending = false;
        emit ParametersApplied();
    }
}

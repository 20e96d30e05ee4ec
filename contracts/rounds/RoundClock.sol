// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Head, ACTED, DISPUTED, EMPTY, EXCLUDED, JUDGED, LAST_TRY, LOST_ONE, PAYOUT_DUE, USED_UP} from "./Head.sol";
import {Seats, NONE} from "./Seats.sol";
import {ServiceStorage} from "./ServiceStorage.sol";

/// @title The clock of the machine: what deadlines do
/// @dev Deadlines count without anybody's action. `_verdict` derives the result of a window's end from the recorded facts; `clock`
/// only computes it, Recorder also records it. The windows of a round follow each other without a gap, whenever they are recorded.
/// Registration, KeyCommit and KeyJudge open when they are recorded, so that members get the whole window, and because KeyCommit
/// needs a block hash.
abstract contract RoundClock is ServiceStorage {
    // ------------------------------------------------------------------------------------------------- views

    /// @dev The head that a transaction sent now would find.
    function _derived() internal view returns (Head memory h) {
        h = _head;
        while (block.timestamp >= h.deadline) {
            Seats silent = h.anchor == State.Decrypt ? _round.drafted.without(h.current(_round.shared)) : NONE;
            (State to, ) = _verdict(h);
            _enter(h, to, silent);
        }
    }

    /// @dev What happens at the end of the window.
    function _verdict(Head memory h) internal view returns (State to, Trigger trigger) {
        State from = h.anchor;
        if (from == State.Training) {
            return
                h.current(_round.committed).count() >= _updateQuorum(h)
                    ? (State.Reveal, Trigger.DONE_TRAINING)
                    : (State.Registration, Trigger.TRAINING_TIMEOUT);
        }
        if (from == State.Reveal) {
            return
                h.current(_round.revealed).count() >= _updateQuorum(h)
                    ? (State.Aggregate, Trigger.None)
                    : (State.Training, Trigger.UPDATE_TIMEOUT);
        }
        if (from == State.Decrypt) return (State.Training, Trigger.UPDATE_TIMEOUT);
        if (from == State.Aggregate || from == State.Vote) return (State.Training, Trigger.NO_MAJORITY);
        if (from == State.Check) return (State.Aggregate, Trigger.None);
        if (_goesToJudge(h)) return (State.KeyJudge, Trigger.None);
        Seats ready = _seats.seated;
        uint256 min = _parameters.minKeepers;
        if (from != State.Registration) {
            ready = _seats.members.without(_droppedAtKey(h));
            // However often key generation fails, two thirds of the registered members must be left. Otherwise a coalition could
            // have the others dropped until it reaches the decryption threshold, which is computed from the registered members: at
            // most two thirds of them, rounded up.
            uint256 twoThirds = (2 * uint256(_seats.registered) + 2) / 3;
            if (min < twoThirds) min = twoThirds;
        }
        uint256 left = ready.without(_seats.leaving).count();
        bool again = left >= min;
        // If a dispute has no loser, or no majority, it would only be repeated.
        if (from == State.KeyJudge) again = again && h.has(JUDGED) && left < h.memberCount;
        return (again ? State.KeyCommit : State.Registration, Trigger.None);
    }

    /// @dev Moves `h` to the state `to`. @param silent Members that this very transition makes undraftable.
    function _enter(Head memory h, State to, Seats silent) internal view {
        Parameters storage p = _parameters;
        uint256 window = p.keyWindow;
        uint256 start = h.deadline;
        if (h.anchor == State.Training) h.flags &= ~PAYOUT_DUE;
        h.flags &= ~(ACTED | USED_UP | JUDGED);
        if (to == State.Training || to <= State.KeyCommit) h.flags &= ~(DISPUTED | EMPTY);
        // If a step ended early, the next window starts now. So it does for the states that only a transaction can enter.
        if (block.timestamp < start || to <= State.KeyJudge) start = block.timestamp;
        if (to == State.Registration) {
            // This very transition applies pending parameters; a view sees it before it is recorded.
            window = (_hasPending ? _pending : p).registrationWindow;
        } else if (to == State.KeyCommit) {
            h.epoch += 1;
        } else if (to == State.KeyConfirm || to == State.KeyJudge) {
            h.candidates = 0;
        } else if (to == State.Training) {
            if (h.anchor <= State.KeyJudge) h.candidates = 0;
            h.round += 1;
            window = p.trainingWindow;
            if (_isUsedUp(h, silent) || (h.has(LAST_TRY) && (h.anchor == State.Reveal || h.anchor == State.Aggregate))) {
                h.flags |= USED_UP;
                window = h.has(PAYOUT_DUE) ? p.voteWindow : 0;
            }
        } else if (to == State.Reveal || to == State.Check) {
            window = p.revealWindow;
            if (to == State.Reveal && h.has(LOST_ONE)) h.flags |= LAST_TRY;
        } else if (to == State.Aggregate) {
            window = p.aggregateWindow;
        } else if (to == State.Decrypt) {
            h.decryptionsLeft -= 1;
            window = p.decryptWindow;
        } else if (to == State.Vote) {
            h.candidates = 0;
            window = p.voteWindow;
        }
        h.anchor = to;
        h.deadline = uint40(start + window);
    }

    /// @dev Whether the epoch serves no further round: its key has no decryption left, or too few members can still be drafted.
    function _isUsedUp(Head memory h, Seats silent) private view returns (bool) {
        if (h.decryptionsLeft == 0) return true;
        if (silent.isEmpty() && !h.has(EXCLUDED)) return false;
        return _seats.members.without(_standing.undraftable | silent).count() < h.threshold;
    }

    // ------------------------------------------------------------------------------------------------- key generation

    function _goesToJudge(Head memory h) internal pure returns (bool) {
        return h.anchor == State.KeyConfirm && h.has(DISPUTED);
    }

    /// @dev Members that are dropped when this state ends: the silent, and those whom a verdict names. After a key generation that
    /// failed without a dispute there always is one, so retries come to an end.
    function _droppedAtKey(Head memory h) internal view returns (Seats dropped) {
        Seats members = _seats.members;
        dropped = members.without(_key.spokenAt(h));
        return (dropped | _key.namedBy(h)) & members;
    }
}

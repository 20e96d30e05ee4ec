// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {MemberRecord, BLANK} from "./MemberRecord.sol";
import {Seats, only} from "./Seats.sol";
import {ServiceStorage} from "./ServiceStorage.sol";

/// @title Rewards, penalties, strikes, and giving a seat up
/// @dev The registries are trusted and call nobody back. No call here can revert for a reason that a keeper controls, so
/// nobody can hold the machine up; a suspended service is served with no effect.
///
/// Silence in key generation costs the seat, silence at Decrypt the right to be drafted again in the epoch, a conviction
/// the one or the other: so each of them is penalised at most once an epoch, and nothing exceeds the bond.
abstract contract Incentives is ServiceStorage {
    bytes32 internal constant SILENT_AT_KEY = "SILENT_AT_KEY_GENERATION";
    bytes32 internal constant SILENT_AT_DECRYPT = "SILENT_AT_DECRYPT";
    bytes32 internal constant CONVICTED_AT_KEY = "CONVICTED_AT_KEY_GENERATION";
    bytes32 internal constant CONVICTED_AT_CHECK = "CONVICTED_AT_CHECK";

    // ------------------------------------------------------------------------------------------------- rewards

    /// @dev Closes the previous round's ballot, if one is open, and sets its reward aside.
    function _payOut(Head memory h) internal {
        if (!_has(h, PAYOUT_DUE)) return;
        h.flags &= ~PAYOUT_DUE;
        Outcome memory outcome = _unsettled(h);
        uint48 totalShares = _votes.entries[h.elected].weight;
        // At most the reward asked for, which is a uint96.
        outcome.perShare = uint96(_registry.allocate(_parameters.rewardPerRound, totalShares));
        _outcomes[h.versions] = outcome;
        emit RoundRewarded(outcome.round, outcome.perShare, totalShares);
    }

    /// @dev Outcome of the round that the last Vote completed, while its late ballots are open. It was completed when
    /// this Training began.
    function _unsettled(Head memory h) internal view returns (Outcome memory) {
        uint256 window = _has(h, USED_UP) ? _parameters.voteWindow : _parameters.trainingWindow;
        return
            Outcome({
                epoch: h.epoch,
                round: h.round - 1,
                completedAt: uint40(h.deadline - window),
                votes: uint16(_votes.entries[h.elected].supporters.count()),
                candidate: h.elected,
                perShare: 0
            });
    }

    /// @dev What a record has earned, once its round is final.
    function _worth(MemberRecord record) internal view returns (uint256) {
        if (!record.isComplete()) return 0;
        // Empty until the reward is set aside; another round's when this one came to nothing.
        Outcome memory outcome = _outcomes[record.versionOf()];
        if (outcome.round != record.roundOf() || outcome.candidate != record.candidateOf()) return 0;
        return uint256(record.shares()) * outcome.perShare;
    }

    /// @dev Moves what a record that is about to be overwritten has earned to its member. Rounds r and r − 2 share a
    /// slot, and round r − 1 cannot have begun before r − 2 was final.
    function _accrue(address operator, MemberRecord old) internal {
        uint256 worth = _worth(old);
        if (worth > 0) _chairs[operator].accrued += uint128(worth);
    }

    /// @dev Empties a seat's earnings into the registry.
    function _collect(uint8 seat, address keeper) internal returns (uint256 amount) {
        Chair storage chair = _chairs[_operators[seat]];
        amount = chair.accrued;
        if (amount > 0) chair.accrued = 0;
        for (uint256 parity = 0; parity < 2; ++parity) {
            uint256 worth = _worth(_records[parity][seat]);
            if (worth == 0) continue;
            amount += worth;
            _records[parity][seat] = BLANK;
        }
        if (amount == 0) return 0;
        emit RewardCollected(seat, keeper, amount);
        _registry.credit(keeper, amount);
    }

    // ------------------------------------------------------------------------------------------------- penalties

    function _penalise(Head memory h, uint8 seat, uint256 amount, bytes32 reason) internal {
        if (amount == 0) return;
        address keeper = _keepers[seat];
        bytes32 evidence = keccak256(abi.encode(block.chainid, address(this), h.epoch, h.round, seat, reason));
        uint256 taken = _registry.slash(keeper, amount, reason, evidence);
        emit Penalised(h.epoch, seat, keeper, reason, taken);
    }

    /// @dev Drafted members that posted no share: never drafted again in this epoch.
    function _penaliseSilentDraft(Head memory h) internal {
        Seats silent = _drafted.without(_current(h, _shared));
        _undraftable = _undraftable | silent;
        h.flags |= EXCLUDED;
        _penaliseAll(h, silent, _parameters.decryptPenalty, SILENT_AT_DECRYPT);
    }

    function _penaliseAll(Head memory h, Seats who, uint256 amount, bytes32 reason) internal {
        while (!who.isEmpty()) {
            uint8 seat = who.lowest();
            who = who.without(only(seat));
            _penalise(h, seat, amount, reason);
        }
    }

    /// @dev After the reveals: one more strike for the idle, none left for the others. What the left out have stays, and
    /// so does the strike of one who was silent in the Check of the round before.
    /// @param active Members that acted.
    function _strikeIdle(Head memory h, Seats active) internal {
        Seats kept = _leftOutNow(h);
        Seats idle = _members.without(active | kept);
        if (idle.isEmpty() && !_has(h, STRUCK)) return;
        if (_has(h, CHECK_MISSED)) kept = kept | _missedCheck;
        h.flags &= ~CHECK_MISSED;
        _strike(h, idle, kept);
    }

    /// @dev At the end of a Check: one more strike for those who posted nothing.
    function _strikeUnchecked(Head memory h) internal {
        Seats silent = _members.without(_current(h, _checked));
        if (silent.isEmpty()) return;
        _missedCheck = silent;
        h.flags |= CHECK_MISSED;
        _strike(h, silent, _members);
    }

    /// @dev Counts of all seats at once: c = 2·high + low, saturating at 3. Who has reached the limit is jailed and goes
    /// when the epoch ends.
    /// @param idle Get one more. @param kept Keep theirs, as far as not idle; nobody else has any left.
    function _strike(Head memory h, Seats idle, Seats kept) private {
        Seats low = _strikesLow;
        Seats high = _strikesHigh;
        kept = kept.without(idle);
        Seats nextLow = idle.without(low) | (idle & low & high) | (kept & low);
        Seats nextHigh = (idle & (low | high)) | (kept & high);
        Seats out = idle & (_parameters.maxStrikes == 2 ? nextHigh : nextHigh & nextLow);
        nextLow = nextLow.without(out);
        nextHigh = nextHigh.without(out);
        _strikesLow = nextLow;
        _strikesHigh = nextHigh;
        h.flags = (nextLow | nextHigh).isEmpty() ? h.flags & ~STRUCK : h.flags | STRUCK;
        if (out.isEmpty()) return;
        _leaving = _leaving | out;
        while (!out.isEmpty()) {
            uint8 seat = out.lowest();
            out = out.without(only(seat));
            address keeper = _keepers[seat];
            emit StruckOut(seat, keeper);
            _registry.jail(keeper);
        }
    }

    // ------------------------------------------------------------------------------------------------- giving up a seat

    /// @dev Between epochs, or for a seat that is no member: no record of it waits for a round to become final.
    function _vacate(uint8 seat) internal {
        address keeper = _keepers[seat];
        _collect(seat, keeper);
        delete _chairs[_operators[seat]];
        delete _seatOfKeeper[keeper];
        delete _keepers[seat];
        delete _operators[seat];
        _records[0][seat] = BLANK;
        _records[1][seat] = BLANK;
        Seats gone = only(seat);
        _seated = _seated.without(gone);
        _leaving = _leaving.without(gone);
        _members = _members.without(gone);
        _strikesLow = _strikesLow.without(gone);
        _strikesHigh = _strikesHigh.without(gone);
        emit Left(seat, keeper);
        _registry.disengage(keeper);
    }

    /// @dev Vacates at most `limit` seats of `set`. @return rest Those for which the limit did not suffice.
    function _vacateSome(Seats set, uint256 limit) internal returns (Seats rest) {
        rest = set;
        for (uint256 i = 0; i < limit && !rest.isEmpty(); ++i) {
            uint8 seat = rest.lowest();
            rest = rest.without(only(seat));
            _vacate(seat);
        }
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Head, ABSENT, LOST_ONE, PAYOUT_DUE, USED_UP} from "./Head.sol";
import {MemberRecord} from "./MemberRecord.sol";
import {Seats, only} from "./Seats.sol";
import {ServiceStorage} from "./ServiceStorage.sol";

/// @title Rewards, penalties, strikes, and vacating seats
/// @dev The registries are trusted and call nobody back. Nothing that a keeper controls can make a call here revert, so nobody can hold
/// the machine up. For a suspended service, the calls succeed without effect.
///
/// Silence in key generation costs the seat; silence in Decrypt costs the right to be drafted again in the epoch; a conviction costs one
/// or the other. So each member is penalised at most once an epoch, and never beyond its bond.
abstract contract Incentives is ServiceStorage {
    bytes32 internal constant SILENT_AT_KEY = "SILENT_AT_KEY_GENERATION";
    bytes32 internal constant SILENT_AT_DECRYPT = "SILENT_AT_DECRYPT";
    bytes32 internal constant CONVICTED_AT_KEY = "CONVICTED_AT_KEY_GENERATION";
    bytes32 internal constant CONVICTED_AT_CHECK = "CONVICTED_AT_CHECK";

    // ------------------------------------------------------------------------------------------------- rewards

    /// @dev Closes the previous round's ballot, if one is open, and sets its reward aside.
    function _payOut(Head memory h) internal {
        if (!h.has(PAYOUT_DUE)) return;
        h.flags &= ~PAYOUT_DUE;
        Outcome memory outcome = _unsettled(h);
        uint48 totalShares = _round.votes.entries[h.elected].weight;
        // At most the reward that was asked for, which is a uint96.
        outcome.perShare = uint96(REGISTRY.allocate(_parameters.rewardPerRound, totalShares));
        _round.settle(h.versions, outcome);
        emit RoundRewarded(outcome.round, outcome.perShare, totalShares);
    }

    /// @dev Outcome of the round that the last Vote completed, while its late ballots are open. That round was completed when this
    /// Training began.
    function _unsettled(Head memory h) internal view returns (Outcome memory) {
        uint256 window = h.has(USED_UP) ? _parameters.voteWindow : _parameters.trainingWindow;
        return
            Outcome({
                epoch: h.epoch,
                round: h.round - 1,
                completedAt: uint40(h.deadline - window),
                votes: uint16(_round.votes.entries[h.elected].supporters.count()),
                candidate: h.elected,
                perShare: 0
            });
    }

    /// @dev Credits a member with the earnings of a record that is about to be overwritten. Rounds r and r − 2 share a slot; round r − 1
    /// cannot begin before round r − 2 is final.
    function _accrue(address operator, MemberRecord old) internal {
        _seats.credit(operator, _round.worth(old));
    }

    /// @dev Moves all earnings of a seat to its keeper at the registry.
    function _collect(uint8 seat, address keeper) internal returns (uint256 amount) {
        amount = _seats.takeCredit(seat) + _round.takeWorth(seat);
        if (amount == 0) return 0;
        emit RewardCollected(seat, keeper, amount);
        REGISTRY.credit(keeper, amount);
    }

    // ------------------------------------------------------------------------------------------------- penalties

    function _penalise(Head memory h, uint8 seat, uint256 amount, bytes32 reason) internal {
        if (amount == 0) return;
        address keeper = _seats.keepers[seat];
        bytes32 evidence = keccak256(abi.encode(block.chainid, address(this), h.epoch, h.round, seat, reason));
        uint256 taken = REGISTRY.slash(keeper, amount, reason, evidence);
        emit Penalised(h.epoch, seat, keeper, reason, taken);
    }

    /// @dev Penalises the drafted members that posted no decryption share. They are not drafted again in this epoch.
    function _penaliseSilentDraft(Head memory h) internal {
        Seats silent = _round.drafted.without(h.current(_round.shared));
        _standing.bar(h, silent);
        _penaliseAll(h, silent, _parameters.decryptPenalty, SILENT_AT_DECRYPT);
    }

    function _penaliseAll(Head memory h, Seats who, uint256 amount, bytes32 reason) internal {
        while (!who.isEmpty()) {
            uint8 seat = who.lowest();
            who = who.without(only(seat));
            _penalise(h, seat, amount, reason);
        }
    }

    /// @dev After the reveals, adds a strike for each idle member. A member that Training did not wait for gets one only if it got none
    /// for silence within the last training window, so that faster members do not make an absence count more often.
    /// @param active Members that have acted, and so get no strike.
    function _strikeIdle(Head memory h, Seats active) internal {
        bool hurried = h.has(ABSENT);
        Seats idle = _seats.members.without(active | _standing.leftOutNow(h));
        _standing.noteAbsent(h, idle);
        if (idle.isEmpty()) return;
        Seats lately = _standing.struckLately(_parameters.trainingWindow);
        if (hurried) idle = idle.without(lately.without(_round.committed));
        _standing.noteStrikes(idle, lately);
        _strike(h, idle);
    }

    /// @dev Adds a strike for each of these members, and the next draft does not clear it.
    function _strikeMissing(Head memory h, Seats missing) internal {
        _standing.holdAgainst(h, missing);
        _strike(h, missing);
    }

    /// @dev Adds a strike for each idle member. Members that reach the limit are jailed, and give up their seats when the epoch ends.
    function _strike(Head memory h, Seats idle) private {
        if (idle.isEmpty()) return;
        Seats out = _standing.strike(h, idle, _parameters.maxStrikes);
        if (out.isEmpty()) return;
        h.flags |= LOST_ONE;
        _seats.markLeaving(out);
        while (!out.isEmpty()) {
            uint8 seat = out.lowest();
            out = out.without(only(seat));
            address keeper = _seats.keepers[seat];
            emit StruckOut(seat, keeper);
            REGISTRY.jail(keeper);
        }
    }

    // ------------------------------------------------------------------------------------------------- giving up a seat

    /// @dev Only between epochs, or for a seat that is not a member's: then no record of the seat waits for a round to become final.
    function _vacate(uint8 seat) internal {
        address keeper = _seats.keepers[seat];
        _collect(seat, keeper);
        _seats.vacate(seat, keeper);
        _round.blank(seat);
        _standing.pardon(seat);
        emit Left(seat, keeper);
        REGISTRY.disengage(keeper);
    }

    /// @dev Vacates at most `limit` seats of `set`. @return rest The seats that were not vacated.
    function _vacateSome(Seats set, uint256 limit) internal returns (Seats rest) {
        rest = set;
        for (uint256 i = 0; i < limit && !rest.isEmpty(); ++i) {
            uint8 seat = rest.lowest();
            rest = rest.without(only(seat));
            _vacate(seat);
        }
    }
}

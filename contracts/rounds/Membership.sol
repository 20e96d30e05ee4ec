// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ILearningServiceRegistration} from "../interfaces/ILearningServiceRegistration.sol";
import {Admissions} from "./Admissions.sol";
import {ClockedPart} from "./ClockedPart.sol";
import {Incentives} from "./Incentives.sol";
import {Head} from "./Head.sol";
import {Seats, only} from "./Seats.sol";

/// @title Taking, keeping and giving up a seat
abstract contract Membership is ILearningServiceRegistration, Admissions, Incentives, ClockedPart {
    /// @inheritdoc ILearningServiceRegistration
    function join(address keeper) external returns (uint8 seat) {
        Head memory h = _settle();
        if (msg.sender != keeper && msg.sender != REGISTRY.operatorOf(keeper)) revert NotKeeper(msg.sender, keeper);
        if (_seats.banned[keeper]) revert KeeperIsBanned(keeper);
        uint256 held = _seats.seatOf[keeper];
        if (held != 0) revert AlreadySeated(keeper, uint8(held - 1));
        Seats seated = _seats.seated;
        seat = _freeSeat(h, keeper, seated);
        _admit(keeper, seat, seated);

        address operator = REGISTRY.engage(keeper, _parameters.bond);
        seated = _seats.take(seat, keeper, operator, h.intake, seated);
        _round.primeSeat(seat);
        if (_parameters.buffer != 0) _standing.awaitNewcomer(seat);
        emit Joined(seat, keeper, operator);
        // While some seats still have to be vacated, registration does not close before the deadline.
        bool full = seated.count() >= _parameters.maxKeepers && _seats.leaving.isEmpty();
        if (h.anchor == State.Registration && full) _complete(h);
    }

    /// @inheritdoc ILearningServiceRegistration
    function leave(uint8 seat) external {
        Head memory h = _settle();
        address keeper = _seats.keeperAt(seat);
        if (msg.sender != keeper && msg.sender != _seats.operators[seat]) revert NotKeeper(msg.sender, keeper);
        if (h.anchor == State.Registration) {
            uint40 until = h.deadline - _parameters.registrationWindow / 2;
            if (block.timestamp >= until) revert LeaveTooLate(seat, until);
        }
        _release(h, seat, keeper);
    }

    /// @inheritdoc ILearningServiceRegistration
    function expel(uint8 seat) external {
        Head memory h = _settle();
        address keeper = _seats.keeperAt(seat);
        if (REGISTRY.isJailed(keeper)) {
            _release(h, seat, keeper);
        } else {
            if (_isCovered(keeper)) revert NotExpellable(seat, keeper);
            // Penalties may just have been raised, so the keeper can still top up until registration closes.
            _markLeaving(seat, keeper);
        }
    }

    /// @inheritdoc ILearningServiceRegistration
    function topUp(uint8 seat) external {
        _settle();
        address keeper = _seats.keeperAt(seat);
        if (msg.sender != keeper && msg.sender != _seats.operators[seat]) revert NotKeeper(msg.sender, keeper);
        if (_seats.banned[keeper]) revert KeeperIsBanned(keeper);
        if (_seats.leaving.contains(seat)) {
            _seats.letStay(seat);
            emit Staying(seat, keeper);
        }
        REGISTRY.engage(keeper, _parameters.bond);
    }

    /// @inheritdoc ILearningServiceRegistration
    function syncOperator(uint8 seat) external {
        address keeper = _seats.keeperAt(seat);
        address current = REGISTRY.operatorOf(keeper);
        address previous = _seats.operators[seat];
        if (current == previous) revert OperatorUnchanged(seat, current);
        // The registry knows one keeper per key, so another seat that has this key is not synced yet.
        if (_seats.chairs[current].taken) {
            uint8 other = _seats.chairs[current].seat;
            _move(other, current, _seats.keepers[other]);
        }
        _move(seat, previous, current);
    }

    /// @inheritdoc ILearningServiceRegistration
    function collect(uint8 seat) external returns (uint256 amount) {
        _settle();
        amount = _collect(seat, _seats.keeperAt(seat));
        if (amount == 0) revert NothingToCollect(seat);
    }

    /// @dev The seat that is reserved for the keeper, or else the lowest free seat that is not reserved.
    function _freeSeat(Head memory h, address keeper, Seats seated) private returns (uint8 seat) {
        Seats reserved = _seats.reserved;
        bool found;
        (found, seat) = _seats.takeReserved(reserved, keeper, h.intake);
        if (found) return seat;
        Seats taken = seated | reserved;
        uint256 max = _parameters.maxKeepers;
        if (taken.count() >= max) revert ServiceFull(taken.count(), max);
        return Seats.wrap(~Seats.unwrap(taken)).lowest();
    }

    /// @dev Frees a seat: at once outside an epoch or if its keeper is not a member yet, otherwise when the epoch ends.
    function _release(Head memory h, uint8 seat, address keeper) internal {
        bool waiting = _seats.chairs[_seats.operators[seat]].intake >= h.intake;
        if (h.anchor == State.Registration || waiting) _vacate(seat);
        else _markLeaving(seat, keeper);
    }

    function _move(uint8 seat, address from, address to) private {
        _seats.move(seat, from, to);
        emit OperatorSynced(seat, from, to);
    }

    function _markLeaving(uint8 seat, address keeper) private {
        if (_seats.leaving.contains(seat)) revert AlreadyLeaving(seat);
        _seats.markLeaving(only(seat));
        emit LeaveRequested(seat, keeper);
    }

    function _isCovered(address keeper) private view returns (bool) {
        (uint128 bond, uint64 slashableUntil) = REGISTRY.bondOf(address(this), keeper);
        Parameters storage p = _parameters;
        uint256 needed = Math.max(p.keyPenalty, Math.max(p.decryptPenalty, p.fraudPenalty));
        return slashableUntil == type(uint64).max && bond >= needed;
    }
}

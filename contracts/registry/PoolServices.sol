// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceErrors} from "../interfaces/ILearningServiceErrors.sol";
import {ILearningServiceRegistration} from "../interfaces/ILearningServiceRegistration.sol";
import {ILearningServiceViews} from "../interfaces/ILearningServiceViews.sol";
import {PoolShares} from "./PoolShares.sol";

/// @title The services that may bond a pool's stake, and the rewards that the pool has not collected there
/// @dev Only the pool opts in, so the list contains every service in which the pool can be seated. Uncollected rewards belong to
/// the current holders, so the pool fetches them before anybody joins or leaves, and before the commission changes.
abstract contract PoolServices is PoolShares {
    /// @notice Most services at a time. Leaving one makes room for another.
    uint256 public constant MAX_SERVICES = 8;

    address[] private _services;
    /// @dev The seat found last, plus one. A seat is found by its operator's key, and the service may not have taken over a new key
    /// yet.
    mapping(address service => uint256) private _seats;

    /// @param strict Reverts if a service does not report its debt: otherwise a caller could withhold the gas for the report.
    function _collect(bool strict) internal {
        for (uint256 i = 0; i < _services.length; ++i) {
            address service = _services[i];
            (bool seated, uint8 seat) = _seatIn(service);
            if (!seated) continue;
            try ILearningServiceRegistration(service).collect(seat) returns (uint256) {} catch (bytes memory reason) {
                bool empty = bytes4(reason) == ILearningServiceErrors.NothingToCollect.selector;
                if (strict && !empty) revert CollectionFailed(service, reason);
            }
        }
    }

    /// @dev Forgets the services that the pool has left.
    function _follow(address service) internal {
        bool known;
        for (uint256 i = 0; i < _services.length; ) {
            address found = _services[i];
            if (found == service) known = true;
            (bool seated, ) = _seatIn(found);
            if (found == service || seated || REGISTRY.isOptedIn(found, address(this))) {
                ++i;
                continue;
            }
            _services[i] = _services[_services.length - 1];
            _services.pop();
        }
        if (known) return;
        if (_services.length == MAX_SERVICES) revert TooManyServices(MAX_SERVICES);
        _services.push(service);
    }

    /// @dev The seat last found, if the pool still has it; otherwise the seat of its present operator. Looked up before each change
    /// of the operator, so that no seat gets lost from view.
    function _seatIn(address service) private returns (bool seated, uint8 seat) {
        if (service.code.length == 0) return (false, 0);
        uint256 last = _seats[service];
        if (last != 0 && _isOwn(service, uint8(last - 1))) return (true, uint8(last - 1));
        try ILearningServiceViews(service).seatOf(REGISTRY.operatorOf(address(this))) returns (uint8 found) {
            if (!_isOwn(service, found)) return (false, 0);
            _seats[service] = uint256(found) + 1;
            return (true, found);
        } catch {
            return (false, 0);
        }
    }

    function _isOwn(address service, uint8 seat) private view returns (bool) {
        (address keeper, , ) = ILearningServiceViews(service).seatInfo(seat);
        return keeper == address(this);
    }
}

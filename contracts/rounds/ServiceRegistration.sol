// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {IKeeperRegistry} from "../interfaces/IKeeperRegistry.sol";
import {ILearningServiceRegistration} from "../interfaces/ILearningServiceRegistration.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {ClockedPart} from "./ClockedPart.sol";
import {Head} from "./Head.sol";
import {KeyGeneration} from "./KeyGeneration.sol";
import {Membership} from "./Membership.sol";
import {only} from "./Seats.sol";
import {ServiceClock} from "./ServiceClock.sol";
import {ServicePart} from "./ServicePart.sol";
import {ServiceStorage} from "./ServiceStorage.sol";

/// @title The registration part of a learning service: seats, key generation, parameters
/// @notice Code only: LearningService delegates here by name.
/// @dev All parts inherit the same storage first; AccessControl's slot comes after it. LearningService exposes this part's
/// functions.
contract ServiceRegistration is Membership, KeyGeneration, ServicePart, AccessControl, Initializable {
    constructor(
        IKeeperRegistry registry,
        IModelRegistry models,
        ServiceClock clock
    ) ServiceStorage(registry, models) ClockedPart(clock) {
        _disableInitializers();
    }

    /// @notice Opens registration, once; the factory calls it.
    /// @param admin Gets DEFAULT_ADMIN_ROLE: the timelock.
    function initialize(address admin, Parameters calldata initial) external initializer {
        if (admin == address(0)) revert ZeroAddress("admin");
        CLOCK_PART.check(initial);
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _parameters = initial;
        emit ParametersProposed(initial);
        emit ParametersApplied();
        _round.prime();
        _key.prime();
        Head memory h;
        h.deadline = uint40(block.timestamp + initial.registrationWindow);
        _head = h;
        emit RegistrationReopened(h.deadline);
    }

    /// @inheritdoc ILearningServiceRegistration
    function setParameters(Parameters calldata next) external onlyRole(DEFAULT_ADMIN_ROLE) {
        CLOCK_PART.check(next);
        Head memory h = _settle();
        _pending = next;
        _hasPending = true;
        emit ParametersProposed(next);
        if (h.anchor != State.Registration) return;
        _applyPending();
        // The window starts again, and seated keepers have half of it to leave. So the new terms bind only keepers that could
        // have left.
        h.deadline = uint40(block.timestamp + next.registrationWindow);
        _head = h;
        emit RegistrationReopened(h.deadline);
    }

    /// @inheritdoc ILearningServiceRegistration
    function ban(address keeper) external onlyRole(DEFAULT_ADMIN_ROLE) {
        if (_seats.banned[keeper]) revert KeeperIsBanned(keeper);
        if (!REGISTRY.isRegistered(keeper)) revert UnknownKeeper(keeper);
        Head memory h = _settle();
        _seats.setBanned(keeper, true);
        emit Banned(keeper);
        uint256 held = _seats.seatOf[keeper];
        if (held != 0) {
            uint8 seat = uint8(held - 1);
            _standing.bar(h, only(seat));
            if (!_seats.leaving.contains(seat)) _release(h, seat, keeper);
        }
        _head = h;
    }

    /// @inheritdoc ILearningServiceRegistration
    function unban(address keeper) external onlyRole(DEFAULT_ADMIN_ROLE) {
        if (!_seats.banned[keeper]) revert KeeperNotBanned(keeper);
        _seats.setBanned(keeper, false);
        emit Unbanned(keeper);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {IKeeperRegistry} from "../interfaces/IKeeperRegistry.sol";
import {ILearningServiceRegistration} from "../interfaces/ILearningServiceRegistration.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {Ballots} from "./Ballots.sol";
import {KeyGeneration} from "./KeyGeneration.sol";
import {only} from "./Seats.sol";
import {ServiceParameters} from "./ServiceParameters.sol";
import {ServiceStorage} from "./ServiceStorage.sol";

/// @title The registration half of a learning service: seats, key generation, parameters
/// @notice Code only: LearningService delegates here what it does not implement itself, because both halves together
/// would exceed the 24 KB that one contract may have (EIP-170).
/// @dev Both halves inherit the same storage first; AccessControl's slot comes after it, and only this half uses it.
contract ServiceRegistration is KeyGeneration, AccessControl, Initializable {
    using Ballots for Ballots.Ballot;

    /// @dev Made by the constructor of the LearningService that delegates here, with its own registries.
    constructor(IKeeperRegistry registry, IModelRegistry models) ServiceStorage(registry, models) {
        _disableInitializers();
    }

    /// @notice Opens registration. Called once, by the factory.
    /// @param admin Gets DEFAULT_ADMIN_ROLE: the timelock.
    function initialize(address admin, Parameters calldata initial) external initializer {
        if (admin == address(0)) revert ZeroAddress("admin");
        ServiceParameters.check(initial);
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _parameters = initial;
        emit ParametersProposed(initial);
        emit ParametersApplied();
        // Slots of every round: filled once here, so that the first round costs what the others do.
        _committed = _revealed = _drafted = _shared = only(0);
        _attestations.prime();
        _votes.prime();
        Head memory h;
        h.deadline = uint40(block.timestamp + initial.registrationWindow);
        _head = h;
        emit RegistrationReopened(h.deadline);
    }

    /// @inheritdoc ILearningServiceRegistration
    function setParameters(Parameters calldata next) external onlyRole(DEFAULT_ADMIN_ROLE) {
        ServiceParameters.check(next);
        Head memory h = _settle();
        _pending = next;
        _hasPending = true;
        emit ParametersProposed(next);
        if (h.anchor == State.Registration) _applyPending();
        _head = h;
    }

    /// @inheritdoc ILearningServiceRegistration
    function ban(address keeper) external onlyRole(DEFAULT_ADMIN_ROLE) {
        if (_banned[keeper]) revert KeeperIsBanned(keeper);
        if (!_registry.isRegistered(keeper)) revert UnknownKeeper(keeper);
        Head memory h = _settle();
        _banned[keeper] = true;
        emit Banned(keeper);
        uint256 held = _seatOfKeeper[keeper];
        if (held != 0) {
            uint8 seat = uint8(held - 1);
            _undraftable = _undraftable.including(seat);
            h.flags |= EXCLUDED;
            if (!_leaving.contains(seat)) _release(h, seat, keeper);
        }
        _head = h;
    }

    /// @inheritdoc ILearningServiceRegistration
    function unban(address keeper) external onlyRole(DEFAULT_ADMIN_ROLE) {
        if (!_banned[keeper]) revert KeeperNotBanned(keeper);
        _banned[keeper] = false;
        emit Unbanned(keeper);
    }
}

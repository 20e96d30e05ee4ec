// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {IKeeperRegistry} from "../interfaces/IKeeperRegistry.sol";
import {ILearningService} from "../interfaces/ILearningService.sol";
import {ILearningServiceClock} from "../interfaces/ILearningServiceClock.sol";
import {ILearningServiceKeys} from "../interfaces/ILearningServiceKeys.sol";
import {ILearningServiceRegistration} from "../interfaces/ILearningServiceRegistration.sol";
import {ILearningServiceRelay} from "../interfaces/ILearningServiceRelay.sol";
import {ILearningServiceRounds} from "../interfaces/ILearningServiceRounds.sol";
import {ILearningServiceViews} from "../interfaces/ILearningServiceViews.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {IVersionSource} from "../interfaces/IVersionSource.sol";
import {ClockedPart} from "./ClockedPart.sol";
import {Relays} from "./Relays.sol";
import {Rounds} from "./Rounds.sol";
import {ServiceRegistration} from "./ServiceRegistration.sol";
import {ServiceStorage} from "./ServiceStorage.sol";
import {ServiceViews} from "./ServiceViews.sol";

/// @title One co-owned model and the machine of its rounds
/// @notice Used through clones that ServiceFactory makes; callers use ILearningService. This contract holds the steps of a round,
/// the relay and the views. It delegates every other function, by name, to one of two parts, so that the compiler checks the
/// whole interface. Together, the parts would exceed the 24 KB that one contract may have (EIP-170).
contract LearningService is ILearningService, Rounds, Relays, ServiceViews, AccessControl, Initializable {
    /// @notice Code of the registration part.
    ServiceRegistration public immutable REGISTRATION;

    /// @param registry Stake, penalties, rewards. @param models Where versions are published. Both are the same for all clones,
    /// and for both parts.
    constructor(
        IKeeperRegistry registry,
        IModelRegistry models,
        ServiceRegistration registrationPart
    ) ServiceStorage(registry, models) ClockedPart(registrationPart.CLOCK_PART()) {
        if (!registrationPart.isOf(registry, models)) revert PartMismatch(address(registrationPart));
        REGISTRATION = registrationPart;
        _disableInitializers();
    }

    /// @notice Opens registration, once; the factory calls it. The admin gets DEFAULT_ADMIN_ROLE.
    function initialize(address, Parameters calldata) external {
        _delegate(address(REGISTRATION));
    }

    /// @notice ERC-165: supports the interface of the steps, the other parts of ILearningService, and IVersionSource.
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return
            interfaceId == type(ILearningServiceRounds).interfaceId ||
            interfaceId == type(ILearningServiceKeys).interfaceId ||
            interfaceId == type(ILearningServiceRegistration).interfaceId ||
            interfaceId == type(ILearningServiceClock).interfaceId ||
            interfaceId == type(ILearningServiceRelay).interfaceId ||
            interfaceId == type(ILearningServiceViews).interfaceId ||
            interfaceId == type(IVersionSource).interfaceId ||
            super.supportsInterface(interfaceId);
    }

    // ------------------------------------------------------------------------------------------------- seats, parameters

    /// @inheritdoc ILearningServiceRegistration
    function join(address) external returns (uint8) {
        return abi.decode(Address.functionDelegateCall(address(REGISTRATION), msg.data), (uint8));
    }

    /// @inheritdoc ILearningServiceRegistration
    function leave(uint8) external {
        _delegate(address(REGISTRATION));
    }

    /// @inheritdoc ILearningServiceRegistration
    function expel(uint8) external {
        _delegate(address(REGISTRATION));
    }

    /// @inheritdoc ILearningServiceRegistration
    function topUp(uint8) external {
        _delegate(address(REGISTRATION));
    }

    /// @inheritdoc ILearningServiceRegistration
    function syncOperator(uint8) external {
        _delegate(address(REGISTRATION));
    }

    /// @inheritdoc ILearningServiceRegistration
    function collect(uint8) external returns (uint256) {
        return abi.decode(Address.functionDelegateCall(address(REGISTRATION), msg.data), (uint256));
    }

    /// @inheritdoc ILearningServiceRegistration
    function setParameters(Parameters calldata) external {
        _delegate(address(REGISTRATION));
    }

    /// @inheritdoc ILearningServiceRegistration
    function ban(address) external {
        _delegate(address(REGISTRATION));
    }

    /// @inheritdoc ILearningServiceRegistration
    function unban(address) external {
        _delegate(address(REGISTRATION));
    }

    // ------------------------------------------------------------------------------------------------- key generation

    /// @inheritdoc ILearningServiceKeys
    function commitKey(uint32, bytes32, bytes32) external {
        _delegate(address(REGISTRATION));
    }

    /// @inheritdoc ILearningServiceKeys
    function revealKey(uint32, bytes calldata, bytes32) external {
        _delegate(address(REGISTRATION));
    }

    /// @inheritdoc ILearningServiceKeys
    function confirmKey(uint32, bytes32) external {
        _delegate(address(REGISTRATION));
    }

    /// @inheritdoc ILearningServiceKeys
    function complain(uint32, uint8, bytes calldata) external {
        _delegate(address(REGISTRATION));
    }

    /// @inheritdoc ILearningServiceKeys
    function judge(uint32, uint256, uint256) external {
        _delegate(address(REGISTRATION));
    }

    // ------------------------------------------------------------------------------------------------- clock, draft

    /// @inheritdoc ILearningServiceClock
    function poke() external returns (State) {
        return abi.decode(Address.functionDelegateCall(address(CLOCK_PART), msg.data), (State));
    }

    /// @inheritdoc ILearningServiceClock
    function draft(uint32, bytes32, uint256, uint256) external {
        _delegate(address(CLOCK_PART));
    }
}

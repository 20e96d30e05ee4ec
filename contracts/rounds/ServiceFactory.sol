// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {IKeeperRegistry} from "../interfaces/IKeeperRegistry.sol";
import {ILearningServiceTypes} from "../interfaces/ILearningServiceTypes.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {IServiceFactory} from "../interfaces/IServiceFactory.sol";
import {LearningService} from "./LearningService.sol";
import {ServiceRegistration} from "./ServiceRegistration.sol";

/// @title Makes learning services
/// @dev Needs REGISTRAR_ROLE at both registries. It takes the registries from the implementation, so a clone is always
/// registered with the registries that it uses.
contract ServiceFactory is IServiceFactory, AccessControl {
    /// @notice May create services. Held by the timelock, because a service can slash its members.
    bytes32 public constant CREATOR_ROLE = keccak256("CREATOR_ROLE");
    /// @notice Longest name, in bytes.
    uint256 public constant MAX_NAME = 64;

    /// @inheritdoc IServiceFactory
    address public immutable IMPLEMENTATION;
    IKeeperRegistry private immutable REGISTRY;
    IModelRegistry private immutable MODELS;

    address[] private _services;
    string[] private _names;
    mapping(address service => bool) private _known;

    /// @param implementation_ A LearningService bound to the two registries.
    /// @param admin Gets DEFAULT_ADMIN_ROLE.
    constructor(LearningService implementation_, address admin) {
        if (address(implementation_) == address(0)) revert ZeroAddress("implementation");
        if (admin == address(0)) revert ZeroAddress("admin");
        IMPLEMENTATION = address(implementation_);
        REGISTRY = IKeeperRegistry(implementation_.keeperRegistry());
        MODELS = IModelRegistry(implementation_.modelRegistry());
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
    }

    /// @inheritdoc IServiceFactory
    function createService(
        string calldata name,
        address admin,
        ILearningServiceTypes.Parameters calldata parameters
    ) external onlyRole(CREATOR_ROLE) returns (uint256 id, address service) {
        uint256 length = bytes(name).length;
        if (length == 0 || length > MAX_NAME) revert NameLength(length, MAX_NAME);
        id = _services.length;
        // The address depends only on the number, so a resumed deployment finds the same service.
        service = Clones.cloneDeterministic(IMPLEMENTATION, bytes32(id));
        _services.push(service);
        _names.push(name);
        _known[service] = true;
        emit ServiceCreated(id, service, name, admin);
        ServiceRegistration(service).initialize(admin, parameters);
        REGISTRY.registerService(service);
        MODELS.registerService(service);
    }

    /// @inheritdoc IServiceFactory
    function serviceCount() external view returns (uint256) {
        return _services.length;
    }

    /// @inheritdoc IServiceFactory
    function serviceAt(uint256 id) external view returns (address) {
        _checkId(id);
        return _services[id];
    }

    /// @inheritdoc IServiceFactory
    function nameOf(uint256 id) external view returns (string memory) {
        _checkId(id);
        return _names[id];
    }

    /// @inheritdoc IServiceFactory
    function isService(address account) external view returns (bool) {
        return _known[account];
    }

    function _checkId(uint256 id) private view {
        if (id >= _services.length) revert UnknownService(id, _services.length);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceTypes} from "./ILearningServiceTypes.sol";

/// @title Makes learning services
/// @notice Each service is an EIP-1167 clone of one LearningService. It is initialised once, and registered with the
/// KeeperRegistry (which lets it slash, within bonds) and with the ModelRegistry (which lets it publish versions).
interface IServiceFactory {
    error NameLength(uint256 found, uint256 max);
    error ZeroAddress(bytes32 field);
    error UnknownService(uint256 id, uint256 count);

    event ServiceCreated(uint256 indexed id, address indexed service, string name, address admin);

    /// @notice Creates a service. Creator role only (the DAO), because a service can slash. @param name 1 … 64 bytes, for
    /// people.
    /// @param admin The account that can change the service's parameters later: the timelock.
    function createService(
        string calldata name,
        address admin,
        ILearningServiceTypes.Parameters calldata parameters
    ) external returns (uint256 id, address service);

    function IMPLEMENTATION() external view returns (address);

    function serviceCount() external view returns (uint256);

    /// @notice Services are numbered from 0.
    function serviceAt(uint256 id) external view returns (address);

    function isService(address account) external view returns (bool);

    function nameOf(uint256 id) external view returns (string memory);
}

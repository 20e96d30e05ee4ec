// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IKeeperRegistry} from "../interfaces/IKeeperRegistry.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {ServiceStorage} from "./ServiceStorage.sol";

/// @title Code that a LearningService delegates to
abstract contract ServicePart is ServiceStorage {
    /// @notice Whether the part was deployed for these registries.
    function isOf(IKeeperRegistry registry, IModelRegistry models) external view returns (bool) {
        return address(registry) == address(REGISTRY) && address(models) == address(MODELS);
    }
}

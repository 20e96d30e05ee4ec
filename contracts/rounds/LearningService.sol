// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {IKeeperRegistry} from "../interfaces/IKeeperRegistry.sol";
import {ILearningServiceRounds} from "../interfaces/ILearningServiceRounds.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {Rounds} from "./Rounds.sol";
import {ServiceRegistration} from "./ServiceRegistration.sol";
import {ServiceStorage} from "./ServiceStorage.sol";
import {ServiceViews} from "./ServiceViews.sol";

/// @title One co-owned model and the machine of its rounds
/// @notice Used through clones that ServiceFactory makes; callers use ILearningService. This contract holds what every
/// round needs, and delegates the rest of the interface to its other half, ServiceRegistration.
contract LearningService is Rounds, ServiceViews, Initializable {
    /// @notice Code of the registration half.
    ServiceRegistration public immutable registration;

    /// @param registry Stake, penalties, rewards. @param models Where versions are published. The same for all clones.
    constructor(IKeeperRegistry registry, IModelRegistry models) ServiceStorage(registry, models) {
        registration = new ServiceRegistration(registry, models);
        _disableInitializers();
    }

    /// @inheritdoc ILearningServiceRounds
    function poke() external returns (State) {
        Head memory h = _head;
        if (block.timestamp < h.deadline) revert NothingDue(h.anchor, h.deadline);
        _run(h);
        _head = h;
        return h.anchor;
    }

    /// @dev The rest of ILearningService. Reverts come through as they are.
    fallback(bytes calldata input) external returns (bytes memory) {
        return Address.functionDelegateCall(address(registration), input);
    }
}

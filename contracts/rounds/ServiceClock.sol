// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IKeeperRegistry} from "../interfaces/IKeeperRegistry.sol";
import {ILearningServiceClock} from "../interfaces/ILearningServiceClock.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {Drafts} from "./Drafts.sol";
import {Head} from "./Head.sol";
import {ServiceParameters} from "./ServiceParameters.sol";
import {ServicePart} from "./ServicePart.sol";
import {ServiceStorage} from "./ServiceStorage.sol";

/// @title The clock's part of a learning service: transitions and drafts
/// @notice Code only: LearningService delegates here by name. All transitions are recorded by this code, which leaves the other
/// parts room for their own: one contract may have 24 KB (EIP-170).
contract ServiceClock is Drafts, ServicePart {
    constructor(IKeeperRegistry registry, IModelRegistry models) ServiceStorage(registry, models) {}

    /// @inheritdoc ILearningServiceClock
    function poke() external returns (State) {
        Head memory h = _head;
        if (block.timestamp < h.deadline) revert NothingDue(h.anchor, h.deadline);
        _run(h);
        _head = h;
        return h.anchor;
    }

    /// @notice Reverts unless a service may have these parameters. The registration part calls it, because it has no room for the
    /// checks.
    function check(Parameters calldata parameters) external view {
        ServiceParameters.check(parameters);
    }

    /// @notice Called by the other parts before they act. Unreachable from outside, since the service exposes no function of this
    /// name.
    function settle() external {
        _head = _settle();
    }

    /// @notice Called by the other parts when a state has done its work before its deadline. Unreachable from outside, too.
    function complete() external {
        Head memory h = _head;
        _complete(h);
        _head = h;
    }
}

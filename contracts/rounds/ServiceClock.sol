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
/// @notice Code only: LearningService delegates here by name. This code records all transitions, so that the other parts have room
/// for their own code: one contract may have 24 KB (EIP-170).
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

    /// @notice Reverts unless a service may have these parameters. The registration part asks; it has no room for the checks itself.
    function check(Parameters calldata parameters) external view {
        ServiceParameters.check(parameters);
    }

    /// @notice For the other parts, before they act; unreachable from outside, since the service exposes no function of this name.
    function settle() external {
        _head = _settle();
    }

    /// @notice For the other parts, when a state's work is done before its deadline; unreachable from outside.
    function complete() external {
        Head memory h = _head;
        _complete(h);
        _head = h;
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {IKeeperRegistry} from "../interfaces/IKeeperRegistry.sol";
import {IStakePool} from "../interfaces/IStakePool.sol";
import {IStakePoolFactory} from "../interfaces/IStakePoolFactory.sol";
import {StakePool} from "./StakePool.sol";

/// @title Pools of stake, as minimal proxies (ERC-1167) of one code that nobody can change
/// @notice See IStakePoolFactory, which owns the documentation.
contract StakePoolFactory is IStakePoolFactory {
    /// @inheritdoc IStakePoolFactory
    IKeeperRegistry public immutable REGISTRY;
    StakePool public immutable IMPLEMENTATION;

    /// @inheritdoc IStakePoolFactory
    mapping(address account => bool) public isPool;

    constructor(IKeeperRegistry registry) {
        if (address(registry) == address(0)) revert ZeroAddress();
        REGISTRY = registry;
        IMPLEMENTATION = new StakePool(registry);
    }

    /// @inheritdoc IStakePoolFactory
    function createPool(uint16 commissionBps) external returns (IStakePool pool) {
        address made = Clones.clone(address(IMPLEMENTATION));
        isPool[made] = true;
        pool = IStakePool(made);
        emit PoolCreated(pool, msg.sender, commissionBps);
        StakePool(made).initialise(msg.sender, commissionBps);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IKeeperRegistry} from "./IKeeperRegistry.sol";
import {IStakePool} from "./IStakePool.sol";

/// @title Makes pools of stake, and knows which are its own
/// @notice The governor counts the votes of the pools that were made here, and of no others. No administrator.
interface IStakePoolFactory {
    error ZeroAddress();

    event PoolCreated(IStakePool indexed pool, address indexed manager, uint16 commissionBps);

    /// @notice Makes a pool of which the caller is the manager; it becomes a keeper with `open`.
    function createPool(uint16 commissionBps) external returns (IStakePool pool);

    // solhint-disable-next-line func-name-mixedcase
    function REGISTRY() external view returns (IKeeperRegistry);

    function isPool(address account) external view returns (bool);
}

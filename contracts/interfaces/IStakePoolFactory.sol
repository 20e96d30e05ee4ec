// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IKeeperRegistry} from "./IKeeperRegistry.sol";
import {IStakePool} from "./IStakePool.sol";

/// @title Makes pools of stake, and knows which pools it made
/// @notice The governor counts the votes of the pools made here, and of no others. The factory has no administrator.
interface IStakePoolFactory {
    error ZeroAddress();

    event PoolCreated(IStakePool indexed pool, address indexed manager, uint16 commissionBps);

    /// @notice Makes a pool whose manager is the caller. The pool becomes a keeper with `open`.
    function createPool(uint16 commissionBps) external returns (IStakePool pool);

    // solhint-disable-next-line func-name-mixedcase
    function REGISTRY() external view returns (IKeeperRegistry);

    function isPool(address account) external view returns (bool);
}

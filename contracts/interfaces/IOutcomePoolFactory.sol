// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IOutcomePool} from "./IOutcomePool.sol";

/// @title Where a market's pools are found: one for each market and fee, made by whoever wants it first.
/// @notice Pools of one market with other fees may stand side by side; a second one with the same fee would only divide the
/// liquidity.
interface IOutcomePoolFactory {
    error ZeroMarket();
    error PoolExists(uint256 marketId, uint256 feeBps, IOutcomePool pool);

    event PoolCreated(uint256 indexed marketId, uint256 indexed feeBps, IOutcomePool pool, address indexed creator);

    /// @notice Makes a pool without liquidity. Reverts with the market's or the pool's own error for a market that is not
    /// there or a fee above the maximum.
    /// @param feeBps Fee on the collateral that a trade moves, in hundredths of a percent; 0 … 1000.
    function createPool(uint256 marketId, uint256 feeBps) external returns (IOutcomePool pool);

    /// @return The pool, or the zero address when nobody has made it.
    function poolOf(uint256 marketId, uint256 feeBps) external view returns (IOutcomePool);
}

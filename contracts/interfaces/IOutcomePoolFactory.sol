// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IOutcomePool} from "./IOutcomePool.sol";

/// @title Where to find a market's pools: one for each market and fee, made by whoever wants it first
/// @notice One market can have several pools with different fees. A second pool with the same fee would only divide the
/// liquidity.
interface IOutcomePoolFactory {
    error ZeroMarket();
    error PoolExists(uint256 marketId, uint256 feeBps, IOutcomePool pool);

    event PoolCreated(uint256 indexed marketId, uint256 indexed feeBps, IOutcomePool pool, address indexed creator);

    /// @notice Makes a pool without liquidity. If the market does not exist or the fee is too high, reverts with the error
    /// of the market or of the pool.
    /// @param feeBps Fee on the collateral that a trade moves, in hundredths of a percent; 0 … 1000.
    function createPool(uint256 marketId, uint256 feeBps) external returns (IOutcomePool pool);

    /// @return The pool, or the zero address when nobody has made it.
    function poolOf(uint256 marketId, uint256 feeBps) external view returns (IOutcomePool);
}

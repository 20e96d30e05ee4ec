// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IOutcomePool} from "../interfaces/IOutcomePool.sol";
import {IOutcomePoolFactory} from "../interfaces/IOutcomePoolFactory.sol";
import {IMarketBook} from "../interfaces/IMarketBook.sol";
import {OutcomePool} from "./OutcomePool.sol";

/// @title Pools for the markets of one PredictionMarket
/// @notice See IOutcomePoolFactory, which owns the documentation. The factory has no administrator.
contract OutcomePoolFactory is IOutcomePoolFactory {
    IMarketBook public immutable MARKET;

    mapping(uint256 marketId => mapping(uint256 feeBps => IOutcomePool)) private _pools;

    constructor(IMarketBook market) {
        if (address(market) == address(0)) revert ZeroMarket();
        MARKET = market;
    }

    /// @inheritdoc IOutcomePoolFactory
    function createPool(uint256 marketId, uint256 feeBps) external returns (IOutcomePool pool) {
        IOutcomePool existing = _pools[marketId][feeBps];
        if (address(existing) != address(0)) revert PoolExists(marketId, feeBps, existing);
        pool = new OutcomePool(MARKET, marketId, feeBps);
        _pools[marketId][feeBps] = pool;
        emit PoolCreated(marketId, feeBps, pool, msg.sender);
    }

    /// @inheritdoc IOutcomePoolFactory
    function poolOf(uint256 marketId, uint256 feeBps) external view returns (IOutcomePool) {
        return _pools[marketId][feeBps];
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IPredictionMarketTypes} from "./IMarketBook.sol";

/// @dev Errors of a pool.
interface IOutcomePoolErrors {
    error FeeTooHigh(uint256 found, uint256 max);
    /// @notice The market is not trading. Trades and new liquidity end then; leaving the pool is always possible.
    error MarketNotTrading(uint256 marketId, IPredictionMarketTypes.Status found);
    error OutcomeOutOfRange(uint256 outcome, uint256 outcomes);
    error NothingGiven();
    /// @notice Nobody has provided liquidity yet: see `start`.
    error PoolEmpty();
    /// @notice Somebody has already made the first deposit: see `addLiquidity`.
    error PoolStarted();
    /// @notice The first deposit is below `min`, or the reserve of an outcome would be at these odds.
    error DepositTooSmall(uint256 found, uint256 min);
    /// @notice The odds must be one number for each outcome.
    error OddsInvalid(uint256 found, uint256 outcomes);
    /// @notice The transaction came too late.
    error DeadlinePassed(uint256 deadline, uint256 timestamp);
    /// @notice The window is closed, or a signed story is on record (`recordedAt` not 0): somebody may know the answer already.
    error TradingEnded(uint256 marketId, uint64 closesAt, uint64 recordedAt);
    /// @notice The circuit is revoked or the DAO no longer stands behind the version, so the market can now only end in an equal
    /// split.
    error GroundsWithdrawn(uint256 marketId);
    /// @notice The price moved: the purchase would give fewer outcome tokens than the buyer required.
    error TooFewTokens(uint256 found, uint256 min);
    /// @notice The price moved: the sale would take more outcome tokens than the seller allowed.
    error TooManyTokens(uint256 found, uint256 max);
    error TooFewShares(uint256 found, uint256 min);
    /// @notice The odds have moved from the provider's quote: the reserve of `outcome` is `found`; the quoted one, scaled to the
    /// pool's present size, is `expected`.
    error OddsMoved(uint256 outcome, uint256 found, uint256 expected);
    error TooLittleCollateral(uint256 found, uint256 min);
    /// @notice The pool's reserve of an outcome is `found`, but must be more than `min` for this trade.
    error ReserveTooLow(uint256 outcome, uint256 found, uint256 min);
    /// @notice The pool takes only tokens that it fetches itself: tokens sent to it would belong to nobody.
    error UnsolicitedTokens(address token, address operator);
}

/// @title A price for a market's outcomes: a fixed-product market maker
/// @notice The product of the reserves of all outcomes never falls in a trade. An outcome's price is the reciprocal of its
/// reserve over the sum of the reciprocals; the prices add up to one. Fees stay in the reserves, so that they belong to the
/// holders of the pool's ERC-20 shares. Amounts are in the collateral's units; rounding is against the trader. Trading ends when the
/// market's window closes, or as soon as a signed story is recorded. A provider that sees a story should call
/// `PredictionMarket.recordStory`. Every call takes a deadline: the last moment, in Unix seconds, at which it may be executed.
/// @dev Prices follow the pool's own record of reserves, not its balances. So tokens that are sent to it do not move a price.
interface IOutcomePool is IOutcomePoolErrors {
    event LiquidityAdded(address indexed account, uint256 amount, uint256 shares);
    event LiquidityRemoved(address indexed account, uint256 shares, uint256 collateral);
    event Bought(address indexed account, uint256 indexed outcome, uint256 amount, uint256 fee, uint256 tokens);
    event Sold(address indexed account, uint256 indexed outcome, uint256 amount, uint256 fee, uint256 tokens);

    /// @notice Makes the first deposit, of at least MIN_FIRST_DEPOSIT. The pool keeps outcome tokens so that the prices are in the
    /// proportion of `odds`, and sends the surplus tokens back. Gives one share for each unit, except DEAD_SHARES, which nobody ever
    /// owns.
    /// @param odds One number for each outcome, in any unit: [3, 1] stands for probabilities of three quarters and one quarter.
    function start(uint256 amount, uint256[] calldata odds, uint256 deadline) external returns (uint256 shares);

    /// @notice Takes as much collateral as the new shares are worth, at most `amount`. Keeps it as outcome tokens in the proportion
    /// of the reserves, and sends the surplus tokens back.
    /// @param quoted The reserves that the caller has seen. Joining at other odds would lose money to the trade that moved them.
    /// @param toleranceBps How far each reserve may have moved relative to the largest, in hundredths of a percent.
    function addLiquidity(
        uint256 amount,
        uint256 minShares,
        uint256[] calldata quoted,
        uint256 toleranceBps,
        uint256 deadline
    ) external returns (uint256 shares);

    /// @notice Pays out a part of every reserve: complete sets as collateral, the rest as outcome tokens.
    function removeLiquidity(
        uint256 shares,
        uint256 minCollateral,
        uint256 deadline
    ) external returns (uint256 collateral);

    /// @notice Spends `amount` of collateral on one outcome.
    function buy(
        uint256 outcome,
        uint256 amount,
        uint256 minTokens,
        uint256 deadline
    ) external returns (uint256 tokens);

    /// @notice Sells as few tokens of one outcome as needed for `amount` of collateral.
    function sell(
        uint256 outcome,
        uint256 amount,
        uint256 maxTokens,
        uint256 deadline
    ) external returns (uint256 tokens);

    /// @notice The number of tokens that `buy` would give now, and the fee included.
    function quoteBuy(uint256 outcome, uint256 amount) external view returns (uint256 tokens, uint256 fee);

    /// @notice The number of tokens that `sell` would take now, and the fee included.
    function quoteSell(uint256 outcome, uint256 amount) external view returns (uint256 tokens, uint256 fee);

    /// @notice Price of one outcome token in collateral, times 1e18, before fee and slippage.
    function priceOf(uint256 outcome) external view returns (uint256);

    /// @notice Tokens of each outcome that belong to the pool.
    function reserves() external view returns (uint256[] memory);
}

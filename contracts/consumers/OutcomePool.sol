// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {ERC1155Holder} from "@openzeppelin/contracts/token/ERC1155/utils/ERC1155Holder.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IOutcomePool} from "../interfaces/IOutcomePool.sol";
import {IInferenceHubTypes} from "../interfaces/IInferenceHub.sol";
import {IMarketBook, IPredictionMarketTypes} from "../interfaces/IMarketBook.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";

/// @title A fixed-product market maker for one market
/// @notice See IOutcomePool, which owns the documentation. Uses the formulas of Gnosis' fixed-product market maker.
contract OutcomePool is IOutcomePool, ERC20, ERC1155Holder, ReentrancyGuard {
    using Math for uint256;
    using SafeERC20 for IERC20;

    uint256 public constant MAX_FEE_BPS = 1000;
    /// @notice Unowned shares of the first deposit, so that no holder can be the only one.
    uint256 public constant DEAD_SHARES = 1000;
    /// @notice Least first deposit, in the collateral's units; the smallest of its reserves is at least DEAD_SHARES.
    uint256 public constant MIN_FIRST_DEPOSIT = 100_000;
    /// @dev Holds the dead shares, because the zero address cannot hold any.
    address private constant NOBODY = address(0xdead);
    uint256 private constant BPS = 10_000;
    uint256 private constant ONE = 1e18;

    IMarketBook public immutable MARKET;
    uint256 public immutable MARKET_ID;
    IERC20 public immutable COLLATERAL;
    uint256 public immutable OUTCOMES;
    /// @notice Fee on the collateral that a trade moves, in hundredths of a percent.
    uint256 public immutable FEE_BPS;

    IVerifierRegistry private immutable VERIFIERS;
    IModelRegistry private immutable MODELS;
    /// @dev The circuit of the proof that will give the market's answer.
    bytes32 private immutable CIRCUIT_ID;
    address private immutable SERVICE;
    uint64 private immutable VERSION;

    uint256[] private _reserves;

    constructor(IMarketBook market, uint256 marketId, uint256 feeBps) ERC20("Cohort outcome pool", "CPOOL") {
        if (feeBps > MAX_FEE_BPS) revert FeeTooHigh(feeBps, MAX_FEE_BPS);
        IPredictionMarketTypes.Question memory question = market.questionOf(marketId);
        MARKET = market;
        MARKET_ID = marketId;
        COLLATERAL = question.collateral;
        OUTCOMES = question.outcomes;
        FEE_BPS = feeBps;
        IInferenceHubTypes.Model memory model = market.HUB().modelOf(question.modelId);
        (VERIFIERS, MODELS) = (market.VERIFIERS(), market.MODELS());
        (CIRCUIT_ID, SERVICE, VERSION) = (model.circuitId, model.service, question.version);
        _reserves = new uint256[](question.outcomes);
        question.collateral.forceApprove(address(market), type(uint256).max);
    }

    /// @inheritdoc IOutcomePool
    function start(
        uint256 amount,
        uint256[] calldata odds,
        uint256 deadline
    ) external nonReentrant returns (uint256 shares) {
        _requireTrading(deadline);
        if (totalSupply() != 0) revert PoolStarted();
        if (amount < MIN_FIRST_DEPOSIT) revert DepositTooSmall(amount, MIN_FIRST_DEPOSIT);
        if (odds.length != OUTCOMES) revert OddsInvalid(odds.length, OUTCOMES);
        uint256 least = type(uint256).max;
        for (uint256 i = 0; i < OUTCOMES; ++i) least = Math.min(least, odds[i]);
        uint256[] memory back = new uint256[](OUTCOMES);
        for (uint256 i = 0; i < OUTCOMES; ++i) {
            // The likelier an outcome, the fewer of its tokens the pool keeps. Odds of 0 for one outcome would leave no tokens of
            // the others.
            uint256 kept = least == 0 ? 0 : amount.mulDiv(least, odds[i]);
            if (kept < DEAD_SHARES) revert DepositTooSmall(kept, DEAD_SHARES);
            _reserves[i] = kept;
            back[i] = amount - kept;
        }
        shares = amount - DEAD_SHARES;
        _mint(NOBODY, DEAD_SHARES);
        _join(amount, shares, back);
    }

    /// @inheritdoc IOutcomePool
    function addLiquidity(
        uint256 amount,
        uint256 minShares,
        uint256[] calldata quoted,
        uint256 toleranceBps,
        uint256 deadline
    ) external nonReentrant returns (uint256 shares) {
        _requireTrading(deadline);
        if (amount == 0) revert NothingGiven();
        uint256 total = totalSupply();
        if (total == 0) revert PoolEmpty();
        uint256 largest = _largestReserve();
        _requireOdds(quoted, toleranceBps, largest);
        shares = amount.mulDiv(total, largest);
        if (shares == 0 || shares < minShares) revert TooFewShares(shares, minShares);
        // Takes exactly the worth of the shares, not all of `amount`, so that no rounding remainder goes to the other holders.
        uint256 taken = shares.mulDiv(largest, total, Math.Rounding.Ceil);
        uint256[] memory back = new uint256[](OUTCOMES);
        for (uint256 i = 0; i < OUTCOMES; ++i) {
            uint256 kept = shares.mulDiv(_reserves[i], total, Math.Rounding.Ceil);
            _reserves[i] += kept;
            back[i] = taken - kept;
        }
        _join(taken, shares, back);
    }

    /// @inheritdoc IOutcomePool
    function removeLiquidity(
        uint256 shares,
        uint256 minCollateral,
        uint256 deadline
    ) external nonReentrant returns (uint256 collateral) {
        _requireInTime(deadline);
        if (shares == 0) revert NothingGiven();
        uint256 total = totalSupply();
        _burn(msg.sender, shares);
        uint256[] memory given = new uint256[](OUTCOMES);
        uint256 sets = type(uint256).max;
        for (uint256 i = 0; i < OUTCOMES; ++i) {
            given[i] = _reserves[i].mulDiv(shares, total);
            _reserves[i] -= given[i];
            sets = Math.min(sets, given[i]);
        }
        if (sets < minCollateral) revert TooLittleCollateral(sets, minCollateral);
        for (uint256 i = 0; i < OUTCOMES; ++i) given[i] -= sets;
        // A merge of a market's very last tokens also pays its dust.
        uint256 before = COLLATERAL.balanceOf(address(this));
        if (sets != 0) MARKET.merge(MARKET_ID, sets);
        collateral = COLLATERAL.balanceOf(address(this)) - before;
        emit LiquidityRemoved(msg.sender, shares, collateral);
        if (collateral != 0) COLLATERAL.safeTransfer(msg.sender, collateral);
        _sendTokens(given);
    }

    /// @inheritdoc IOutcomePool
    function buy(
        uint256 outcome,
        uint256 amount,
        uint256 minTokens,
        uint256 deadline
    ) external nonReentrant returns (uint256 tokens) {
        _requireTrading(deadline);
        uint256 fee;
        (tokens, fee) = quoteBuy(outcome, amount);
        if (tokens < minTokens) revert TooFewTokens(tokens, minTokens);
        for (uint256 i = 0; i < OUTCOMES; ++i) _reserves[i] += amount;
        _reserves[outcome] -= tokens;
        emit Bought(msg.sender, outcome, amount, fee, tokens);
        COLLATERAL.safeTransferFrom(msg.sender, address(this), amount);
        MARKET.split(MARKET_ID, amount);
        IERC1155(address(MARKET)).safeTransferFrom(address(this), msg.sender, _id(outcome), tokens, "");
    }

    /// @inheritdoc IOutcomePool
    function sell(
        uint256 outcome,
        uint256 amount,
        uint256 maxTokens,
        uint256 deadline
    ) external nonReentrant returns (uint256 tokens) {
        _requireTrading(deadline);
        uint256 fee;
        (tokens, fee) = quoteSell(outcome, amount);
        if (tokens > maxTokens) revert TooManyTokens(tokens, maxTokens);
        _reserves[outcome] += tokens;
        for (uint256 i = 0; i < OUTCOMES; ++i) _reserves[i] -= amount;
        emit Sold(msg.sender, outcome, amount, fee, tokens);
        IERC1155(address(MARKET)).safeTransferFrom(msg.sender, address(this), _id(outcome), tokens, "");
        MARKET.merge(MARKET_ID, amount);
        COLLATERAL.safeTransfer(msg.sender, amount);
    }

    /// @inheritdoc IOutcomePool
    function quoteBuy(uint256 outcome, uint256 amount) public view returns (uint256 tokens, uint256 fee) {
        uint256 reserve = _requireTrade(outcome, amount);
        fee = amount.mulDiv(FEE_BPS, BPS, Math.Rounding.Ceil);
        uint256 spent = amount - fee;
        uint256 ending = reserve;
        for (uint256 i = 0; i < OUTCOMES; ++i) {
            if (i == outcome) continue;
            ending = ending.mulDiv(_reserves[i], _reserves[i] + spent, Math.Rounding.Ceil);
        }
        tokens = reserve + spent - ending;
    }

    /// @inheritdoc IOutcomePool
    function quoteSell(uint256 outcome, uint256 amount) public view returns (uint256 tokens, uint256 fee) {
        uint256 reserve = _requireTrade(outcome, amount);
        uint256 taken = amount.mulDiv(BPS, BPS - FEE_BPS, Math.Rounding.Ceil);
        fee = taken - amount;
        uint256 ending = reserve;
        for (uint256 i = 0; i < OUTCOMES; ++i) {
            if (i == outcome) continue;
            if (_reserves[i] <= taken) revert ReserveTooLow(i, _reserves[i], taken);
            ending = ending.mulDiv(_reserves[i], _reserves[i] - taken, Math.Rounding.Ceil);
        }
        tokens = ending + taken - reserve;
    }

    /// @inheritdoc IOutcomePool
    function priceOf(uint256 outcome) external view returns (uint256) {
        uint256 reserve = _requireOutcome(outcome);
        uint256 sum;
        for (uint256 i = 0; i < OUTCOMES; ++i) sum += reserve.mulDiv(ONE, _reserves[i]);
        return ONE.mulDiv(ONE, sum);
    }

    /// @inheritdoc IOutcomePool
    function reserves() external view returns (uint256[] memory) {
        return _reserves;
    }

    /// @dev Accepts tokens only from the pool's own split, or from a transfer that the pool itself makes.
    function onERC1155Received(
        address operator,
        address from,
        uint256 id,
        uint256 value,
        bytes memory data
    ) public override returns (bytes4) {
        _requireSolicited(operator);
        return super.onERC1155Received(operator, from, id, value, data);
    }

    /// @dev As above, for batches.
    function onERC1155BatchReceived(
        address operator,
        address from,
        uint256[] memory ids,
        uint256[] memory values,
        bytes memory data
    ) public override returns (bytes4) {
        _requireSolicited(operator);
        return super.onERC1155BatchReceived(operator, from, ids, values, data);
    }

    /// @inheritdoc ERC1155Holder
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == type(IOutcomePool).interfaceId || super.supportsInterface(interfaceId);
    }

    function _sendTokens(uint256[] memory values) private {
        uint256 sum;
        uint256[] memory ids = new uint256[](values.length);
        for (uint256 i = 0; i < values.length; ++i) {
            ids[i] = _id(i);
            sum += values[i];
        }
        if (sum == 0) return;
        IERC1155(address(MARKET)).safeBatchTransferFrom(address(this), msg.sender, ids, values, "");
    }

    function _largestReserve() private view returns (uint256 largest) {
        for (uint256 i = 0; i < OUTCOMES; ++i) largest = Math.max(largest, _reserves[i]);
    }

    /// @dev The pool stops before its market does: when the window closes, and as soon as a signed story is on the record. A reader
    /// of the story knows the outcome while the market still trades, and would buy it from those who provide liquidity.
    function _requireTrading(uint256 deadline) private view {
        _requireInTime(deadline);
        (IPredictionMarketTypes.Status found, uint64 closesAt, uint64 recordedAt) = MARKET.tradingOf(MARKET_ID);
        if (found != IPredictionMarketTypes.Status.Trading) revert MarketNotTrading(MARKET_ID, found);
        if (block.timestamp > closesAt || recordedAt != 0) revert TradingEnded(MARKET_ID, closesAt, recordedAt);
        // Everybody knows that it can only end in an equal split, so old prices would be a gift to the first taker.
        if (!MODELS.isReleased(SERVICE, VERSION) || VERIFIERS.isRevoked(CIRCUIT_ID)) revert GroundsWithdrawn(MARKET_ID);
    }

    /// @dev Reverts if the odds moved from the reserves that the caller has seen. A minimum number of shares does not protect the
    /// caller: somebody who trades before and back afterwards can move the odds and give more shares that are worth less.
    function _requireOdds(uint256[] calldata quoted, uint256 toleranceBps, uint256 largest) private view {
        if (quoted.length != OUTCOMES) revert OddsInvalid(quoted.length, OUTCOMES);
        uint256 most;
        for (uint256 i = 0; i < OUTCOMES; ++i) most = Math.max(most, quoted[i]);
        for (uint256 i = 0; i < OUTCOMES; ++i) {
            uint256 expected = most == 0 ? 0 : largest.mulDiv(quoted[i], most);
            uint256 found = _reserves[i];
            uint256 gap = found > expected ? found - expected : expected - found;
            // One unit is rounding.
            if (gap > 1 + Math.min(found, expected).mulDiv(toleranceBps, BPS)) revert OddsMoved(i, found, expected);
        }
    }

    function _requireInTime(uint256 deadline) private view {
        if (block.timestamp > deadline) revert DeadlinePassed(deadline, block.timestamp);
    }

    function _join(uint256 amount, uint256 shares, uint256[] memory back) private {
        _mint(msg.sender, shares);
        emit LiquidityAdded(msg.sender, amount, shares);
        COLLATERAL.safeTransferFrom(msg.sender, address(this), amount);
        MARKET.split(MARKET_ID, amount);
        _sendTokens(back);
    }

    function _requireTrade(uint256 outcome, uint256 amount) private view returns (uint256 reserve) {
        reserve = _requireOutcome(outcome);
        if (amount == 0) revert NothingGiven();
    }

    function _requireOutcome(uint256 outcome) private view returns (uint256 reserve) {
        if (outcome >= OUTCOMES) revert OutcomeOutOfRange(outcome, OUTCOMES);
        if (totalSupply() == 0) revert PoolEmpty();
        return _reserves[outcome];
    }

    function _requireSolicited(address operator) private view {
        if (msg.sender != address(MARKET) || operator != address(this)) revert UnsolicitedTokens(msg.sender, operator);
    }

    function _id(uint256 outcome) private view returns (uint256) {
        return (MARKET_ID << 8) | outcome;
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IMarketBook} from "../interfaces/IMarketBook.sol";
import {MarketBook} from "./MarketBook.sol";

/// @title Complete sets of outcome tokens, in and out of collateral
/// @dev Invariant: potCollateral · outcomes ≥ potTokens, which covers a full set and any share of an invalid market; until the
/// first redemption the two are equal. The reentrancy guard is for collateral that calls back: nobody may pay in between the two
/// readings of a balance.
abstract contract OutcomeTokens is MarketBook, ERC1155, ReentrancyGuard {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    constructor() ERC1155("") {}

    /// @inheritdoc IMarketBook
    function split(uint256 marketId, uint256 amount) external nonReentrant {
        Market storage market = _known(marketId);
        _requireStatus(marketId, market, 1 << uint8(Status.Trading));
        if (amount == 0) revert ZeroAmount();
        VERIFIERS.requireIntake();
        (uint256[] memory ids, uint256[] memory values) = _completeSet(marketId, market.outcomes, amount);
        market.potCollateral = (market.potCollateral + amount).toUint128();
        market.potTokens = (market.potTokens + amount * ids.length).toUint128();

        _takeIn(market.collateral, amount);
        emit SetsSplit(marketId, msg.sender, amount);
        _mintBatch(msg.sender, ids, values, "");
    }

    /// @inheritdoc IMarketBook
    function merge(uint256 marketId, uint256 amount) external nonReentrant {
        Market storage market = _known(marketId);
        if (amount == 0) revert ZeroAmount();
        (uint256[] memory ids, uint256[] memory values) = _completeSet(marketId, market.outcomes, amount);
        _burnBatch(msg.sender, ids, values);
        uint256 paid = _takeFromPot(market, amount * ids.length, amount);
        emit SetsMerged(marketId, msg.sender, amount, paid);
        market.collateral.safeTransfer(msg.sender, paid);
    }

    /// @inheritdoc IMarketBook
    function redeem(uint256 marketId) external nonReentrant returns (uint256 paid) {
        Market storage market = _known(marketId);
        Status found = _requireStatus(marketId, market, (1 << uint8(Status.Final)) | (1 << uint8(Status.Invalid)));
        uint256 outcomes = market.outcomes;
        uint256[] memory ids = new uint256[](outcomes);
        uint256[] memory values = new uint256[](outcomes);
        uint256 tokens;
        for (uint256 outcome = 0; outcome < outcomes; ++outcome) {
            ids[outcome] = positionId(marketId, outcome);
            values[outcome] = balanceOf(msg.sender, ids[outcome]);
            tokens += values[outcome];
        }
        if (tokens == 0) revert NothingToRedeem(marketId, msg.sender);
        _burnBatch(msg.sender, ids, values);
        paid = _takeFromPot(market, tokens, found == Status.Final ? _worthOf(marketId, market, values) : tokens / outcomes);
        emit Redeemed(marketId, msg.sender, tokens, paid);
        // Losing shares are worth 0, and some tokens refuse a transfer of 0.
        if (paid != 0) market.collateral.safeTransfer(msg.sender, paid);
    }

    /// @dev The worth of this many tokens of each outcome of a final market: at most one unit for each complete set.
    function _worthOf(
        uint256,
        Market storage market,
        uint256[] memory values
    ) internal view virtual returns (uint256) {
        return values[market.outcome];
    }

    /// @dev Takes collateral from the caller, and checks that exactly this amount arrived.
    function _takeIn(IERC20 collateral, uint256 amount) internal {
        uint256 expected = collateral.balanceOf(address(this)) + amount;
        collateral.safeTransferFrom(msg.sender, address(this), amount);
        uint256 found = collateral.balanceOf(address(this));
        if (found != expected) revert CollateralMismatch(expected, found);
    }

    /// @dev The holder who burns the last token of a market leaves no dust behind.
    function _takeFromPot(Market storage market, uint256 tokens, uint256 worth) private returns (uint256 paid) {
        uint256 left = market.potTokens - tokens;
        uint256 collateral = market.potCollateral;
        paid = left == 0 ? collateral : worth;
        market.potTokens = uint128(left);
        market.potCollateral = uint128(collateral - paid);
    }

    function _completeSet(
        uint256 marketId,
        uint256 outcomes,
        uint256 amount
    ) private pure returns (uint256[] memory ids, uint256[] memory values) {
        ids = new uint256[](outcomes);
        values = new uint256[](outcomes);
        for (uint256 outcome = 0; outcome < outcomes; ++outcome) {
            ids[outcome] = positionId(marketId, outcome);
            values[outcome] = amount;
        }
    }
}

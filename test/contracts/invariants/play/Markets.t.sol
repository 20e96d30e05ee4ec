// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC1155} from "@openzeppelin/contracts/token/ERC1155/IERC1155.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IOutcomePool} from "../../../../contracts/interfaces/IOutcomePool.sol";
import {IPredictionMarketTypes} from "../../../../contracts/interfaces/IMarketBook.sol";
import {MarketPlay} from "./MarketPlay.sol";

/// @dev What must hold of markets, pools and guardians after every single call.
contract MarketsTest is MarketPlay {
    function setUp() external {
        _build();
    }

    function test_MarketsPoolsAndGuardians() external {
        uint256 length = _length();
        while (_calls < length) this.step();
        string[17] memory names = [
            "split", "merge", "transfer", "redeem", "start", "add liquidity", "remove liquidity", "buy", "sell",
            "resolve", "challenge", "defend", "settle", "pause", "freeze", "appoint", "replace"
        ];
        for (uint256 i = 0; i < names.length; ++i) _reached(names[i], length / 5000);
        _reached("split", length / 50);
        _atMost("calls refused", _calls - _taken, (_calls * 3) / 4);
    }

    /// @dev In a frame of its own, so that memory is not kept over thousands of calls.
    function step() external {
        uint256 slot = _below(3);
        (uint256 shares, uint256 product) = _poolOf(_books[slot]);
        _act(slot);
        _checkPool(_books[slot], shares, product);
        _checkBooks();
        if (_isDecided(slot) && _below(5) == 0) {
            _replace(slot);
            _checkBooks();
        }
    }

    function _isDecided(uint256 slot) private view returns (bool) {
        IPredictionMarketTypes.Status status = _market.statusOf(_books[slot].id);
        return status == IPredictionMarketTypes.Status.Final || status == IPredictionMarketTypes.Status.Invalid;
    }

    /// @dev Collateral in = redeemable out, for each market and all together.
    function _checkBooks() private view {
        uint256 owed = _retired;
        for (uint256 slot = 0; slot < 3; ++slot) {
            Book storage book = _books[slot];
            (uint256 collateral, uint256 tokens) = _market.potOf(book.id);
            owed += collateral + book.bonds;
            uint256[] memory supply = _supplyOf(book);
            uint256 sum;
            for (uint256 i = 0; i < supply.length; ++i) sum += supply[i];
            _same("tokens on the books", sum, tokens);
            IPredictionMarketTypes.Status status = _market.statusOf(book.id);
            if (status == IPredictionMarketTypes.Status.Final) {
                uint256 outcome = _market.resolutionOf(book.id).outcome;
                _same("what the winners are owed", supply[outcome], collateral);
            } else if (status == IPredictionMarketTypes.Status.Invalid) {
                _atMost("what everyone is owed", tokens, collateral * supply.length);
            } else {
                for (uint256 i = 0; i < supply.length; ++i) _same("of each outcome", supply[i], collateral);
            }
        }
        _same("collateral held", _token.balanceOf(address(_market)), owed);
    }

    function _supplyOf(Book storage book) private view returns (uint256[] memory supply) {
        supply = new uint256[](book.outcomes);
        IERC1155 tokens = IERC1155(address(_market));
        for (uint256 i = 0; i < supply.length; ++i) {
            uint256 position = (book.id << 8) | i;
            for (uint256 k = 0; k < _people.length; ++k) supply[i] += tokens.balanceOf(_people[k], position);
            supply[i] += tokens.balanceOf(book.pool, position);
        }
    }

    function _poolOf(Book storage book) private view returns (uint256 shares, uint256 product) {
        shares = IERC20(book.pool).totalSupply();
        uint256[] memory reserves = IOutcomePool(book.pool).reserves();
        product = 1;
        for (uint256 i = 0; i < reserves.length; ++i) product *= reserves[i];
    }

    /// @dev Trades never lower the product; joining and leaving never lower what a share stands for.
    function _checkPool(Book storage book, uint256 before, uint256 productBefore) private view {
        (uint256 shares, uint256 product) = _poolOf(book);
        uint256[] memory reserves = IOutcomePool(book.pool).reserves();
        for (uint256 i = 0; i < reserves.length; ++i) {
            uint256 held = IERC1155(address(_market)).balanceOf(book.pool, (book.id << 8) | i);
            _same("reserves are what the pool has", held, reserves[i]);
        }
        _same("the pool keeps no collateral", _token.balanceOf(book.pool), 0);
        if (before == 0 || shares == 0) return;
        uint256 all = before;
        uint256 allBefore = shares;
        for (uint256 i = 1; i < reserves.length; ++i) (all, allBefore) = (all * before, allBefore * shares);
        (uint256 high, uint256 low) = Math.mul512(product, all);
        (uint256 highBefore, uint256 lowBefore) = Math.mul512(productBefore, allBefore);
        bool lost = high < highBefore || (high == highBefore && low < lowBefore);
        _same("a share lost", lost ? 1 : 0, 0);
    }
}

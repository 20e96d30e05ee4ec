// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAdmission} from "../../interfaces/IAdmission.sol";

/// @dev The function that ERC-20 and ERC-721 have in common.
interface IBalances {
    function balanceOf(address account) external view returns (uint256);
}

/// @title Admits keepers that hold enough of a token when they take a seat
/// @notice For tokens that cannot be passed on: membership tokens, soulbound ones. With a transferable token, one keeper
/// after another could be admitted.
contract TokenAdmission is IAdmission {
    address public immutable TOKEN;
    /// @notice Least balance that the keeper's owner address must have, in the token's smallest unit.
    uint256 public immutable MIN_BALANCE;

    error TokenWithoutCode(address token);
    error ZeroBalance();

    constructor(address token_, uint256 minBalance) {
        if (token_.code.length == 0) revert TokenWithoutCode(token_);
        if (minBalance == 0) revert ZeroBalance();
        TOKEN = token_;
        MIN_BALANCE = minBalance;
    }

    /// @inheritdoc IAdmission
    function admit(address, address keeper) external view returns (bool admitted, bytes32 party) {
        return (IBalances(TOKEN).balanceOf(keeper) >= MIN_BALANCE, bytes32(uint256(uint160(keeper))));
    }
}

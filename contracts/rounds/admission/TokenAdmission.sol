// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAdmission} from "../../interfaces/IAdmission.sol";

/// @dev What ERC-20 and ERC-721 have in common.
interface IBalances {
    function balanceOf(address account) external view returns (uint256);
}

/// @title Admits whoever holds enough of a token when it takes a seat
/// @notice For tokens that cannot be lent on: membership tokens, soulbound ones. What can be moved admits one keeper after
/// the other.
contract TokenAdmission is IAdmission {
    address public immutable token;
    /// @notice Least balance of the keeper's owner address, in the token's smallest unit.
    uint256 public immutable minimum;

    error TokenWithoutCode(address token);
    error ZeroMinimum();

    constructor(address token_, uint256 minimum_) {
        if (token_.code.length == 0) revert TokenWithoutCode(token_);
        if (minimum_ == 0) revert ZeroMinimum();
        token = token_;
        minimum = minimum_;
    }

    /// @inheritdoc IAdmission
    function admit(address, address keeper) external view returns (bool admitted, bytes32 party) {
        return (IBalances(token).balanceOf(keeper) >= minimum, bytes32(uint256(uint160(keeper))));
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IPullPayments} from "../interfaces/IPullPayments.sol";

/// @title Balances that accounts can withdraw
/// @dev Sets the balance to zero before the external call, so an account that calls back cannot withdraw twice.
abstract contract PullPayments is IPullPayments {
    mapping(address account => uint256) private _balances;

    /// @inheritdoc IPullPayments
    function withdraw(address account, address payable to) external {
        if (to == address(0)) revert ZeroRecipient(account);
        if (account != msg.sender && account != to) revert NotAccountHolder(account, msg.sender);
        uint256 amount = _balances[account];
        if (amount == 0) revert NothingToWithdraw(account);
        _balances[account] = 0;
        (bool sent, ) = to.call{value: amount}("");
        if (!sent) revert TransferFailed(to, amount);
        emit Withdrawn(account, to, amount);
    }

    /// @inheritdoc IPullPayments
    function balanceOf(address account) external view returns (uint256) {
        return _balances[account];
    }

    function _credit(address account, uint256 amount) internal {
        _balances[account] += amount;
    }
}

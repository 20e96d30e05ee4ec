// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Ether that accounts are owed, and withdraw themselves
/// @notice Nothing is paid in passing: a receiver that reverts, or burns its gas, cannot stop anybody's request, answer
/// or job.
interface IPullPayments {
    error NothingToWithdraw(address account);
    /// @notice The zero address could never spend a payment.
    error ZeroRecipient(address account);
    /// @notice Anybody may send an account its own balance; only the account itself may send it elsewhere.
    error NotAccountHolder(address account, address caller);
    error TransferFailed(address to, uint256 amount);

    event Withdrawn(address indexed account, address indexed to, uint256 amount);

    /// @notice Sends `account` its balance; to another address only if `account` itself calls.
    function withdraw(address account, address payable to) external;

    /// @notice What `account` can withdraw, in wei.
    function balanceOf(address account) external view returns (uint256);
}

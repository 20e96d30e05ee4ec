// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title What the DAO means to be used instead
/// @notice Nothing here is upgraded in place: a successor is a new contract. The DAO names it here for a service, a market, a
/// guard, a registry, or anything else at an address. This moves neither stake nor money: keepers, traders and owners of accounts
/// see the name, and follow if they want to.
interface ISuccessors {
    error ZeroAddress();
    error NotTimelock(address caller);
    error SuccessorHasNoCode(address successor);
    /// @notice The successor's own successors lead back, or are more than `max`.
    error ChainInvalid(address predecessor, address successor, uint256 max);

    /// @param successor Zero: the DAO took the name back.
    event SuccessorNamed(address indexed predecessor, address indexed successor);

    /// @notice Names a contract's successor, or, with zero, none. The timelock only.
    function nameSuccessor(address predecessor, address successor) external;

    /// @notice The successor; zero when none is named.
    function successorOf(address predecessor) external view returns (address);

    /// @notice The last of its successors, or the contract itself when none is named.
    function latestOf(address predecessor) external view returns (address);
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Names what the DAO wants to be used instead of an old contract
/// @notice No contract here is upgraded in place: a successor is a new contract. The DAO names it here for a service, a market, a
/// guard, a registry, or any other address. Naming moves neither stake nor money: keepers, traders and owners of accounts see the
/// name, and follow if they want to.
interface ISuccessors {
    error ZeroAddress();
    error NotTimelock(address caller);
    error SuccessorHasNoCode(address successor);
    /// @notice The successor's own chain of successors leads back to the predecessor, or is longer than `max`.
    error ChainInvalid(address predecessor, address successor, uint256 max);

    /// @param successor Zero if the DAO took the name back.
    event SuccessorNamed(address indexed predecessor, address indexed successor);

    /// @notice Names the successor of a contract; zero takes the name back. The timelock only.
    function nameSuccessor(address predecessor, address successor) external;

    /// @notice The successor of a contract; zero if none is named.
    function successorOf(address predecessor) external view returns (address);

    /// @notice The end of the contract's chain of successors, or the contract itself if none is named.
    function latestOf(address predecessor) external view returns (address);
}

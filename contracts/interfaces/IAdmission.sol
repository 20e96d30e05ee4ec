// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Decides who may take a seat in a service
/// @notice A service asks the admission contract of its parameters, if it has one, whenever a keeper takes a seat, by a
/// static call with at most 100,000 gas. A contract that reverts, runs out of gas or answers anything else admits
/// nobody. It cannot take a seat away or stop a round.
interface IAdmission {
    /// @param service The service with the seat. @param keeper Owner address of the keeper at the registry.
    /// @return admitted Whether it may take the seat.
    /// @return party The party to which the keeper belongs: keepers of one party share its cap of seats. Any value, including
    /// zero.
    function admit(address service, address keeper) external view returns (bool admitted, bytes32 party);
}

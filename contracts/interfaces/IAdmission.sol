// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Decides who may take a seat in a service
/// @notice When a keeper takes a seat, the service asks the admission contract that its parameters name, if they name one. It
/// does so in a static call with at most 100,000 gas. If the contract reverts, runs out of gas or returns anything but the
/// two values below, it admits nobody. It cannot take a seat away or stop a round.
interface IAdmission {
    /// @param service The service with the seat. @param keeper Owner address of the keeper at the registry.
    /// @return admitted Whether the keeper may take the seat.
    /// @return party The party to which the keeper belongs: all keepers of one party share its cap of seats. Any value is
    /// allowed, zero included.
    function admit(address service, address keeper) external view returns (bool admitted, bytes32 party);
}

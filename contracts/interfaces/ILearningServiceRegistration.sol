// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceErrors} from "./ILearningServiceErrors.sol";
import {ILearningServiceEvents} from "./ILearningServiceEvents.sol";

/// @title Seats and parameters
interface ILearningServiceRegistration is ILearningServiceEvents, ILearningServiceErrors {
    // ------------------------------------------------------------------------------------------------- membership

    /// @notice Owner or operator of the registered keeper `keeper` (its owner address). Takes the seat that is reserved for the
    /// keeper, or else the lowest free one; the bond is engaged at the registry. Possible at any time; the keeper becomes a
    /// member when registration next closes. The keeper must have opted in to this service at the registry, and the admission
    /// contract must admit it if the parameters name one.
    function join(address keeper) external returns (uint8 seat);

    /// @notice Owner or operator. Gives the seat up: at once between epochs or while the keeper waits for the next one, otherwise
    /// when the current epoch ends. A member that has asked to leave still does its steps until then. In Registration this is
    /// possible only during the first half of the window, so that nobody can take a seat and give it up in the last second.
    function leave(uint8 seat) external;

    /// @notice Anyone. Makes a jailed keeper give its seat up, as if by `leave`. A keeper whose bond is below the service's
    /// largest penalty loses its seat when the epoch ends or registration closes, unless it tops the bond up before.
    function expel(uint8 seat) external;

    /// @notice Owner or operator. Tops the bond up to the service's current amount, which also saves a seat that was about to be
    /// given up.
    function topUp(uint8 seat) external;

    /// @notice Anyone. Takes over the operator key that the keeper's owner has set at the registry. If another seat still has
    /// that key, although its keeper has changed keys at the registry, the owner of that keeper acts for that seat until it is
    /// synced too. So two keepers can swap keys.
    function syncOperator(uint8 seat) external;

    // ------------------------------------------------------------------------------------------------- anyone

    /// @notice Moves the seat's earned rewards to the claimable balance of its keeper at the KeeperRegistry.
    function collect(uint8 seat) external returns (uint256 amount);

    // ------------------------------------------------------------------------------------------------- the DAO

    /// @notice Admin only. In Registration, takes effect at once; the window then starts again, so that seated keepers have half
    /// of it to leave. In other states, takes effect when registration next opens.
    function setParameters(Parameters calldata parameters) external;

    /// @notice Admin only. Bans a keeper (its owner address) from the service. The keeper may not join, is never drafted again,
    /// and gives up its seat: at once between epochs, otherwise when the epoch ends. Takes no stake. Meant for faults that the
    /// chain cannot see, such as a member that keeps posting wrong shares.
    function ban(address keeper) external;

    /// @notice Admin only. Lifts a ban: the keeper may join again. A seat that it was about to give up is still given up.
    function unban(address keeper) external;
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceErrors} from "./ILearningServiceErrors.sol";
import {ILearningServiceEvents} from "./ILearningServiceEvents.sol";

/// @title Seats and parameters
interface ILearningServiceRegistration is ILearningServiceEvents, ILearningServiceErrors {
    // ------------------------------------------------------------------------------------------------- membership

    /// @notice Owner or operator of the registered keeper `keeper` (its owner address) takes the lowest free seat, or the
    /// one that is kept for it; the bond is engaged at the registry. Possible at any time; the seat becomes a member when
    /// registration closes next. Needs the keeper's opt-in to this service at the registry, and the admission contract's
    /// consent where the parameters name one.
    function join(address keeper) external returns (uint8 seat);

    /// @notice Owner or operator gives the seat up: at once between epochs or while waiting for one, else when the
    /// current epoch ends. A member that has asked to leave still does its steps until then. In Registration only during
    /// the first half of the window, so that nobody can take a seat and give it up in the last second.
    function leave(uint8 seat) external;

    /// @notice Anyone. Removes the seat of a jailed keeper, as if by `leave`. The seat of a keeper with a bond below
    /// the service's largest penalty goes when the epoch ends or registration closes, unless the keeper tops up before.
    function expel(uint8 seat) external;

    /// @notice Owner or operator tops the bond up to the service's current amount, and so keeps a seat that was about to go.
    function topUp(uint8 seat) external;

    /// @notice Anyone. Takes over the operator key that the keeper's owner has set at the registry. If another seat still has
    /// that key although its keeper has changed it at the registry, that keeper's owner acts for the other seat until it is
    /// synced, so that two keepers can swap keys.
    function syncOperator(uint8 seat) external;

    // ------------------------------------------------------------------------------------------------- anyone

    /// @notice Moves a seat's earned rewards to its owner's claimable balance at the KeeperRegistry.
    function collect(uint8 seat) external returns (uint256 amount);

    // ------------------------------------------------------------------------------------------------- the DAO

    /// @notice Admin only. Takes effect at once in Registration; its window then begins anew, so that seated keepers have half of
    /// it to leave. Otherwise takes effect when registration opens next.
    function setParameters(Parameters calldata parameters) external;

    /// @notice Admin only. Bans a keeper (its owner address) from the service. It may not join, is left out of every later draft,
    /// and gives up its seat: at once between epochs, otherwise when the epoch ends. Takes no stake. Meant for faults that the
    /// chain cannot see, such as a member that keeps posting wrong shares.
    function ban(address keeper) external;

    /// @notice Admin only. Lifts a ban: the keeper may join again, but a seat that was about to go still goes.
    function unban(address keeper) external;
}

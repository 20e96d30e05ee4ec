// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceErrors} from "./ILearningServiceErrors.sol";
import {ILearningServiceEvents} from "./ILearningServiceEvents.sol";

/// @title Seats, key generation and parameters (RegistrationState)
interface ILearningServiceRegistration is ILearningServiceEvents, ILearningServiceErrors {
    // ------------------------------------------------------------------------------------------------- membership

    /// @notice Owner or operator of the registered keeper `keeper` (its owner address) takes the lowest free seat, or the
    /// one that is kept for it; the bond is engaged at the registry. Possible at any time; the seat becomes a member when
    /// registration closes next.
    function join(address keeper) external returns (uint8 seat);

    /// @notice Owner or operator gives the seat up: at once between epochs or while waiting for one, else when the
    /// current epoch ends. A member that has asked to leave still does its steps until then. In Registration only during
    /// the first half of the window, so that nobody can take a seat and give it up in the last second.
    function leave(uint8 seat) external;

    /// @notice Anyone. Removes, as if by `leave`, a seat whose keeper is jailed. One whose bond no longer covers the
    /// service's largest penalty goes when the epoch ends or registration closes, unless it tops up before.
    function expel(uint8 seat) external;

    /// @notice Owner or operator fills the bond up to the service's current one, and keeps a seat that was to go.
    function topUp(uint8 seat) external;

    /// @notice Anyone. Takes over the operator key that the keeper's owner has set at the registry.
    function syncOperator(uint8 seat) external;

    // ------------------------------------------------------------------------------------------------- key generation

    /// @notice KeyCommit. @param commitment `keyCommitment(epoch, seat, cid, salt)`.
    function commitKey(uint32 epoch, bytes32 commitment) external;

    /// @notice KeyReveal. Opens the commitment; `cid` names the blob of the public-key share and encrypted re-shares.
    function revealKey(uint32 epoch, bytes calldata cid, bytes32 salt) external;

    /// @notice KeyConfirm. All members confirming one hash start the training. The hash follows from what was dealt, so
    /// that different ones are as much a dispute as a complaint is.
    function confirmKey(uint32 epoch, bytes32 keyHash) external;

    /// @notice KeyConfirm, instead of confirming: what `accused` dealt to the caller is wrong or missing.
    /// @param evidence At most 256 bytes from which anyone can recompute what was dealt; empty when nothing arrived.
    function complain(uint32 epoch, uint8 accused, bytes calldata evidence) external;

    /// @notice KeyJudge, members that confirmed or complained. A quorum for one verdict ends the dispute.
    /// @param convicted Members whose dealing, complaint or hash is false: dropped, and they pay `fraudPenalty`.
    /// @param excused Members dropped without fault being proven; their seats are kept for them.
    function judge(uint32 epoch, uint256 convicted, uint256 excused) external;

    // ------------------------------------------------------------------------------------------------- anyone

    /// @notice Moves a seat's earned rewards to its owner's claimable balance at the KeeperRegistry.
    function collect(uint8 seat) external returns (uint256 amount);

    // ------------------------------------------------------------------------------------------------- the DAO

    /// @notice Admin only. Takes effect at once in Registration, else when registration opens next.
    function setParameters(Parameters calldata parameters) external;

    /// @notice Admin only. Bars a keeper (its owner address) from the service: it may not join, is not drafted for any
    /// decryption whose draft is not fixed yet, and gives its seat up, at once between epochs, else when the epoch ends.
    /// Takes no stake. For what the chain cannot see: a member that keeps posting wrong shares.
    function ban(address keeper) external;

    /// @notice Admin only. The keeper may join again; a seat that is to go still goes.
    function unban(address keeper) external;

    // ------------------------------------------------------------------------------------------------- views

    /// @notice What `commitKey` expects. Bound to chain, service, epoch and seat, so that nobody can copy it.
    function keyCommitment(
        uint32 epoch,
        uint8 seat,
        bytes calldata cid,
        bytes32 salt
    ) external view returns (bytes32);
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceErrors} from "./ILearningServiceErrors.sol";
import {ILearningServiceEvents} from "./ILearningServiceEvents.sol";

/// @title The clock, the draft, and disputes about updates
interface ILearningServiceClock is ILearningServiceEvents, ILearningServiceErrors {
    /// @notice Settles everything that is due. @return found The state afterwards.
    function poke() external returns (State found);

    /// @notice Aggregate, instead of attesting first; once in a round. The update of `accused` fails the caller's check.
    /// All attestations are void; Check follows, and then Aggregate again.
    function dispute(uint32 round, uint8 accused) external;

    /// @notice Aggregate, anyone, in a later block than the last attestation, and once all that revealed have attested
    /// or half of the window has passed. Opens the sum that a quorum has sealed, draws the members that decrypt by the
    /// hash of the block of the last attestation, and penalises the members that the quorum convicts.
    /// @param aggregateHash Hash of the sum's bytes. @param included Bitmap of the updates in it.
    /// @param convicted Bitmap of members that a dispute has shown to lie; zero without one.
    function draft(uint32 round, bytes32 aggregateHash, uint256 included, uint256 convicted) external;
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceErrors} from "./ILearningServiceErrors.sol";
import {ILearningServiceEvents} from "./ILearningServiceEvents.sol";

/// @title The clock and the draft
interface ILearningServiceClock is ILearningServiceEvents, ILearningServiceErrors {
    /// @notice Settles everything that is due. @return found The state afterwards.
    function poke() external returns (State found);

    /// @notice Aggregate, anyone, in a later block than the last attestation, and once all that revealed have attested
    /// or half of the window has passed. Opens the sum that a quorum has sealed, draws the members that decrypt by the
    /// hash of the block of the last attestation, and penalises the members that the quorum convicts.
    /// A sum of fewer updates of members with samples than the update quorum is never decrypted: the round ends, and members
    /// that have revealed an update which is not in it get a strike, unless the round had a dispute (`SumFellShort`).
    /// @param aggregateHash Hash of the sum's bytes. @param included Bitmap of the updates in it.
    /// @param convicted Bitmap of members that a dispute has shown to lie; zero without one.
    function draft(uint32 round, bytes32 aggregateHash, uint256 included, uint256 convicted) external;
}

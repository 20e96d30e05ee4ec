// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceErrors} from "./ILearningServiceErrors.sol";
import {ILearningServiceEvents} from "./ILearningServiceEvents.sol";

/// @title The clock and the draft
interface ILearningServiceClock is ILearningServiceEvents, ILearningServiceErrors {
    /// @notice Records everything that is due. @return found The state afterwards.
    function poke() external returns (State found);

    /// @notice In Aggregate, anyone. The draft needs a later block than the last attestation; and either every member that
    /// revealed has attested, or half of the window has passed. It opens the sum that a quorum has sealed, penalises the
    /// members that the quorum convicts, and draws the members that decrypt, by the hash of the block of the last
    /// attestation. A sum with fewer updates (of members with samples) than the update quorum is never decrypted: the round
    /// ends, and each member whose revealed update is not in the sum gets a strike, unless the round had a dispute
    /// (`SumFellShort`).
    /// @param aggregateHash Hash of the sum's bytes. @param included Bitmap of the members whose updates are in it.
    /// @param convicted Bitmap of the members that a dispute has shown to lie; zero without a dispute.
    function draft(uint32 round, bytes32 aggregateHash, uint256 included, uint256 convicted) external;
}

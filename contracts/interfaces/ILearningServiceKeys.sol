// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceErrors} from "./ILearningServiceErrors.sol";
import {ILearningServiceEvents} from "./ILearningServiceEvents.sol";

/// @title Key generation (RegistrationState)
interface ILearningServiceKeys is ILearningServiceEvents, ILearningServiceErrors {
    /// @notice In KeyCommit: commits to the member's dealing. @param commitment `keyCommitment(epoch, seat, cid, salt)`.
    /// @param crsSeed The seed of the epoch for which the dealing was made. On another branch of the chain the epoch has another
    /// seed, and a commitment that somebody sends again there must not count.
    function commitKey(uint32 epoch, bytes32 crsSeed, bytes32 commitment) external;

    /// @notice In KeyReveal: opens the commitment. `cid` identifies the blob with the dealing.
    function revealKey(uint32 epoch, bytes calldata cid, bytes32 salt) external;

    /// @notice In KeyConfirm: confirms the collective key. Training begins when all members have confirmed the same hash. The hash
    /// follows from the dealings, so different hashes are a dispute, as a complaint is.
    function confirmKey(uint32 epoch, bytes32 keyHash) external;

    /// @notice In KeyConfirm, instead of confirming: complains that the key share that `accused` dealt to the caller is wrong or
    /// missing.
    /// @param evidence At most 256 bytes from which anyone can recompute the key share; empty if nothing arrived.
    function complain(uint32 epoch, uint8 accused, bytes calldata evidence) external;

    /// @notice In KeyJudge, for members that confirmed or complained: casts the member's only ballot. The verdict of a quorum is
    /// carried out when all of them have judged, or at the deadline.
    /// @param convicted Members with a false dealing, complaint or hash. They are dropped, and pay `fraudPenalty`.
    /// @param excused Members that are dropped without a proven fault. Their seats are reserved for them.
    function judge(uint32 epoch, uint256 convicted, uint256 excused) external;
}

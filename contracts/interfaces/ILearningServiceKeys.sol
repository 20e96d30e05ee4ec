// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ILearningServiceErrors} from "./ILearningServiceErrors.sol";
import {ILearningServiceEvents} from "./ILearningServiceEvents.sol";

/// @title Key generation (RegistrationState)
interface ILearningServiceKeys is ILearningServiceEvents, ILearningServiceErrors {
    /// @notice KeyCommit. @param commitment `keyCommitment(epoch, seat, cid, salt)`.
    /// @param crsSeed The seed of the epoch for which the share was made. On another branch of the chain the epoch has another
    /// seed, and a commitment that somebody sends again there must not count.
    function commitKey(uint32 epoch, bytes32 crsSeed, bytes32 commitment) external;

    /// @notice KeyReveal. Opens the commitment; `cid` names the blob of the public-key share and encrypted re-shares.
    function revealKey(uint32 epoch, bytes calldata cid, bytes32 salt) external;

    /// @notice KeyConfirm. All members confirming one hash start the training. The hash follows from the dealings, so
    /// different hashes are a dispute just as a complaint is.
    function confirmKey(uint32 epoch, bytes32 keyHash) external;

    /// @notice KeyConfirm, instead of confirming: the share that `accused` dealt to the caller is wrong or missing.
    /// @param evidence At most 256 bytes from which anyone can recompute the dealt share; empty when nothing arrived.
    function complain(uint32 epoch, uint8 accused, bytes calldata evidence) external;

    /// @notice KeyJudge, members that confirmed or complained. One ballot each; a quorum's verdict is carried out when all of them
    /// have judged, or at the deadline.
    /// @param convicted Members with a false dealing, complaint or hash: dropped, and they pay `fraudPenalty`.
    /// @param excused Members dropped without fault being proven; their seats are kept for them.
    function judge(uint32 epoch, uint256 convicted, uint256 excused) external;
}

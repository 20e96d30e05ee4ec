// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

/// @title A Safe's signatures, for messages that the Safe has announced
/// @notice Fallback handler of a Safe that has a SpendingGuard. A permit or an order that the owners sign moves money without a
/// transaction of the Safe, so the guard would not see it. Through this handler such a signature counts only once the Safe has
/// announced its message to the guard (`SpendingGuard.announce(announcementFor(safe, hash))`, a transaction that needs no verdict)
/// and the policy's delay has passed. It then counts for a week. The delay gives observers of the announcement time to cancel it.
interface IAnnouncedSignatures is IERC1271 {
    error ZeroGuard();
    /// @notice The Safe has not announced the message, or the delay is not over yet, or the week after it has passed.
    error MessageNotAnnounced(address safe, bytes32 hash, bytes32 announcement);
    /// @notice An empty signature refers to a message that the Safe signed on-chain. The Safe has not signed this one.
    error MessageNotSigned(address safe, bytes32 messageHash);

    /// @notice The hash that the Safe must announce to the guard before its owners' signatures of `hash` count.
    function announcementFor(address safe, bytes32 hash) external view returns (bytes32);
}

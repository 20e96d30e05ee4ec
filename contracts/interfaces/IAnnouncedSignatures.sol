// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

/// @title A Safe's signatures, for messages that it announced
/// @notice Fallback handler of a Safe with a SpendingGuard. Owners' signatures on a permit or an order move money without a
/// transaction of the Safe, which its guard would see. Here such a signature counts only once the Safe has announced its message to
/// the guard (`SpendingGuard.announce(announcementFor(safe, hash))`, a transaction that needs no verdict) and the policy's delay is
/// over; and then for a week. The delay gives observers of the announcement time to cancel it.
interface IAnnouncedSignatures is IERC1271 {
    error ZeroGuard();
    /// @notice The Safe has never announced the message, or too recently, or more than a week before that.
    error MessageNotAnnounced(address safe, bytes32 hash, bytes32 announcement);
    /// @notice An empty signature stands for a message that the Safe signed on-chain; it has not signed this one.
    error MessageNotSigned(address safe, bytes32 messageHash);

    /// @notice What the Safe announces to the guard so that its owners' signatures of `hash` count.
    function announcementFor(address safe, bytes32 hash) external view returns (bytes32);
}

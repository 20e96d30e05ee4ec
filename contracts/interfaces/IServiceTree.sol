// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAdmission} from "./IAdmission.sol";

/// @title Which service is a member of which other service, and by which keeper
/// @notice A lower service takes part in the rounds of an upper one: a keeper that the lower service appoints holds a seat there,
/// and its updates are the differences between the lower service's version and the upper service's model. Both services consent:
/// the upper one invites, the lower one appoints. This contract is also the admission contract of upper services.
///
/// Levels keep the tree free of cycles. A service has level 0 until its authority opens it for others, once, at a level from 1 to
/// MAX_LEVEL. A service can join only services of a higher level, and cannot open later at a level that would contradict a
/// membership. Levels rise strictly along every path, so no service is its own ancestor, and no path is longer than MAX_LEVEL.
interface IServiceTree is IAdmission {
    error NotAService(address service);
    /// @notice A service can be opened for others only once.
    error AlreadyOpen(address service, uint8 level);
    error NotOpen(address service);
    error LevelOutOfRange(uint256 found, uint256 min, uint256 max);
    /// @notice The lower service's level is not below the upper one's, so it could become its own ancestor.
    error LevelsNotRising(address upper, uint8 upperLevel, address lower, uint8 lowerLevel);
    error NotInvited(address upper, address lower);
    error AlreadyInvited(address upper, address lower);
    /// @notice A keeper can represent only one service in each upper service.
    error RepresentsAnother(address upper, address keeper, address lower);
    error TooManyLowers(address upper, uint256 max);
    error OthersWithoutCode(address others);
    error LowerIndex(address upper, uint256 index, uint256 count);
    error RepresentsNobody(address upper, address keeper);

    /// @param invited Whether the upper service has invited the lower one. @param keeper The keeper that represents it, by its
    /// owner address at the keeper registry; zero for none. @param since Unix seconds of the keeper's appointment.
    struct Membership {
        bool invited;
        address keeper;
        uint48 since;
    }

    /// @param hybrid Whether keepers that represent no service may take seats as well. @param others The admission contract that
    /// decides about them; zero admits all of them, each as a party of its own.
    struct Opening {
        uint8 level;
        bool hybrid;
        IAdmission others;
    }

    event Opened(address indexed service, uint8 level, bool hybrid, address others);
    event Invited(address indexed upper, address indexed lower);
    event Uninvited(address indexed upper, address indexed lower);
    /// @param previous The keeper before; zero for none. @param keeper Zero if the lower service has withdrawn its keeper.
    event Appointed(address indexed upper, address indexed lower, address indexed keeper, address previous);

    /// @notice Opens a service for others, once. Its authority only.
    function open(address service, Opening calldata opening) external;

    /// @notice Invites a lower service. The upper service's authority only.
    function invite(address upper, address lower) external;

    /// @notice Takes an invitation back. The upper service's authority only. The representative keeps its seat, like any keeper
    /// whom admission would no longer admit; the upper service's admin can `ban` it.
    function uninvite(address upper, address lower) external;

    /// @notice The lower service's authority only. Names, replaces or (zero) withdraws the keeper that represents it.
    function appoint(address upper, address lower, address keeper) external;

    /// @notice The sender, a keeper's owner, stops representing a service there. So a keeper that was appointed without its
    /// consent can withdraw.
    function resign(address upper) external;

    /// @notice The level of a service; 0 if it has not opened.
    function levelOf(address service) external view returns (uint8);

    function openingOf(address service) external view returns (Opening memory);

    function membershipOf(address upper, address lower) external view returns (Membership memory);

    /// @notice The service that a keeper now represents in the upper service; zero for none.
    function representedBy(address upper, address keeper) external view returns (address lower);

    /// @notice The number of services that were ever invited, at most MAX_LOWERS.
    function lowerCount(address upper) external view returns (uint256);

    function lowerAt(address upper, uint256 index) external view returns (address);

    /// @notice The party of a lower service's seats. With a cap of one seat for each party, each lower service has one vote.
    function partyOf(address lower) external pure returns (bytes32);
}

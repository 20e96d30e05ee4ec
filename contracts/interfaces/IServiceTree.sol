// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAdmission} from "./IAdmission.sol";

/// @title Which service is a member of which other service, and by which keeper
/// @notice A lower service takes part in the rounds of an upper one: a keeper that the lower service appoints holds the seat and
/// submits the difference between the lower service's version and the upper one's model as its update. Both services consent: the
/// upper one invites, the lower one appoints. The contract is also the admission contract of upper services.
///
/// Levels keep the tree free of cycles. A service has level 0 until its authority opens it for others, once, at level 1 to
/// MAX_LEVEL. A service joins only services of a higher level, and cannot open later at a level that would contradict a
/// membership. Levels rise strictly along every path, so no service is its own ancestor, and no path is longer than MAX_LEVEL.
interface IServiceTree is IAdmission {
    error NotAService(address service);
    /// @notice A service opens for others once.
    error AlreadyOpen(address service, uint8 level);
    error NotOpen(address service);
    error LevelOutOfRange(uint256 found, uint256 min, uint256 max);
    /// @notice The lower service must have the lower level: otherwise it could become its own ancestor.
    error LevelsNotRising(address upper, uint8 upperLevel, address lower, uint8 lowerLevel);
    error NotInvited(address upper, address lower);
    error AlreadyInvited(address upper, address lower);
    /// @notice One keeper represents one service at most in each upper service.
    error RepresentsAnother(address upper, address keeper, address lower);
    error TooManyLowers(address upper, uint256 max);
    error OthersWithoutCode(address others);
    error LowerIndex(address upper, uint256 index, uint256 count);
    error RepresentsNobody(address upper, address keeper);

    /// @param invited Whether the upper service wants it. @param keeper Owner address, at the keeper registry, of the keeper that
    /// represents it; zero for none. @param since Unix seconds of the keeper's appointment.
    struct Membership {
        bool invited;
        address keeper;
        uint48 since;
    }

    /// @param hybrid Whether keepers that represent no service may take seats as well. @param others Decides about them; the zero
    /// address admits all, each as a party of its own.
    struct Opening {
        uint8 level;
        bool hybrid;
        IAdmission others;
    }

    event Opened(address indexed service, uint8 level, bool hybrid, address others);
    event Invited(address indexed upper, address indexed lower);
    event Uninvited(address indexed upper, address indexed lower);
    /// @param previous The keeper before; zero for none. @param keeper Zero when the lower service has withdrawn.
    event Appointed(address indexed upper, address indexed lower, address indexed keeper, address previous);

    /// @notice Opens a service for others. Its authority only, once.
    function open(address service, Opening calldata opening) external;

    /// @notice The upper service's authority only.
    function invite(address upper, address lower) external;

    /// @notice The upper service's authority only. The representative keeps its seat, as any keeper that admission would no longer
    /// admit: the upper service's admin can `ban` it.
    function uninvite(address upper, address lower) external;

    /// @notice The lower service's authority only. Names, replaces or (zero) withdraws the keeper that represents it.
    function appoint(address upper, address lower, address keeper) external;

    /// @notice The sender, a keeper's owner, represents nobody in that service any more: also for one that was named unasked.
    function resign(address upper) external;

    /// @notice 0 for a service that has not opened.
    function levelOf(address service) external view returns (uint8);

    function openingOf(address service) external view returns (Opening memory);

    function membershipOf(address upper, address lower) external view returns (Membership memory);

    /// @notice The service that a keeper represents there now; zero for none.
    function representedBy(address upper, address keeper) external view returns (address lower);

    /// @notice Services that were ever invited, at most MAX_LOWERS.
    function lowerCount(address upper) external view returns (uint256);

    function lowerAt(address upper, uint256 index) external view returns (address);

    /// @notice The party of a service's seats: with a cap of one seat for each party, a service has one vote.
    function partyOf(address lower) external pure returns (bytes32);
}

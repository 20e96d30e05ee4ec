// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAdmission} from "../interfaces/IAdmission.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {IServiceTree} from "../interfaces/IServiceTree.sol";
import {ServiceAuthority} from "./ServiceAuthority.sol";

/// @title Services that are members of services
/// @notice See IServiceTree, which owns the documentation. The contract has no administrator.
contract ServiceTree is IServiceTree {
    /// @notice Longest path: the number of services above the lowest one.
    uint8 public constant MAX_LEVEL = 8;
    /// @notice Most lower services: as many as a service has seats.
    uint256 public constant MAX_LOWERS = 256;
    bytes32 private constant PARTY_DOMAIN = keccak256("cohort.tree.party.v1");

    /// @notice The registry at which both sides of a membership must be registered.
    IModelRegistry public immutable MODELS;

    mapping(address service => Opening) private _openings;
    /// @dev Lowest level of all services to which the service has ever appointed a keeper; 0 if it never has.
    mapping(address service => uint8) private _ceilings;
    mapping(address upper => mapping(address lower => Membership)) private _memberships;
    mapping(address upper => mapping(address keeper => address lower)) private _represented;
    mapping(address upper => address[]) private _lowers;
    mapping(address upper => mapping(address lower => bool)) private _listed;

    constructor(IModelRegistry models) {
        MODELS = models;
    }

    /// @inheritdoc IServiceTree
    function open(address service, Opening calldata opening) external {
        _requireService(service);
        ServiceAuthority.requireAuthority(service, msg.sender);
        uint8 found = _openings[service].level;
        if (found != 0) revert AlreadyOpen(service, found);
        uint8 ceiling = _ceilings[service];
        uint8 max = ceiling == 0 ? MAX_LEVEL : ceiling - 1;
        if (opening.level == 0 || opening.level > max) revert LevelOutOfRange(opening.level, 1, max);
        address others = address(opening.others);
        if (others != address(0) && others.code.length == 0) revert OthersWithoutCode(others);
        _openings[service] = opening;
        emit Opened(service, opening.level, opening.hybrid, others);
    }

    /// @inheritdoc IServiceTree
    function invite(address upper, address lower) external {
        ServiceAuthority.requireAuthority(upper, msg.sender);
        _requireRising(upper, lower);
        _requireService(lower);
        Membership storage membership = _memberships[upper][lower];
        if (membership.invited) revert AlreadyInvited(upper, lower);
        membership.invited = true;
        if (!_listed[upper][lower]) {
            if (_lowers[upper].length == MAX_LOWERS) revert TooManyLowers(upper, MAX_LOWERS);
            _listed[upper][lower] = true;
            _lowers[upper].push(lower);
        }
        emit Invited(upper, lower);
    }

    /// @inheritdoc IServiceTree
    function uninvite(address upper, address lower) external {
        ServiceAuthority.requireAuthority(upper, msg.sender);
        Membership storage membership = _memberships[upper][lower];
        if (!membership.invited) revert NotInvited(upper, lower);
        membership.invited = false;
        emit Uninvited(upper, lower);
    }

    /// @inheritdoc IServiceTree
    function appoint(address upper, address lower, address keeper) external {
        ServiceAuthority.requireAuthority(lower, msg.sender);
        Membership storage membership = _memberships[upper][lower];
        address previous = membership.keeper;
        if (keeper != address(0)) {
            if (!membership.invited) revert NotInvited(upper, lower);
            uint8 level = _requireRising(upper, lower);
            address other = _represented[upper][keeper];
            if (other != address(0) && other != lower) revert RepresentsAnother(upper, keeper, other);
            uint8 ceiling = _ceilings[lower];
            if (ceiling == 0 || level < ceiling) _ceilings[lower] = level;
        }
        if (previous != address(0)) delete _represented[upper][previous];
        if (keeper != address(0)) _represented[upper][keeper] = lower;
        membership.keeper = keeper;
        membership.since = uint48(block.timestamp);
        emit Appointed(upper, lower, keeper, previous);
    }

    /// @inheritdoc IServiceTree
    function resign(address upper) external {
        address lower = _represented[upper][msg.sender];
        if (lower == address(0)) revert RepresentsNobody(upper, msg.sender);
        delete _represented[upper][msg.sender];
        Membership storage membership = _memberships[upper][lower];
        membership.keeper = address(0);
        membership.since = uint48(block.timestamp);
        emit Appointed(upper, lower, address(0), msg.sender);
    }

    /// @inheritdoc IAdmission
    function admit(address service, address keeper) external view returns (bool admitted, bytes32 party) {
        address lower = _represented[service][keeper];
        if (lower != address(0)) return (_memberships[service][lower].invited, partyOf(lower));
        Opening storage opening = _openings[service];
        if (!opening.hybrid) return (false, 0);
        IAdmission others = opening.others;
        if (address(others) == address(0)) return (true, bytes32(uint256(uint160(keeper))));
        return others.admit(service, keeper);
    }

    /// @inheritdoc IServiceTree
    function levelOf(address service) external view returns (uint8) {
        return _openings[service].level;
    }

    /// @inheritdoc IServiceTree
    function openingOf(address service) external view returns (Opening memory) {
        return _openings[service];
    }

    /// @inheritdoc IServiceTree
    function membershipOf(address upper, address lower) external view returns (Membership memory) {
        return _memberships[upper][lower];
    }

    /// @inheritdoc IServiceTree
    function representedBy(address upper, address keeper) external view returns (address lower) {
        lower = _represented[upper][keeper];
        if (!_memberships[upper][lower].invited) lower = address(0);
    }

    /// @inheritdoc IServiceTree
    function lowerCount(address upper) external view returns (uint256) {
        return _lowers[upper].length;
    }

    /// @inheritdoc IServiceTree
    function lowerAt(address upper, uint256 index) external view returns (address) {
        uint256 count = _lowers[upper].length;
        if (index >= count) revert LowerIndex(upper, index, count);
        return _lowers[upper][index];
    }

    /// @inheritdoc IServiceTree
    function partyOf(address lower) public pure returns (bytes32) {
        return keccak256(abi.encode(PARTY_DOMAIN, lower));
    }

    function _requireService(address service) private view {
        if (!MODELS.isService(service)) revert NotAService(service);
    }

    /// @dev Reverts unless the upper service has the higher level, which it returns.
    function _requireRising(address upper, address lower) private view returns (uint8 level) {
        level = _openings[upper].level;
        if (level == 0) revert NotOpen(upper);
        uint8 below = _openings[lower].level;
        if (below >= level) revert LevelsNotRising(upper, level, lower, below);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {IKeeperRegistry} from "../interfaces/IKeeperRegistry.sol";
import {IStakePool} from "../interfaces/IStakePool.sol";
import {IStakeVotes} from "../interfaces/IStakeVotes.sol";
import {StakeVotes} from "./StakeVotes.sol";

/// @title Shares of a pool of stake, with their rewards and votes
/// @dev The registry counts the votes of the pool's stake for the pool, which cannot vote. Its delegators have these votes, by
/// their shares at that second, so a slash lowers all of them at once, without a transaction for each.
abstract contract PoolShares is IStakePool, StakeVotes {
    using Checkpoints for Checkpoints.Trace208;
    using Math for uint256;

    uint256 private constant SCALE = 2 ** 128;

    IKeeperRegistry public immutable REGISTRY;

    uint256 internal _staying;
    mapping(address account => uint256) private _shares;
    /// @dev All shares that stand for stake: those that stay, and those that leave and are not paid yet. Only shares that stay
    /// vote.
    Checkpoints.Trace208 private _standing;
    /// @dev Rewards per share since the beginning, times SCALE; `_rewards` records how far each account has been credited.
    uint256 private _perShare;
    mapping(address account => uint256) private _counted;
    mapping(address account => uint256) private _rewards;

    constructor(IKeeperRegistry registry) {
        REGISTRY = registry;
    }

    /// @inheritdoc IStakePool
    function sharesOf(address account) public view returns (uint256) {
        return _shares[account];
    }

    /// @inheritdoc IStakePool
    function rewardsOf(address account) public view returns (uint256) {
        return _rewards[account] + _shares[account].mulDiv(_perShare - _counted[account], SCALE);
    }

    /// @notice Votes of an account, in tokens at stake.
    function getVotes(address account) public view override returns (uint256) {
        uint256 all = IStakeVotes(address(REGISTRY)).getVotes(address(this));
        return _part(super.getVotes(account), all, _standing.latest());
    }

    /// @notice Votes of an account at a past second, in tokens at stake.
    function getPastVotes(address account, uint256 timepoint) public view override returns (uint256) {
        uint256 shares = super.getPastVotes(account, timepoint);
        uint256 all = IStakeVotes(address(REGISTRY)).getPastVotes(address(this), timepoint);
        return _part(shares, all, _standing.upperLookupRecent(uint48(timepoint)));
    }

    function _join(address account, uint256 shares) internal {
        _count(account);
        _shares[account] += shares;
        _staying += shares;
        _standing.push(clock(), SafeCast.toUint208(_standing.latest() + shares));
        _moveVotes(account, shares, true);
    }

    /// @dev The shares stand for stake until `_retire`, but no longer vote.
    function _leave(address account, uint256 shares) internal {
        _count(account);
        uint256 found = _shares[account];
        if (shares > found) revert SharesTooFew(account, found, shares);
        _shares[account] = found - shares;
        _staying -= shares;
        _moveVotes(account, shares, false);
    }

    /// @dev Removes shares that were paid.
    function _retire(uint256 shares) internal {
        _standing.push(clock(), SafeCast.toUint208(_standing.latest() - shares));
    }

    /// @dev Distributes rewards to the shares that stay. Nobody gets the indivisible remainder.
    function _shareOut(uint256 amount) internal {
        _perShare += amount.mulDiv(SCALE, _staying);
    }

    function _grant(address account, uint256 amount) internal {
        _rewards[account] += amount;
    }

    function _takeRewards(address account) internal returns (uint256 amount) {
        _count(account);
        amount = _rewards[account];
        _rewards[account] = 0;
    }

    function _votingUnits(address account) internal view override returns (uint256) {
        return _shares[account];
    }

    function _count(address account) private {
        _rewards[account] = rewardsOf(account);
        _counted[account] = _perShare;
    }

    function _part(uint256 shares, uint256 amount, uint256 total) private pure returns (uint256) {
        return total == 0 ? 0 : shares.mulDiv(amount, total);
    }
}

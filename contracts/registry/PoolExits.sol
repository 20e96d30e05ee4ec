// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IKeeperRegistry} from "../interfaces/IKeeperRegistry.sol";
import {IStakePool} from "../interfaces/IStakePool.sol";
import {PoolServices} from "./PoolServices.sol";
import {PoolShares} from "./PoolShares.sol";

/// @title Exits from a pool of stake: batches, their claims, and the part that bonds hold
/// @dev Invariant: the pool's balance at the registry (stake and unbonding) and `_held` are the shares' assets. Batches are paid
/// in order, from whatever comes first. No batch can be made to wait for ever: anybody can release stake that bonds have held for
/// longer than the unbonding delay, and each following batch first asks for the amount that the oldest lacks.
abstract contract PoolExits is PoolServices {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;
    using Math for uint256;

    uint256 public constant VIRTUAL_SHARES = 1e6;
    /// @dev Number of batches that can begin in one unbonding delay, so that the registry's four requests are never merged.
    uint256 private constant BATCHES = 4;

    IERC20 internal immutable TOKEN;

    uint64 private _submittedAt;
    /// @inheritdoc IStakePool
    uint256 public fillingBatch;
    /// @inheritdoc IStakePool
    uint256 public oldestBatch;
    uint256 private _leavingShares;
    /// @dev Tokens that came back from the registry and are neither paid nor staked again. Zero between transactions.
    uint256 private _held;
    mapping(uint256 batch => Batch) private _batches;
    mapping(uint256 batch => mapping(address account => uint256)) private _exits;
    /// @dev Tokens that an account has been paid from a batch so far, because a batch may be paid in parts.
    mapping(uint256 batch => mapping(address account => uint256)) private _claimed;

    constructor(IKeeperRegistry registry) PoolShares(registry) {
        TOKEN = IERC20(registry.stakeToken());
    }

    /// @inheritdoc IStakePool
    function requestExit(uint256 shares) external returns (uint256 batch) {
        if (shares == 0) revert ZeroAmount();
        harvest();
        _leave(msg.sender, shares);
        batch = fillingBatch;
        Batch storage entry = _batches[batch];
        if (entry.dueAt == 0) entry.dueAt = uint64(Math.max(block.timestamp, _nextSubmission()));
        entry.shares += shares.toUint128();
        entry.left += shares.toUint128();
        _exits[batch][msg.sender] += shares;
        _leavingShares += shares;
        emit ExitRequested(msg.sender, batch, shares);
    }

    /// @inheritdoc IStakePool
    function submitExits(uint256 batch) external {
        // Stake that has unlocked makes room for another request at the registry.
        settleExits();
        Batch storage entry = _batches[batch];
        bool first = entry.unlocksAt == 0;
        uint256 own = _wanted(batch, entry);
        if (entry.left == 0 || (own == 0 && !first)) revert NothingToSubmit(batch);
        uint256 earliest = _nextSubmission();
        if (block.timestamp < earliest) revert SubmittedTooEarly(earliest, block.timestamp);
        // Includes the amount that the oldest batch lacks, which is paid first, so that a new exit cannot take its turn.
        uint256 wanted = batch == oldestBatch ? own : own + _wanted(oldestBatch, _batches[oldestBatch]);
        // Only free stake, so that a large exit does not delay the others; the rest follows as bonds end.
        uint256 amount = Math.min(wanted, _free());
        if (amount == 0 && wanted != 0) revert StakeHeldByBonds(wanted);
        _submittedAt = uint64(block.timestamp);
        uint64 unlocksAt = uint64(block.timestamp);
        if (amount != 0) {
            REGISTRY.requestUnbonding(amount);
            unlocksAt = REGISTRY.keeperOf(address(this)).unlocksAt;
        }
        if (first) {
            ++fillingBatch;
            entry.unlocksAt = unlocksAt;
            entry.asked = uint128(own);
        }
        emit BatchSubmitted(batch, amount, unlocksAt);
    }

    /// @inheritdoc IStakePool
    function settleExits() public {
        _fetch();
        uint256 batch = oldestBatch;
        while (batch < fillingBatch) {
            Batch storage entry = _batches[batch];
            if (block.timestamp < entry.unlocksAt) break;
            if (!_payBatch(batch, entry)) break;
            ++batch;
        }
        oldestBatch = batch;
        uint256 left = _held;
        if (left == 0) return;
        // This exceeds the worth of the batches: the slashed amount came out of the remaining stake.
        _held = 0;
        _stakeAgain(left);
    }

    /// @inheritdoc IStakePool
    function claimExit(uint256 batch, address account) external returns (uint256 amount) {
        Batch storage entry = _batches[batch];
        uint256 shares = _exits[batch][account];
        if (shares == 0) revert NothingToClaim(account);
        uint256 due = uint256(entry.paid).mulDiv(shares, entry.shares);
        amount = due - _claimed[batch][account];
        if (entry.left == 0) {
            _exits[batch][account] = 0;
            _claimed[batch][account] = 0;
        } else {
            if (amount == 0) revert BatchNotPaid(batch);
            _claimed[batch][account] = due;
        }
        emit ExitPaid(account, batch, amount);
        if (amount != 0) TOKEN.safeTransfer(account, amount);
    }

    // ------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IStakePool
    function harvest() public virtual;

    /// @inheritdoc IStakePool
    function assets() public view returns (uint256) {
        IKeeperRegistry.Keeper memory keeper = REGISTRY.keeperOf(address(this));
        return uint256(keeper.stake) + keeper.unbonding + _held;
    }

    /// @inheritdoc IStakePool
    function totalShares() public view returns (uint256) {
        return _staying + _leavingShares;
    }

    /// @inheritdoc IStakePool
    function leavingOf(uint256 batch, address account) external view returns (uint256) {
        return _exits[batch][account];
    }

    /// @inheritdoc IStakePool
    function batchOf(uint256 batch) external view returns (Batch memory) {
        return _batches[batch];
    }

    // ------------------------------------------------------------------------------------------------- internals

    function _stakeAgain(uint256 amount) internal {
        TOKEN.forceApprove(address(REGISTRY), amount);
        REGISTRY.stake(address(this), amount);
    }

    /// @dev Takes unlocked stake out of the registry. A request that was slashed entirely gives nothing, and does not count.
    function _fetch() private {
        IKeeperRegistry.UnbondingRequest[] memory requests = REGISTRY.unbondingOf(address(this));
        uint256 unlocked;
        for (uint256 i = 0; i < requests.length; ++i) {
            if (block.timestamp >= requests[i].unlocksAt) unlocked += requests[i].amount;
        }
        if (unlocked != 0) _held += REGISTRY.withdraw(address(this));
    }

    /// @dev Pays a due batch the present worth of its shares, as far as the tokens are here. @return whole Whether all of it was
    /// paid.
    function _payBatch(uint256 batch, Batch storage entry) private returns (bool whole) {
        uint256 left = entry.left;
        uint256 worth = _owed(entry);
        uint256 amount = Math.min(worth, _held);
        // This batch lost more than its part of the slashed amount: it waits for the rest, and gets the next tokens that come.
        if (amount == 0 && worth != 0) return false;
        uint256 burnt = amount == worth ? left : left.mulDiv(amount, worth, Math.Rounding.Ceil);
        _held -= amount;
        entry.left = uint128(left - burnt);
        entry.paid += amount.toUint128();
        _leavingShares -= burnt;
        _retire(burnt);
        whole = burnt == left;
        emit BatchPaid(batch, amount, left - burnt);
    }

    /// @dev The amount that the oldest batch should have requested an unbonding delay ago.
    function _overdue() internal view returns (uint256) {
        uint256 batch = oldestBatch;
        Batch storage entry = _batches[batch];
        if (entry.left == 0 || block.timestamp < entry.dueAt + REGISTRY.settings().unbondingDelay) return 0;
        return _wanted(batch, entry);
    }

    /// @dev The worth of the filling batch, or the oldest batch's claim beyond the tokens on their way from the registry, all of
    /// which it gets.
    function _wanted(uint256 batch, Batch storage entry) private view returns (uint256) {
        if (entry.unlocksAt == 0) return _worthOf(entry.left);
        if (batch != oldestBatch) return 0;
        return _owed(entry).saturatingSub(REGISTRY.keeperOf(address(this)).unbonding);
    }

    /// @dev For a submitted batch, never more than it requested. Otherwise a gift to the pool would leave every batch slightly
    /// short and waiting for the difference.
    function _owed(Batch storage entry) private view returns (uint256) {
        return Math.min(_worthOf(entry.left), entry.asked - entry.paid);
    }

    function _worthOf(uint256 shares) private view returns (uint256) {
        return shares.mulDiv(assets() + 1, totalShares() + VIRTUAL_SHARES);
    }

    function _free() internal view returns (uint256) {
        IKeeperRegistry.Keeper memory keeper = REGISTRY.keeperOf(address(this));
        return uint256(keeper.stake).saturatingSub(keeper.bonded);
    }

    function _nextSubmission() private view returns (uint256) {
        return _submittedAt == 0 ? 0 : _submittedAt + REGISTRY.settings().unbondingDelay / BATCHES + 1;
    }
}

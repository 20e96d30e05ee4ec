// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IKeeperRegistry} from "../interfaces/IKeeperRegistry.sol";
import {ILearningServiceRegistration} from "../interfaces/ILearningServiceRegistration.sol";
import {IStakePool} from "../interfaces/IStakePool.sol";
import {PoolExits} from "./PoolExits.sol";

/// @title One keeper's stake from many owners
/// @notice See IStakePool, which owns the documentation.
/// @dev The pool's own balance consists of payments of batches and rewards that nobody has claimed yet. The token has no hooks,
/// and the registry never calls back.
contract StakePool is PoolExits {
    using SafeERC20 for IERC20;
    using Math for uint256;

    uint256 public constant MAX_COMMISSION_BPS = 5_000;
    /// @notice Seconds from the announcement of a higher commission until it can take effect.
    uint256 public constant NOTICE_SECONDS = 14 days;
    /// @notice A pool takes no new stake once the price of its shares has fallen by more than this factor.
    uint256 private constant RUIN = 1e6;
    uint256 private constant BPS = 10_000;

    /// @inheritdoc IStakePool
    address public manager;
    /// @inheritdoc IStakePool
    uint16 public commissionBps;
    address private _pendingManager;
    uint16 private _announced;
    uint64 private _announcedFrom;

    modifier onlyManager() {
        if (msg.sender != manager) revert NotManager(msg.sender, manager);
        _;
    }

    /// @dev This contract is only the code of all pools: nobody can act as its manager.
    constructor(IKeeperRegistry registry) PoolExits(registry) {
        manager = address(1);
    }

    /// @notice Called by the factory in the transaction that makes the pool.
    function initialise(address manager_, uint16 commission) external {
        if (manager != address(0)) revert AlreadyOpened();
        if (commission > MAX_COMMISSION_BPS) revert CommissionTooHigh(commission, MAX_COMMISSION_BPS);
        manager = manager_;
        commissionBps = commission;
        emit ManagerChanged(address(0), manager_);
        emit CommissionChanged(0, commission);
    }

    // ------------------------------------------------------------------------------------------------- delegators

    /// @inheritdoc IStakePool
    function deposit(address account, uint256 amount, uint256 minShares) external returns (uint256 shares) {
        if (account == address(0)) revert ZeroAddress();
        if (amount == 0) revert ZeroAmount();
        _harvest(true);
        (uint256 worth, uint256 total) = (assets(), totalShares());
        if (total / VIRTUAL_SHARES > worth * RUIN) revert PoolRuined(worth, total);
        shares = amount.mulDiv(total + VIRTUAL_SHARES, worth + 1);
        if (shares == 0 || shares < minShares) revert TooFewShares(shares, minShares);
        _join(account, shares);
        emit Deposited(account, msg.sender, amount, shares);
        TOKEN.safeTransferFrom(msg.sender, address(this), amount);
        _stakeAgain(amount);
    }

    /// @inheritdoc IStakePool
    function claimRewards(address account) external returns (uint256 amount) {
        harvest();
        amount = _takeRewards(account);
        if (amount == 0) revert NothingToClaim(account);
        emit RewardsClaimed(account, amount);
        TOKEN.safeTransfer(account, amount);
    }

    /// @inheritdoc IStakePool
    function harvest() public override {
        _harvest(false);
    }

    function _harvest(bool strict) private {
        _collect(strict);
        if (REGISTRY.rewardsOf(address(this)) == 0) return;
        uint256 amount = REGISTRY.claimRewards(address(this));
        // If no shares stay, only the manager has a claim.
        uint256 commission = _staying == 0 ? amount : (amount * commissionBps) / BPS;
        _grant(manager, commission);
        if (_staying != 0) _shareOut(amount - commission);
        emit RewardsShared(amount, commission);
    }

    /// @inheritdoc IStakePool
    function release(address service, uint8 seat) external {
        // The address may have any other code, which the pool must not call.
        if (REGISTRY.serviceStatus(service) == IKeeperRegistry.ServiceStatus.Unknown) revert NotAService(service);
        _requireReason();
        if (!REGISTRY.isOptedIn(service, address(this))) {
            ILearningServiceRegistration(service).leave(seat);
            return;
        }
        REGISTRY.setOptIn(address(this), service, false);
        // Stays opted out even if the seat is already leaving or cannot leave yet: without an opt-in no bond is filled up again.
        try ILearningServiceRegistration(service).leave(seat) {} catch {}
    }

    // ------------------------------------------------------------------------------------------------- the manager

    /// @inheritdoc IStakePool
    function open(
        address operator,
        bytes32 encryptionKey,
        bytes calldata multiaddr,
        bytes calldata consent
    ) external onlyManager {
        emit PoolOpened(msg.sender, operator);
        REGISTRY.register(operator, encryptionKey, multiaddr, 0, consent);
    }

    /// @inheritdoc IStakePool
    function optIn(address service) external onlyManager {
        settleExits();
        uint256 wanted = _overdue();
        if (wanted != 0) revert ExitsWait(wanted);
        _follow(service);
        REGISTRY.setOptIn(address(this), service, true);
    }

    /// @inheritdoc IStakePool
    function setOperator(address operator, bytes calldata consent) external onlyManager {
        // Finds the seats while they still have the operator's key.
        harvest();
        REGISTRY.setOperator(operator, consent);
    }

    /// @inheritdoc IStakePool
    function unjail() external onlyManager {
        REGISTRY.unjail();
    }

    /// @inheritdoc IStakePool
    function disengageSuspended(address service) external {
        _requireReason();
        REGISTRY.disengageSuspended(service);
    }

    /// @inheritdoc IStakePool
    function setCommission(uint16 bps) external onlyManager {
        if (bps > MAX_COMMISSION_BPS) revert CommissionTooHigh(bps, MAX_COMMISSION_BPS);
        _announcedFrom = 0;
        if (bps <= commissionBps) {
            _changeCommission(bps);
            return;
        }
        _announced = bps;
        _announcedFrom = uint64(block.timestamp + NOTICE_SECONDS);
        emit CommissionAnnounced(bps, _announcedFrom);
    }

    /// @inheritdoc IStakePool
    function raiseCommission() external onlyManager {
        uint64 from = _announcedFrom;
        if (from == 0) revert NoRise();
        if (block.timestamp < from) revert NoticeRunning(from, block.timestamp);
        _announcedFrom = 0;
        _changeCommission(_announced);
    }

    /// @inheritdoc IStakePool
    function offerManagement(address to) external onlyManager {
        _pendingManager = to;
        emit ManagerOffered(msg.sender, to);
    }

    /// @inheritdoc IStakePool
    function acceptManagement() external {
        if (msg.sender != _pendingManager) revert NotPendingManager(msg.sender, _pendingManager);
        _harvest(true);
        emit ManagerChanged(manager, msg.sender);
        (manager, _pendingManager) = (msg.sender, address(0));
    }

    // ------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IStakePool
    function announcedCommission() external view returns (uint16 bps, uint64 from) {
        return _announcedFrom == 0 ? (0, 0) : (_announced, _announcedFrom);
    }

    // ------------------------------------------------------------------------------------------------- internals

    function _changeCommission(uint16 bps) private {
        _harvest(true);
        emit CommissionChanged(commissionBps, bps);
        commissionBps = bps;
    }

    /// @dev The manager needs no reason. Others need a batch that has waited too long for bonded stake.
    function _requireReason() private {
        if (msg.sender == manager) return;
        settleExits();
        if (_overdue() <= _free()) revert NobodyWaits();
    }
}

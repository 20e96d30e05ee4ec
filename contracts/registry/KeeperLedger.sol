// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IKeeperRegistry} from "../interfaces/IKeeperRegistry.sol";

/// @title The books of the KeeperRegistry: its storage, the moves of stake, and the views
/// @dev A keeper's bonds: `bonded` = Σ amounts of its engaged bonds. `stake` ≥ `bonded`, except that a slash by a
/// service the keeper has left may bite into stake that it has since bonded elsewhere.
abstract contract KeeperLedger is IKeeperRegistry {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    ///       ┌────────────────────────┬──────────────────────┬────────────┐
    /// +0    │ operator 160           │ jailedUntil 64       │        32  │
    /// +1    │ stake 128                     │ bonded 128               │
    /// +2    │ unbonding 128                 │ unlocksAt 64 │ tailsEnd 64│
    /// +3    │ encryptionKey 256                                        │
    /// +4 …  │ multiaddr                                                │
    ///       └──────────────────────────────────────────────────────────┘
    /// @dev `tailsEnd`: end of the last bond's tail. Until then nothing unlocks, whatever the delay has become since.
    struct Account {
        address operator;
        uint64 jailedUntil;
        uint128 stake;
        uint128 bonded;
        uint128 unbonding;
        uint64 unlocksAt;
        uint64 tailsEnd;
        bytes32 encryptionKey;
        bytes multiaddr;
    }

    /// @dev One slot. @param until ENGAGED while engaged; else the end of the tail.
    /// @param optedIn The keeper lets the service engage it.
    struct Bond {
        uint128 amount;
        uint64 until;
        bool optedIn;
    }

    struct Pool {
        uint128 available;
        uint128 allocated;
    }

    uint64 internal constant ENGAGED = type(uint64).max;
    uint256 private constant MAX_DELAY = 365 days;

    IERC20 internal immutable _token;

    Settings internal _settings;
    mapping(address owner => Account) internal _accounts;
    mapping(address operator => address owner) internal _ownerOf;
    mapping(address operator => uint256 used) internal _consents;
    mapping(address service => ServiceStatus) internal _services;
    mapping(address service => mapping(address owner => Bond)) internal _bonds;
    mapping(address service => Pool) internal _pools;
    mapping(address owner => uint256) internal _rewards;
    /// @dev Slashed and not yet swept to the treasury.
    uint256 internal _slashed;
    uint256 internal _slashCount;
    /// @dev All tokens that came in by a call, less those that went out by one.
    uint256 internal _accounted;

    constructor(IERC20 token) {
        _token = token;
    }

    // ------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IKeeperRegistry
    function keeperOf(address owner) external view returns (Keeper memory) {
        Account storage account = _account(owner);
        return
            Keeper({
                operator: account.operator,
                stake: account.stake,
                bonded: account.bonded,
                unbonding: account.unbonding,
                unlocksAt: account.unlocksAt,
                jailedUntil: account.jailedUntil,
                encryptionKey: account.encryptionKey,
                multiaddr: account.multiaddr
            });
    }

    /// @inheritdoc IKeeperRegistry
    function isRegistered(address owner) external view returns (bool) {
        return _accounts[owner].operator != address(0);
    }

    /// @inheritdoc IKeeperRegistry
    function ownerOfOperator(address operator) external view returns (address) {
        return _ownerOf[operator];
    }

    /// @inheritdoc IKeeperRegistry
    function operatorOf(address owner) external view returns (address) {
        return _account(owner).operator;
    }

    /// @inheritdoc IKeeperRegistry
    function consentNonce(address operator) external view returns (uint256) {
        return _consents[operator];
    }

    /// @inheritdoc IKeeperRegistry
    function isJailed(address owner) external view returns (bool) {
        return _accounts[owner].jailedUntil != 0;
    }

    /// @inheritdoc IKeeperRegistry
    function bondOf(address service, address owner) external view returns (uint128, uint64) {
        Bond storage bond = _bonds[service][owner];
        return (bond.amount, bond.until);
    }

    /// @inheritdoc IKeeperRegistry
    function isOptedIn(address service, address owner) external view returns (bool) {
        return _bonds[service][owner].optedIn;
    }

    /// @inheritdoc IKeeperRegistry
    function rewardsOf(address owner) external view returns (uint256) {
        return _rewards[owner];
    }

    /// @inheritdoc IKeeperRegistry
    function poolOf(address service) external view returns (uint256, uint256) {
        Pool storage pool = _pools[service];
        return (pool.available, pool.allocated);
    }

    /// @inheritdoc IKeeperRegistry
    function serviceStatus(address service) external view returns (ServiceStatus) {
        return _services[service];
    }

    /// @inheritdoc IKeeperRegistry
    function slashedBalance() external view returns (uint256) {
        return _slashed;
    }

    /// @inheritdoc IKeeperRegistry
    function slashCount() external view returns (uint256) {
        return _slashCount;
    }

    /// @inheritdoc IKeeperRegistry
    function settings() external view returns (Settings memory) {
        return _settings;
    }

    /// @inheritdoc IKeeperRegistry
    function stakeToken() external view returns (address) {
        return address(_token);
    }

    // ------------------------------------------------------------------------------------------------- look-ups

    function _account(address owner) internal view returns (Account storage account) {
        account = _accounts[owner];
        if (account.operator == address(0)) revert UnknownKeeper(owner);
    }

    function _actingFor(address owner) internal view returns (Account storage account) {
        account = _account(owner);
        if (msg.sender != owner && msg.sender != account.operator) revert NotKeeper(msg.sender, owner);
    }

    function _callingService() internal view returns (ServiceStatus status) {
        status = _services[msg.sender];
        if (status == ServiceStatus.Unknown) revert NotAService(msg.sender);
    }

    function _expectStatus(address service, ServiceStatus wanted) internal view {
        ServiceStatus found = _services[service];
        if (found != wanted) revert UnexpectedServiceStatus(service, found, wanted);
    }

    function _freeStake(Account storage account) internal view returns (uint256) {
        return Math.saturatingSub(account.stake, account.bonded);
    }

    // ------------------------------------------------------------------------------------------------- moves

    function _stake(address owner, uint256 amount) internal {
        Account storage account = _accounts[owner];
        account.stake = (uint256(account.stake) + amount).toUint128();
        emit Staked(owner, msg.sender, amount);
        _collect(msg.sender, amount);
    }

    function _engage(address service, address owner, Account storage account, uint128 wanted) internal {
        Bond storage bond = _bonds[service][owner];
        if (!bond.optedIn) revert NotOptedIn(owner, service);
        // What the service holds already counts; a tail left from earlier does not, its stake is free again.
        uint128 held = bond.until == ENGAGED ? bond.amount : 0;
        if (wanted < held) wanted = held;
        uint256 free = _freeStake(account);
        if (wanted - held > free) revert InsufficientFreeStake(owner, free, wanted - held);
        account.bonded += wanted - held;
        bond.amount = wanted;
        bond.until = ENGAGED;
        emit Engaged(owner, service, wanted);
    }

    /// @return done False when the keeper was not engaged.
    function _disengage(address service, address owner) internal returns (bool done) {
        Bond storage bond = _bonds[service][owner];
        if (bond.until != ENGAGED) return false;
        uint64 until = uint64(block.timestamp) + _settings.unbondingDelay;
        bond.until = until;
        Account storage account = _accounts[owner];
        account.bonded -= bond.amount;
        if (account.tailsEnd < until) account.tailsEnd = until;
        emit Disengaged(owner, service, until);
        return true;
    }

    /// @dev An engaged bond lies in the active stake; after leaving it is first looked for in what is unbonding. What
    /// has finished unbonding is out of reach, withdrawn or not.
    function _take(
        address service,
        address owner,
        Account storage account,
        uint256 amount
    ) internal returns (uint256 taken) {
        Bond storage bond = _bonds[service][owner];
        bool engaged = bond.until == ENGAGED;
        if (block.timestamp >= bond.until) return 0;
        uint256 leaving = block.timestamp < account.unlocksAt ? account.unbonding : 0;
        uint256 active = account.stake;
        taken = Math.min(Math.min(amount, bond.amount), active + leaving);
        uint256 fromStake = engaged ? Math.min(taken, active) : taken - Math.min(taken, leaving);
        account.stake = uint128(active - fromStake);
        account.unbonding -= uint128(taken - fromStake);
        bond.amount -= uint128(taken);
        if (engaged) account.bonded -= uint128(taken);
        _slashed += taken;
    }

    function _setStatus(address service, ServiceStatus current) internal {
        ServiceStatus previous = _services[service];
        _services[service] = current;
        emit ServiceStatusChanged(service, previous, current);
    }

    function _setSettings(Settings memory next) internal {
        if (next.treasury == address(0)) revert ZeroAddress("treasury");
        _checkDelay("unbondingDelay", next.unbondingDelay);
        _checkDelay("jailDelay", next.jailDelay);
        Settings memory previous = _settings;
        _settings = next;
        emit SettingsChanged(previous, next);
    }

    function _checkDelay(bytes32 field, uint256 found) private pure {
        if (found == 0 || found > MAX_DELAY) revert DelayOutOfRange(field, found, 1, MAX_DELAY);
    }

    // ------------------------------------------------------------------------------------------------- tokens

    function _collect(address from, uint256 amount) internal {
        _accounted += amount;
        _token.safeTransferFrom(from, address(this), amount);
    }

    function _pay(address to, uint256 amount) internal {
        _accounted -= amount;
        _token.safeTransfer(to, amount);
    }
}

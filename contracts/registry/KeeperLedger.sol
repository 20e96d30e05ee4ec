// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IKeeperRegistry} from "../interfaces/IKeeperRegistry.sol";
import {StakeVotes} from "./StakeVotes.sol";

/// @title The books of the KeeperRegistry: its storage, the moves of stake, and the views
/// @dev A keeper's bonds: `bonded` = Σ amounts of its engaged bonds. `stake` ≥ `bonded`, except that a slash by a
/// service the keeper has left may bite into stake that it has since bonded elsewhere.
abstract contract KeeperLedger is IKeeperRegistry, StakeVotes {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    ///       ┌────────────────────────┬──────────────────────┬────────────┐
    /// +0    │ operator 160     │ jailedUntil 64     │ first 8│open 8│   │
    /// +1    │ stake 128                     │ bonded 128               │
    /// +2    │ unbonding 128                 │ unlocksAt 64 │ tailsEnd 64│
    /// +3    │ encryptionKey 256                                        │
    /// +4 …  │ multiaddr                                                │
    ///       └──────────────────────────────────────────────────────────┘
    /// @dev `tailsEnd`: end of the last bond's tail. Until then nothing unlocks, whatever the delay has become since.
    /// `first` and `open`: the oldest request in the ring of the owner's requests, and how many there are; `unbonding` is what
    /// they amount to together, `unlocksAt` the moment of the newest, and of a later one never an earlier.
    struct Account {
        address operator;
        uint64 jailedUntil;
        uint8 first;
        uint8 open;
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

    /// @dev One slot.
    struct Request {
        uint128 amount;
        uint64 unlocksAt;
    }

    struct Pool {
        uint128 available;
        uint128 allocated;
    }

    uint64 internal constant ENGAGED = type(uint64).max;
    uint256 private constant MAX_DELAY = 365 days;
    /// @dev Bounds what a slash may have to look through: a service slashes up to 171 members in one transaction.
    uint256 private constant MAX_REQUESTS = 4;

    IERC20 internal immutable _token;

    Settings internal _settings;
    mapping(address owner => Account) internal _accounts;
    /// @dev A ring for each owner.
    mapping(address owner => Request[MAX_REQUESTS]) private _requests;
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
    function unbondingOf(address owner) external view returns (UnbondingRequest[] memory list) {
        Account storage account = _account(owner);
        list = new UnbondingRequest[](account.open);
        for (uint256 i = 0; i < list.length; ++i) {
            Request storage request = _requestAt(owner, account, i);
            list[i] = UnbondingRequest(request.amount, request.unlocksAt);
        }
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
        _moveVotes(owner, amount, true);
    }

    function _votingUnits(address owner) internal view override returns (uint256) {
        Account storage account = _accounts[owner];
        return uint256(account.stake) + account.unbonding;
    }

    // ------------------------------------------------------------------------------------------------- unbonding

    /// @dev The request number `index`, from the oldest.
    function _requestAt(address owner, Account storage account, uint256 index) private view returns (Request storage) {
        return _requests[owner][(account.first + index) % MAX_REQUESTS];
    }

    /// @dev A request of its own, while there is room; else it joins the newest, whose delay starts anew.
    function _unbond(address owner, Account storage account, uint128 amount) internal returns (uint64 unlocksAt) {
        uint256 delayed = block.timestamp + _settings.unbondingDelay;
        // A delay that has been shortened frees nothing that was promised to be slashable for longer.
        unlocksAt = uint64(Math.max(delayed, Math.max(account.tailsEnd, account.unlocksAt)));
        uint256 open = account.open;
        if (open < MAX_REQUESTS) account.open = uint8(++open);
        Request storage request = _requestAt(owner, account, open - 1);
        request.amount += amount;
        request.unlocksAt = unlocksAt;
        account.stake -= amount;
        account.unbonding += amount;
        account.unlocksAt = unlocksAt;
    }

    /// @dev Takes the requests that have unlocked out of the ring.
    function _unlock(address owner, Account storage account) internal returns (uint256 amount) {
        uint256 open = account.open;
        while (open > 0) {
            Request storage request = _requestAt(owner, account, 0);
            if (block.timestamp < request.unlocksAt) break;
            amount += request.amount;
            delete _requests[owner][account.first];
            account.first = uint8((account.first + 1) % MAX_REQUESTS);
            --open;
        }
        account.open = uint8(open);
        if (open == 0) account.unlocksAt = 0;
        account.unbonding -= uint128(amount);
    }

    /// @dev When the oldest request that still has something unlocks.
    function _nextUnlock(address owner, Account storage account) internal view returns (uint64 unlocksAt) {
        for (uint256 i = 0; i < account.open; ++i) {
            Request storage request = _requestAt(owner, account, i);
            if (request.amount > 0) return request.unlocksAt;
        }
    }

    /// @dev Takes up to `amount` of what is still locked, the soonest to unlock first: what is left stays in reach longest.
    function _takeUnbonding(address owner, Account storage account, uint256 amount) private returns (uint256 taken) {
        if (amount == 0 || block.timestamp >= account.unlocksAt) return 0;
        (uint256 first, uint256 open) = (account.first, account.open);
        Request[MAX_REQUESTS] storage ring = _requests[owner];
        for (uint256 i = 0; i < open && taken < amount; ++i) {
            Request memory request = ring[(first + i) % MAX_REQUESTS];
            if (request.amount == 0 || block.timestamp >= request.unlocksAt) continue;
            uint256 part = Math.min(request.amount, amount - taken);
            request.amount -= uint128(part);
            ring[(first + i) % MAX_REQUESTS] = request;
            taken += part;
        }
        account.unbonding -= uint128(taken);
    }

    // ------------------------------------------------------------------------------------------------- bonds

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
        uint256 wanted = Math.min(amount, bond.amount);
        uint256 fromUnbonding = engaged ? 0 : _takeUnbonding(owner, account, wanted);
        uint256 fromStake = Math.min(wanted - fromUnbonding, account.stake);
        account.stake -= uint128(fromStake);
        taken = fromUnbonding + fromStake;
        if (engaged) taken += _takeUnbonding(owner, account, wanted - taken);
        bond.amount -= uint128(taken);
        if (engaged) account.bonded -= uint128(taken);
        _slashed += taken;
        _moveVotes(owner, taken, false);
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

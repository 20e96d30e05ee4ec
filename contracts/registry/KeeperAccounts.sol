// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IKeeperRegistry} from "../interfaces/IKeeperRegistry.sol";
import {StakeVotes} from "./StakeVotes.sol";

/// @title The KeeperRegistry's storage of keepers and services, and its views
/// @dev A keeper's bonds: `bonded` = Σ amounts of its engaged bonds. `stake` ≥ `bonded`, except that a slash by a
/// service the keeper has left may bite into stake that it has since bonded elsewhere.
abstract contract KeeperAccounts is IKeeperRegistry, StakeVotes {
    ///       ┌────────────────────────┬──────────────────────┬────────────┐
    /// +0    │ operator 160     │ jailedUntil 64     │ first 8│open 8│   │
    /// +1    │ stake 128                     │ bonded 128               │
    /// +2    │ unbonding 128                 │ unlocksAt 64 │ tailsEnd 64│
    /// +3    │ encryptionKey 256                                        │
    /// +4 …  │ multiaddr                                                │
    ///       └──────────────────────────────────────────────────────────┘
    /// @dev `tailsEnd`: end of the last bond's tail. Until then nothing unlocks, even if the delay has changed since. `first` and
    /// `open`: the oldest request in the ring of the owner's requests, and their number; `unbonding` is their sum, `unlocksAt`
    /// the time of the newest. A later request never unlocks before an earlier one.
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

    /// @dev One slot. @param until ENGAGED while engaged; afterwards the end of the tail, in Unix seconds.
    /// @param optedIn Whether the keeper lets the service engage it.
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
    /// @dev Most open requests of a keeper. Bounds the work of a slash: a service slashes up to 171 members in one transaction.
    uint256 internal constant MAX_REQUESTS = 4;

    // solhint-disable-next-line immutable-vars-naming
    IERC20 internal immutable _token;

    Settings internal _settings;
    mapping(address owner => Account) internal _accounts;
    /// @dev A ring of requests for each owner.
    mapping(address owner => Request[MAX_REQUESTS]) internal _requests;
    mapping(address operator => address owner) internal _ownerOf;
    mapping(address operator => uint256 used) internal _consents;
    mapping(address service => ServiceStatus) internal _services;
    mapping(address service => mapping(address owner => Bond)) internal _bonds;
    mapping(address service => Pool) internal _pools;
    mapping(address owner => uint256) internal _rewards;
    /// @dev Stake that was slashed and has not been swept to the treasury yet.
    uint256 internal _slashed;
    uint256 internal _slashCount;
    /// @dev All tokens that calls brought in, minus those that calls took out.
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

    /// @dev The request with the number `index`, counted from the oldest.
    function _requestAt(address owner, Account storage account, uint256 index) internal view returns (Request storage) {
        return _requests[owner][(account.first + index) % MAX_REQUESTS];
    }

    function _votingUnits(address owner) internal view override returns (uint256) {
        Account storage account = _accounts[owner];
        return uint256(account.stake) + account.unbonding;
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IKeeperRegistry} from "../interfaces/IKeeperRegistry.sol";
import {IStakeSuccession} from "../interfaces/IStakeSuccession.sol";
import {IStakeVotes} from "../interfaces/IStakeVotes.sol";
import {KeeperLedger} from "./KeeperLedger.sol";
import {StakeSuccession} from "./StakeSuccession.sol";

/// @title Keepers: keys, stake, bonds, penalties, rewards
/// @dev State is written before any token moves, and the token's transfers are the only external calls.
/// Balance: token.balanceOf(this) = Σ (stake + unbonding) + slashed + Σ (available + allocated) + Σ rewards + surplus.
contract KeeperRegistry is StakeSuccession, EIP712 {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    /// @notice May register services: the ServiceFactory.
    bytes32 public constant REGISTRAR_ROLE = keccak256("REGISTRAR_ROLE");
    /// @notice Longest multiaddr stored, in bytes.
    uint256 public constant MAX_MULTIADDR = 256;

    bytes32 private constant CONSENT_TYPE = keccak256("OperatorConsent(address owner,address operator,uint256 nonce)");
    bytes32 private constant KEY_TYPE = keccak256("EncryptionKey(address owner,bytes32 encryptionKey,uint256 nonce)");

    /// @param token The stake token: an ERC-20 that moves exactly the requested amount (no fee, no rebase).
    /// @param admin Gets DEFAULT_ADMIN_ROLE.
    constructor(IERC20 token, address admin, Settings memory initial) KeeperLedger(token) EIP712("Cohort KeeperRegistry", "1") {
        if (address(token) == address(0)) revert ZeroAddress("token");
        if (admin == address(0)) revert ZeroAddress("admin");
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _setSettings(initial);
    }

    // ------------------------------------------------------------------------------------------------- keepers

    /// @inheritdoc IKeeperRegistry
    function register(
        address operator,
        bytes32 encryptionKey,
        bytes calldata multiaddr,
        uint256 amount,
        bytes calldata consent
    ) external {
        Account storage account = _accounts[msg.sender];
        if (account.operator != address(0)) revert AlreadyRegistered(msg.sender);
        _checkMultiaddr(multiaddr);
        if (encryptionKey == bytes32(0)) revert ZeroEncryptionKey();
        _takeOperator(msg.sender, operator, consent);
        account.operator = operator;
        account.encryptionKey = encryptionKey;
        account.multiaddr = multiaddr;
        emit KeeperRegistered(msg.sender, operator, encryptionKey, multiaddr);
        if (amount == 0) return;
        _stake(msg.sender, amount);
        _collect(msg.sender, amount);
    }

    /// @inheritdoc IKeeperRegistry
    function setOperator(address operator, bytes calldata consent) external {
        Account storage account = _account(msg.sender);
        _takeOperator(msg.sender, operator, consent);
        address previous = account.operator;
        delete _ownerOf[previous];
        account.operator = operator;
        emit OperatorChanged(msg.sender, previous, operator);
    }

    /// @inheritdoc IKeeperRegistry
    function setEncryptionKey(address owner, bytes32 encryptionKey) external {
        Account storage account = _actingFor(owner);
        // Otherwise an account that holds back an earlier signature of the operator could undo this at any time.
        ++_consents[account.operator];
        _changeKey(owner, account, encryptionKey);
    }

    /// @inheritdoc IKeeperRegistry
    function setEncryptionKeyFor(address owner, bytes32 encryptionKey, bytes calldata signature) external {
        Account storage account = _account(owner);
        _useConsent(owner, account.operator, encryptionKeyDigest(owner, encryptionKey), signature);
        _changeKey(owner, account, encryptionKey);
    }

    /// @inheritdoc IKeeperRegistry
    function setMultiaddr(address owner, bytes calldata multiaddr) external {
        Account storage account = _actingFor(owner);
        _checkMultiaddr(multiaddr);
        account.multiaddr = multiaddr;
        emit MultiaddrChanged(owner, multiaddr);
    }

    /// @inheritdoc IKeeperRegistry
    function stake(address owner, uint256 amount) public {
        _account(owner);
        if (amount == 0) revert ZeroAmount();
        _stake(owner, amount);
        _collect(msg.sender, amount);
    }

    /// @inheritdoc IKeeperRegistry
    function stakeWithPermit(
        address owner,
        uint256 amount,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external {
        // Anyone who sees the permit can use it first, with the same effect: only the allowance counts.
        try IERC20Permit(address(_token)).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
        stake(owner, amount);
    }

    /// @inheritdoc IKeeperRegistry
    function restakeRewards() external returns (uint256 amount) {
        _account(msg.sender);
        amount = _rewards[msg.sender];
        if (amount == 0) revert NoRewards(msg.sender);
        _rewards[msg.sender] = 0;
        emit RewardRestaked(msg.sender, amount);
        _stake(msg.sender, amount);
    }

    /// @inheritdoc IKeeperRegistry
    function setOptIn(address owner, address service, bool optedIn) external {
        _actingFor(owner);
        // The operator's key is on a machine that others may break into, and the stake may belong to many. So this key can free
        // stake, but not bind it.
        if (optedIn && msg.sender != owner) revert NotKeeper(msg.sender, owner);
        if (_services[service] == ServiceStatus.Unknown) revert NotAService(service);
        Bond storage bond = _bonds[service][owner];
        if (bond.optedIn == optedIn) revert OptInUnchanged(owner, service, optedIn);
        bond.optedIn = optedIn;
        emit OptInChanged(owner, service, optedIn);
    }

    /// @inheritdoc IKeeperRegistry
    function requestUnbonding(uint256 amount) external {
        Account storage account = _account(msg.sender);
        if (amount == 0) revert ZeroAmount();
        uint256 free = _freeStake(account);
        if (amount > free) revert InsufficientFreeStake(msg.sender, free, amount);
        uint64 unlocksAt = _unbond(msg.sender, account, uint128(amount));
        emit UnbondingRequested(msg.sender, amount, account.unbonding, unlocksAt);
    }

    /// @inheritdoc IKeeperRegistry
    function withdraw(address to) external returns (uint256 amount) {
        Account storage account = _account(msg.sender);
        if (to == address(0)) revert ZeroAddress("to");
        if (account.unbonding == 0) revert NothingUnbonding(msg.sender);
        amount = _unlock(msg.sender, account);
        if (amount == 0) revert StillUnbonding(msg.sender, _nextUnlock(msg.sender, account), block.timestamp);
        _moveVotes(msg.sender, amount, false);
        emit Withdrawn(msg.sender, to, amount);
        _pay(to, amount);
    }

    /// @inheritdoc IKeeperRegistry
    function unjail() external {
        Account storage account = _account(msg.sender);
        uint64 until = account.jailedUntil;
        if (until == 0) revert NotJailed(msg.sender);
        if (block.timestamp < until) revert StillJailed(msg.sender, until, block.timestamp);
        account.jailedUntil = 0;
        emit Unjailed(msg.sender);
    }

    /// @inheritdoc IKeeperRegistry
    function claimRewards(address to) external returns (uint256 amount) {
        if (to == address(0)) revert ZeroAddress("to");
        amount = _rewards[msg.sender];
        if (amount == 0) revert NoRewards(msg.sender);
        _rewards[msg.sender] = 0;
        emit RewardClaimed(msg.sender, to, amount);
        _pay(to, amount);
    }

    /// @inheritdoc IKeeperRegistry
    function disengageSuspended(address service) external {
        _expectStatus(service, ServiceStatus.Suspended);
        if (!_disengage(service, msg.sender)) revert NotEngaged(msg.sender, service);
    }

    // ------------------------------------------------------------------------------------------------- services

    /// @inheritdoc IKeeperRegistry
    function engage(address owner, uint128 bond) external returns (address operator) {
        ServiceStatus found = _callingService();
        if (found != ServiceStatus.Active) revert ServiceNotActive(msg.sender, found);
        Account storage account = _account(owner);
        if (account.jailedUntil != 0) revert KeeperJailed(owner, account.jailedUntil);
        if (account.stake < _settings.minStake) revert StakeBelowMinimum(owner, account.stake, _settings.minStake);
        _engage(msg.sender, owner, account, bond);
        return account.operator;
    }

    /// @inheritdoc IKeeperRegistry
    function disengage(address owner) external {
        _callingService();
        _disengage(msg.sender, owner);
    }

    /// @inheritdoc IKeeperRegistry
    function slash(
        address owner,
        uint256 amount,
        bytes32 reason,
        bytes32 evidence
    ) external returns (uint256 taken) {
        if (_callingService() == ServiceStatus.Active) taken = _take(msg.sender, owner, _account(owner), amount);
        uint256 slashId = ++_slashCount;
        emit Slashed(slashId, owner, msg.sender, amount, taken, reason, evidence);
    }

    /// @inheritdoc IKeeperRegistry
    function jail(address owner) external {
        if (_callingService() != ServiceStatus.Active) return;
        Account storage account = _account(owner);
        uint64 until = uint64(Math.max(account.jailedUntil, block.timestamp + _settings.jailDelay));
        account.jailedUntil = until;
        emit Jailed(owner, msg.sender, until);
    }

    /// @inheritdoc IKeeperRegistry
    function allocate(uint256 reward, uint256 totalShares) external returns (uint256 perShare) {
        if (_callingService() != ServiceStatus.Active || totalShares == 0) return 0;
        Pool storage pool = _pools[msg.sender];
        // Rounded down for each share: the pool can never promise more than it holds, and keeps the remainder.
        perShare = Math.min(reward, pool.available) / totalShares;
        if (perShare == 0) return 0;
        uint128 promised = uint128(perShare * totalShares);
        pool.available -= promised;
        pool.allocated += promised;
        emit RewardAllocated(msg.sender, perShare, totalShares);
    }

    /// @inheritdoc IKeeperRegistry
    function credit(address owner, uint256 amount) external {
        _callingService();
        _account(owner);
        Pool storage pool = _pools[msg.sender];
        if (amount > pool.allocated) revert CreditExceedsAllocation(msg.sender, pool.allocated, amount);
        pool.allocated -= uint128(amount);
        _rewards[owner] += amount;
        emit RewardCredited(owner, msg.sender, amount);
    }

    // ------------------------------------------------------------------------------------------------- anyone, the DAO

    /// @inheritdoc IKeeperRegistry
    function fund(address service, uint256 amount) external {
        if (_services[service] == ServiceStatus.Unknown) revert NotAService(service);
        if (amount == 0) revert ZeroAmount();
        Pool storage pool = _pools[service];
        pool.available = (uint256(pool.available) + amount).toUint128();
        emit PoolFunded(service, msg.sender, amount);
        _collect(msg.sender, amount);
    }

    /// @inheritdoc IKeeperRegistry
    function sweepSlashed() external returns (uint256 amount) {
        amount = _slashed;
        if (amount == 0) revert NothingToSweep();
        _slashed = 0;
        address treasury = _settings.treasury;
        emit SlashedSwept(treasury, amount);
        _pay(treasury, amount);
    }

    /// @inheritdoc IKeeperRegistry
    function sweepSurplus() external returns (uint256 amount) {
        amount = _token.balanceOf(address(this)) - _accounted;
        if (amount == 0) revert NoSurplus();
        address treasury = _settings.treasury;
        emit SurplusSwept(treasury, amount);
        _token.safeTransfer(treasury, amount);
    }

    /// @inheritdoc IKeeperRegistry
    function registerService(address service) external onlyRole(REGISTRAR_ROLE) {
        if (service == address(0)) revert ZeroAddress("service");
        _expectStatus(service, ServiceStatus.Unknown);
        _setStatus(service, ServiceStatus.Active);
    }

    /// @inheritdoc IKeeperRegistry
    function suspendService(address service) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _expectStatus(service, ServiceStatus.Active);
        _setStatus(service, ServiceStatus.Suspended);
    }

    /// @inheritdoc IKeeperRegistry
    function resumeService(address service) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _expectStatus(service, ServiceStatus.Suspended);
        _setStatus(service, ServiceStatus.Active);
    }

    /// @inheritdoc IKeeperRegistry
    function withdrawPool(address service, uint256 amount) external onlyRole(DEFAULT_ADMIN_ROLE) {
        Pool storage pool = _pools[service];
        if (amount == 0) revert ZeroAmount();
        if (amount > pool.available) revert PoolTooSmall(service, pool.available, amount);
        pool.available -= uint128(amount);
        address treasury = _settings.treasury;
        emit PoolWithdrawn(service, treasury, amount);
        _pay(treasury, amount);
    }

    /// @inheritdoc IKeeperRegistry
    function setSettings(Settings calldata next) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _setSettings(next);
    }

    /// @inheritdoc IKeeperRegistry
    function consentDigest(address owner, address operator) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(CONSENT_TYPE, owner, operator, _consents[operator])));
    }

    /// @inheritdoc IKeeperRegistry
    function encryptionKeyDigest(address owner, bytes32 encryptionKey) public view returns (bytes32) {
        uint256 nonce = _consents[_account(owner).operator];
        return _hashTypedDataV4(keccak256(abi.encode(KEY_TYPE, owner, encryptionKey, nonce)));
    }

    /// @notice ERC-165.
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return
            interfaceId == type(IKeeperRegistry).interfaceId ||
            interfaceId == type(IStakeVotes).interfaceId ||
            interfaceId == type(IStakeSuccession).interfaceId ||
            super.supportsInterface(interfaceId);
    }

    // ------------------------------------------------------------------------------------------------- internals

    function _checkMultiaddr(bytes calldata multiaddr) private pure {
        if (multiaddr.length == 0 || multiaddr.length > MAX_MULTIADDR) {
            revert MultiaddrLength(multiaddr.length, MAX_MULTIADDR);
        }
    }

    /// @dev Without the key's consent, anyone could register the key first and lock its owner out.
    function _takeOperator(address owner, address operator, bytes calldata consent) private {
        if (operator == address(0)) revert ZeroAddress("operator");
        address holder = operator == owner ? owner : _ownerOf[operator];
        if (holder != address(0)) revert OperatorTaken(operator, holder);
        _useConsent(owner, operator, consentDigest(owner, operator), consent);
        _ownerOf[operator] = owner;
    }

    function _changeKey(address owner, Account storage account, bytes32 encryptionKey) private {
        if (encryptionKey == bytes32(0)) revert ZeroEncryptionKey();
        bytes32 previous = account.encryptionKey;
        account.encryptionKey = encryptionKey;
        emit EncryptionKeyChanged(owner, previous, encryptionKey);
    }

    /// @dev Accepts the operator's signature, once.
    function _useConsent(address owner, address operator, bytes32 digest, bytes calldata consent) private {
        // A key can sign for itself even when it has code (EIP-7702); a contract has no key, and answers by ERC-1271.
        (address signer, ECDSA.RecoverError failure, ) = ECDSA.tryRecoverCalldata(digest, consent);
        bool given = (failure == ECDSA.RecoverError.NoError && signer == operator) ||
            SignatureChecker.isValidSignatureNow(operator, digest, consent);
        if (!given) revert ConsentInvalid(operator, owner, _consents[operator]);
        ++_consents[operator];
    }
}

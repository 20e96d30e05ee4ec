// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IInferenceHub, IInferenceHubTypes} from "../interfaces/IInferenceHub.sol";
import {ISpendingGuard} from "../interfaces/ISpendingGuard.sol";
import {OutputReading} from "../inference/OutputReading.sol";

/// @title The policy, limits and announcements of each account
/// @dev Pending changes take effect by the clock; they need no transaction.
abstract contract SpendingPolicies is ISpendingGuard {
    uint256 public constant MIN_SECONDS = 1 hours;
    uint256 public constant MAX_SECONDS = 30 days;
    uint256 public constant MIN_VERDICT_SECONDS = 1 minutes;
    uint256 public constant MAX_VERDICT_SECONDS = 1 days;
    /// @notice How long an announced transaction can be executed, in seconds.
    uint256 public constant ANNOUNCEMENT_SECONDS = 7 days;

    IInferenceHub public immutable HUB;

    struct Account {
        Policy current;
        Policy pending;
        /// Unix seconds at which `pending` takes effect; 0 without a pending change.
        uint40 pendingAt;
        uint40 lastSpendAt;
        uint64 nonce;
    }

    mapping(address account => Account) internal _accounts;
    mapping(address account => mapping(address asset => Limit)) private _limits;
    mapping(address account => mapping(bytes32 spendHash => uint40 executableAt)) private _announcements;

    constructor(IInferenceHub hub) {
        HUB = hub;
    }

    /// @inheritdoc ISpendingGuard
    function setPolicy(Policy calldata policy) external {
        _setPolicy(msg.sender, policy);
    }

    /// @inheritdoc ISpendingGuard
    function cancelPolicy() external {
        Account storage account = _accounts[msg.sender];
        if (account.pendingAt <= block.timestamp) revert NothingPending(msg.sender, address(0));
        account.pendingAt = 0;
        emit PolicyChangeCancelled(msg.sender);
    }

    /// @inheritdoc ISpendingGuard
    function setLimit(address asset, uint96 limit) external {
        _setLimit(msg.sender, asset, limit);
    }

    /// @inheritdoc ISpendingGuard
    function removeLimit(address asset) external {
        if (asset == address(0)) revert NativeAlwaysGuarded(msg.sender);
        Limit storage entry = _limits[msg.sender][asset];
        (uint96 found, bool guarded) = _limit(msg.sender, asset);
        if (!guarded) revert NotGuarded(msg.sender, asset);
        _change(msg.sender, asset, entry, found, 0, false);
    }

    /// @inheritdoc ISpendingGuard
    function cancelLimit(address asset) external {
        Limit storage entry = _limits[msg.sender][asset];
        if (entry.effectiveAt <= block.timestamp) revert NothingPending(msg.sender, asset);
        entry.effectiveAt = 0;
        emit LimitChangeCancelled(msg.sender, asset);
    }

    /// @inheritdoc ISpendingGuard
    function announce(bytes32 spendHash) external {
        Policy memory policy = _policy(msg.sender);
        (uint256 standing, ) = announcementOf(msg.sender, spendHash);
        if (standing != 0) revert AlreadyAnnounced(spendHash, standing);
        uint256 executableAt = block.timestamp + policy.delay;
        _announcements[msg.sender][spendHash] = uint40(executableAt);
        emit SpendAnnounced(msg.sender, spendHash, executableAt, executableAt + ANNOUNCEMENT_SECONDS);
    }

    /// @inheritdoc ISpendingGuard
    function cancelAnnouncement(bytes32 spendHash) external {
        (uint256 standing, ) = announcementOf(msg.sender, spendHash);
        if (standing == 0) revert NotAnnounced(spendHash);
        delete _announcements[msg.sender][spendHash];
        emit AnnouncementCancelled(msg.sender, spendHash);
    }

    /// @inheritdoc ISpendingGuard
    function policyOf(
        address account
    ) external view returns (Policy memory inForce, Policy memory pending, uint256 effectiveAt) {
        Account storage entry = _accounts[account];
        inForce = _policy(account);
        if (entry.pendingAt > block.timestamp) (pending, effectiveAt) = (entry.pending, entry.pendingAt);
    }

    /// @inheritdoc ISpendingGuard
    function limitOf(address account, address asset) external view returns (Limit memory limit) {
        (limit.current, limit.guarded) = _limit(account, asset);
        Limit storage entry = _limits[account][asset];
        if (entry.effectiveAt > block.timestamp) {
            (limit.pending, limit.effectiveAt) = (entry.pending, entry.effectiveAt);
            limit.pendingGuarded = entry.pendingGuarded;
        }
    }

    /// @inheritdoc ISpendingGuard
    function announcementOf(
        address account,
        bytes32 spendHash
    ) public view returns (uint256 executableAt, uint256 expiresAt) {
        executableAt = _announcements[account][spendHash];
        expiresAt = executableAt + ANNOUNCEMENT_SECONDS;
        if (executableAt == 0 || block.timestamp > expiresAt) return (0, 0);
    }

    /// @dev Whether an announced transaction may be executed now; it cannot be executed again.
    function _useAnnouncement(address account, bytes32 spendHash) internal returns (bool) {
        if (!_isExecutable(account, spendHash)) return false;
        delete _announcements[account][spendHash];
        return true;
    }

    function _isExecutable(address account, bytes32 spendHash) internal view returns (bool) {
        (uint256 executableAt, ) = announcementOf(account, spendHash);
        return executableAt != 0 && block.timestamp >= executableAt;
    }

    function _isConfigured(address account) internal view returns (bool) {
        return _accounts[account].current.window != 0;
    }

    /// @dev The policy in force. Reverts with NotConfigured.
    function _policy(address account) internal view returns (Policy memory) {
        if (!_isConfigured(account)) revert NotConfigured(account);
        Account storage entry = _accounts[account];
        uint256 pendingAt = entry.pendingAt;
        return pendingAt != 0 && pendingAt <= block.timestamp ? entry.pending : entry.current;
    }

    /// @dev The limit in force. The native asset is guarded, with limit 0, from the start.
    function _limit(address account, address asset) internal view returns (uint96 limit, bool guarded) {
        Limit storage entry = _limits[account][asset];
        uint256 effectiveAt = entry.effectiveAt;
        (limit, guarded) = effectiveAt != 0 && effectiveAt <= block.timestamp
            ? (entry.pending, entry.pendingGuarded)
            : (entry.current, entry.guarded);
        guarded = guarded || asset == address(0);
    }

    function _setPolicy(address account, Policy memory policy) internal {
        IInferenceHubTypes.Model memory model = HUB.modelOf(policy.modelId);
        if (model.deprecated) revert ModelDeprecated(policy.modelId);
        _requireSeconds(0, policy.window, MIN_SECONDS, MAX_SECONDS);
        _requireSeconds(1, policy.verdictSeconds, MIN_VERDICT_SECONDS, MAX_VERDICT_SECONDS);
        _requireSeconds(2, policy.delay, MIN_SECONDS, MAX_SECONDS);
        if (!policy.margins && policy.minMargin != 0) revert MarginNotStated(policy.minMargin);
        if (OutputReading.requireLabel(model.form) != policy.margins) {
            revert MarginsMismatch(policy.modelId, policy.margins, model.form);
        }
        Account storage entry = _accounts[account];
        uint256 effectiveAt = block.timestamp;
        if (_isConfigured(account)) {
            Policy memory inForce = _policy(account);
            effectiveAt += inForce.delay;
            entry.current = inForce;
            entry.pending = policy;
            entry.pendingAt = uint40(effectiveAt);
        } else {
            entry.current = policy;
        }
        emit PolicyChanged(account, policy, effectiveAt);
    }

    function _setLimit(address account, address asset, uint96 limit) internal {
        Limit storage entry = _limits[account][asset];
        (uint96 found, bool guarded) = _limit(account, asset);
        if (guarded && limit > found) {
            _change(account, asset, entry, found, limit, true);
        } else {
            _limits[account][asset] = Limit(limit, 0, 0, true, false);
            emit LimitChanged(account, asset, true, limit, block.timestamp);
        }
    }

    /// @dev A raise takes effect after the delay; at once if the account has no policy yet, because it then has no protection to
    /// lose.
    function _change(
        address account,
        address asset,
        Limit storage entry,
        uint96 found,
        uint96 limit,
        bool guarded
    ) private {
        uint256 effectiveAt = block.timestamp;
        if (_isConfigured(account)) effectiveAt += _policy(account).delay;
        (entry.current, entry.guarded) = (found, true);
        (entry.pending, entry.pendingGuarded, entry.effectiveAt) = (limit, guarded, uint40(effectiveAt));
        emit LimitChanged(account, asset, guarded, limit, effectiveAt);
    }

    function _requireSeconds(uint256 field, uint256 found, uint256 minimum, uint256 maximum) private pure {
        if (found < minimum || found > maximum) revert SecondsInvalid(field, found, minimum, maximum);
    }
}

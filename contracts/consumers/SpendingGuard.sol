// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC7579Hook, MODULE_TYPE_HOOK} from "@openzeppelin/contracts/interfaces/draft-IERC7579.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {IInferenceHub} from "../interfaces/IInferenceHub.sol";
import {IModuleGuard, ITransactionGuard, Operation} from "../interfaces/ISafeGuards.sol";
import {ISpendingGuard} from "../interfaces/ISpendingGuard.sol";
import {AccountCalls} from "./AccountCalls.sol";
import {SpendingPolicies} from "./SpendingPolicies.sol";
import {SpendingVerdicts} from "./SpendingVerdicts.sol";

/// @title Lets an account spend small amounts freely, and large ones only when a proven model approves
/// @notice See ISpendingGuard, which owns the documentation. This is the contract that accounts install: as a Safe's transaction
/// guard and module guard, or as an ERC-7579 account's hook. A check never calls the hub, so small spends, recovery and announced
/// transactions pass whatever happens to the hub.
contract SpendingGuard is SpendingVerdicts, ITransactionGuard, IModuleGuard, IERC7579Hook {
    constructor(IInferenceHub hub) SpendingPolicies(hub) {}

    /// @inheritdoc ITransactionGuard
    /// @dev A failing transaction that does not revert (a Safe with safeTxGas or gas price) counts as spent: a verdict serves once.
    function checkTransaction(
        address to,
        uint256 value,
        bytes memory data,
        Operation operation,
        uint256,
        uint256,
        uint256 gasPrice,
        address gasToken,
        address payable,
        bytes memory,
        address
    ) external {
        if (gasPrice != 0) revert RefundRefused(msg.sender, gasPrice, gasToken);
        _passWhole(Spend(to, value, data, operation, Origin.Owners));
    }

    /// @inheritdoc IModuleGuard
    function checkModuleTransaction(
        address to,
        uint256 value,
        bytes memory data,
        Operation operation,
        address
    ) external returns (bytes32 moduleTxHash) {
        return _passWhole(Spend(to, value, data, operation, Origin.Module));
    }

    /// @inheritdoc IERC7579Hook
    /// @dev Judges every execution of a batch separately, and each one changes the account's history. So a batch may contain only
    /// one execution that needs a verdict, and it must come first. Refuses calls that it cannot read.
    function preCheck(address, uint256, bytes calldata msgData) external returns (bytes memory) {
        Spend[] memory spends = AccountCalls.executionsOf(msgData);
        for (uint256 i = 0; i < spends.length; ++i) _passWhole(spends[i]);
        return "";
    }

    /// @notice Does nothing: the guard decides before the execution.
    function checkAfterExecution(bytes32, bool) external pure {}

    /// @notice Does nothing: the guard decides before the execution.
    function checkAfterModuleExecution(bytes32, bool) external pure {}

    /// @notice Does nothing: the guard decides before the execution.
    function postCheck(bytes calldata) external pure {}

    /// @notice Configures the calling account, or leaves an existing configuration as it is.
    /// @param data Empty, or abi.encode(Policy, address[] assets, uint96[] limits). On a configured account the changes take the
    /// same time as any others.
    function onInstall(bytes calldata data) external {
        if (data.length == 0) return;
        (Policy memory policy, address[] memory assets, uint96[] memory limits) = abi.decode(
            data,
            (Policy, address[], uint96[])
        );
        if (assets.length != limits.length) revert LengthMismatch(assets.length, limits.length);
        for (uint256 i = 0; i < assets.length; ++i) _setLimit(msg.sender, assets[i], limits[i]);
        _setPolicy(msg.sender, policy);
    }

    /// @notice Deletes nothing: an account that installs the guard again finds limits and history unchanged.
    function onUninstall(bytes calldata) external pure {}

    /// @notice This is a hook of an ERC-7579 account, and nothing else.
    function isModuleType(uint256 moduleTypeId) external pure returns (bool) {
        return moduleTypeId == MODULE_TYPE_HOOK;
    }

    /// @notice Whether the account has a policy.
    function isInitialized(address account) external view returns (bool) {
        return _isConfigured(account);
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return
            interfaceId == type(ITransactionGuard).interfaceId ||
            interfaceId == type(IModuleGuard).interfaceId ||
            interfaceId == type(ISpendingGuard).interfaceId ||
            interfaceId == type(IERC7579Hook).interfaceId ||
            interfaceId == type(IERC165).interfaceId;
    }

    /// @dev A Safe's batch counts as separate transactions, unless it was announced as a whole.
    function _passWhole(Spend memory spend) private returns (bytes32 spendHash) {
        if (!AccountCalls.isBatch(spend)) return _pass(msg.sender, spend);
        spendHash = _hash(msg.sender, spend);
        if (_isExecutable(msg.sender, spendHash)) return _pass(msg.sender, spend);
        Spend[] memory spends = AccountCalls.batchOf(spend);
        for (uint256 i = 0; i < spends.length; ++i) _pass(msg.sender, spends[i]);
    }
}

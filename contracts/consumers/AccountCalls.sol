// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Execution, IERC7579Execution, IERC7579ModuleConfig} from "@openzeppelin/contracts/interfaces/draft-IERC7579.sol";
import {ISpendingGuardTypes} from "../interfaces/ISpendingGuard.sol";
import {Operation} from "../interfaces/ISafeGuards.sol";

/// @dev The owner-management functions of a Safe, for their selectors.
interface ISafeRecovery {
    function swapOwner(address prevOwner, address oldOwner, address newOwner) external;
    function addOwnerWithThreshold(address owner, uint256 threshold) external;
    function removeOwner(address prevOwner, address owner, uint256 threshold) external;
    function changeThreshold(uint256 threshold) external;
    function setGuard(address guard) external;
    function setModuleGuard(address moduleGuard) external;
    function disableModule(address prevModule, address module) external;
}

/// @title Reading what accounts are about to do: the calls that recover, and the executions of an ERC-7579 account
library AccountCalls {
    /// @dev executeUserOp(PackedUserOperation,bytes32) of ERC-4337: what it does depends on the account.
    bytes4 private constant EXECUTE_USER_OP = 0x8dd7712f;
    bytes1 private constant CALL_SINGLE = 0x00;
    bytes1 private constant CALL_BATCH = 0x01;
    bytes1 private constant CALL_STATIC = 0xfe;
    bytes1 private constant CALL_DELEGATE = 0xff;
    uint256 private constant ADDRESS_BYTES = 20;
    uint256 private constant SINGLE_BYTES = 52;
    uint256 private constant SELECTOR_BYTES = 4;

    /// @notice Whether a call manages the account's owners, guards or modules; and the empty call to itself, with which a Safe
    /// uses up a nonce.
    function isRecovery(
        address account,
        ISpendingGuardTypes.Spend memory spend
    ) internal pure returns (bool) {
        if (spend.to != account || spend.operation != Operation.Call) return false;
        if (spend.data.length == 0) return true;
        bytes4 selector = bytes4(spend.data);
        if (spend.origin == ISpendingGuardTypes.Origin.Hook) {
            return
                selector == IERC7579ModuleConfig.installModule.selector ||
                selector == IERC7579ModuleConfig.uninstallModule.selector;
        }
        return
            selector == ISafeRecovery.swapOwner.selector ||
            selector == ISafeRecovery.addOwnerWithThreshold.selector ||
            selector == ISafeRecovery.removeOwner.selector ||
            selector == ISafeRecovery.changeThreshold.selector ||
            selector == ISafeRecovery.setGuard.selector ||
            selector == ISafeRecovery.setModuleGuard.selector ||
            selector == ISafeRecovery.disableModule.selector;
    }

    /// @notice What an ERC-7579 account executes when it is called so; none for calls that execute nothing.
    function executionsOf(bytes calldata msgData) internal pure returns (ISpendingGuardTypes.Spend[] memory spends) {
        bytes4 selector = bytes4(msgData);
        if (selector == EXECUTE_USER_OP) revert ISpendingGuardTypes.UnsupportedCall(selector);
        if (selector != IERC7579Execution.execute.selector && selector != IERC7579Execution.executeFromExecutor.selector) {
            return spends;
        }
        (bytes32 mode, bytes memory execution) = abi.decode(msgData[SELECTOR_BYTES:], (bytes32, bytes));
        bytes1 callType = bytes1(mode);
        if (callType == CALL_STATIC) return spends;
        if (callType == CALL_BATCH) return _batch(abi.decode(execution, (Execution[])));
        spends = new ISpendingGuardTypes.Spend[](1);
        if (callType == CALL_SINGLE) spends[0] = _single(execution);
        else if (callType == CALL_DELEGATE) spends[0] = _delegate(execution);
        else revert ISpendingGuardTypes.UnsupportedCallType(callType);
    }

    function _batch(Execution[] memory executions) private pure returns (ISpendingGuardTypes.Spend[] memory spends) {
        spends = new ISpendingGuardTypes.Spend[](executions.length);
        for (uint256 i = 0; i < executions.length; ++i) {
            spends[i] = _hooked(executions[i].target, executions[i].value, executions[i].callData, Operation.Call);
        }
    }

    /// @dev target ‖ value ‖ calldata.
    function _single(bytes memory execution) private pure returns (ISpendingGuardTypes.Spend memory) {
        uint256 value;
        bytes memory data = _tail(execution, SINGLE_BYTES);
        assembly ("memory-safe") {
            value := mload(add(execution, 0x34))
        }
        return _hooked(address(bytes20(execution)), value, data, Operation.Call);
    }

    /// @dev target ‖ calldata.
    function _delegate(bytes memory execution) private pure returns (ISpendingGuardTypes.Spend memory) {
        bytes memory data = _tail(execution, ADDRESS_BYTES);
        return _hooked(address(bytes20(execution)), 0, data, Operation.DelegateCall);
    }

    function _hooked(
        address to,
        uint256 value,
        bytes memory data,
        Operation operation
    ) private pure returns (ISpendingGuardTypes.Spend memory) {
        return ISpendingGuardTypes.Spend(to, value, data, operation, ISpendingGuardTypes.Origin.Hook);
    }

    function _tail(bytes memory source, uint256 from) private pure returns (bytes memory tail) {
        if (source.length < from) revert ISpendingGuardTypes.MalformedExecution(source.length, from);
        uint256 length = source.length - from;
        tail = new bytes(length);
        assembly ("memory-safe") {
            mcopy(add(tail, 0x20), add(add(source, 0x20), from), length)
        }
    }
}

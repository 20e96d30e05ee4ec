// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAccountExecute, PackedUserOperation} from "@openzeppelin/contracts/interfaces/IERC4337.sol";
import {Execution, IERC7579Execution, IERC7579ModuleConfig} from "@openzeppelin/contracts/interfaces/draft-IERC7579.sol";
import {IERC777Recipient} from "@openzeppelin/contracts/interfaces/IERC777Recipient.sol";
import {IERC1155Receiver} from "@openzeppelin/contracts/token/ERC1155/IERC1155Receiver.sol";
import {IERC721Receiver} from "@openzeppelin/contracts/token/ERC721/IERC721Receiver.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ISpendingGuardTypes} from "../interfaces/ISpendingGuard.sol";
import {Operation} from "../interfaces/ISafeGuards.sol";

/// @dev Declares the owner-management functions of a Safe, for their selectors only.
interface ISafeRecovery {
    function swapOwner(address prevOwner, address oldOwner, address newOwner) external;
    function addOwnerWithThreshold(address owner, uint256 threshold) external;
    function removeOwner(address prevOwner, address owner, uint256 threshold) external;
    function changeThreshold(uint256 threshold) external;
    function setGuard(address guard) external;
    function setModuleGuard(address moduleGuard) external;
    function disableModule(address prevModule, address module) external;
}

/// @dev Safe's MultiSend, for its selector.
interface IMultiSend {
    function multiSend(bytes memory transactions) external payable;
}

/// @title Reads the calls that an account is about to make: those that recover it, and the executions of an ERC-7579 account
library AccountCalls {
    /// @dev Hashes of the code of Safe's MultiSendCallOnly 1.3.0, 1.4.1 and 1.5.0, from safe-deployments. A Safe's wallet sends
    /// every batch through it. The guard compares code, because the address differs between chains.
    bytes32 private constant MULTI_SEND_1_3 = 0xa9865ac2d9c7a1591619b188c4d88167b50df6cc0c5327fcbd1c8c75f7c066ad;
    bytes32 private constant MULTI_SEND_1_4 = 0xecd5bd14a08c5d2122379900b2f272bdf107a7e92423c10dd5fe3254386c9939;
    bytes32 private constant MULTI_SEND_1_5 = 0xcdbdcec38d2f1c7d961b0029ff8416b7e86e9974d6f0e9c9580c7d17fcfb6663;
    /// @dev operation ‖ to ‖ value ‖ length, in front of each call's data.
    uint256 private constant ENTRY_BYTES = 85;
    bytes1 private constant CALL_SINGLE = 0x00;
    bytes1 private constant CALL_BATCH = 0x01;
    bytes1 private constant CALL_STATIC = 0xfe;
    bytes1 private constant CALL_DELEGATE = 0xff;
    uint256 private constant ADDRESS_BYTES = 20;
    uint256 private constant SINGLE_BYTES = 52;
    uint256 private constant SELECTOR_BYTES = 4;

    /// @notice Whether a call manages the account's owners, guards or modules, or is the empty call to itself with which a Safe
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

    /// @notice Whether a transaction is a batch of Safe's MultiSendCallOnly.
    function isBatch(ISpendingGuardTypes.Spend memory spend) internal view returns (bool) {
        if (spend.operation != Operation.DelegateCall || bytes4(spend.data) != IMultiSend.multiSend.selector) return false;
        bytes32 code = spend.to.codehash;
        return code == MULTI_SEND_1_5 || code == MULTI_SEND_1_4 || code == MULTI_SEND_1_3;
    }

    /// @notice Returns the calls of such a batch. Refuses a truncated list: MultiSend itself would read past its end.
    function batchOf(
        ISpendingGuardTypes.Spend memory batch
    ) internal pure returns (ISpendingGuardTypes.Spend[] memory spends) {
        bytes memory list = abi.decode(_tail(batch.data, SELECTOR_BYTES), (bytes));
        uint256 count;
        for (uint256 at = 0; at < list.length; ++count) at += _entryBytes(list, at);
        spends = new ISpendingGuardTypes.Spend[](count);
        uint256 start;
        for (uint256 i = 0; i < count; ++i) {
            uint256 size = _entryBytes(list, start);
            spends[i] = _entry(list, start, size, i);
            spends[i].origin = batch.origin;
            start += size;
        }
    }

    /// @notice Returns the calls that an ERC-7579 account executes for this calldata; none for a change of modules, a token's
    /// callback or incoming ether. Refuses everything else, because calldata that the guard cannot read may move money.
    function executionsOf(bytes calldata msgData) internal pure returns (ISpendingGuardTypes.Spend[] memory spends) {
        if (msgData.length == 0) return spends;
        bytes4 selector = bytes4(msgData);
        if (selector == IAccountExecute.executeUserOp.selector) {
            // The account runs the code behind the selector of the operation's own calldata, as ERC-7579's reference does.
            (PackedUserOperation memory operation, ) = abi.decode(
                msgData[SELECTOR_BYTES:],
                (PackedUserOperation, bytes32)
            );
            return _executions(_tail(operation.callData, SELECTOR_BYTES));
        }
        return _executions(msgData);
    }

    function _executions(bytes memory call) private pure returns (ISpendingGuardTypes.Spend[] memory spends) {
        bytes4 selector = bytes4(call);
        if (_movesNothing(selector)) return spends;
        if (selector != IERC7579Execution.execute.selector && selector != IERC7579Execution.executeFromExecutor.selector) {
            revert ISpendingGuardTypes.UnsupportedCall(selector);
        }
        (bytes32 mode, bytes memory execution) = abi.decode(_tail(call, SELECTOR_BYTES), (bytes32, bytes));
        bytes1 callType = bytes1(mode);
        if (callType == CALL_STATIC) return spends;
        if (callType == CALL_BATCH) return _batch(abi.decode(execution, (Execution[])));
        spends = new ISpendingGuardTypes.Spend[](1);
        if (callType == CALL_SINGLE) spends[0] = _single(execution);
        else if (callType == CALL_DELEGATE) spends[0] = _delegate(execution);
        else revert ISpendingGuardTypes.UnsupportedCallType(callType);
    }

    function _movesNothing(bytes4 selector) private pure returns (bool) {
        return
            selector == IERC7579ModuleConfig.installModule.selector ||
            selector == IERC7579ModuleConfig.uninstallModule.selector ||
            selector == IERC721Receiver.onERC721Received.selector ||
            selector == IERC1155Receiver.onERC1155Received.selector ||
            selector == IERC1155Receiver.onERC1155BatchReceived.selector ||
            selector == IERC777Recipient.tokensReceived.selector;
    }

    /// @dev Length of the entry that starts at `at`.
    function _entryBytes(bytes memory list, uint256 at) private pure returns (uint256 size) {
        uint256 left = list.length - at;
        if (left < ENTRY_BYTES) revert ISpendingGuardTypes.MalformedExecution(left, ENTRY_BYTES);
        uint256 dataBytes;
        assembly ("memory-safe") {
            dataBytes := mload(add(add(list, 0x55), at))
        }
        if (dataBytes > left - ENTRY_BYTES) {
            revert ISpendingGuardTypes.MalformedExecution(left, Math.saturatingAdd(ENTRY_BYTES, dataBytes));
        }
        return ENTRY_BYTES + dataBytes;
    }

    function _entry(
        bytes memory list,
        uint256 at,
        uint256 size,
        uint256 index
    ) private pure returns (ISpendingGuardTypes.Spend memory spend) {
        uint256 operation;
        address to;
        uint256 value;
        bytes memory data = new bytes(size - ENTRY_BYTES);
        assembly ("memory-safe") {
            let entry := add(add(list, 0x20), at)
            operation := shr(248, mload(entry))
            to := shr(96, mload(add(entry, 0x01)))
            value := mload(add(entry, 0x15))
            mcopy(add(data, 0x20), add(entry, 0x55), mload(data))
        }
        // Accepts only calls, and none to the zero address: newer versions take it for the account itself, older ones do not.
        if (operation != 0 || to == address(0)) revert ISpendingGuardTypes.BatchEntryUnsupported(index);
        (spend.to, spend.value, spend.data) = (to, value, data);
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

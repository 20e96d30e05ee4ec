// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {Head} from "./Head.sol";
import {ServiceClock} from "./ServiceClock.sol";
import {ServiceStorage} from "./ServiceStorage.sol";

/// @title A part of a service that leaves the recording of transitions to the clock's part
/// @dev Works on `_head` in memory between `_settle` and `_complete` or `_endNow`, and never writes it after the latter.
abstract contract ClockedPart is ServiceStorage {
    /// @notice Code of the clock's part.
    ServiceClock public immutable CLOCK_PART;

    constructor(ServiceClock clockPart_) {
        if (!clockPart_.isOf(REGISTRY, MODELS)) revert PartMismatch(address(clockPart_));
        CLOCK_PART = clockPart_;
    }

    /// @dev Records the clock's decisions. Called before an action.
    function _settle() internal returns (Head memory h) {
        _record();
        h = _head;
    }

    /// @dev Like `_settle`, for the steps that every member does in every round. They read the head themselves: returning a
    /// structure would build it twice.
    function _record() internal {
        if (block.timestamp < _head.deadline) return;
        Address.functionDelegateCall(address(CLOCK_PART), abi.encodeCall(ServiceClock.settle, ()));
    }

    /// @dev Writes the head, and records the transition of a state that has done its work.
    function _complete(Head memory h) internal {
        _head = h;
        Address.functionDelegateCall(address(CLOCK_PART), abi.encodeCall(ServiceClock.complete, ()));
    }

    /// @dev Writes the head and ends the state now, before its deadline. Records the consequences, as far as one transaction can;
    /// if seats are left to vacate, they wait for a poke.
    function _endNow(Head memory h) internal {
        h.deadline = uint40(block.timestamp);
        _head = h;
        Address.functionDelegateCall(address(CLOCK_PART), abi.encodeCall(ServiceClock.poke, ()));
    }

    /// @dev Delegates the call, unchanged, to a part, and passes on its answer or its revert.
    function _delegate(address part) internal {
        assembly ("memory-safe") {
            let start := mload(0x40)
            calldatacopy(start, 0, calldatasize())
            let done := delegatecall(gas(), part, start, calldatasize(), 0, 0)
            returndatacopy(start, 0, returndatasize())
            switch done
            case 0 {
                revert(start, returndatasize())
            }
            default {
                return(start, returndatasize())
            }
        }
    }
}

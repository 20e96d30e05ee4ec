// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {Head} from "./Head.sol";
import {ServiceClock} from "./ServiceClock.sol";
import {ServiceStorage} from "./ServiceStorage.sol";

/// @title A part of a service that leaves the recording of transitions to the clock's part
/// @dev Works on `_head` in memory between the two, and never writes it after `_complete` or `_endNow`.
abstract contract ClockedPart is ServiceStorage {
    /// @notice Code of the clock's part.
    ServiceClock public immutable CLOCK_PART;

    constructor(ServiceClock clockPart_) {
        if (!clockPart_.isOf(REGISTRY, MODELS)) revert PartMismatch(address(clockPart_));
        CLOCK_PART = clockPart_;
    }

    /// @dev Records the clock's decisions, before an action.
    function _settle() internal returns (Head memory h) {
        _record();
        h = _head;
    }

    /// @dev The same for steps that every member does in every round. These read the head themselves, because returning a
    /// structure would build it twice.
    function _record() internal {
        if (block.timestamp < _head.deadline) return;
        Address.functionDelegateCall(address(CLOCK_PART), abi.encodeCall(ServiceClock.settle, ()));
    }

    /// @dev Writes the head, and records the transition of a state once its work is done.
    function _complete(Head memory h) internal {
        _head = h;
        Address.functionDelegateCall(address(CLOCK_PART), abi.encodeCall(ServiceClock.complete, ()));
    }

    /// @dev Writes the head and ends the state now, before its deadline. Records the consequences, as far as one transaction may;
    /// further seats to vacate wait for a poke.
    function _endNow(Head memory h) internal {
        h.deadline = uint40(block.timestamp);
        _head = h;
        Address.functionDelegateCall(address(CLOCK_PART), abi.encodeCall(ServiceClock.poke, ()));
    }

    /// @dev Delegates the unchanged call to a part, and returns its answer or its revert unchanged.
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

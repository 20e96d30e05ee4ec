// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ISuccessors} from "../interfaces/ISuccessors.sol";

/// @title Contracts that the DAO recommends as replacements
/// @notice See ISuccessors, which owns the documentation.
contract Successors is ISuccessors {
    /// @notice Longest chain of successors.
    uint256 public constant MAX_CHAIN = 16;

    address public immutable TIMELOCK;

    /// @inheritdoc ISuccessors
    mapping(address predecessor => address) public successorOf;

    constructor(address timelock) {
        if (timelock == address(0)) revert ZeroAddress();
        TIMELOCK = timelock;
    }

    /// @inheritdoc ISuccessors
    function nameSuccessor(address predecessor, address successor) external {
        if (msg.sender != TIMELOCK) revert NotTimelock(msg.sender);
        if (predecessor == address(0)) revert ZeroAddress();
        if (successor != address(0)) {
            if (successor.code.length == 0) revert SuccessorHasNoCode(successor);
            uint256 length = 1;
            for (address next = successor; next != address(0); next = successorOf[next]) {
                if (next == predecessor || length++ > MAX_CHAIN) {
                    revert ChainInvalid(predecessor, successor, MAX_CHAIN);
                }
            }
        }
        successorOf[predecessor] = successor;
        emit SuccessorNamed(predecessor, successor);
    }

    /// @inheritdoc ISuccessors
    function latestOf(address predecessor) external view returns (address latest) {
        latest = predecessor;
        for (address next = successorOf[latest]; next != address(0); next = successorOf[latest]) latest = next;
    }
}

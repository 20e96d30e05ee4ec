// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IInferenceConsumer} from "../interfaces/IInferenceConsumer.sol";
import {IInferenceHub} from "../interfaces/IInferenceHub.sol";
import {OutputReading} from "../inference/OutputReading.sol";

/// @title The shortest contract that acts on a model's answer
contract DigitReader is IInferenceConsumer {
    IInferenceHub private immutable HUB;
    mapping(bytes32 requestId => uint256) public digitOf;

    error NotTheHub(address caller);

    constructor(IInferenceHub hub) {
        HUB = hub;
    }

    /// @notice Asks `modelId` about a committed picture; the ether sent is the price of an answer within the hour.
    function ask(uint256 modelId, bytes32 input) external payable returns (bytes32) {
        return HUB.request{value: msg.value}(modelId, input, uint64(block.timestamp + 1 hours), 100_000, "");
    }

    /// @inheritdoc IInferenceConsumer
    function onInference(bytes32 requestId, uint256 modelId, uint64, bytes32, uint256 output) external {
        if (msg.sender != address(HUB)) revert NotTheHub(msg.sender);
        (digitOf[requestId], ) = OutputReading.label(HUB.modelOf(modelId).form, output);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IClaimRegistry, IClaimRegistryTypes} from "../interfaces/IClaimRegistry.sol";
import {IInferenceHub} from "../interfaces/IInferenceHub.sol";

/// @title A contract that asks a model only while the model's fairness is on record
/// @dev If nobody answers a request, its price goes back to the account that asked the hub: this contract. A contract for real use
/// needs a way to `withdraw` it.
contract FairReader {
    IInferenceHub private immutable HUB;
    IClaimRegistry private immutable CLAIMS;
    IClaimRegistryTypes.Requirement private _required;

    error NoBadge(uint256 modelId, uint64 version);
    error OtherService(uint256 modelId, address found, address expected);

    /// @param required Statement, source and bound. Its version is replaced by that of each model asked.
    constructor(IInferenceHub hub, IClaimRegistry claims, IClaimRegistryTypes.Requirement memory required) {
        HUB = hub;
        CLAIMS = claims;
        _required = required;
    }

    /// @notice Asks `modelId` about a committed input, if the version that would answer has the badge.
    function ask(uint256 modelId, bytes32 input) external payable returns (bytes32) {
        IClaimRegistryTypes.Requirement memory required = _required;
        address service = HUB.modelOf(modelId).service;
        if (service != required.service) revert OtherService(modelId, service, required.service);
        required.version = HUB.versionInForce(modelId);
        if (!CLAIMS.hasBadge(required)) revert NoBadge(modelId, required.version);
        return HUB.request{value: msg.value}(modelId, input, uint64(block.timestamp + 1 hours), 0, "");
    }
}

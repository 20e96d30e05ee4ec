// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC165} from "@openzeppelin/contracts/utils/introspection/ERC165.sol";
import {IERC8004ValidationRegistry, IHubValidator} from "../interfaces/IHubValidator.sol";
import {IInferenceHub, IInferenceHubTypes} from "../interfaces/IInferenceHub.sol";

/// @title The hub as a validator of ERC-8004
/// @notice See IHubValidator, which owns the documentation.
/// @dev Has neither storage nor funds, so a registry that calls back can disturb nothing. It reports the hub's record, under a
/// hash that binds chain and hub, and reports the same to every registry.
contract HubValidator is IHubValidator, ERC165 {
    string private constant TAG = "cohort.inference.v1";
    uint8 private constant PROVEN = 100;
    uint8 private constant REFUTED = 0;

    IInferenceHub public immutable HUB;

    constructor(IInferenceHub hub) {
        if (address(hub) == address(0)) revert ZeroAddress("hub");
        HUB = hub;
    }

    /// @inheritdoc IHubValidator
    function answer(IERC8004ValidationRegistry registry, Claim calldata claim) external returns (uint8 response) {
        // Reverts while the request is not fulfilled.
        (uint64 version, uint256 output) = HUB.resultOf(claim.hubRequestId);
        IInferenceHubTypes.Request memory request = HUB.getRequest(claim.hubRequestId);
        if (
            request.modelId != claim.modelId ||
            version != claim.version ||
            request.inputCommitment != claim.inputCommitment
        ) revert ClaimOfOtherRequest(claim.hubRequestId);
        bytes32 requestHash = hashOf(claim);
        (, uint256 agentId) = registry.getValidationStatus(requestHash);
        if (agentId != claim.agentId) revert ClaimOfOtherAgent(agentId, claim.agentId);
        response = output == claim.output ? PROVEN : REFUTED;
        registry.validationResponse(requestHash, response, "", bytes32(0), TAG);
    }

    /// @inheritdoc IHubValidator
    function contentOf(Claim calldata claim) public view returns (bytes memory) {
        return abi.encode(TAG, block.chainid, address(HUB), claim);
    }

    /// @inheritdoc IHubValidator
    function hashOf(Claim calldata claim) public view returns (bytes32) {
        return keccak256(contentOf(claim));
    }

    /// @inheritdoc ERC165
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == type(IHubValidator).interfaceId || super.supportsInterface(interfaceId);
    }
}

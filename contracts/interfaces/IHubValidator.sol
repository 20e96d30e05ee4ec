// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title The part of ERC-8004's validation registry that a validator uses (draft of 2026-02)
/// @notice An agent's owner asks a validator about a piece of work, known by a hash; the validator answers 0 … 100.
interface IERC8004ValidationRegistry {
    function validationResponse(
        bytes32 requestHash,
        uint8 response,
        string calldata responseURI,
        bytes32 responseHash,
        string calldata tag
    ) external;

    /// @dev The registry returns more values, which this contract does not read.
    function getValidationStatus(
        bytes32 requestHash
    ) external view returns (address validatorAddress, uint256 agentId);
}

/// @title Answers ERC-8004 validation requests with outputs proven to the hub
/// @notice An agent claims that a model said something. Its owner names this contract as the validator, with `hashOf(claim)` as
/// the request's hash and `contentOf(claim)` as the content behind its URI. Once a request of the hub about the same model,
/// version and input is fulfilled, anyone can have the answer recorded: 100 when the proven output is the claimed one, else 0.
/// The contract has no roles, and no discretion over the result.
interface IHubValidator {
    // ------------------------------------------------------------------------------------------------- errors

    error ZeroAddress(bytes32 field);
    /// @notice The hub's request is about something else, so it neither supports nor refutes the claim.
    error ClaimOfOtherRequest(bytes32 hubRequestId);
    /// @notice The registry holds the claim's hash for a different agent from the one in the claim.
    error ClaimOfOtherAgent(uint256 found, uint256 claimed);

    // ------------------------------------------------------------------------------------------------- types

    /// @param agentId The agent that makes the claim, by its id in the registry. The claim counts for no other agent.
    /// @param salt Any value. A registry accepts a hash only once, from whoever sends it first. An agent that finds its hash
    /// taken repeats the claim with another salt.
    /// @param hubRequestId The hub's request that proves the claim. Anybody can post one; it must exist before the claim is
    /// made.
    /// @param version The version of the model that was asked.
    struct Claim {
        uint256 agentId;
        bytes32 salt;
        bytes32 hubRequestId;
        uint256 modelId;
        uint64 version;
        bytes32 inputCommitment;
        uint256 output;
    }

    // ------------------------------------------------------------------------------------------------- actions

    /// @notice Sends the registry the answer to its request `hashOf(claim)`, with tag "cohort.inference.v1". Anyone may.
    /// @dev The hub reverts with NotFulfilled as long as nothing is proven. The registry reverts for a request that does not
    /// name this contract.
    /// @return response 100 or 0.
    function answer(IERC8004ValidationRegistry registry, Claim calldata claim) external returns (uint8 response);

    // ------------------------------------------------------------------------------------------------- views

    /// @notice The content behind the request's URI: abi.encode("cohort.inference.v1", chain, hub, claim).
    function contentOf(Claim calldata claim) external view returns (bytes memory);

    /// @notice keccak256 of the content.
    function hashOf(Claim calldata claim) external view returns (bytes32);
}

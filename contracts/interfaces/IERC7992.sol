// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title The verifier half of ERC-7992 (draft of 2025-11), verifiable inference of machine-learning models.
/// @dev In the draft, an event and an error have the same name, which does not compile. The error is renamed here.
interface IERC7992Verifier {
    /// @notice The proof does not hold for the statement that the contract built.
    error InvalidProof();
    error UnsupportedProofSystem(bytes4 proofSystemId);
    /// @notice The owner withdrew the model.
    error VerificationRefusedModelDeprecated(uint256 modelId);

    event InferenceVerified(
        uint256 indexed modelId,
        bytes32 indexed inputCommitment,
        bytes output,
        address indexed caller
    );

    /// @notice Reverts unless `proof` shows that the model gives `output` on the committed input.
    function verifyInference(
        uint256 modelId,
        bytes32 inputCommitment,
        bytes calldata output,
        bytes calldata proof
    ) external;

    function proofSystemOf(uint256 modelId) external view returns (bytes4);

    /// @notice The contract that issues model ids.
    function registry() external view returns (address);
}

/// @title Data and events of the registry half of ERC-7992.
interface IERC7992Types {
    error ModelNotFound(uint256 modelId);
    error NotModelOwner(uint256 modelId, address caller);

    struct ModelCommitment {
        /// Commitment to the weights; zero for a model that follows its service's releases.
        bytes32 modelHash;
        /// Circuit id in the VerifierRegistry.
        bytes32 circuitHash;
        /// Hash of the verification key.
        bytes32 vkHash;
        /// First four bytes of the keccak256 of the proof system's name.
        bytes4 proofSystemId;
        /// Where to read more; at most 256 bytes.
        string uri;
    }

    event ModelRegistered(uint256 indexed modelId, address indexed owner, ModelCommitment commitment);
    event ModelDeprecated(uint256 indexed modelId);
}

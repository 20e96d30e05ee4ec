// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IInferenceHub} from "../interfaces/IInferenceHub.sol";
import {IModelRegistry, IModelRegistryErrors} from "../interfaces/IModelRegistry.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";

/// @title The models that can be asked: ids for (service, version or current release, circuit)
abstract contract ModelCatalog is IInferenceHub {
    /// @notice The only proof system so far.
    bytes4 public constant GROTH16_BN254 = bytes4(keccak256("groth16-bn254-v1"));
    uint256 public constant MAX_URI_BYTES = 256;

    IModelRegistry public immutable MODELS;
    /// @inheritdoc IInferenceHub
    IVerifierRegistry public immutable VERIFIERS;

    uint256 private _count;
    mapping(uint256 modelId => Model) private _models;
    mapping(uint256 modelId => string) private _uris;

    constructor(IModelRegistry models, IVerifierRegistry verifiers) {
        MODELS = models;
        VERIFIERS = verifiers;
    }

    /// @inheritdoc IInferenceHub
    function registerModel(
        ModelCommitment calldata commitment,
        address service,
        uint64 version,
        OutputSchema calldata schema
    ) external returns (uint256 modelId) {
        bool scaled = schema.scale != 0;
        if (schema.form == OutputForm.Unstated || scaled != (schema.form == OutputForm.Score)) {
            revert OutputSchemaInvalid(schema.form, schema.scale);
        }
        if (commitment.proofSystemId != GROTH16_BN254) revert UnsupportedProofSystem(commitment.proofSystemId);
        uint256 length = bytes(commitment.uri).length;
        if (length > MAX_URI_BYTES) revert UriTooLong(length, MAX_URI_BYTES);
        VERIFIERS.resolve(commitment.circuitHash);
        bytes32 vkHash = VERIFIERS.getVerifier(commitment.circuitHash).vkHash;
        if (vkHash != commitment.vkHash) revert VkHashMismatch(commitment.circuitHash, commitment.vkHash, vkHash);
        if (!MODELS.isService(service)) revert IModelRegistryErrors.UnknownService(service);
        modelId = _count + 1;
        bytes32 weights;
        if (version != 0) {
            IModelRegistryErrors.VersionStatus status;
            (status, weights, ) = MODELS.lookUp(service, version);
            if (!_isAcceptedOrReleased(status)) revert VersionNotUsable(modelId, version);
        }
        if (weights != commitment.modelHash) revert ModelHashMismatch(service, version, commitment.modelHash, weights);

        _count = modelId;
        _models[modelId] = Model({
            service: service,
            pinned: version,
            deprecated: false,
            form: schema.form,
            owner: msg.sender,
            scale: schema.scale,
            circuitId: commitment.circuitHash,
            vkHash: vkHash
        });
        _uris[modelId] = commitment.uri;
        emit ModelRegistered(modelId, msg.sender, commitment);
        emit ModelBound(modelId, service, version, commitment.circuitHash);
        emit OutputStated(modelId, schema.form, schema.scale);
    }

    /// @inheritdoc IInferenceHub
    function deprecateModel(uint256 modelId) external {
        Model storage model = _known(modelId);
        if (model.owner != msg.sender) revert NotModelOwner(modelId, msg.sender);
        if (model.deprecated) revert VerificationRefusedModelDeprecated(modelId);
        model.deprecated = true;
        emit ModelDeprecated(modelId);
    }

    /// @inheritdoc IInferenceHub
    function getModel(
        uint256 modelId
    ) external view returns (ModelCommitment memory commitment, bool deprecated, address owner) {
        Model storage model = _known(modelId);
        bytes32 weights;
        if (model.pinned != 0) (, weights, ) = MODELS.lookUp(model.service, model.pinned);
        commitment = ModelCommitment(weights, model.circuitId, model.vkHash, GROTH16_BN254, _uris[modelId]);
        return (commitment, model.deprecated, model.owner);
    }

    /// @inheritdoc IInferenceHub
    function modelOf(uint256 modelId) external view returns (Model memory) {
        return _known(modelId);
    }

    /// @inheritdoc IInferenceHub
    function modelCount() external view returns (uint256) {
        return _count;
    }

    /// @notice The proof system of a model that exists.
    function proofSystemOf(uint256 modelId) external view returns (bytes4) {
        _known(modelId);
        return GROTH16_BN254;
    }

    /// @notice The registry of model ids: the hub itself issues them.
    function registry() external view returns (address) {
        return address(this);
    }

    /// @inheritdoc IInferenceHub
    function versionInForce(uint256 modelId) external view returns (uint64) {
        return _versionInForce(_alive(modelId));
    }

    function _known(uint256 modelId) internal view returns (Model storage model) {
        model = _models[modelId];
        if (model.service == address(0)) revert ModelNotFound(modelId);
    }

    function _alive(uint256 modelId) internal view returns (Model storage model) {
        model = _known(modelId);
        if (model.deprecated) revert VerificationRefusedModelDeprecated(modelId);
    }

    /// @dev Reverts with NoReleasedVersion for a following model when its service has released nothing.
    function _versionInForce(Model storage model) internal view returns (uint64) {
        return model.pinned == 0 ? MODELS.currentVersion(model.service) : model.pinned;
    }

    /// @dev Whether proofs about `version` are accepted at all, the commitment of its weights, and the version in force (0 for
    /// none). A pinned version need only be accepted, because the owner of the id chose it explicitly. A deprecated version is
    /// never usable.
    function _judge(
        Model storage model,
        uint64 version
    ) internal view returns (bool usable, bytes32 weights, uint64 inForce) {
        uint64 pinned = model.pinned;
        IModelRegistryErrors.VersionStatus status;
        (status, weights, inForce) = MODELS.lookUp(model.service, version);
        if (pinned == 0) {
            usable = status == IModelRegistryErrors.VersionStatus.Released;
        } else {
            usable = version == pinned && _isAcceptedOrReleased(status);
            inForce = pinned;
        }
    }

    function _isAcceptedOrReleased(IModelRegistryErrors.VersionStatus status) private pure returns (bool) {
        return
            status == IModelRegistryErrors.VersionStatus.Accepted ||
            status == IModelRegistryErrors.VersionStatus.Released;
    }
}

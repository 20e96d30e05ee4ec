// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC165} from "@openzeppelin/contracts/utils/introspection/ERC165.sol";
import {IERC7992Verifier} from "../interfaces/IERC7992.sol";
import {Groth16Proof} from "../interfaces/IGroth16Verifier.sol";
import {IInferenceConsumer} from "../interfaces/IInferenceConsumer.sol";
import {IInferenceHub} from "../interfaces/IInferenceHub.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {IPullPayments} from "../interfaces/IPullPayments.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";
import {InferenceVerification} from "./InferenceVerification.sol";
import {ModelCatalog} from "./ModelCatalog.sol";
import {PullPayments} from "./PullPayments.sol";

/// @title Proven inferences on demand
/// @notice See IInferenceHub, which owns the documentation. The hub has neither roles nor an administrator: the registries decide
/// which models can be asked. Payments are pulled, and every state change precedes every external call.
contract InferenceHub is InferenceVerification, PullPayments, ERC165 {
    /// @notice Longest time that a request stays open, in seconds.
    uint256 public constant MAX_REQUEST_SECONDS = 30 days;
    /// @notice Most callback gas that a consumer can ask the prover to pay for.
    uint256 public constant MAX_CALLBACK_GAS = 2_000_000;
    /// @notice Longest payload of a request, in bytes.
    uint256 public constant MAX_PAYLOAD_BYTES = 16_384;
    /// @dev Gas that the call itself and the event after it need, with a margin.
    uint256 private constant CALLBACK_RESERVE = 20_000;

    uint256 private _requestCount;
    mapping(bytes32 requestId => Request) private _requests;

    constructor(IModelRegistry models, IVerifierRegistry verifiers) ModelCatalog(models, verifiers) {}

    /// @inheritdoc IInferenceHub
    function request(
        uint256 modelId,
        bytes32 inputCommitment,
        uint64 deadline,
        uint32 callbackGas,
        bytes calldata payload
    ) external payable returns (bytes32 requestId) {
        if (msg.value == 0) revert ZeroPrice();
        if (msg.value > type(uint96).max) revert PriceTooHigh(msg.value, type(uint96).max);
        if (deadline <= block.timestamp) revert DeadlinePassed(deadline, block.timestamp);
        uint256 latest = block.timestamp + MAX_REQUEST_SECONDS;
        if (deadline > latest) revert DeadlineTooFar(deadline, latest);
        if (payload.length > MAX_PAYLOAD_BYTES) revert PayloadTooLong(payload.length, MAX_PAYLOAD_BYTES);
        if (callbackGas > MAX_CALLBACK_GAS) revert CallbackGasTooHigh(callbackGas, MAX_CALLBACK_GAS);
        if (callbackGas != 0 && msg.sender.code.length == 0) revert ConsumerHasNoCode(msg.sender);
        uint256 needed = 2 * block.basefee * callbackGas;
        if (msg.value < needed) revert PriceBelowCallback(msg.value, needed);
        uint64 version = _requireAskable(modelId);
        _requireField(1, uint256(inputCommitment));

        requestId = bytes32(++_requestCount);
        Request storage entry = _requests[requestId];
        entry.requester = msg.sender;
        entry.deadline = deadline;
        entry.callbackGas = callbackGas;
        entry.price = uint96(msg.value);
        entry.version = version;
        entry.modelId = uint64(modelId);
        entry.inputCommitment = inputCommitment;
        emit InferenceRequested(
            requestId,
            modelId,
            msg.sender,
            version,
            inputCommitment,
            msg.value,
            deadline,
            payload
        );
    }

    /// @inheritdoc IInferenceHub
    function fulfil(bytes32 requestId, uint256 output, Groth16Proof calldata proof) external {
        Request storage entry = _requests[requestId];
        (bytes32 circuitId, uint256[4] memory signals) = _statement(entry, requestId, output);
        _check(circuitId, signals, proof);
        _settle(entry, output);
        _announce(entry, requestId, output);
    }

    /// @inheritdoc IInferenceHub
    function fulfilBatch(
        bytes32[] calldata requestIds,
        uint256[] calldata outputs,
        Groth16Proof[] calldata proofs
    ) external {
        _requireBatch(requestIds.length, outputs.length, proofs.length);
        uint256[4][] memory signals = new uint256[4][](proofs.length);
        bytes32 circuitId;
        for (uint256 i = 0; i < proofs.length; ++i) {
            Request storage entry = _requests[requestIds[i]];
            bytes32 found;
            (found, signals[i]) = _statement(entry, requestIds[i], outputs[i]);
            if (i == 0) circuitId = found;
            else if (found != circuitId) revert BatchOfOneCircuit(requestIds[i], found, circuitId);
            // Settled at once, so that a request that occurs twice in a batch is not open the second time.
            _settle(entry, outputs[i]);
        }
        _checkAll(circuitId, signals, proofs);
        for (uint256 i = 0; i < proofs.length; ++i) {
            _announce(_requests[requestIds[i]], requestIds[i], outputs[i]);
        }
    }

    /// @inheritdoc IInferenceHub
    function refund(bytes32 requestId) external {
        Request storage entry = _requests[requestId];
        RequestStatus found = _status(requestId, entry);
        if (found == RequestStatus.Open) {
            Model storage model = _known(entry.modelId);
            (bool usable, , ) = _judge(model, entry.version);
            if (usable && !VERIFIERS.isRevoked(model.circuitId)) revert NotRefundableYet(requestId, entry.deadline);
        } else if (found != RequestStatus.Expired) {
            revert RequestNotOpen(requestId, found);
        }
        entry.settlement = RequestStatus.Refunded;
        address requester = entry.requester;
        uint256 amount = entry.price;
        _credit(requester, amount);
        emit RequestRefunded(requestId, requester, amount);
    }

    /// @inheritdoc IInferenceHub
    function getRequest(bytes32 requestId) external view returns (Request memory) {
        Request storage entry = _requests[requestId];
        if (entry.requester == address(0)) revert UnknownRequest(requestId);
        return entry;
    }

    /// @inheritdoc IInferenceHub
    function statusOf(bytes32 requestId) external view returns (RequestStatus) {
        Request storage entry = _requests[requestId];
        return entry.requester == address(0) ? RequestStatus.None : _status(requestId, entry);
    }

    /// @inheritdoc IInferenceHub
    function resultOf(bytes32 requestId) external view returns (uint64 version, uint256 output) {
        Request storage entry = _requests[requestId];
        RequestStatus found = _status(requestId, entry);
        if (found != RequestStatus.Fulfilled) revert NotFulfilled(requestId, found);
        return (entry.version, entry.output);
    }

    /// @inheritdoc ERC165
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return
            interfaceId == type(IERC7992Verifier).interfaceId ||
            interfaceId == type(IInferenceHub).interfaceId ||
            interfaceId == type(IPullPayments).interfaceId ||
            super.supportsInterface(interfaceId);
    }

    /// @dev The version for a new request.
    function _requireAskable(uint256 modelId) private view returns (uint64 version) {
        Model storage model = _alive(modelId);
        VERIFIERS.requireIntakeFor(model.circuitId);
        version = _versionInForce(model);
        (bool usable, , ) = _judge(model, version);
        if (!usable) revert VersionNotUsable(modelId, version);
    }

    function _status(bytes32 requestId, Request storage entry) private view returns (RequestStatus) {
        if (entry.requester == address(0)) revert UnknownRequest(requestId);
        RequestStatus settlement = entry.settlement;
        if (settlement != RequestStatus.None) return settlement;
        return block.timestamp > entry.deadline ? RequestStatus.Expired : RequestStatus.Open;
    }

    /// @dev What a proof by the caller must show to answer an open request, or why nobody can answer it. A withdrawal by the
    /// model's owner in the meantime does not matter: otherwise an owner who sees the answer in the mempool could take both the
    /// answer and the price.
    function _statement(
        Request storage entry,
        bytes32 requestId,
        uint256 output
    ) private view returns (bytes32 circuitId, uint256[4] memory signals) {
        RequestStatus found = _status(requestId, entry);
        if (found != RequestStatus.Open) revert RequestNotOpen(requestId, found);
        uint256 modelId = entry.modelId;
        uint64 version = entry.version;
        Model storage model = _known(modelId);
        (bool usable, bytes32 weights, ) = _judge(model, version);
        if (!usable) revert VersionNotUsable(modelId, version);
        uint256 context = contextOf(requestId, msg.sender, modelId, version, entry.deadline);
        return (model.circuitId, [uint256(weights), uint256(entry.inputCommitment), output, context]);
    }

    function _settle(Request storage entry, uint256 output) private {
        entry.settlement = RequestStatus.Fulfilled;
        entry.output = output;
        _credit(msg.sender, entry.price);
    }

    /// @dev Calls the consumer back and reports the result of the request, which is settled.
    function _announce(Request storage entry, bytes32 requestId, uint256 output) private {
        uint256 modelId = entry.modelId;
        uint64 version = entry.version;
        bytes32 inputCommitment = entry.inputCommitment;
        bool called = _callBack(entry, requestId, modelId, version, inputCommitment, output);
        emit InferenceVerified(modelId, inputCommitment, abi.encode(output), msg.sender);
        emit InferenceFulfilled(requestId, modelId, msg.sender, version, output, called);
    }

    /// @dev The last action of a fulfilment. A call passes on at most 63/64 of the gas (EIP-150), so with a lower requirement a
    /// prover could starve the consumer. Copies none of the consumer's return data.
    function _callBack(
        Request storage entry,
        bytes32 requestId,
        uint256 modelId,
        uint64 version,
        bytes32 inputCommitment,
        uint256 output
    ) private returns (bool success) {
        uint256 cap = entry.callbackGas;
        if (cap == 0) return false;
        address consumer = entry.requester;
        bytes memory data = abi.encodeCall(
            IInferenceConsumer.onInference,
            (requestId, modelId, version, inputCommitment, output)
        );
        uint256 needed = cap + cap / 63 + CALLBACK_RESERVE;
        if (gasleft() < needed) revert GasTooLowForCallback(gasleft(), needed);
        assembly ("memory-safe") {
            success := call(cap, consumer, 0, add(data, 0x20), mload(data), 0, 0)
        }
    }
}

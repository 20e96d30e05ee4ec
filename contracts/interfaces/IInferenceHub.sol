// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC7992Types, IERC7992Verifier} from "./IERC7992.sol";
import {Groth16Proof} from "./IGroth16Verifier.sol";
import {IPullPayments} from "./IPullPayments.sol";
import {IVerifierRegistry} from "./IVerifierRegistry.sol";

/// @dev Errors of the hub.
interface IInferenceHubErrors {
    /// @notice The uri has more than `max` bytes.
    error UriTooLong(uint256 found, uint256 max);
    /// @notice The key hash given is not the one that the verifier registry holds for the circuit.
    error VkHashMismatch(bytes32 circuitId, bytes32 found, bytes32 expected);
    /// @notice `found`, the given weights commitment, is not that of the pinned version. It must be zero for a model that follows
    /// releases.
    error ModelHashMismatch(address service, uint64 version, bytes32 found, bytes32 expected);
    /// @notice A model must state the form of its output. A score needs a scale of at least 1; other forms have scale 0.
    error OutputSchemaInvalid(OutputForm form, uint64 scale);
    /// @notice The caller asked for a label, but the model's output has another form.
    error OutputNotALabel(OutputForm found);
    /// @notice The caller asked for a score, but the model's output has another form.
    error OutputNotAScore(OutputForm found);
    /// @notice The version is neither released nor both pinned and accepted.
    error VersionNotUsable(uint256 modelId, uint64 version);
    /// @notice A direct proof must be about the version in force: the pinned one, or the service's current release.
    error NotVersionInForce(uint256 modelId, uint64 found, uint64 expected);
    /// @notice Signal `index` (0 model, 1 input, 2 output) is not below the order of the BN254 scalar field.
    error SignalOutOfField(uint256 index, uint256 value);
    error OutputLengthInvalid(uint256 found, uint256 expected);
    error ProofLengthInvalid(uint256 found, uint256 expected);
    /// @notice A batch has 1 to `max` items.
    error BatchSizeInvalid(uint256 found, uint256 max);
    /// @notice The batch has `inputs` inputs (or request ids) and `proofs` proofs for `outputs` outputs.
    error BatchLengthsDiffer(uint256 inputs, uint256 outputs, uint256 proofs);
    /// @notice All proofs of a batch are checked under one key, but request `requestId` is about another circuit than the first
    /// one.
    error BatchOfOneCircuit(bytes32 requestId, bytes32 circuitId, bytes32 expected);
    error DeadlinePassed(uint256 deadline, uint256 timestamp);
    /// @notice A request can stay open until `latest` at most, so that its escrow is not locked for long.
    error DeadlineTooFar(uint256 deadline, uint256 latest);
    /// @notice The request has been answered already.
    error AlreadyVerified(bytes32 requestId);
    error ZeroPrice();
    error PriceTooHigh(uint256 found, uint256 max);
    /// @notice The price must cover the gas of the callback at twice the block's base fee.
    error PriceBelowCallback(uint256 found, uint256 min);
    error PayloadTooLong(uint256 found, uint256 max);
    error CallbackGasTooHigh(uint256 found, uint256 max);
    /// @notice An account without code asked for a callback.
    error ConsumerHasNoCode(address consumer);
    error UnknownRequest(bytes32 requestId);
    error RequestNotOpen(bytes32 requestId, RequestStatus found);
    error NotFulfilled(bytes32 requestId, RequestStatus found);
    /// @notice The request can still be answered until its deadline.
    error NotRefundableYet(bytes32 requestId, uint64 deadline);
    /// @notice The transaction has too little gas left for the callback that the consumer asked for.
    error GasTooLowForCallback(uint256 found, uint256 min);

    enum RequestStatus {
        None,
        Open,
        Expired,
        Fulfilled,
        Refunded
    }

    /// @notice How to read a model's output, which is one field element.
    enum OutputForm {
        Unstated,
        /// The index of a class.
        Label,
        /// label + 2^16 · margin. The label is below 2^16; the margin is in the circuit's units.
        LabelAndMargin,
        /// An integer; elements above half of the field's order stand for negative ones. The score is this integer divided by the
        /// model's scale.
        Score,
        /// A commitment. It has no readable value.
        Hash
    }
}

/// @dev What the hub stores and what its functions take.
interface IInferenceHubTypes is IInferenceHubErrors {
    /// @notice A model that can be asked: a service's co-owned model, proven through one circuit.
    struct Model {
        address service;
        /// The pinned version; 0: the model follows the service's current release.
        uint64 pinned;
        bool deprecated;
        /// As the model's owner stated it; never changes.
        OutputForm form;
        address owner;
        /// For a score: units that make one. Else 0.
        uint64 scale;
        bytes32 circuitId;
        bytes32 vkHash;
    }

    /// @notice How to read a model's output.
    /// @param scale For a score: units that make one, at least 1. Else 0.
    struct OutputSchema {
        OutputForm form;
        uint64 scale;
    }

    /// @notice What a direct verification is bound to, besides the caller.
    struct Ticket {
        /// Unique among the caller's tickets.
        bytes32 nonce;
        /// The version that the prover used: the one in force.
        uint64 version;
        /// Unix seconds: the last moment at which the proof is accepted.
        uint64 deadline;
    }

    struct Request {
        address requester;
        /// Unix seconds: the last moment at which an answer is accepted.
        uint64 deadline;
        /// Gas for the requester's callback; 0 for none.
        uint32 callbackGas;
        /// Wei in escrow for the first valid proof.
        uint96 price;
        /// The version that was in force when the request was made.
        uint64 version;
        uint64 modelId;
        /// None (open or expired), Fulfilled or Refunded. `statusOf` also takes the time into account.
        RequestStatus settlement;
        bytes32 inputCommitment;
        /// The proven output, once fulfilled.
        uint256 output;
    }
}

/// @title Verifies inferences on-chain, binds each one to its caller and request, refuses replays, and pays provers
/// @notice Public signals are [modelCommitment, inputCommitment, output, context]; the hub builds all of them itself, from the
/// registries and the calldata. context = keccak256(abi.encode(CONTEXT_DOMAIN, chainid, hub, requestId, caller, modelId, version,
/// deadline)) >> 8, so that a proof is valid only for one caller and one request.
interface IInferenceHub is IInferenceHubTypes, IPullPayments, IERC7992Types, IERC7992Verifier {
    /// @notice Model `modelId` of this hub stands for a service, a version (0: the current release) and a circuit.
    event ModelBound(uint256 indexed modelId, address indexed service, uint64 pinned, bytes32 indexed circuitId);
    /// @notice How to read the model's outputs, as stated by the account that registered the model.
    event OutputStated(uint256 indexed modelId, OutputForm form, uint64 scale);
    /// @param payload The data that a prover needs, in a form on which requester and provers agree: the public input itself, a
    /// CID, a ciphertext. The hub does not check it; the proof is about `inputCommitment`.
    event InferenceRequested(
        bytes32 indexed requestId,
        uint256 indexed modelId,
        address indexed requester,
        uint64 version,
        bytes32 inputCommitment,
        uint256 price,
        uint64 deadline,
        bytes payload
    );
    /// @param callbackSucceeded False if the callback failed or none was requested.
    event InferenceFulfilled(
        bytes32 indexed requestId,
        uint256 indexed modelId,
        address indexed prover,
        uint64 version,
        uint256 output,
        bool callbackSucceeded
    );
    event RequestRefunded(bytes32 indexed requestId, address indexed requester, uint256 amount);

    /// @notice Offers a co-owned model through a circuit. Anyone may: each consumer chooses the id that it trusts. A model never
    /// changes; a changed one gets a new id.
    /// @param commitment `modelHash`: the pinned version's weights commitment, or zero to follow releases. `circuitHash`: the
    /// circuit's id. `vkHash`: the key hash in the verifier registry.
    /// @param version The version to pin (accepted or released), or 0 to follow the service's current release.
    /// @param schema Describes the circuit's output. The hub checks neither the schema nor any other property of the circuit:
    /// inspect the circuit once before you use the id. Consumers read outputs by the schema, and refuse models whose outputs they
    /// cannot use.
    function registerModel(
        ModelCommitment calldata commitment,
        address service,
        uint64 version,
        OutputSchema calldata schema
    ) external returns (uint256 modelId);

    /// @notice Withdraws a model permanently, from new requests and direct verifications. Only its owner may. Open requests stay
    /// answerable, and are refunded only after their deadline.
    function deprecateModel(uint256 modelId) external;

    /// @inheritdoc IERC7992Verifier
    /// @param output abi.encode(uint256): the circuit's third public signal.
    /// @param proof abi.encode(Groth16Proof, Ticket), 352 bytes.
    function verifyInference(
        uint256 modelId,
        bytes32 inputCommitment,
        bytes calldata output,
        bytes calldata proof
    ) external override;

    /// @notice Verifies many inferences of one model at once, all or none. Each is recorded as by `verifyInference`, under the
    /// nonce `batchNonce(ticket.nonce, i)`. An item can also be sent alone, with that nonce in its ticket.
    /// @dev One false proof makes the whole batch fail with InvalidProof; `findInvalid` finds it.
    /// @param inputs Input commitments.
    /// @param outputs The third public signals.
    function verifyInferenceBatch(
        uint256 modelId,
        bytes32[] calldata inputs,
        uint256[] calldata outputs,
        Groth16Proof[] calldata proofs,
        Ticket calldata ticket
    ) external;

    /// @notice Checks the proofs of a batch by `caller` one by one, and sets bit i if the proof of item i does not hold. Ignores
    /// deadline, replays, and which version is in force.
    function findInvalid(
        address caller,
        uint256 modelId,
        bytes32[] calldata inputs,
        uint256[] calldata outputs,
        Groth16Proof[] calldata proofs,
        Ticket calldata ticket
    ) external view returns (uint256 bitmap);

    /// @notice Posts a request. The ether sent is the price, paid for the first valid proof. Reverts while intake is paused.
    /// @param deadline Unix seconds, at most 30 days ahead.
    /// @param callbackGas Gas for `IInferenceConsumer.onInference` on the caller; 0 for no callback. The requester pays for it in
    /// advance: the price must be at least this gas at twice the block's base fee.
    function request(
        uint256 modelId,
        bytes32 inputCommitment,
        uint64 deadline,
        uint32 callbackGas,
        bytes calldata payload
    ) external payable returns (bytes32 requestId);

    /// @notice Answers a request with a proof. The proof's context must name the caller, who is credited with the price.
    function fulfil(bytes32 requestId, uint256 output, Groth16Proof calldata proof) external;

    /// @notice Answers several requests at once, all or none. All must be about one circuit; their proofs are checked together.
    /// The rules of `fulfil` hold for each request. Callbacks are made after everything is settled.
    function fulfilBatch(
        bytes32[] calldata requestIds,
        uint256[] calldata outputs,
        Groth16Proof[] calldata proofs
    ) external;

    /// @notice Credits the requester with the price of a request that expired, or whose version or circuit the DAO withdrew.
    function refund(bytes32 requestId) external;

    /// @notice The registry of verifiers, which also says whether new work is accepted.
    // solhint-disable-next-line func-name-mixedcase
    function VERIFIERS() external view returns (IVerifierRegistry);

    function getModel(
        uint256 modelId
    ) external view returns (ModelCommitment memory commitment, bool deprecated, address owner);

    function modelOf(uint256 modelId) external view returns (Model memory);

    function modelCount() external view returns (uint256);

    /// @notice The version that a proof must be about if it is submitted now.
    function versionInForce(uint256 modelId) external view returns (uint64);

    function getRequest(bytes32 requestId) external view returns (Request memory);

    function statusOf(bytes32 requestId) external view returns (RequestStatus);

    /// @notice The proven output of a fulfilled request.
    /// @dev Reverts with NotFulfilled, which carries the status found, if there is no output.
    function resultOf(bytes32 requestId) external view returns (uint64 version, uint256 output);

    /// @notice The id under which a direct verification by `caller` with `nonce` is recorded.
    function directRequestId(address caller, bytes32 nonce) external pure returns (bytes32);

    /// @notice The nonce of item `index` of a batch.
    function batchNonce(bytes32 nonce, uint256 index) external pure returns (bytes32);

    /// @notice Whether a direct verification was accepted under this id.
    function isVerified(bytes32 requestId) external view returns (bool);

    /// @notice The fourth public signal, below 2^248.
    function contextOf(
        bytes32 requestId,
        address caller,
        uint256 modelId,
        uint64 version,
        uint64 deadline
    ) external view returns (uint256);
}

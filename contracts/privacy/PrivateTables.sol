// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {PullPayments} from "../inference/PullPayments.sol";
import {ProofCheck} from "../inference/ProofCheck.sol";
import {Groth16Proof} from "../interfaces/IGroth16Verifier.sol";
import {IPrivateTables} from "../interfaces/IPrivateTables.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";
import {PrivacyBudgets} from "./PrivacyBudgets.sol";
import {ReleaseQueries} from "./ReleaseQueries.sol";

/// @title Releases about committed tables
/// @notice See IPrivateTables, which owns the documentation.
contract PrivateTables is PrivacyBudgets, PullPayments {
    /// @notice Blocks from acceptance to the beacon's block.
    uint256 public constant BEACON_DELAY = 2;
    uint256 public constant MAX_MODEL_ELEMENTS = 64;
    /// @dev The EVM can read the hashes of this many blocks.
    uint256 private constant READABLE = 256;

    address public immutable TREASURY;

    uint256 private _requestCount;
    mapping(uint256 requestId => Request) private _requests;

    /// @param treasury Gets half of every bond that is lost.
    /// @param admin Gets the default admin and registrar roles: the timelock.
    constructor(IVerifierRegistry verifiers, address treasury, address admin) ReleaseQueries(verifiers) {
        if (admin == address(0) || treasury == address(0)) revert ZeroAddress();
        TREASURY = treasury;
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(REGISTRAR_ROLE, admin);
    }

    /// @inheritdoc IPrivateTables
    function request(
        uint256 seriesId,
        uint32 version,
        bytes32 queryId,
        uint256 model,
        uint256[] calldata elements
    ) external payable returns (uint256 requestId) {
        Series storage series = _knownSeries(seriesId);
        Version storage committed = _knownVersion(seriesId, version);
        Query memory query = _query(queryId);
        bool fits = query.modelled
            ? model != 0 && elements.length != 0 && elements.length <= MAX_MODEL_ELEMENTS
            : model == 0 && elements.length == 0;
        if (!fits) revert ModelInvalid(queryId, model, elements.length);
        if (uint256(committed.chunks) * query.rowsPerChunk > MAX_ROWS) {
            revert TableInvalid(committed.chunksHash, committed.chunks, committed.seedCommitment);
        }
        if (msg.value != series.terms.fee) revert WrongValue(msg.value, series.terms.fee);
        _requireBudget(seriesId, version, query);
        requestId = ++_requestCount;
        Request storage asked = _requests[requestId];
        asked.requester = msg.sender;
        asked.status = Status.Open;
        asked.seriesId = uint64(seriesId);
        asked.version = version;
        asked.queryId = queryId;
        asked.model = model;
        asked.state = query.emptyState;
        emit ReleaseRequested(requestId, seriesId, version, queryId, model, elements);
    }

    /// @inheritdoc IPrivateTables
    function cancel(uint256 requestId) external {
        Request storage asked = _in(requestId, Status.Open);
        if (asked.requester != msg.sender) revert NotRequester(requestId, msg.sender, asked.requester);
        asked.status = Status.Cancelled;
        _credit(msg.sender, _knownSeries(asked.seriesId).terms.fee);
        emit ReleaseCancelled(requestId);
    }

    /// @inheritdoc IPrivateTables
    function accept(uint256 requestId) external payable {
        Request storage asked = _in(requestId, Status.Open);
        Terms storage terms = _asServer(asked.seriesId).terms;
        if (msg.value != terms.bond) revert WrongValue(msg.value, terms.bond);
        Query memory query = _query(asked.queryId);
        VERIFIERS.requireIntakeFor(query.chunkCircuit);
        VERIFIERS.requireIntakeFor(query.noiseCircuit);
        // Spent before anybody can know the noise: it counts as drawn, whether or not the release is delivered.
        (uint64 epsilon, uint64 delta) = _spend(asked.seriesId, asked.version, query);
        asked.status = Status.Accepted;
        asked.beaconBlock = uint48(block.number + BEACON_DELAY);
        asked.dueAt = uint48(block.timestamp + terms.deliverySeconds);
        emit ReleaseAccepted(requestId, epsilon, delta, asked.beaconBlock, asked.dueAt);
    }

    /// @inheritdoc IPrivateTables
    function fixBeacon(uint256 requestId) external {
        Request storage asked = _in(requestId, Status.Accepted);
        if (asked.beacon != 0) revert BeaconAlreadyFixed(requestId);
        uint256 at = asked.beaconBlock;
        if (block.number <= at) revert BeaconTooEarly(block.number, at);
        bytes32 beacon = blockhash(at);
        if (beacon == 0) revert BeaconLapsed(block.number, at + READABLE);
        asked.beacon = beacon;
        emit BeaconFixed(requestId, beacon);
    }

    /// @inheritdoc IPrivateTables
    function advance(
        uint256 requestId,
        uint256[] calldata chunks,
        uint256[] calldata states,
        Groth16Proof[] calldata proofs
    ) external {
        Request storage asked = _deliverable(requestId);
        Version storage committed = _knownVersion(asked.seriesId, asked.version);
        bytes32 found = keccak256(abi.encode(chunks));
        if (found != committed.chunksHash || chunks.length != committed.chunks) {
            revert NotCommittedChunks(found, committed.chunksHash);
        }
        uint256 done = asked.chunksDone;
        uint256 added = proofs.length;
        if (added == 0 || states.length != added || added > chunks.length - done) {
            revert ChainInvalid(states.length, added, chunks.length - done);
        }
        uint256[4][] memory signals = new uint256[4][](added);
        uint256 state = asked.state;
        for (uint256 i = 0; i < added; ++i) {
            signals[i] = [chunks[done + i], state, states[i], asked.model];
            state = states[i];
        }
        _requireProofs(_query(asked.queryId).chunkCircuit, signals, proofs);
        asked.state = state;
        asked.chunksDone = uint24(done + added);
        emit ChunksCounted(requestId, done + added, state);
    }

    /// @inheritdoc IPrivateTables
    function deliver(uint256 requestId, uint256[] calldata outputs, Groth16Proof[] calldata proofs) external {
        Request storage asked = _deliverable(requestId);
        uint256 seriesId = asked.seriesId;
        Version storage committed = _knownVersion(seriesId, asked.version);
        if (asked.chunksDone != committed.chunks) revert ChunksMissing(asked.chunksDone, committed.chunks);
        Query memory query = _query(asked.queryId);
        if (outputs.length != query.slices || proofs.length != query.slices) {
            revert SlicesInvalid(outputs.length, proofs.length, query.slices);
        }
        uint256[4][] memory signals = new uint256[4][](outputs.length);
        for (uint256 s = 0; s < outputs.length; ++s) {
            signals[s] = [asked.state, committed.seedCommitment, outputs[s], contextOf(requestId, s)];
        }
        _requireProofs(query.noiseCircuit, signals, proofs);
        asked.status = Status.Delivered;
        Series storage series = _knownSeries(seriesId);
        _credit(series.server, uint256(series.terms.fee) + series.terms.bond);
        emit ReleaseDelivered(requestId, seriesId, outputs);
    }

    /// @inheritdoc IPrivateTables
    function expire(uint256 requestId) external {
        Request storage asked = _in(requestId, Status.Accepted);
        if (block.timestamp <= asked.dueAt) revert NotDueYet(block.timestamp, asked.dueAt);
        asked.status = Status.Failed;
        uint256 seriesId = asked.seriesId;
        Series storage series = _knownSeries(seriesId);
        Query memory query = _query(asked.queryId);
        // A server cannot prove with a circuit that was revoked meanwhile.
        bool excused = VERIFIERS.isRevoked(query.chunkCircuit) || VERIFIERS.isRevoked(query.noiseCircuit);
        uint256 bond = series.terms.bond;
        if (excused) {
            _credit(series.server, bond);
        } else {
            ++series.failed;
            // The requester does not get all of it: otherwise a server that is its own requester would get its bond
            // back.
            _credit(TREASURY, bond - bond / 2);
            _credit(asked.requester, bond / 2);
        }
        _credit(asked.requester, series.terms.fee);
        emit ReleaseFailed(requestId, seriesId, excused);
    }

    /// @inheritdoc IPrivateTables
    function requestOf(uint256 requestId) external view returns (Request memory) {
        return _known(requestId);
    }

    /// @inheritdoc IPrivateTables
    function requestCount() external view returns (uint256) {
        return _requestCount;
    }

    /// @inheritdoc IPrivateTables
    function contextOf(uint256 requestId, uint256 slice) public view returns (uint256) {
        bytes32 beacon = _known(requestId).beacon;
        if (beacon == 0) revert BeaconMissing(requestId);
        // 240 bits fit the field without bias, and no two requests or slices share a context.
        return ((uint256(keccak256(abi.encode(block.chainid, address(this), requestId, beacon))) >> 16) << 4) | slice;
    }

    /// @inheritdoc AccessControl
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == type(IPrivateTables).interfaceId || super.supportsInterface(interfaceId);
    }

    function _requireProofs(
        bytes32 circuitId,
        uint256[4][] memory signals,
        Groth16Proof[] calldata proofs
    ) private view {
        if (!ProofCheck.allGivenHold(VERIFIERS, circuitId, signals, proofs)) revert InvalidProof(circuitId);
    }

    /// @dev An accepted request. Reverts unless its server calls, in time.
    function _deliverable(uint256 requestId) private view returns (Request storage asked) {
        asked = _in(requestId, Status.Accepted);
        _asServer(asked.seriesId);
        if (block.timestamp > asked.dueAt) revert TooLate(block.timestamp, asked.dueAt);
    }

    function _in(uint256 requestId, Status expected) private view returns (Request storage asked) {
        asked = _known(requestId);
        if (asked.status != expected) revert WrongStatus(requestId, asked.status, expected);
    }

    function _known(uint256 requestId) private view returns (Request storage asked) {
        asked = _requests[requestId];
        if (asked.requester == address(0)) revert UnknownRequest(requestId);
    }
}

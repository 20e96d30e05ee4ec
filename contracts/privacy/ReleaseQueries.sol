// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IPrivateTables} from "../interfaces/IPrivateTables.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";

/// @title Records what the proofs of circuits release, and what their noise costs
/// @dev A verification key shows neither what its circuit counts nor how much noise it adds. But anybody can write the circuit again and
/// compare its id.
abstract contract ReleaseQueries is IPrivateTables, AccessControl {
    /// @notice May describe circuits; held by the timelock.
    bytes32 public constant REGISTRAR_ROLE = keccak256("REGISTRAR_ROLE");
    /// @notice Most rows of a table. The circuits' counts stay below 2^14.
    uint256 public constant MAX_ROWS = (1 << 14) - 1;
    uint256 public constant MAX_SLICES = 16;

    IVerifierRegistry public immutable VERIFIERS;

    struct Noise {
        uint64 epsilon;
        uint64 delta;
    }

    mapping(bytes32 circuitId => Noise) private _noises;
    mapping(bytes32 queryId => Query) private _queries;

    constructor(IVerifierRegistry verifiers) {
        VERIFIERS = verifiers;
    }

    /// @inheritdoc IPrivateTables
    function describeNoise(bytes32 circuitId, uint64 epsilon, uint64 delta) external onlyRole(REGISTRAR_ROLE) {
        if (epsilon == 0 || _noises[circuitId].epsilon != 0) revert NoiseInvalid(circuitId, epsilon, delta);
        VERIFIERS.resolve(circuitId);
        _noises[circuitId] = Noise(epsilon, delta);
        emit NoiseDescribed(circuitId, epsilon, delta);
    }

    /// @inheritdoc IPrivateTables
    function describeQuery(Query calldata query) external onlyRole(REGISTRAR_ROLE) returns (bytes32 queryId) {
        bool sliced = query.slices != 0 && query.slices <= MAX_SLICES;
        bool rowed = query.rowsPerChunk != 0 && query.rowsPerChunk <= MAX_ROWS;
        if (!sliced || !rowed || query.units == 0 || query.emptyState == 0) revert QueryInvalid(query);
        if (_noises[query.noiseCircuit].epsilon == 0) revert NoiseNotDescribed(query.noiseCircuit);
        VERIFIERS.resolve(query.chunkCircuit);
        queryId = queryIdOf(query);
        if (_queries[queryId].slices != 0) revert QueryAlreadyDescribed(queryId);
        _queries[queryId] = query;
        emit QueryDescribed(queryId, query);
    }

    /// @inheritdoc IPrivateTables
    function queryOf(bytes32 queryId) external view returns (Query memory) {
        return _query(queryId);
    }

    /// @inheritdoc IPrivateTables
    function noiseOf(bytes32 circuitId) external view returns (uint64 epsilon, uint64 delta) {
        return (_noises[circuitId].epsilon, _noises[circuitId].delta);
    }

    /// @inheritdoc IPrivateTables
    function queryIdOf(Query calldata query) public pure returns (bytes32) {
        return keccak256(abi.encode(query));
    }

    function _query(bytes32 queryId) internal view returns (Query memory query) {
        query = _queries[queryId];
        if (query.slices == 0) revert UnknownQuery(queryId);
    }

    /// @dev The cost of a release of the query: epsilon in millionths, delta in units of 10^-18.
    function _costOf(Query memory query) internal view returns (uint64 epsilon, uint64 delta) {
        Noise memory noise = _noises[query.noiseCircuit];
        // Checked arithmetic: a cost that does not fit reverts.
        return (noise.epsilon * query.units, noise.delta * query.units);
    }
}

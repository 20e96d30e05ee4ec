// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Groth16Proof} from "./IGroth16Verifier.sol";
import {IPullPayments} from "./IPullPayments.sol";

/// @dev What the ledger stores and takes, its errors and events.
interface IPrivateTablesTypes is IPullPayments {
    error ZeroAddress();
    error UnknownSeries(uint256 seriesId);
    error UnknownVersion(uint256 seriesId, uint32 version);
    error UnknownRequest(uint256 requestId);
    error UnknownQuery(bytes32 queryId);
    error QueryInvalid(Query query);
    error QueryAlreadyDescribed(bytes32 queryId);
    /// @notice The cost of this noise circuit has been stated before, or the stated cost is zero.
    error NoiseInvalid(bytes32 circuitId, uint64 epsilon, uint64 delta);
    error NoiseNotDescribed(bytes32 circuitId);
    error TermsInvalid(Terms terms);
    error NotServer(uint256 seriesId, address caller, address server);
    error NotRequester(uint256 requestId, address caller, address requester);
    /// @notice The next version cannot be committed to before `earliest` (Unix seconds).
    error IntervalNotOver(uint256 seriesId, uint256 timestamp, uint256 earliest);
    /// @notice The table has no chunks or more rows than a count can hold, or the commitment is zero.
    error TableInvalid(bytes32 chunksHash, uint32 chunks, uint256 seedCommitment);
    error WrongValue(uint256 found, uint256 expected);
    /// @notice A query about a model needs a model; other queries take none. `elements` is at most MAX_MODEL_ELEMENTS.
    error ModelInvalid(bytes32 queryId, uint256 model, uint256 elements);
    /// @notice The release costs more than is left of a budget. `field`: 0 the version's epsilon, 1 the series' epsilon, 2 the series'
    /// delta.
    error BudgetExceeded(uint256 field, uint256 cost, uint256 left);
    error WrongStatus(uint256 requestId, Status found, Status expected);
    error BeaconTooEarly(uint256 blockNumber, uint256 beaconBlock);
    /// @notice Nobody fixed the beacon while the EVM could read it. The request can now only expire; it does not get a second beacon.
    error BeaconLapsed(uint256 blockNumber, uint256 lastBlock);
    error BeaconMissing(uint256 requestId);
    error BeaconAlreadyFixed(uint256 requestId);
    error TooLate(uint256 timestamp, uint256 dueAt);
    error NotDueYet(uint256 timestamp, uint256 dueAt);
    /// @notice These chunks are not those of the committed table.
    error NotCommittedChunks(bytes32 found, bytes32 expected);
    /// @notice There must be at least one proof, one for each new state, and no more proofs than chunks are left.
    error ChainInvalid(uint256 states, uint256 proofs, uint256 chunksLeft);
    error ChunksMissing(uint256 done, uint256 chunks);
    error SlicesInvalid(uint256 outputs, uint256 proofs, uint256 expected);
    error InvalidProof(bytes32 circuitId);

    enum Status {
        None,
        /// Asked for. Costs nothing yet, and can still be taken back.
        Open,
        /// The server is bound to deliver, and the budget is spent.
        Accepted,
        Delivered,
        /// Not delivered in time; the budget stays spent.
        Failed,
        Cancelled
    }

    /// @notice What a server offers for all versions of one table. Epsilon is in millionths, delta in units of 10^-18.
    struct Terms {
        /// Budget for all releases about all versions, because the same people may be in each version.
        uint64 maxEpsilon;
        uint64 maxDelta;
        /// Budget for all releases about one version.
        uint64 versionEpsilon;
        /// Least seconds between two versions.
        uint32 interval;
        /// Seconds from acceptance to delivery.
        uint32 deliverySeconds;
        /// Wei that a requester pays for a delivered release.
        uint96 fee;
        /// Wei that the server stakes on each accepted request.
        uint96 bond;
    }

    /// @notice A kind of release: what the proofs of its circuits count. The registrar states it, because a key does not show it.
    struct Query {
        /// Adds the counts of one chunk to a hidden running count. Signals: chunk, state before, state after, model.
        bytes32 chunkCircuit;
        /// Opens one slice of the running count, with noise. Signals: state, seed commitment, output, context.
        bytes32 noiseCircuit;
        /// The state that stands for a running count of zero.
        uint256 emptyState;
        uint32 rowsPerChunk;
        /// Number of slices that are released; at most 16.
        uint8 slices;
        /// Number of counts that one person changes, by one each. A release costs this many times the cost of the noise circuit.
        uint8 units;
        /// Whether the query is about a model that the requester provides.
        bool modelled;
    }

    struct Series {
        address server;
        uint32 versions;
        uint48 lastCommitAt;
        uint64 spentEpsilon;
        uint64 spentDelta;
        /// Number of requests that the server accepted and did not deliver.
        uint32 failed;
        Terms terms;
    }

    struct Version {
        /// keccak256 of the ABI encoding of all chunk commitments, as uint256[].
        bytes32 chunksHash;
        /// Poseidon commitment to the seed of the version's noise.
        uint256 seedCommitment;
        uint32 chunks;
        uint48 committedAt;
        uint64 spentEpsilon;
    }

    struct Request {
        address requester;
        Status status;
        uint64 seriesId;
        /// Number of chunks that proofs have added so far.
        uint24 chunksDone;
        uint32 version;
        uint48 dueAt;
        uint48 beaconBlock;
        bytes32 queryId;
        /// Commitment to the model; 0 without one.
        uint256 model;
        uint256 state;
        /// Hash of block `beaconBlock`; 0 until somebody fixes it.
        bytes32 beacon;
    }

    event NoiseDescribed(bytes32 indexed circuitId, uint64 epsilon, uint64 delta);
    event QueryDescribed(bytes32 indexed queryId, Query query);
    event SeriesOpened(uint256 indexed seriesId, address indexed server, Terms terms);
    event VersionCommitted(
        uint256 indexed seriesId,
        uint32 indexed version,
        bytes32 chunksHash,
        uint32 chunks,
        uint256 seedCommitment
    );
    event ReleaseRequested(
        uint256 indexed requestId,
        uint256 indexed seriesId,
        uint32 indexed version,
        bytes32 queryId,
        uint256 model,
        uint256[] elements
    );
    event ReleaseAccepted(uint256 indexed requestId, uint64 epsilon, uint64 delta, uint256 beaconBlock, uint256 dueAt);
    event BeaconFixed(uint256 indexed requestId, bytes32 beacon);
    event ChunksCounted(uint256 indexed requestId, uint256 done, uint256 state);
    event ReleaseDelivered(uint256 indexed requestId, uint256 indexed seriesId, uint256[] outputs);
    event ReleaseFailed(uint256 indexed requestId, uint256 indexed seriesId, bool excused);
    event ReleaseCancelled(uint256 indexed requestId);
}

/// @title Releases about a committed table, with noise that nobody chooses, and the privacy that they cost
/// @notice A server commits to a table in chunks, and to the secret seed of its noise. A requester asks for a kind of release. When the
/// server accepts, the release's epsilon and delta are spent and the server's bond is at stake. The hash of a later block is the beacon.
/// The noise is a function of seed, beacon, request and slice: the server committed to the seed before, and the requester does not know it.
/// Chunk by chunk, the server proves that a hidden running count is that of the committed table. Then it publishes the counts with noise.
///
/// A release that the server withholds after it saw the noise costs the budget all the same. It also costs the bond: half goes to the
/// requester and half to the treasury, so that a server that is its own requester loses, too.
///
/// Costs add up (basic composition): a release costs `units` times the epsilon and delta of its noise circuit.
interface IPrivateTables is IPrivateTablesTypes {
    /// @notice States, once, what the noise of a circuit costs for a count that changes by one. Registrar only.
    /// @param epsilon In millionths. @param delta In 10^-18, rounded up.
    function describeNoise(bytes32 circuitId, uint64 epsilon, uint64 delta) external;

    /// @notice Defines a kind of release, once. Registrar only.
    function describeQuery(Query calldata query) external returns (bytes32 queryId);

    function openSeries(Terms calldata terms) external returns (uint256 seriesId);

    /// @notice Commits to the next version of the series' table, and to the seed of its noise. Its server only.
    function commitVersion(
        uint256 seriesId,
        bytes32 chunksHash,
        uint32 chunks,
        uint256 seedCommitment
    ) external returns (uint32 version);

    /// @notice Asks for a release. The ether sent is the series' fee.
    /// @param model Commitment to the model; 0 for a query without one. @param elements The model itself, for the server.
    function request(
        uint256 seriesId,
        uint32 version,
        bytes32 queryId,
        uint256 model,
        uint256[] calldata elements
    ) external payable returns (uint256 requestId);

    /// @notice Takes an open request back, with its fee. Its requester only.
    function cancel(uint256 requestId) external;

    /// @notice Binds the server to deliver: spends the budget, takes the bond, and determines the beacon's block. The server only.
    function accept(uint256 requestId) external payable;

    /// @notice Records the beacon. Anybody may, within 256 blocks.
    function fixBeacon(uint256 requestId) external;

    /// @notice Adds chunks to the request's running count. The server only.
    /// @param chunks Commitments to all chunks of the table. @param states The states after each of the added chunks.
    function advance(
        uint256 requestId,
        uint256[] calldata chunks,
        uint256[] calldata states,
        Groth16Proof[] calldata proofs
    ) external;

    /// @notice Publishes the slices with their noise, which ends the request. The server only.
    function deliver(uint256 requestId, uint256[] calldata outputs, Groth16Proof[] calldata proofs) external;

    /// @notice Ends a request that was not delivered in time. Anybody may. The server gets its bond back only if a circuit of the query was
    /// revoked.
    function expire(uint256 requestId) external;

    /// @notice The context of a slice's proof, in its fourth signal: 240 bits that depend on the beacon, then four bits for the slice.
    function contextOf(uint256 requestId, uint256 slice) external view returns (uint256);

    function queryIdOf(Query calldata query) external pure returns (bytes32);

    function queryOf(bytes32 queryId) external view returns (Query memory);

    function noiseOf(bytes32 circuitId) external view returns (uint64 epsilon, uint64 delta);

    function seriesOf(uint256 seriesId) external view returns (Series memory);

    function versionOf(uint256 seriesId, uint32 version) external view returns (Version memory);

    function requestOf(uint256 requestId) external view returns (Request memory);

    function seriesCount() external view returns (uint256);

    function requestCount() external view returns (uint256);
}

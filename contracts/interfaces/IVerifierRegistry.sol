// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title The verifier contract and key of each circuit, and how the key was made
/// @notice Write-once: a registered circuit id always points to the same verifier. A new key needs a new circuit id. An
/// unsound circuit is revoked permanently; consumers that rely on it then refuse its proofs.
interface IVerifierRegistry {
    error VerifierAlreadyRegistered(bytes32 circuitId, address verifier);
    error UnknownCircuit(bytes32 circuitId);
    error ZeroCircuitId();
    /// @notice There are `count` circuits, numbered from 0.
    error UnknownCircuitIndex(uint256 index, uint256 count);
    error VerifierHasNoCode(address verifier);
    /// @notice The given key hash differs from the one that the verifier contract states.
    error VkHashMismatch(bytes32 circuitId, bytes32 found, bytes32 expected);
    error SetupKindMissing(bytes32 circuitId);
    /// @notice A ceremony needs a transcript CID of 1 to 68 bytes; a local set-up has none.
    error InvalidTranscript(bytes32 circuitId, SetupKind setup, uint256 length);
    /// @notice The verifier's own `SETUP_KIND()` says that its key was made in another way.
    error SetupKindMismatch(bytes32 circuitId, SetupKind found, uint8 expected);
    error CircuitIsRevoked(bytes32 circuitId, uint256 revokedAt);
    /// @notice The account is neither the timelock nor the guardian.
    error NotEmergencyRole(address account);
    /// @notice A pause must end by itself, at `latest` or earlier.
    error PauseTooLong(uint256 until, uint256 latest);
    /// @notice The guardian paused the intake of new work; open work goes on.
    error IntakeIsPaused(uint256 until);
    /// @notice The verifier's code is not the code that was registered.
    error VerifierCodeChanged(bytes32 circuitId, bytes32 registered, bytes32 found);

    /// @notice How the proving key was made. `Local` is a single-party set-up: whoever ran it could forge proofs.
    enum SetupKind {
        None,
        Local,
        Ceremony
    }

    /// @notice Uses four slots; the code hash is the fourth.
    struct VerifierRecord {
        address verifier;
        SetupKind setup;
        /// Unix seconds.
        uint48 registeredAt;
        /// Unix seconds from which proofs of the circuit no longer count; 0 while it is not revoked.
        uint40 revokedAt;
        /// Hash of the verification key, as the verifier's `vkHash()` returns it.
        bytes32 vkHash;
        /// keccak256 of the binary CID of the ceremony's transcript; zero for a local set-up.
        bytes32 transcriptHash;
        /// Code hash of the verifier when it was registered.
        bytes32 codeHash;
    }

    event VerifierRegistered(
        bytes32 indexed circuitId,
        address indexed verifier,
        bytes32 indexed vkHash,
        SetupKind setup,
        bytes transcriptCid
    );

    /// @notice The circuit is revoked permanently.
    event CircuitRevoked(bytes32 indexed circuitId, address indexed by);
    /// @notice No new work is accepted until `until` (Unix seconds, exclusive). 0: it is accepted again.
    event IntakePaused(uint256 until, address indexed by);

    /// @notice Registers the verifier of a circuit, once. Timelock only (and the deployer during deployment).
    /// @param circuitId keccak256 of the circuit's canonical description (see keepers/zkml).
    /// @param verifier A contract that implements IGroth16Verifier.
    /// @param vkHash Hash of its verification key; must equal `verifier.vkHash()`.
    /// @param setup Must equal `verifier.SETUP_KIND()`.
    /// @param transcriptCid Binary CID of the ceremony's transcript; empty for a local set-up.
    function register(
        bytes32 circuitId,
        address verifier,
        bytes32 vkHash,
        SetupKind setup,
        bytes calldata transcriptCid
    ) external;

    /// @notice Revokes a circuit permanently: its proofs no longer count. The timelock or the guardian.
    function revoke(bytes32 circuitId) external;

    /// @notice Stops the intake of new work (requests, questions, jobs, markets, sets) in all contracts that ask this
    /// registry. Open work can be answered, settled, refunded and withdrawn. The timelock or the guardian.
    /// @param until Unix seconds at which the pause ends by itself, at most MAX_PAUSE_SECONDS from now; 0 ends it.
    function pauseIntake(uint256 until) external;

    /// @notice The record of a circuit.
    /// @dev Reverts with UnknownCircuit.
    function getVerifier(bytes32 circuitId) external view returns (VerifierRecord memory);

    /// @notice The verifier to call, after checking that its code is still the registered one. This also fixes the key: the
    /// record is write-once, and the registry compared its key hash with the verifier's own when it was made.
    /// @dev Reverts with UnknownCircuit, CircuitIsRevoked or VerifierCodeChanged.
    function resolve(bytes32 circuitId) external view returns (address verifier);

    /// @notice Whether the circuit was withdrawn. False for one that is not registered.
    function isRevoked(bytes32 circuitId) external view returns (bool);

    /// @notice Reverts with IntakeIsPaused while no new work is accepted.
    function requireIntake() external view;

    /// @notice Like `requireIntake`; also reverts unless proofs of the circuit count (UnknownCircuit, CircuitIsRevoked).
    function requireIntakeFor(bytes32 circuitId) external view;

    /// @notice Unix seconds at which the pause ends; 0 or a time in the past if there is no pause.
    function intakePausedUntil() external view returns (uint256);

    function circuitCount() external view returns (uint256);

    function circuitAt(uint256 index) external view returns (bytes32 circuitId);
}

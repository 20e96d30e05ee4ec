// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IGroth16Verifier} from "../interfaces/IGroth16Verifier.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";

/// @title Which contract verifies which circuit
/// @notice See IVerifierRegistry, which owns the documentation.
contract VerifierRegistry is IVerifierRegistry, AccessControl {
    /// @notice May register verifiers: the timelock.
    bytes32 public constant REGISTRAR_ROLE = keccak256("REGISTRAR_ROLE");

    /// @notice May revoke circuits and pause intake, and nothing else; held by the Guardian contract.
    bytes32 public constant GUARDIAN_ROLE = keccak256("GUARDIAN_ROLE");
    /// @notice Longest pause, in seconds; it can be renewed.
    uint256 public constant MAX_PAUSE_SECONDS = 14 days;

    /// @notice Longest binary CID accepted, in bytes.
    uint256 public constant MAX_CID_BYTES = 68;

    mapping(bytes32 circuitId => VerifierRecord) private _records;
    bytes32[] private _circuitIds;
    /// @inheritdoc IVerifierRegistry
    uint256 public intakePausedUntil;

    /// @notice The administrator must not be zero, because somebody must hand the roles over.
    error ZeroAdmin();

    /// @param admin Gets the default admin role: it grants REGISTRAR_ROLE and hands itself over.
    constructor(address admin) {
        if (admin == address(0)) revert ZeroAdmin();
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
    }

    /// @inheritdoc IVerifierRegistry
    function register(
        bytes32 circuitId,
        address verifier,
        bytes32 vkHash,
        SetupKind setup,
        bytes calldata transcriptCid
    ) external onlyRole(REGISTRAR_ROLE) {
        if (circuitId == 0) revert ZeroCircuitId();
        address known = _records[circuitId].verifier;
        if (known != address(0)) revert VerifierAlreadyRegistered(circuitId, known);
        if (verifier.code.length == 0) revert VerifierHasNoCode(verifier);
        if (setup == SetupKind.None) revert SetupKindMissing(circuitId);
        uint256 length = transcriptCid.length;
        bool fits = setup == SetupKind.Local ? length == 0 : length != 0 && length <= MAX_CID_BYTES;
        if (!fits) revert InvalidTranscript(circuitId, setup, length);
        bytes32 stated = IGroth16Verifier(verifier).vkHash();
        if (stated != vkHash || vkHash == 0) revert VkHashMismatch(circuitId, vkHash, stated);
        uint8 made = IGroth16Verifier(verifier).SETUP_KIND();
        if (made != uint8(setup)) revert SetupKindMismatch(circuitId, setup, made);
        _records[circuitId] = VerifierRecord({
            verifier: verifier,
            setup: setup,
            registeredAt: uint48(block.timestamp),
            revokedAt: 0,
            vkHash: vkHash,
            transcriptHash: length == 0 ? bytes32(0) : keccak256(transcriptCid),
            codeHash: verifier.codehash
        });
        _circuitIds.push(circuitId);
        emit VerifierRegistered(circuitId, verifier, vkHash, setup, transcriptCid);
    }

    /// @inheritdoc IVerifierRegistry
    function revoke(bytes32 circuitId) external {
        _requireEmergencyRole();
        VerifierRecord storage record = _standing(circuitId);
        record.revokedAt = uint40(block.timestamp);
        emit CircuitRevoked(circuitId, msg.sender);
    }

    /// @inheritdoc IVerifierRegistry
    function pauseIntake(uint256 until) external {
        _requireEmergencyRole();
        uint256 latest = block.timestamp + MAX_PAUSE_SECONDS;
        if (until > latest) revert PauseTooLong(until, latest);
        intakePausedUntil = until;
        emit IntakePaused(until, msg.sender);
    }

    /// @inheritdoc IVerifierRegistry
    function getVerifier(bytes32 circuitId) external view returns (VerifierRecord memory) {
        return _known(circuitId);
    }

    /// @inheritdoc IVerifierRegistry
    function resolve(bytes32 circuitId) external view returns (address verifier) {
        VerifierRecord storage record = _standing(circuitId);
        verifier = record.verifier;
        bytes32 found = verifier.codehash;
        if (found != record.codeHash) revert VerifierCodeChanged(circuitId, record.codeHash, found);
    }

    /// @inheritdoc IVerifierRegistry
    function isRevoked(bytes32 circuitId) external view returns (bool) {
        return _records[circuitId].revokedAt != 0;
    }

    /// @inheritdoc IVerifierRegistry
    function requireIntakeFor(bytes32 circuitId) external view {
        requireIntake();
        _standing(circuitId);
    }

    /// @inheritdoc IVerifierRegistry
    function circuitCount() external view returns (uint256) {
        return _circuitIds.length;
    }

    /// @inheritdoc IVerifierRegistry
    function circuitAt(uint256 index) external view returns (bytes32) {
        if (index >= _circuitIds.length) revert UnknownCircuitIndex(index, _circuitIds.length);
        return _circuitIds[index];
    }

    /// @inheritdoc IVerifierRegistry
    function requireIntake() public view {
        if (block.timestamp < intakePausedUntil) revert IntakeIsPaused(intakePausedUntil);
    }

    /// @inheritdoc AccessControl
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == type(IVerifierRegistry).interfaceId || super.supportsInterface(interfaceId);
    }

    function _requireEmergencyRole() private view {
        if (!hasRole(REGISTRAR_ROLE, msg.sender) && !hasRole(GUARDIAN_ROLE, msg.sender)) {
            revert NotEmergencyRole(msg.sender);
        }
    }

    function _standing(bytes32 circuitId) private view returns (VerifierRecord storage record) {
        record = _known(circuitId);
        if (record.revokedAt != 0) revert CircuitIsRevoked(circuitId, record.revokedAt);
    }

    function _known(bytes32 circuitId) private view returns (VerifierRecord storage record) {
        record = _records[circuitId];
        if (record.verifier == address(0)) revert UnknownCircuit(circuitId);
    }
}

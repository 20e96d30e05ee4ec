// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IClaimRegistry} from "../interfaces/IClaimRegistry.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";

/// @title Records what the proofs of circuits about batches mean
/// @dev A verification key does not show what its circuit counts. But anybody can compile the circuit again and compare its
/// id.
abstract contract ClaimStatements is IClaimRegistry, AccessControl {
    /// @notice May describe circuits; held by the timelock.
    bytes32 public constant REGISTRAR_ROLE = keccak256("REGISTRAR_ROLE");
    /// @notice Largest number of samples in a batch that the circuits support.
    uint256 public constant MAX_SAMPLES = 4095;
    /// @notice Largest gap or calibration error, in permille.
    uint32 public constant MAX_GAP = 1000;

    IVerifierRegistry public immutable VERIFIERS;

    struct Described {
        Statement statement;
        bytes32 statementId;
        bytes32 refutationId;
    }

    mapping(bytes32 circuitId => Described) private _described;

    constructor(IVerifierRegistry verifiers) {
        VERIFIERS = verifiers;
    }

    /// @inheritdoc IClaimRegistry
    function describe(
        bytes32 circuitId,
        bytes32 refutationId,
        Statement calldata statement
    ) external onlyRole(REGISTRAR_ROLE) {
        bool binned = statement.kind == Kind.Calibration;
        bool counted = statement.count != 0 && statement.count <= MAX_SAMPLES;
        // One meaning must have only one id: with a second id, a pool would draw a second time.
        bool grouped = statement.kind == Kind.RateGap || statement.kind == Kind.EqualisedOdds;
        bool meant = statement.kind != Kind.None && (grouped || statement.positive == 0);
        if (!meant || !counted || binned != (statement.bins != 0)) {
            revert StatementInvalid(statement.kind, statement.count, statement.positive, statement.bins);
        }
        if (_described[circuitId].statementId != 0) revert CircuitAlreadyDescribed(circuitId);
        if (circuitId == refutationId) revert RefutationIsClaim(circuitId);
        VERIFIERS.resolve(circuitId);
        VERIFIERS.resolve(refutationId);
        bytes32 statementId = statementIdOf(statement);
        _described[circuitId] = Described(statement, statementId, refutationId);
        emit CircuitDescribed(circuitId, statementId, refutationId, statement);
    }

    /// @inheritdoc IClaimRegistry
    function circuitOf(bytes32 circuitId) external view returns (bytes32 statementId, bytes32 refutationId) {
        Described storage described = _described[circuitId];
        return (described.statementId, described.refutationId);
    }

    /// @inheritdoc IClaimRegistry
    function statementOf(bytes32 circuitId) external view returns (Statement memory) {
        return _described[circuitId].statement;
    }

    /// @inheritdoc IClaimRegistry
    function statementIdOf(Statement memory statement) public pure returns (bytes32) {
        return keccak256(abi.encode(statement));
    }

    function _meaning(bytes32 circuitId) internal view returns (Described storage described) {
        described = _described[circuitId];
        if (described.statementId == 0) revert CircuitNotDescribed(circuitId);
    }

    /// @dev Reverts unless the figure is possible and the guarantee is no better than the figure.
    function _requireFigures(Statement memory statement, uint32 figure, uint32 guarantee) internal pure {
        bool right = statement.kind == Kind.Accuracy;
        uint32 max = right ? statement.count : MAX_GAP;
        if (figure > max || guarantee > max || !_atLeastAsGood(statement.kind, figure, guarantee)) {
            revert FigureInvalid(figure, guarantee, max);
        }
    }

    /// @dev Whether `figure` is at least as good as `bound`: more right answers are better, and so are smaller gaps.
    function _atLeastAsGood(Kind kind, uint32 figure, uint32 bound) internal pure returns (bool) {
        return kind == Kind.Accuracy ? figure >= bound : figure <= bound;
    }

    /// @dev Whether proofs of a circuit count and, if `ceremony` is asked for, its key comes from a ceremony.
    function _trusted(bytes32 circuitId, bool ceremony) internal view returns (bool) {
        IVerifierRegistry.VerifierRecord memory record = VERIFIERS.getVerifier(circuitId);
        return record.revokedAt == 0 && (!ceremony || record.setup == IVerifierRegistry.SetupKind.Ceremony);
    }
}

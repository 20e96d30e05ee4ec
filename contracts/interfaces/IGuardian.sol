// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IMarketBook} from "./IMarketBook.sol";
import {IVerifierRegistry} from "./IVerifierRegistry.sol";

/// @title Lets guardians stop things at once, while the DAO takes days to decide
/// @notice The DAO appoints guardians for a term and dismisses them at any time; a term ends by itself unless it is renewed. A
/// guardian can pause the intake of new work, revoke a circuit, freeze a pending market and cancel operations scheduled in the
/// timelock. A guardian can neither move money, decide an outcome nor change a parameter, and cannot prevent its own dismissal.
interface IGuardian {
    error ZeroAddress();
    error NotTimelock(address caller);
    /// @notice The account is not a guardian, or its term ended at `until` (0 if it was never appointed).
    error NotGuardian(address account, uint256 until);
    /// @notice A term must end in the future, and no later than `latest`.
    error TermInvalid(uint256 until, uint256 latest);
    /// @notice Guardians cannot cancel an operation that only calls this contract: otherwise the DAO could not dismiss them.
    error OwnAffair(bytes32 operationId);

    event GuardianAppointed(address indexed account, uint256 until);
    event GuardianDismissed(address indexed account);
    event OperationCancelled(bytes32 indexed operationId, address indexed by);

    /// @notice Appoints a guardian, or renews its term. The timelock only.
    /// @param until Unix seconds at which the term ends, at most MAX_TERM_SECONDS from now.
    function appoint(address account, uint256 until) external;

    /// @notice Ends an account's term at once. The timelock only.
    function dismiss(address account) external;

    /// @notice See IVerifierRegistry.pauseIntake.
    function pauseIntake(IVerifierRegistry verifiers, uint256 until) external;

    /// @notice See IVerifierRegistry.revoke.
    function revokeCircuit(IVerifierRegistry verifiers, bytes32 circuitId) external;

    /// @notice See IMarketBook.freeze.
    function freezeMarket(IMarketBook market, uint256 marketId) external;

    /// @notice Cancels an operation that is waiting in the timelock. The arguments are those with which it was scheduled.
    /// Reverts for an operation that only calls this contract, so that guardians cannot prevent their own dismissal.
    function cancel(
        address[] calldata targets,
        uint256[] calldata values,
        bytes[] calldata payloads,
        bytes32 predecessor,
        bytes32 salt
    ) external;

    /// @notice Unix seconds at which an account's term ends; 0 without a term.
    function termOf(address account) external view returns (uint256 until);
}

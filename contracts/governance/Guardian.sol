// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {IGuardian} from "../interfaces/IGuardian.sol";
import {IMarketBook} from "../interfaces/IMarketBook.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";

/// @title Lets guardians stop things at once, while the DAO takes days to decide
/// @notice See IGuardian, which owns the documentation. Holds GUARDIAN_ROLE of registry and markets and the timelock's
/// CANCELLER_ROLE, and can use each of them for one purpose.
contract Guardian is IGuardian {
    /// @notice Longest term, in seconds.
    uint256 public constant MAX_TERM_SECONDS = 180 days;

    TimelockController public immutable TIMELOCK;

    mapping(address account => uint256 until) private _terms;

    modifier onlyTimelock() {
        if (msg.sender != address(TIMELOCK)) revert NotTimelock(msg.sender);
        _;
    }

    modifier onlyGuardian() {
        uint256 until = _terms[msg.sender];
        if (block.timestamp >= until) revert NotGuardian(msg.sender, until);
        _;
    }

    constructor(TimelockController timelock) {
        if (address(timelock) == address(0)) revert ZeroAddress();
        TIMELOCK = timelock;
    }

    /// @inheritdoc IGuardian
    function appoint(address account, uint256 until) external onlyTimelock {
        if (account == address(0)) revert ZeroAddress();
        uint256 latest = block.timestamp + MAX_TERM_SECONDS;
        if (until <= block.timestamp || until > latest) revert TermInvalid(until, latest);
        _terms[account] = until;
        emit GuardianAppointed(account, until);
    }

    /// @inheritdoc IGuardian
    function dismiss(address account) external onlyTimelock {
        delete _terms[account];
        emit GuardianDismissed(account);
    }

    /// @inheritdoc IGuardian
    function pauseIntake(IVerifierRegistry verifiers, uint256 until) external onlyGuardian {
        verifiers.pauseIntake(until);
    }

    /// @inheritdoc IGuardian
    function revokeCircuit(IVerifierRegistry verifiers, bytes32 circuitId) external onlyGuardian {
        verifiers.revoke(circuitId);
    }

    /// @inheritdoc IGuardian
    function freezeMarket(IMarketBook market, uint256 marketId) external onlyGuardian {
        market.freeze(marketId);
    }

    /// @inheritdoc IGuardian
    function cancel(
        address[] calldata targets,
        uint256[] calldata values,
        bytes[] calldata payloads,
        bytes32 predecessor,
        bytes32 salt
    ) external onlyGuardian {
        bytes32 operationId = TIMELOCK.hashOperationBatch(targets, values, payloads, predecessor, salt);
        bool own = true;
        for (uint256 i = 0; i < targets.length; ++i) own = own && targets[i] == address(this);
        if (own) revert OwnAffair(operationId);
        emit OperationCancelled(operationId, msg.sender);
        TIMELOCK.cancel(operationId);
    }

    /// @inheritdoc IGuardian
    function termOf(address account) external view returns (uint256) {
        return _terms[account];
    }
}

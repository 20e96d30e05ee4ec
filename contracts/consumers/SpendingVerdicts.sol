// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Groth16Proof} from "../interfaces/IGroth16Verifier.sol";
import {IInferenceHubTypes} from "../interfaces/IInferenceHub.sol";
import {ISpendingGuard} from "../interfaces/ISpendingGuard.sol";
import {Operation} from "../interfaces/ISafeGuards.sol";
import {AccountCalls} from "./AccountCalls.sol";
import {SpendFeatures} from "./SpendFeatures.sol";
import {SpendingPolicies} from "./SpendingPolicies.sol";

/// @title Keeps what each account has spent and the verdicts on its next spends, and decides whether a verdict suffices
abstract contract SpendingVerdicts is SpendingPolicies {
    /// @notice First word of the preimage of a transaction's hash.
    bytes32 public constant SPEND_DOMAIN = keccak256("cohort.spending-guard.spend.v1");
    /// @notice First word of the preimage of a nonce.
    bytes32 public constant NONCE_DOMAIN = keccak256("cohort.spending-guard.nonce.v1");
    /// @notice First eight bytes of the preimage of a model's input commitment.
    bytes8 public constant FEATURES_TAG = SpendFeatures.FEATURES_TAG;
    uint256 private constant LABEL_BITS = 16;

    /// @dev How much of an asset left in a window: one slot. Amounts beyond 96 bits count as 2^96 − 1.
    struct History {
        uint40 start;
        uint24 count;
        /// Left without a verdict or an announcement: the amount that the limit bounds.
        uint96 free;
        uint96 total;
    }

    mapping(address account => mapping(address asset => History)) private _histories;
    mapping(address account => mapping(address recipient => uint256)) private _paid;
    mapping(address account => mapping(bytes32 spendHash => Verdict)) private _verdicts;

    /// @inheritdoc ISpendingGuard
    function submitVerdict(
        address account,
        Spend calldata spend,
        uint40 at,
        uint64 version,
        uint256 output,
        Groth16Proof calldata proof
    ) external {
        Policy memory policy = _policy(account);
        uint256 earliest = block.timestamp - policy.verdictSeconds;
        if (at > block.timestamp || at < earliest) revert VerdictTimeInvalid(at, earliest, block.timestamp);
        if (spend.operation == Operation.DelegateCall) revert DelegateCallRefused(account, spend.to);
        _requireFavourable(policy, output);
        bytes32 spendHash = _hash(account, spend);
        bytes memory features = _judgeable(policy, account, spend, spendHash, at);
        bytes32 commitment = SpendFeatures.commit(features);
        uint64 nonce = _accounts[account].nonce;
        uint256 validUntil = uint256(at) + policy.verdictSeconds;

        bytes8 tag = _tag(policy);
        Verdict storage verdict = _verdicts[account][spendHash];
        // Anyone can send a verdict about an old moment; it must not replace one that is valid for longer.
        if (verdict.madeAt > at && verdict.nonce == nonce && verdict.policyTag == tag) {
            revert NewerVerdictStands(spendHash, verdict.madeAt, at);
        }
        _verdicts[account][spendHash] = Verdict(commitment, at, nonce, tag);
        emit VerdictAccepted(account, spendHash, policy.modelId, version, features, output, validUntil);
        IInferenceHubTypes.Ticket memory ticket = IInferenceHubTypes.Ticket(
            _nonce(account, spendHash, nonce, at),
            version,
            uint64(validUntil)
        );
        HUB.verifyInference(policy.modelId, commitment, abi.encode(output), abi.encode(proof, ticket));
    }

    /// @inheritdoc ISpendingGuard
    function statementOf(
        address account,
        Spend calldata spend,
        uint40 at
    ) external view returns (uint256 modelId, uint64 version, bytes32 inputCommitment, uint256 context) {
        Policy memory policy = _policy(account);
        bytes32 spendHash = _hash(account, spend);
        modelId = policy.modelId;
        version = HUB.versionInForce(modelId);
        inputCommitment = SpendFeatures.commit(_judgeable(policy, account, spend, spendHash, at));
        bytes32 nonce = _nonce(account, spendHash, _accounts[account].nonce, at);
        bytes32 requestId = HUB.directRequestId(address(this), nonce);
        context = HUB.contextOf(requestId, address(this), modelId, version, uint64(at) + policy.verdictSeconds);
    }

    /// @inheritdoc ISpendingGuard
    function featuresOf(address account, Spend calldata spend, uint40 at) external view returns (bytes memory) {
        return _judgeable(_policy(account), account, spend, _hash(account, spend), at);
    }

    /// @inheritdoc ISpendingGuard
    function spendHashOf(address account, Spend calldata spend) external view returns (bytes32) {
        return _hash(account, spend);
    }

    /// @inheritdoc ISpendingGuard
    function availableOf(address account, address asset) external view returns (uint256) {
        Policy memory policy = _policy(account);
        (uint96 limit, bool guarded) = _limit(account, asset);
        if (!guarded) revert NotGuarded(account, asset);
        return Math.saturatingSub(limit, _history(account, asset, policy.window, block.timestamp).free);
    }

    /// @inheritdoc ISpendingGuard
    function verdictOf(address account, bytes32 spendHash) external view returns (Verdict memory) {
        return _verdicts[account][spendHash];
    }

    /// @inheritdoc ISpendingGuard
    function nonceOf(address account) external view returns (uint64) {
        return _accounts[account].nonce;
    }

    /// @dev Lets a transaction pass or reverts. Calls nobody.
    function _pass(address account, Spend memory spend) internal returns (bytes32 spendHash) {
        spendHash = _hash(account, spend);
        if (_isAlwaysAllowed(account, spend)) return spendHash;
        Policy memory policy = _policy(account);
        SpendFeatures.Reading memory reading = _read(account, spend);
        if (!reading.moves) return spendHash;
        (uint96 limit, ) = _limit(account, reading.asset);
        History memory history = _history(account, reading.asset, policy.window, block.timestamp);
        uint256 available = Math.saturatingSub(limit, history.free);
        Basis basis = Basis.WithinLimit;
        if (reading.forced || reading.amount > available) {
            basis = Basis.Announcement;
            if (!_useAnnouncement(account, spendHash)) {
                if (spend.operation == Operation.DelegateCall) revert DelegateCallRefused(account, spend.to);
                _useVerdict(policy, account, spend, spendHash, reading, available);
                basis = Basis.Verdict;
            }
        }
        _record(account, reading, history, basis == Basis.WithinLimit);
        emit SpendPassed(account, reading.asset, reading.recipient, reading.amount, spendHash, basis);
    }

    function _isAlwaysAllowed(address account, Spend memory spend) private view returns (bool) {
        bool configures = spend.to == address(this) && spend.value == 0 && spend.operation == Operation.Call;
        return configures || AccountCalls.isRecovery(account, spend);
    }

    function _useVerdict(
        Policy memory policy,
        address account,
        Spend memory spend,
        bytes32 spendHash,
        SpendFeatures.Reading memory reading,
        uint256 available
    ) private {
        Verdict memory verdict = _verdicts[account][spendHash];
        if (verdict.madeAt == 0) revert VerdictMissing(spendHash, reading.asset, reading.amount, available);
        uint256 validUntil = uint256(verdict.madeAt) + policy.verdictSeconds;
        if (block.timestamp > validUntil) revert VerdictExpired(spendHash, validUntil, block.timestamp);
        uint64 nonce = _accounts[account].nonce;
        if (verdict.nonce != nonce) revert VerdictStale(spendHash, verdict.nonce, nonce);
        bytes8 tag = _tag(policy);
        if (verdict.policyTag != tag) revert VerdictOfOtherPolicy(spendHash, verdict.policyTag, tag);
        bytes32 found = SpendFeatures.commit(_features(policy, account, reading, spend.origin, verdict.madeAt));
        if (found != verdict.commitment) revert FeaturesChanged(spendHash, verdict.commitment, found);
        delete _verdicts[account][spendHash];
    }

    function _record(
        address account,
        SpendFeatures.Reading memory reading,
        History memory history,
        bool free
    ) private {
        if (history.start == 0) history.start = uint40(block.timestamp);
        if (history.count != type(uint24).max) ++history.count;
        uint256 amount = Math.min(reading.amount, type(uint96).max);
        history.total = uint96(Math.min(history.total + amount, type(uint96).max));
        if (free) history.free += uint96(amount);
        _histories[account][reading.asset] = history;
        ++_paid[account][reading.recipient];
        Account storage entry = _accounts[account];
        ++entry.nonce;
        entry.lastSpendAt = uint40(block.timestamp);
    }

    function _requireFavourable(Policy memory policy, uint256 output) private pure {
        uint256 label = output;
        uint256 margin;
        if (policy.margins) (label, margin) = (output & ((1 << LABEL_BITS) - 1), output >> LABEL_BITS);
        if (label != policy.approvedLabel || margin < policy.minMargin) {
            revert VerdictUnfavourable(label, margin, policy.approvedLabel, policy.minMargin);
        }
    }

    /// @dev The features of a transaction, if it is one that the model can be asked about; otherwise reverts.
    function _judgeable(
        Policy memory policy,
        address account,
        Spend memory spend,
        bytes32 spendHash,
        uint256 at
    ) private view returns (bytes memory) {
        SpendFeatures.Reading memory reading = _read(account, spend);
        if (!reading.moves || _isAlwaysAllowed(account, spend)) revert NothingToJudge(spendHash);
        return _features(policy, account, reading, spend.origin, at);
    }

    function _read(address account, Spend memory spend) private view returns (SpendFeatures.Reading memory) {
        (, bool guarded) = _limit(account, spend.to);
        bool guardedToken = guarded && spend.to != address(0);
        return SpendFeatures.read(account, spend.to, spend.value, spend.data, spend.operation, guardedToken);
    }

    function _features(
        Policy memory policy,
        address account,
        SpendFeatures.Reading memory reading,
        Origin origin,
        uint256 at
    ) private view returns (bytes memory) {
        History memory history = _history(account, reading.asset, policy.window, at);
        (uint96 limit, ) = _limit(account, reading.asset);
        uint256 last = _accounts[account].lastSpendAt;
        SpendFeatures.Past memory past = SpendFeatures.Past({
            limit: limit,
            spent: history.total,
            count: history.count,
            idle: last == 0 ? type(uint256).max : Math.saturatingSub(at, last),
            paidBefore: _paid[account][reading.recipient]
        });
        return SpendFeatures.encode(reading, past, origin);
    }

    /// @dev The window that contains `at`. Empty if the last window is over; the next spend then starts a new one.
    function _history(
        address account,
        address asset,
        uint256 window,
        uint256 at
    ) private view returns (History memory history) {
        history = _histories[account][asset];
        if (at >= uint256(history.start) + window) return History(0, 0, 0, 0);
    }

    function _hash(address account, Spend memory spend) internal view returns (bytes32) {
        return
            keccak256(
                abi.encode(
                    SPEND_DOMAIN,
                    block.chainid,
                    address(this),
                    account,
                    spend.to,
                    spend.value,
                    keccak256(spend.data),
                    spend.operation,
                    spend.origin
                )
            );
    }

    function _tag(Policy memory policy) private pure returns (bytes8) {
        return bytes8(keccak256(abi.encode(policy)));
    }

    /// @dev Unique for account, transaction, state of the history and moment of the features.
    function _nonce(address account, bytes32 spendHash, uint64 nonce, uint40 at) private pure returns (bytes32) {
        return keccak256(abi.encode(NONCE_DOMAIN, account, spendHash, nonce, at));
    }
}

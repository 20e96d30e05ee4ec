// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Groth16Proof} from "../interfaces/IGroth16Verifier.sol";
import {IERC7992Verifier} from "../interfaces/IERC7992.sol";
import {IInferenceHub, IInferenceHubErrors} from "../interfaces/IInferenceHub.sol";
import {IMarketBook} from "../interfaces/IMarketBook.sol";
import {IModelRegistry, IModelRegistryErrors} from "../interfaces/IModelRegistry.sol";
import {IPublisherRegistry, IPublisherRegistryTypes} from "../interfaces/IPublisherRegistry.sol";
import {Bn254} from "../inference/Bn254.sol";
import {OutputReading} from "../inference/OutputReading.sol";
import {ProofCheck} from "../inference/ProofCheck.sol";
import {MarketBook} from "./MarketBook.sol";
import {MarketDisputes} from "./MarketDisputes.sol";

/// @title Checks the proof that resolves a market, and reads the answer from it
abstract contract ProvenMarket is MarketDisputes {
    constructor(
        IInferenceHub hub,
        IModelRegistry models,
        IPublisherRegistry publishers,
        uint64 disputeSeconds,
        uint64 fallbackSeconds,
        address treasury,
        address admin
    ) MarketBook(hub, publishers, disputeSeconds, fallbackSeconds) MarketDisputes(models, treasury) {
        if (admin == address(0)) revert ZeroAddress();
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
    }

    /// @inheritdoc IMarketBook
    function contextOf(uint256 marketId) public view returns (uint256) {
        Market storage market = _known(marketId);
        bytes32 requestId = HUB.directRequestId(address(this), bytes32(marketId));
        return HUB.contextOf(requestId, address(this), market.modelId, market.version, market.deadline);
    }

    /// @dev Reverts, with an error for each case, if the market is resolved or past its deadline, or if it is too early.
    function _requireOpen(uint256 marketId, Market storage market) internal view {
        if (market.resolvedAt != 0) revert AlreadyResolved(marketId, market.resolvedAt);
        if (block.timestamp > market.deadline) revert ResolutionTooLate(marketId, market.deadline, block.timestamp);
        if (block.timestamp < market.opensAt) revert StoryTooEarly(marketId, market.opensAt, block.timestamp);
    }

    /// @dev Records a message that a valid key signed, within the window.
    function _record(
        uint256 marketId,
        Market storage market,
        bytes32 digest,
        uint64 keyId,
        bytes calldata signature
    ) internal {
        if (block.timestamp > market.closesAt) revert StoryTooLate(marketId, market.closesAt, block.timestamp);
        PUBLISHERS.requireSigned(market.publisherId, keyId, digest, signature);
        uint64 before = market.recorded[digest].at;
        if (before != 0) revert StoryAlreadyRecorded(marketId, digest, before);
        market.recorded[digest] = Recorded(uint64(block.timestamp), keyId);
        if (market.firstRecordedAt == 0) market.firstRecordedAt = uint64(block.timestamp);
    }

    /// @dev If the message was recorded, a valid key signed it then, so it suffices that nobody has revoked that key since. Any
    /// other message needs a key that is valid now, and must be in time.
    function _requireSigned(
        uint256 marketId,
        Market storage market,
        bytes32 digest,
        uint64 keyId,
        bytes calldata signature
    ) internal view {
        Recorded memory entry = market.recorded[digest];
        if (entry.at != 0 && entry.keyId == keyId) {
            IPublisherRegistry.Key memory key = PUBLISHERS.keyOf(keyId);
            if (key.revokedAt != 0) revert IPublisherRegistryTypes.KeyRevoked(keyId, key.revokedAt);
            return;
        }
        PUBLISHERS.requireSigned(market.publisherId, keyId, digest, signature);
        if (entry.at == 0 && block.timestamp > market.closesAt) {
            revert StoryTooLate(marketId, market.closesAt, block.timestamp);
        }
    }

    /// @dev Records the reading before its proof is checked: a check that fails reverts all of it.
    function _resolveAs(Market storage market, uint64 keyId, uint8 outcome) internal {
        market.keyId = keyId;
        market.resolvedAt = uint48(block.timestamp);
        market.outcome = outcome;
    }

    /// @dev Whether the model gave this output for this input, proven for this market. Does not use the hub's `verifyInference`,
    /// because that refuses a model once the owner of its id withdraws it: the owner could turn a market that it loses into an
    /// equal split. The proof must be about a version that the DAO stands behind, under the circuit that the market was made for;
    /// the context is the hub's.
    function _requireProven(
        uint256 marketId,
        Market storage market,
        bytes32 inputCommitment,
        uint256 output,
        Groth16Proof calldata proof
    ) internal view {
        (address service, uint64 version) = (market.service, market.version);
        (IModelRegistryErrors.VersionStatus status, bytes32 weights, ) = MODELS.lookUp(service, version);
        if (status != IModelRegistryErrors.VersionStatus.Released) revert VersionNotReleased(service, version, status);
        // Checked here and not only by the verifier: a number congruent to a proven output reads as another label.
        if (output >= Bn254.SCALAR_ORDER) revert IInferenceHubErrors.SignalOutOfField(2, output);
        uint256[4] memory signals = [uint256(weights), uint256(inputCommitment), output, contextOf(marketId)];
        if (!ProofCheck.holds(VERIFIERS, market.circuitId, signals, proof)) revert IERC7992Verifier.InvalidProof();
    }

    /// @dev A low margin is refused rather than settled: it must not kill a market that a clearer story can still
    /// resolve. If none comes, the deadline makes it invalid.
    function _outcomeOf(uint256 marketId, Market storage market, uint256 output) internal view returns (uint8) {
        (uint256 label, uint256 margin) = OutputReading.label(market.form, output);
        if (margin < market.minMargin) revert MarginTooLow(marketId, margin, market.minMargin);
        bytes memory classMap = market.classMap;
        if (label >= classMap.length) revert UnknownLabel(marketId, label, classMap.length);
        return uint8(classMap[label]);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Groth16Proof} from "../interfaces/IGroth16Verifier.sol";
import {IInferenceHub, IInferenceHubErrors} from "../interfaces/IInferenceHub.sol";
import {IInputMarket} from "../interfaces/IInputMarket.sol";
import {IMarketBook} from "../interfaces/IMarketBook.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {IPublisherRegistry} from "../interfaces/IPublisherRegistry.sol";
import {Bn254} from "../inference/Bn254.sol";
import {OutputReading} from "../inference/OutputReading.sol";
import {ProvenMarket} from "./ProvenMarket.sol";

/// @title Markets on any input of any model
/// @notice See IInputMarket, which owns the documentation.
contract InputMarket is ProvenMarket, IInputMarket {
    using Math for uint256;

    /// @notice First word of the preimage of a tag.
    bytes32 public constant TAG_DOMAIN = keccak256("cohort.market.input.v1");
    /// @notice As an outcome: the two outcomes pay in proportion.
    uint8 public constant LINEAR = 0xfe;
    /// @notice The share that pays all of the collateral.
    uint256 public constant ONE = 1e18;

    struct Scale {
        bytes32 input;
        // ---
        int128 lower;
        uint128 width;
        // ---
        uint128 share;
        Payout payout;
    }

    mapping(uint256 marketId => Scale) private _scales;

    /// @param models The registry of `hub`. @param treasury Receives bonds lost in disputes: the timelock.
    /// @param admin Gets the default admin role: it grants SETTLER_ROLE and GUARDIAN_ROLE and hands itself over.
    constructor(
        IInferenceHub hub,
        IModelRegistry models,
        IPublisherRegistry publishers,
        uint64 disputeSeconds,
        uint64 fallbackSeconds,
        address treasury,
        address admin
    ) ProvenMarket(hub, models, publishers, disputeSeconds, fallbackSeconds, treasury, admin) {}

    /// @inheritdoc IInputMarket
    function createMarket(Terms calldata terms, string calldata text) external returns (uint256 marketId) {
        (bytes32 input, uint64 publisherId) = (terms.input, terms.question.publisherId);
        if ((input == 0) != (publisherId != 0) || uint256(input) >= Bn254.SCALAR_ORDER) {
            revert InputInvalid(input, publisherId);
        }
        if (publisherId != 0) PUBLISHERS.publisherOf(publisherId);
        Market storage market;
        (marketId, market) = _create(terms.question, bytes(text).length);
        if (terms.payout == Payout.Classes) _requireClasses(terms.question, market.form);
        _requireBounds(terms, market.form);
        Scale storage scale = _scales[marketId];
        (scale.input, scale.payout) = (input, terms.payout);
        (scale.lower, scale.width) = (terms.lower, terms.width);
        emit InputMarketCreated(marketId, msg.sender, input, terms.payout, text);
    }

    /// @inheritdoc IInputMarket
    function recordInput(uint256 marketId, bytes32 input, uint64 keyId, bytes calldata signature) external {
        Market storage market = _known(marketId);
        _requireOpen(marketId, market);
        bytes32 pinned = _scales[marketId].input;
        if (pinned != 0) revert InputMismatch(marketId, input, pinned);
        _record(marketId, market, _digestOf(marketId, input), keyId, signature);
        emit InputRecorded(marketId, input, keyId);
    }

    /// @inheritdoc IInputMarket
    function resolve(
        uint256 marketId,
        bytes32 input,
        uint64 keyId,
        bytes calldata signature,
        uint256 output,
        Groth16Proof calldata proof
    ) external {
        Market storage market = _known(marketId);
        _requireOpen(marketId, market);
        Scale storage scale = _scales[marketId];
        bytes32 pinned = scale.input;
        if (pinned == 0) {
            _requireSigned(marketId, market, _digestOf(marketId, input), keyId, signature);
        } else if (input != pinned || keyId != 0) {
            revert InputMismatch(marketId, input, pinned);
        }
        (uint8 outcome, uint256 share) = _read(marketId, market, scale, output);
        _resolveAs(market, keyId, outcome);
        scale.share = uint128(share);
        emit InputMarketResolved(marketId, outcome, msg.sender, input, keyId, output, share);
        _requireProven(marketId, market, input, output, proof);
    }

    /// @inheritdoc IInputMarket
    function settleScore(uint256 marketId, int256 score) external onlyRole(SETTLER_ROLE) {
        Market storage market = _known(marketId);
        _requireStatus(marketId, market, 1 << uint8(Status.Flagged));
        Scale storage scale = _scales[marketId];
        if (scale.payout != Payout.Linear) revert NotLinear(marketId);
        // Rounded like the reading, so that only a different payment upholds a challenge.
        uint256 share = _shareOf(scale, score);
        _decide(marketId, market, LINEAR, share != scale.share);
        scale.share = uint128(share);
        emit ScoreSettled(marketId, score, share);
    }

    /// @inheritdoc IInputMarket
    function recordedAt(uint256 marketId, bytes32 input) external view returns (uint64) {
        return _known(marketId).recorded[_digestOf(marketId, input)].at;
    }

    /// @inheritdoc IInputMarket
    function termsOf(
        uint256 marketId
    ) external view returns (bytes32 input, Payout payout, int128 lower, uint128 width, uint256 share) {
        _known(marketId);
        Scale storage scale = _scales[marketId];
        return (scale.input, scale.payout, scale.lower, scale.width, scale.share);
    }

    /// @inheritdoc IMarketBook
    function tagOf(uint256 marketId) public view returns (bytes8) {
        return bytes8(keccak256(abi.encode(TAG_DOMAIN, block.chainid, address(this), marketId)));
    }

    /// @dev These interfaces, in addition to those of every market.
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == type(IInputMarket).interfaceId || super.supportsInterface(interfaceId);
    }

    /// @dev Rounded down for each outcome, so that no pot pays more than it has; the last to leave gets the dust.
    function _worthOf(
        uint256 marketId,
        Market storage market,
        uint256[] memory values
    ) internal view override returns (uint256) {
        if (market.outcome != LINEAR) return super._worthOf(marketId, market, values);
        uint256 share = _scales[marketId].share;
        return values[0].mulDiv(ONE - share, ONE) + values[1].mulDiv(share, ONE);
    }

    /// @dev A share of all or nothing equals one of the two outcomes; a share of one half pays like an equal split. A challenge
    /// of such a reading that changes no payment fails.
    function _differs(uint256 marketId, Market storage market, uint8 outcome) internal view override returns (bool) {
        if (market.outcome != LINEAR) return outcome != market.outcome;
        return _scales[marketId].share != (outcome == INVALID ? ONE / 2 : outcome * ONE);
    }

    /// @dev The digest that the publisher signed.
    function _digestOf(uint256 marketId, bytes32 input) private view returns (bytes32) {
        return sha256(abi.encodePacked(tagOf(marketId), input));
    }

    function _read(
        uint256 marketId,
        Market storage market,
        Scale storage scale,
        uint256 output
    ) private view returns (uint8 outcome, uint256 share) {
        Payout payout = scale.payout;
        if (payout == Payout.Classes) return (_outcomeOf(marketId, market, output), 0);
        // Refuses an output that is not a field element, together with its proof.
        int256 score = OutputReading.score(market.form, output % Bn254.SCALAR_ORDER);
        if (payout == Payout.Linear) return (LINEAR, _shareOf(scale, score));
        if (score < scale.lower) return (0, 0);
        return (uint8(Math.min(_above(scale, score) / scale.width + 1, market.outcomes - 1)), 0);
    }

    /// @dev ⌊(score − lower)·ONE / width⌋, clamped to nothing or everything beyond the bounds.
    function _shareOf(Scale storage scale, int256 score) private view returns (uint256) {
        uint256 above = _above(scale, score);
        uint256 width = scale.width;
        return above >= width ? ONE : above.mulDiv(ONE, width);
    }

    /// @dev Returns how far a score is above the lower bound. The difference of any two scores fits an unsigned word, though
    /// perhaps not a signed one.
    function _above(Scale storage scale, int256 score) private view returns (uint256) {
        int256 lower = scale.lower;
        unchecked {
            return score < lower ? 0 : uint256(score) - uint256(lower);
        }
    }

    function _requireBounds(Terms calldata terms, IInferenceHubErrors.OutputForm form) private pure {
        if (terms.payout == Payout.Classes) {
            if (terms.lower != 0 || terms.width != 0) revert BoundsInvalid(terms.lower, terms.width);
            return;
        }
        // Reverts unless it is a score.
        OutputReading.score(form, 0);
        uint256 max = terms.payout == Payout.Linear ? MIN_OUTCOMES : MAX_OUTCOMES;
        uint256 outcomes = terms.question.outcomes;
        if (outcomes < MIN_OUTCOMES || outcomes > max) revert OutcomeCount(outcomes, MIN_OUTCOMES, max);
        if (terms.question.classMap.length != 0 || terms.question.minMargin != 0) revert ClassesNotRead();
        if (terms.width == 0) revert BoundsInvalid(terms.lower, 0);
    }
}

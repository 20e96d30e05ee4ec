// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IEnsembleOracle} from "../interfaces/IEnsembleOracle.sol";
import {IInferenceHub, IInferenceHubErrors, IInferenceHubTypes} from "../interfaces/IInferenceHub.sol";
import {EnsembleRules} from "./EnsembleRules.sol";

/// @title The ensembles: their members, their decision rules, and the members' present weights
abstract contract EnsembleCatalog is IEnsembleOracle {
    uint256 public constant MAX_MEMBERS = EnsembleRules.MAX_MEMBERS;
    /// @notice Most questions that asking one ensemble may open: one for itself, and one for each occurrence of an ensemble in
    /// it.
    uint256 public constant MAX_QUESTIONS = 8;
    uint256 public constant MIN_WEIGHT = 256;
    /// @notice Largest first weight. Four times this still fits 16 bits.
    uint256 public constant MAX_WEIGHT = 16_383;
    uint256 public constant MAX_CLASSES = 65_536;
    uint256 public constant MAX_SCORE = 2 ** 120;
    uint256 internal constant BASIS_POINTS = 10_000;
    uint256 private constant MIN_ADAPTATION = 2;
    uint256 private constant MAX_ADAPTATION = 6;

    struct Ensemble {
        Settings settings;
        /// 16 bits for each member, with member 0 in the lowest bits.
        uint256 weights;
        /// How many questions one opens by asking this ensemble.
        uint256 questions;
        Member[] members;
    }

    IInferenceHub public immutable HUB;

    Ensemble[] private _ensembles;

    constructor(IInferenceHub hub) {
        HUB = hub;
    }

    /// @inheritdoc IEnsembleOracle
    function createEnsemble(
        Settings calldata settings,
        Member[] calldata members
    ) external returns (uint256 ensembleId) {
        uint256 count = members.length;
        if (count == 0 || count > MAX_MEMBERS) revert MemberCount(count, MAX_MEMBERS);
        _requireSettings(settings);
        ensembleId = _ensembles.length + 1;
        Ensemble storage ensemble = _ensembles.push();
        uint256 weights;
        uint256 questions = 1;
        for (uint256 i = 0; i < count; ++i) {
            Member calldata member = members[i];
            for (uint256 j = 0; j < i; ++j) {
                bool alike = (member.decoding == Decoding.Ensemble) == (members[j].decoding == Decoding.Ensemble);
                if (alike && member.id == members[j].id) revert DuplicateMember(i, j);
            }
            questions += _requireMember(settings, member, i, ensembleId);
            weights = EnsembleRules.withWeight(weights, i, member.weight);
            ensemble.members.push(member);
        }
        if (questions > MAX_QUESTIONS) revert TooManyQuestions(questions, MAX_QUESTIONS);
        ensemble.settings = settings;
        ensemble.weights = weights;
        ensemble.questions = questions;
        emit EnsembleCreated(ensembleId, msg.sender, settings, members);
    }

    /// @inheritdoc IEnsembleOracle
    function getEnsemble(uint256 ensembleId) external view returns (Settings memory, Member[] memory) {
        Ensemble storage ensemble = _ensemble(ensembleId);
        return (ensemble.settings, ensemble.members);
    }

    /// @inheritdoc IEnsembleOracle
    function weightsOf(uint256 ensembleId) external view returns (uint16[] memory weights) {
        Ensemble storage ensemble = _ensemble(ensembleId);
        weights = new uint16[](ensemble.members.length);
        uint256 packed = ensemble.weights;
        for (uint256 i = 0; i < weights.length; ++i) weights[i] = EnsembleRules.weightAt(packed, i);
    }

    /// @inheritdoc IEnsembleOracle
    function ensembleCount() external view returns (uint256) {
        return _ensembles.length;
    }

    function _ensemble(uint256 ensembleId) internal view returns (Ensemble storage) {
        uint256 count = _ensembles.length;
        if (ensembleId == 0 || ensembleId > count) revert UnknownEnsemble(ensembleId, count);
        return _ensembles[ensembleId - 1];
    }

    function _isScore(Rule rule) internal pure returns (bool) {
        return rule == Rule.Mean || rule == Rule.Median;
    }

    function _requireSettings(Settings calldata settings) private pure {
        if (settings.quorum == 0 || settings.quorum > BASIS_POINTS) {
            revert QuorumInvalid(settings.quorum, BASIS_POINTS);
        }
        uint256 adaptation = settings.adaptation;
        if (adaptation != 0 && (adaptation < MIN_ADAPTATION || adaptation > MAX_ADAPTATION)) {
            revert AdaptationInvalid(adaptation, MIN_ADAPTATION, MAX_ADAPTATION);
        }
        bool score = _isScore(settings.rule);
        (uint256 least, uint256 most) = score ? (1, MAX_SCORE) : (2, MAX_CLASSES);
        if (settings.range < least || settings.range > most) revert RangeInvalid(settings.range, least, most);
        uint256 majority = score ? 0 : BASIS_POINTS;
        if (settings.majority > majority) revert MajorityInvalid(settings.majority, majority);
        uint256 tolerance = score ? settings.range : 0;
        if (settings.tolerance > tolerance) revert ToleranceInvalid(settings.tolerance, tolerance);
    }

    /// @dev Returns how many questions asking this member opens.
    function _requireMember(
        Settings calldata settings,
        Member calldata member,
        uint256 index,
        uint256 ensembleId
    ) private view returns (uint256) {
        if (member.weight < MIN_WEIGHT || member.weight > MAX_WEIGHT) {
            revert MemberWeightInvalid(index, member.weight, MIN_WEIGHT, MAX_WEIGHT);
        }
        Decoding decoding = member.decoding;
        Rule rule = settings.rule;
        bool margins = decoding == Decoding.LabelAndMargin || (decoding == Decoding.Ensemble && !_isScore(rule));
        if (member.minMargin != 0 && !margins) revert MarginNotStated(index, decoding);
        if (decoding == Decoding.Ensemble) {
            if (member.id >= ensembleId) revert MemberNotEarlier(index, member.id, ensembleId);
            Ensemble storage nested = _ensemble(member.id);
            Rule found = nested.settings.rule;
            if (_isScore(found) != _isScore(rule)) revert NestedRuleMismatch(index, found, rule);
            if (nested.settings.range != settings.range) {
                revert NestedRangeMismatch(index, nested.settings.range, settings.range);
            }
            return nested.questions;
        }
        bool suits = _isScore(rule)
            ? decoding == Decoding.Score
            : decoding == Decoding.LabelAndMargin || (decoding == Decoding.Label && rule == Rule.Vote);
        if (!suits) revert DecodingNotForRule(index, decoding, rule);
        // The hub reverts with ModelNotFound for an id that it never issued.
        IInferenceHubTypes.Model memory model = HUB.modelOf(member.id);
        if (model.deprecated) revert MemberDeprecated(index, member.id);
        if (model.form != _formOf(decoding)) revert DecodingNotOfModel(index, decoding, model.form);
        return 0;
    }

    function _formOf(Decoding decoding) private pure returns (IInferenceHubErrors.OutputForm) {
        if (decoding == Decoding.Label) return IInferenceHubErrors.OutputForm.Label;
        return
            decoding == Decoding.LabelAndMargin
                ? IInferenceHubErrors.OutputForm.LabelAndMargin
                : IInferenceHubErrors.OutputForm.Score;
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {EnsembleRules} from "../inference/EnsembleRules.sol";
import {IEnsembleOracleTypes} from "../interfaces/IEnsembleOracle.sol";
import {IInferenceHub, IInferenceHubErrors, IInferenceHubTypes} from "../interfaces/IInferenceHub.sol";
import {IServiceEnsemble} from "../interfaces/IServiceEnsemble.sol";
import {ServiceAuthority} from "./ServiceAuthority.sol";

/// @title The ensembles of services: their rules and present members
abstract contract ServiceRosters is IServiceEnsemble {
    uint256 public constant MAX_MEMBERS = EnsembleRules.MAX_MEMBERS;
    uint256 public constant MIN_WEIGHT = 256;
    uint256 public constant MAX_WEIGHT = 16_383;
    uint256 public constant MAX_CLASSES = 65_536;
    uint256 public constant MAX_SCORE = 2 ** 120;
    uint256 internal constant BASIS_POINTS = 10_000;

    struct Ensemble {
        address curator;
        /// Number of the roster; rises with every change of the membership.
        uint64 roster;
        Settings settings;
        Seat[] seats;
        /// The service's index in `seats`, plus 1; 0 for a service that is not a member.
        mapping(address service => uint256) places;
        mapping(address service => bool) departed;
    }

    IInferenceHub public immutable HUB;

    uint256 private _count;
    mapping(uint256 ensembleId => Ensemble) private _ensembles;

    constructor(IInferenceHub hub) {
        HUB = hub;
    }

    /// @inheritdoc IServiceEnsemble
    function found(Settings calldata settings) external returns (uint256 ensembleId) {
        _requireSettings(settings);
        ensembleId = ++_count;
        Ensemble storage ensemble = _ensembles[ensembleId];
        ensemble.curator = msg.sender;
        ensemble.settings = settings;
        emit EnsembleFounded(ensembleId, msg.sender, settings);
    }

    /// @inheritdoc IServiceEnsemble
    function join(uint256 ensembleId, uint64 modelId, uint16 weight, uint64 minMargin) external {
        Ensemble storage ensemble = _curated(ensembleId);
        _requireWeight(weight);
        IInferenceHubTypes.Model memory model = HUB.modelOf(modelId);
        address service = model.service;
        if (model.pinned != 0) revert ModelPinned(modelId, model.pinned);
        if (model.deprecated) revert ModelWithdrawn(modelId);
        if (ensemble.departed[service]) revert ServiceDeparted(ensembleId, service);
        if (ensemble.places[service] != 0) revert AlreadyMember(ensembleId, service);
        if (ensemble.seats.length == MAX_MEMBERS) revert TooManyMembers(ensembleId, MAX_MEMBERS);
        IEnsembleOracleTypes.Decoding decoding = _decodingOf(ensemble.settings, modelId, model);
        if (minMargin != 0 && decoding != IEnsembleOracleTypes.Decoding.LabelAndMargin) revert MarginNotStated(modelId);
        ensemble.seats.push(Seat(service, weight, modelId, decoding, minMargin));
        ensemble.places[service] = ensemble.seats.length;
        emit MemberJoined(ensembleId, service, modelId, weight, ++ensemble.roster);
    }

    /// @inheritdoc IServiceEnsemble
    function leave(uint256 ensembleId, address service) external {
        Ensemble storage ensemble = _ensemble(ensembleId);
        uint256 place = ensemble.places[service];
        if (place == 0) revert NotMember(ensembleId, service);
        bool departed = msg.sender != ensemble.curator;
        if (departed) {
            ServiceAuthority.requireAuthority(service, msg.sender);
            ensemble.departed[service] = true;
        }
        uint256 last = ensemble.seats.length;
        if (place != last) {
            Seat memory moved = ensemble.seats[last - 1];
            ensemble.seats[place - 1] = moved;
            ensemble.places[moved.service] = place;
        }
        ensemble.seats.pop();
        delete ensemble.places[service];
        emit MemberLeft(ensembleId, service, departed, ++ensemble.roster);
    }

    /// @inheritdoc IServiceEnsemble
    function setWeight(uint256 ensembleId, address service, uint16 weight) external {
        Ensemble storage ensemble = _curated(ensembleId);
        uint256 place = ensemble.places[service];
        if (place == 0) revert NotMember(ensembleId, service);
        _requireWeight(weight);
        ensemble.seats[place - 1].weight = weight;
        emit WeightSet(ensembleId, service, weight, ++ensemble.roster);
    }

    /// @inheritdoc IServiceEnsemble
    function rosterOf(uint256 ensembleId) external view returns (Seat[] memory seats, uint64 roster) {
        Ensemble storage ensemble = _ensemble(ensembleId);
        return (ensemble.seats, ensemble.roster);
    }

    /// @inheritdoc IServiceEnsemble
    function ensembleOf(uint256 ensembleId) external view returns (address curator, Settings memory settings) {
        Ensemble storage ensemble = _ensemble(ensembleId);
        return (ensemble.curator, ensemble.settings);
    }

    /// @inheritdoc IServiceEnsemble
    function ensembleCount() external view returns (uint256) {
        return _count;
    }

    function _ensemble(uint256 ensembleId) internal view returns (Ensemble storage) {
        if (ensembleId == 0 || ensembleId > _count) revert UnknownEnsemble(ensembleId, _count);
        return _ensembles[ensembleId];
    }

    function _curated(uint256 ensembleId) private view returns (Ensemble storage ensemble) {
        ensemble = _ensemble(ensembleId);
        if (msg.sender != ensemble.curator) revert NotCurator(ensembleId, msg.sender, ensemble.curator);
    }

    function _isScore(IEnsembleOracleTypes.Rule rule) internal pure returns (bool) {
        return rule == IEnsembleOracleTypes.Rule.Mean || rule == IEnsembleOracleTypes.Rule.Median;
    }

    function _requireWeight(uint256 weight) private pure {
        if (weight < MIN_WEIGHT || weight > MAX_WEIGHT) revert WeightInvalid(weight, MIN_WEIGHT, MAX_WEIGHT);
    }

    function _requireSettings(Settings calldata settings) private pure {
        uint256 least = settings.minAnswers;
        if (least == 0 || least > MAX_MEMBERS) revert MinAnswersInvalid(least, MAX_MEMBERS);
        if (settings.quorum == 0 || settings.quorum > BASIS_POINTS) revert QuorumInvalid(settings.quorum, BASIS_POINTS);
        bool score = _isScore(settings.rule);
        uint256 majority = score ? 0 : BASIS_POINTS;
        if (settings.majority > majority) revert MajorityInvalid(settings.majority, majority);
        (uint256 min, uint256 max) = score ? (1, MAX_SCORE) : (2, MAX_CLASSES);
        if (settings.range < min || settings.range > max) revert RangeInvalid(settings.range, min, max);
        if ((settings.scale != 0) != score) revert ScaleInvalid(settings.scale, score);
    }

    /// @dev The decoding by which the rule reads the model's outputs.
    function _decodingOf(
        Settings memory settings,
        uint64 modelId,
        IInferenceHubTypes.Model memory model
    ) private pure returns (IEnsembleOracleTypes.Decoding) {
        IInferenceHubErrors.OutputForm form = model.form;
        if (_isScore(settings.rule)) {
            if (form != IInferenceHubErrors.OutputForm.Score) revert OutputNotForRule(modelId, form, settings.rule);
            if (model.scale != settings.scale) revert ScaleDiffers(modelId, model.scale, settings.scale);
            return IEnsembleOracleTypes.Decoding.Score;
        }
        if (form == IInferenceHubErrors.OutputForm.LabelAndMargin) return IEnsembleOracleTypes.Decoding.LabelAndMargin;
        bool plain = form == IInferenceHubErrors.OutputForm.Label && settings.rule == IEnsembleOracleTypes.Rule.Vote;
        if (!plain) revert OutputNotForRule(modelId, form, settings.rule);
        return IEnsembleOracleTypes.Decoding.Label;
    }
}

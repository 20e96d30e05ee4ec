// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IPrivateTables} from "../interfaces/IPrivateTables.sol";
import {ReleaseQueries} from "./ReleaseQueries.sol";

/// @title Series and versions of committed tables, and the privacy that was spent on them
/// @dev Only `_spend` writes what was spent, and nothing gives it back.
abstract contract PrivacyBudgets is ReleaseQueries {
    uint256 public constant MIN_DELIVERY_SECONDS = 1 minutes;
    uint256 public constant MAX_DELIVERY_SECONDS = 30 days;

    uint256 private _seriesCount;
    mapping(uint256 seriesId => Series) private _series;
    mapping(uint256 seriesId => mapping(uint32 version => Version)) private _versions;

    /// @inheritdoc IPrivateTables
    function openSeries(Terms calldata terms) external returns (uint256 seriesId) {
        bool timed = terms.deliverySeconds >= MIN_DELIVERY_SECONDS && terms.deliverySeconds <= MAX_DELIVERY_SECONDS;
        bool bounded = terms.versionEpsilon != 0 && terms.versionEpsilon <= terms.maxEpsilon;
        // Without a bond, a server could withhold releases that it dislikes for free.
        if (!timed || !bounded || terms.bond == 0) revert TermsInvalid(terms);
        seriesId = ++_seriesCount;
        Series storage series = _series[seriesId];
        series.server = msg.sender;
        series.terms = terms;
        emit SeriesOpened(seriesId, msg.sender, terms);
    }

    /// @inheritdoc IPrivateTables
    function commitVersion(
        uint256 seriesId,
        bytes32 chunksHash,
        uint32 chunks,
        uint256 seedCommitment
    ) external returns (uint32 version) {
        Series storage series = _asServer(seriesId);
        if (chunksHash == 0 || chunks == 0 || chunks > MAX_ROWS || seedCommitment == 0) {
            revert TableInvalid(chunksHash, chunks, seedCommitment);
        }
        version = series.versions + 1;
        uint256 earliest = uint256(series.lastCommitAt) + series.terms.interval;
        if (version > 1 && block.timestamp < earliest) revert IntervalNotOver(seriesId, block.timestamp, earliest);
        series.versions = version;
        series.lastCommitAt = uint48(block.timestamp);
        _versions[seriesId][version] = Version(chunksHash, seedCommitment, chunks, uint48(block.timestamp), 0);
        emit VersionCommitted(seriesId, version, chunksHash, chunks, seedCommitment);
    }

    /// @inheritdoc IPrivateTables
    function seriesOf(uint256 seriesId) external view returns (Series memory) {
        return _knownSeries(seriesId);
    }

    /// @inheritdoc IPrivateTables
    function versionOf(uint256 seriesId, uint32 version) external view returns (Version memory) {
        return _knownVersion(seriesId, version);
    }

    /// @inheritdoc IPrivateTables
    function seriesCount() external view returns (uint256) {
        return _seriesCount;
    }

    /// @dev Spends a release's cost, or reverts with BudgetExceeded.
    function _spend(uint256 seriesId, uint32 version, Query memory query) internal returns (uint64 epsilon, uint64 delta) {
        (epsilon, delta) = _requireBudget(seriesId, version, query);
        _versions[seriesId][version].spentEpsilon += epsilon;
        Series storage series = _series[seriesId];
        series.spentEpsilon += epsilon;
        series.spentDelta += delta;
    }

    function _requireBudget(
        uint256 seriesId,
        uint32 version,
        Query memory query
    ) internal view returns (uint64 epsilon, uint64 delta) {
        (epsilon, delta) = _costOf(query);
        Series storage series = _series[seriesId];
        _requireLeft(0, epsilon, series.terms.versionEpsilon - _versions[seriesId][version].spentEpsilon);
        _requireLeft(1, epsilon, series.terms.maxEpsilon - series.spentEpsilon);
        _requireLeft(2, delta, series.terms.maxDelta - series.spentDelta);
    }

    function _asServer(uint256 seriesId) internal view returns (Series storage series) {
        series = _knownSeries(seriesId);
        if (series.server != msg.sender) revert NotServer(seriesId, msg.sender, series.server);
    }

    function _knownSeries(uint256 seriesId) internal view returns (Series storage series) {
        series = _series[seriesId];
        if (series.server == address(0)) revert UnknownSeries(seriesId);
    }

    function _knownVersion(uint256 seriesId, uint32 version) internal view returns (Version storage found) {
        found = _versions[seriesId][version];
        if (found.chunks == 0) revert UnknownVersion(seriesId, version);
    }

    function _requireLeft(uint256 field, uint256 cost, uint256 left) private pure {
        if (cost > left) revert BudgetExceeded(field, cost, left);
    }
}

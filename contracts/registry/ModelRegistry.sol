// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {IVersionSource} from "../interfaces/IVersionSource.sol";

/// @title The history of every co-owned model
/// @notice See IModelRegistry, which owns the documentation.
/// @dev Calls services only to read: they are the factory's clones, and the registrar answers for their code. A release copies the
/// commitment, so consumers of released versions read only this contract.
contract ModelRegistry is IModelRegistry, AccessControl {
    /// @notice May register services: the service factory.
    bytes32 public constant REGISTRAR_ROLE = keccak256("REGISTRAR_ROLE");
    /// @notice May release, roll back and deprecate: the timelock.
    bytes32 public constant RELEASE_ROLE = keccak256("RELEASE_ROLE");

    /// @dev The DAO's decisions about a version: two slots.
    struct Decision {
        /// None until the DAO has decided.
        VersionStatus status;
        uint48 updatedAt;
        uint32 releaseOrder;
        /// Copied from the service at the first release.
        bytes32 weightsCommitment;
    }

    /// @dev The first three share a slot.
    struct ServiceHistory {
        bool registered;
        /// Version consumers use; 0 before the first release.
        uint64 current;
        /// Number of releases so far: the `releaseOrder` of the latest one.
        uint32 released;
        mapping(uint64 version => Decision) decisions;
        /// Every version that became current, in order, including rollbacks.
        uint64[] releases;
    }

    mapping(address service => ServiceHistory) private _histories;
    address[] private _services;

    /// @notice The administrator must not be zero, because somebody must hand the roles over.
    error ZeroAdmin();

    /// @param admin Gets the default admin role: it grants REGISTRAR_ROLE and RELEASE_ROLE and hands itself over.
    constructor(address admin) {
        if (admin == address(0)) revert ZeroAdmin();
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
    }

    /// @inheritdoc IModelRegistry
    function registerService(address service) external onlyRole(REGISTRAR_ROLE) {
        if (service.code.length == 0) revert ServiceHasNoCode(service);
        ServiceHistory storage history = _histories[service];
        if (history.registered) revert ServiceAlreadyRegistered(service);
        history.registered = true;
        _services.push(service);
        emit ServiceRegistered(service, _services.length - 1);
    }

    /// @inheritdoc IModelRegistry
    function release(address service, uint64 version) external onlyRole(RELEASE_ROLE) {
        ServiceHistory storage history = _registered(service);
        bytes32 commitment = _origin(service, version).weightsCommitment;
        uint64 previous = history.current;
        if (previous == version) revert AlreadyCurrent(service, version);
        Decision storage decision = history.decisions[version];
        if (decision.status == VersionStatus.None) decision.weightsCommitment = commitment;
        else _expectReleased(decision, service, version, _bit(VersionStatus.Accepted) | _bit(VersionStatus.Released));
        // Releases are ordered by time: from a version that is released again, the DAO may roll back to those released in
        // between.
        decision.releaseOrder = ++history.released;
        decision.status = VersionStatus.Released;
        decision.updatedAt = uint48(block.timestamp);
        _makeCurrent(history, version);
        emit VersionReleased(service, version, previous);
    }

    /// @inheritdoc IModelRegistry
    function rollback(address service, uint64 target) external onlyRole(RELEASE_ROLE) {
        ServiceHistory storage history = _registered(service);
        uint64 from = history.current;
        if (from == 0) revert NoReleasedVersion(service);
        _origin(service, target);
        Decision storage decision = history.decisions[target];
        _expectReleased(decision, service, target, _bit(VersionStatus.Released));
        Decision storage bad = history.decisions[from];
        if (decision.releaseOrder >= bad.releaseOrder) revert NotEarlierRelease(service, from, target);
        bad.status = VersionStatus.Deprecated;
        bad.updatedAt = uint48(block.timestamp);
        decision.updatedAt = uint48(block.timestamp);
        _makeCurrent(history, target);
        emit RolledBack(service, from, target);
    }

    /// @inheritdoc IModelRegistry
    function deprecate(address service, uint64 version, bytes32 reason) external onlyRole(RELEASE_ROLE) {
        ServiceHistory storage history = _registered(service);
        _origin(service, version);
        Decision storage decision = history.decisions[version];
        if (decision.status == VersionStatus.Deprecated) {
            revert UnexpectedStatus(
                service,
                version,
                VersionStatus.Deprecated,
                _bit(VersionStatus.Accepted) | _bit(VersionStatus.Released)
            );
        }
        decision.status = VersionStatus.Deprecated;
        decision.updatedAt = uint48(block.timestamp);
        if (history.current == version) history.current = 0;
        emit VersionDeprecated(service, version, reason);
    }

    /// @inheritdoc IModelRegistry
    function currentVersion(address service) external view returns (uint64 version) {
        version = _registered(service).current;
        if (version == 0) revert NoReleasedVersion(service);
    }

    /// @inheritdoc IModelRegistry
    function isReleased(address service, uint64 version) external view returns (bool) {
        return _histories[service].decisions[version].status == VersionStatus.Released;
    }

    /// @inheritdoc IModelRegistry
    function getVersion(address service, uint64 version) external view returns (Version memory) {
        ServiceHistory storage history = _registered(service);
        return _version(_origin(service, version), history.decisions[version]);
    }

    /// @inheritdoc IModelRegistry
    function lookUp(
        address service,
        uint64 version
    ) external view returns (VersionStatus status, bytes32 weightsCommitment, uint64 current) {
        ServiceHistory storage history = _histories[service];
        if (!history.registered) return (VersionStatus.None, 0, 0);
        Decision storage decision = history.decisions[version];
        (status, weightsCommitment, current) = (decision.status, decision.weightsCommitment, history.current);
        if (weightsCommitment != 0) return (status, weightsCommitment, current);
        weightsCommitment = IVersionSource(service).versionAt(version).weightsCommitment;
        if (status == VersionStatus.None && weightsCommitment != 0) status = VersionStatus.Accepted;
    }

    /// @inheritdoc IModelRegistry
    function versionCount(address service) external view returns (uint64) {
        return _histories[service].registered ? IVersionSource(service).versionCount() : 0;
    }

    /// @inheritdoc IModelRegistry
    function listVersions(address service, uint64 first, uint64 limit) external view returns (Version[] memory page) {
        ServiceHistory storage history = _registered(service);
        _origin(service, first);
        uint64 left = IVersionSource(service).versionCount() - first + 1;
        page = new Version[](limit < left ? limit : left);
        for (uint64 i = 0; i < page.length; ++i) {
            page[i] = _version(IVersionSource(service).versionAt(first + i), history.decisions[first + i]);
        }
    }

    /// @inheritdoc IModelRegistry
    function listReleases(address service) external view returns (uint64[] memory) {
        return _registered(service).releases;
    }

    /// @inheritdoc IModelRegistry
    function isService(address service) external view returns (bool) {
        return _histories[service].registered;
    }

    /// @inheritdoc IModelRegistry
    function serviceCount() external view returns (uint256) {
        return _services.length;
    }

    /// @inheritdoc IModelRegistry
    function serviceAt(uint256 index) external view returns (address) {
        if (index >= _services.length) revert UnknownServiceIndex(index, _services.length);
        return _services[index];
    }

    function _makeCurrent(ServiceHistory storage history, uint64 version) private {
        history.current = version;
        history.releases.push(version);
    }

    function _registered(address service) private view returns (ServiceHistory storage history) {
        history = _histories[service];
        if (!history.registered) revert UnknownService(service);
    }

    /// @dev Reverts with UnknownVersion.
    function _origin(address service, uint64 version) private view returns (IVersionSource.Origin memory origin) {
        origin = IVersionSource(service).versionAt(version);
        if (origin.weightsCommitment == 0) revert UnknownVersion(service, version, IVersionSource(service).versionCount());
    }

    function _version(
        IVersionSource.Origin memory origin,
        Decision storage decision
    ) private view returns (Version memory) {
        bool undecided = decision.status == VersionStatus.None;
        return
            Version({
                epoch: origin.epoch,
                round: origin.round,
                updatedAt: undecided ? origin.acceptedAt : decision.updatedAt,
                votes: origin.votes,
                status: undecided ? VersionStatus.Accepted : decision.status,
                releaseOrder: decision.releaseOrder,
                weightsCommitment: origin.weightsCommitment
            });
    }

    /// @param expected Acceptable states, for the error.
    function _expectReleased(
        Decision storage decision,
        address service,
        uint64 version,
        uint256 expected
    ) private view {
        VersionStatus found = decision.status;
        if (found == VersionStatus.None) found = VersionStatus.Accepted;
        if (found != VersionStatus.Released) revert UnexpectedStatus(service, version, found, expected);
    }

    function _bit(VersionStatus status) private pure returns (uint256) {
        return 1 << uint8(status);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";

/// @title The history of every co-owned model
/// @notice See IModelRegistry, which owns the documentation.
/// @dev A version takes three slots; the CID and the bitmap of voters are in the events only.
contract ModelRegistry is IModelRegistry, AccessControl {
    /// @notice May register services: the service factory.
    bytes32 public constant REGISTRAR_ROLE = keccak256("REGISTRAR_ROLE");
    /// @notice May release, roll back and deprecate: the timelock.
    bytes32 public constant RELEASE_ROLE = keccak256("RELEASE_ROLE");

    /// @notice Longest binary CID accepted, in bytes: a CIDv1 with a 512-bit digest has 68 at most, the usual one 36.
    uint256 public constant MAX_CID_BYTES = 68;

    /// @dev Order of the BN254 scalar field, which Poseidon digests live in (EIP-197).
    uint256 private constant FIELD_ORDER =
        21888242871839275222246405745257275088548364400416034343698204186575808495617;

    /// @dev The first four share a slot, which is all that a lookup reads besides the version's own.
    struct ServiceHistory {
        bool registered;
        /// Version consumers use; 0 when there is none.
        uint64 current;
        /// How many versions there are, numbered from 1.
        uint64 count;
        /// How many versions were released for the first time: the next `releaseOrder` less one.
        uint32 released;
        mapping(uint64 version => Version) versions;
        /// Every version that became current, in order, rollbacks included.
        uint64[] releases;
    }

    mapping(address service => ServiceHistory) private _histories;
    address[] private _services;

    /// @notice The contract needs an administrator that can hand its roles over.
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
    function propose(
        uint64 epoch,
        uint64 round,
        bytes32 weightsCommitment,
        bytes calldata cid
    ) external returns (uint64) {
        return _record(epoch, round, weightsCommitment, cid, 0, VersionStatus.Proposed);
    }

    /// @inheritdoc IModelRegistry
    function accept(uint64 version, uint256 voters) external {
        Version storage entry = _entry(_registered(msg.sender), msg.sender, version);
        _expect(entry, msg.sender, version, _bit(VersionStatus.Proposed));
        if (voters == 0) revert NoVotes(msg.sender, version);
        entry.status = VersionStatus.Accepted;
        entry.updatedAt = uint48(block.timestamp);
        entry.votes = _population(voters);
        emit VersionAccepted(msg.sender, version, voters);
    }

    /// @inheritdoc IModelRegistry
    function publish(
        uint64 epoch,
        uint64 round,
        bytes32 weightsCommitment,
        bytes calldata cid,
        uint256 voters
    ) external returns (uint64 version) {
        version = _record(epoch, round, weightsCommitment, cid, _population(voters), VersionStatus.Accepted);
        if (voters == 0) revert NoVotes(msg.sender, version);
        emit VersionAccepted(msg.sender, version, voters);
    }

    /// @inheritdoc IModelRegistry
    function release(address service, uint64 version) external onlyRole(RELEASE_ROLE) {
        ServiceHistory storage history = _registered(service);
        Version storage entry = _entry(history, service, version);
        uint64 previous = history.current;
        if (previous == version) revert AlreadyCurrent(service, version);
        _expect(entry, service, version, _bit(VersionStatus.Accepted) | _bit(VersionStatus.Released));
        if (entry.status == VersionStatus.Accepted) {
            entry.status = VersionStatus.Released;
            entry.releaseOrder = ++history.released;
        }
        entry.updatedAt = uint48(block.timestamp);
        _makeCurrent(history, version);
        emit VersionReleased(service, version, previous);
    }

    /// @inheritdoc IModelRegistry
    function rollback(address service, uint64 target) external onlyRole(RELEASE_ROLE) {
        ServiceHistory storage history = _registered(service);
        uint64 from = history.current;
        if (from == 0) revert NoReleasedVersion(service);
        Version storage entry = _entry(history, service, target);
        _expect(entry, service, target, _bit(VersionStatus.Released));
        Version storage bad = history.versions[from];
        if (entry.releaseOrder >= bad.releaseOrder) revert NotEarlierRelease(service, from, target);
        bad.status = VersionStatus.Deprecated;
        bad.updatedAt = uint48(block.timestamp);
        entry.updatedAt = uint48(block.timestamp);
        _makeCurrent(history, target);
        emit RolledBack(service, from, target);
    }

    /// @inheritdoc IModelRegistry
    function deprecate(address service, uint64 version, bytes32 reason) external onlyRole(RELEASE_ROLE) {
        ServiceHistory storage history = _registered(service);
        Version storage entry = _entry(history, service, version);
        _expect(
            entry,
            service,
            version,
            _bit(VersionStatus.Proposed) | _bit(VersionStatus.Accepted) | _bit(VersionStatus.Released)
        );
        entry.status = VersionStatus.Deprecated;
        entry.updatedAt = uint48(block.timestamp);
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
        return _histories[service].versions[version].status == VersionStatus.Released;
    }

    /// @inheritdoc IModelRegistry
    function getVersion(address service, uint64 version) external view returns (Version memory) {
        return _entry(_registered(service), service, version);
    }

    /// @inheritdoc IModelRegistry
    function lookUp(
        address service,
        uint64 version
    ) external view returns (VersionStatus status, bytes32 weightsCommitment, uint64 current) {
        ServiceHistory storage history = _histories[service];
        Version storage entry = history.versions[version];
        return (entry.status, entry.weightsCommitment, history.current);
    }

    /// @inheritdoc IModelRegistry
    function versionCount(address service) external view returns (uint64) {
        return _histories[service].count;
    }

    /// @inheritdoc IModelRegistry
    function listVersions(address service, uint64 first, uint64 limit) external view returns (Version[] memory page) {
        ServiceHistory storage history = _registered(service);
        _entry(history, service, first);
        uint64 left = history.count - first + 1;
        page = new Version[](limit < left ? limit : left);
        for (uint64 i = 0; i < page.length; ++i) page[i] = history.versions[first + i];
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

    function _record(
        uint64 epoch,
        uint64 round,
        bytes32 weightsCommitment,
        bytes calldata cid,
        uint16 votes,
        VersionStatus status
    ) private returns (uint64 version) {
        ServiceHistory storage history = _registered(msg.sender);
        if (weightsCommitment == 0 || uint256(weightsCommitment) >= FIELD_ORDER) {
            revert InvalidWeightsCommitment(weightsCommitment);
        }
        if (cid.length == 0 || cid.length > MAX_CID_BYTES) revert InvalidCidLength(cid.length, MAX_CID_BYTES);
        version = ++history.count;
        history.versions[version] = Version({
            epoch: epoch,
            round: round,
            updatedAt: uint48(block.timestamp),
            votes: votes,
            status: status,
            releaseOrder: 0,
            weightsCommitment: weightsCommitment,
            cidHash: keccak256(cid)
        });
        emit VersionProposed(msg.sender, version, epoch, round, weightsCommitment, cid);
    }

    function _makeCurrent(ServiceHistory storage history, uint64 version) private {
        history.current = version;
        history.releases.push(version);
    }

    function _registered(address service) private view returns (ServiceHistory storage history) {
        history = _histories[service];
        if (!history.registered) revert UnknownService(service);
    }

    function _entry(
        ServiceHistory storage history,
        address service,
        uint64 version
    ) private view returns (Version storage) {
        uint64 count = history.count;
        if (version == 0 || version > count) revert UnknownVersion(service, version, count);
        return history.versions[version];
    }

    function _expect(Version storage entry, address service, uint64 version, uint256 expected) private view {
        VersionStatus found = entry.status;
        if (_bit(found) & expected == 0) revert UnexpectedStatus(service, version, found, expected);
    }

    function _bit(VersionStatus status) private pure returns (uint256) {
        return 1 << uint8(status);
    }

    /// @dev Number of set bits, 0 to 256, by adding neighbours (Warren, Hacker's Delight, section 5-1).
    function _population(uint256 x) private pure returns (uint16) {
        unchecked {
            x -= (x >> 1) & (type(uint256).max / 3);
            x = (x & (type(uint256).max / 5)) + ((x >> 2) & (type(uint256).max / 5));
            x = (x + (x >> 4)) & (type(uint256).max / 17);
            // Each byte now counts at most 8; fold to 16-bit lanes first, because 256 does not fit in a byte.
            x = (x & (type(uint256).max / 257)) + ((x >> 8) & (type(uint256).max / 257));
            return uint16((x * (type(uint256).max / 65535)) >> 240);
        }
    }
}

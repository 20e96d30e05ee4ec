// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @dev Errors of the model registry. Every one carries the values that explain it.
interface IModelRegistryErrors {
    /// @notice The registrar has not registered this service.
    error UnknownService(address service);
    /// @notice A service can be registered only once.
    error ServiceAlreadyRegistered(address service);
    /// @notice The address has no code (or is zero), so it cannot be a service.
    error ServiceHasNoCode(address service);
    /// @notice `version` is not among the `count` versions of the service; versions count from 1.
    error UnknownVersion(address service, uint64 version, uint64 count);
    /// @notice The version is in status `found`; the call needs one of `expected` (bit i stands for status i).
    error UnexpectedStatus(address service, uint64 version, VersionStatus found, uint256 expected);
    /// @notice A rollback needs a target that was last released before the current version, which must exist and differ from
    /// it.
    error NotEarlierRelease(address service, uint64 current, uint64 target);
    /// @notice The version is already the current one.
    error AlreadyCurrent(address service, uint64 version);
    /// @notice There are `count` services, numbered from 0.
    error UnknownServiceIndex(uint256 index, uint256 count);
    /// @notice No version of this service is currently released.
    error NoReleasedVersion(address service);

    /// @notice Accepted: a quorum of the service's members voted for the version. Before that, a model is a candidate in the
    /// service's open Vote (`votes`) and has no number.
    enum VersionStatus {
        None,
        Accepted,
        Released,
        Deprecated
    }
}

/// @dev The registry's record of a version.
interface IModelRegistryTypes is IModelRegistryErrors {
    /// @notice One version of a co-owned model. The CID of its blob and the bitmap of voters are in the service's events
    /// UpdateCompleted and ModelVoted.
    struct Version {
        /// Epoch (one collective key) and round of the service that made it.
        uint64 epoch;
        uint64 round;
        /// Unix seconds of the last change of status.
        uint48 updatedAt;
        /// Number of members that voted for it.
        uint16 votes;
        VersionStatus status;
        /// Position in the order of its service's releases (the latest one if it was released more than once); 0 if it was
        /// never released.
        uint32 releaseOrder;
        /// Salted Poseidon commitment to the quantised weights, a BN254 scalar.
        bytes32 weightsCommitment;
    }
}

/// @dev What the registry emits.
interface IModelRegistryEvents is IModelRegistryTypes {
    event ServiceRegistered(address indexed service, uint256 index);
    event VersionReleased(address indexed service, uint64 indexed version, uint64 indexed previous);
    /// @notice `from` is deprecated and `to` is current again.
    event RolledBack(address indexed service, uint64 indexed from, uint64 indexed to);
    event VersionDeprecated(address indexed service, uint64 indexed version, bytes32 reason);
}

/// @title The history of every co-owned model: the versions that its keepers made, and the DAO's decisions about them
/// @notice A version exists from the moment its service's members accept it: the registry reads it from the service
/// (IVersionSource) and stores only the DAO's decisions about it. So nobody pays for a second record, an accepted version is in
/// the history without further steps, and none can be left out. Versions count from 1 and are never removed.
interface IModelRegistry is IModelRegistryEvents {
    /// @notice Adds the versions of `service` to the history. Registrar only (the service factory).
    function registerService(address service) external;

    /// @notice Makes an accepted (or earlier released) version the current one for consumers. Timelock only.
    function release(address service, uint64 version) external;

    /// @notice Deprecates the current version and makes `target` current: a version that was last released before it and is not
    /// deprecated. Timelock only.
    function rollback(address service, uint64 target) external;

    /// @notice Withdraws an accepted or released version for good. When it is the current one, the service has no current
    /// version until the next release. Timelock only.
    /// @param reason Short text or a hash, for the record.
    function deprecate(address service, uint64 version, bytes32 reason) external;

    /// @notice The released version consumers should use.
    /// @dev Reverts with NoReleasedVersion.
    function currentVersion(address service) external view returns (uint64 version);

    /// @notice Whether consumers may rely on `version`: released and not deprecated since.
    function isReleased(address service, uint64 version) external view returns (bool);

    /// @notice The facts by which a consumer judges a version, with as few reads as possible. Never reverts.
    /// @return status `None` for a version or service that does not exist.
    /// @return weightsCommitment Zero for a version that does not exist.
    /// @return current The service's current version; 0 if there is none.
    function lookUp(
        address service,
        uint64 version
    ) external view returns (VersionStatus status, bytes32 weightsCommitment, uint64 current);

    /// @dev Reverts with UnknownService, UnknownVersion.
    function getVersion(address service, uint64 version) external view returns (Version memory);

    /// @notice How many versions `service` has made; they are numbered from 1 to this. 0 for an unknown service.
    function versionCount(address service) external view returns (uint64);

    /// @notice A page of the history: up to `limit` versions, starting with version `first`.
    function listVersions(address service, uint64 first, uint64 limit) external view returns (Version[] memory);

    /// @notice Every version that became current, in order. A version that a rollback made current again appears again.
    function listReleases(address service) external view returns (uint64[] memory);

    function isService(address service) external view returns (bool);

    function serviceCount() external view returns (uint256);

    /// @notice Registered service number `index`, from 0.
    function serviceAt(uint256 index) external view returns (address);
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @dev Errors of the model registry. Every one carries the values that explain it.
interface IModelRegistryErrors {
    /// @notice The caller is not a service that the registrar registered.
    error UnknownService(address service);
    /// @notice A service is registered once.
    error ServiceAlreadyRegistered(address service);
    /// @notice An address that has no code cannot be a service (or the address is zero).
    error ServiceHasNoCode(address service);
    /// @notice `version` is not among the `count` versions of the service; versions count from 1.
    error UnknownVersion(address service, uint64 version, uint64 count);
    /// @notice The version is in status `found`; the call needs one of `expected` (bit i stands for status i).
    error UnexpectedStatus(address service, uint64 version, VersionStatus found, uint256 expected);
    /// @notice A weights commitment is a Poseidon digest: non-zero and below the BN254 scalar field's order.
    error InvalidWeightsCommitment(bytes32 weightsCommitment);
    /// @notice A CID has between 1 and `maximum` bytes.
    error InvalidCidLength(uint256 length, uint256 maximum);
    /// @notice A version is accepted by at least one vote.
    error NoVotes(address service, uint64 version);
    /// @notice Rolling back needs a current version other than, and released after, the target.
    error NotEarlierRelease(address service, uint64 current, uint64 target);
    /// @notice The version is the current one already.
    error AlreadyCurrent(address service, uint64 version);
    /// @notice There are `count` services, numbered from 0.
    error UnknownServiceIndex(uint256 index, uint256 count);
    /// @notice Nothing of this service is released.
    error NoReleasedVersion(address service);

    enum VersionStatus {
        None,
        Proposed,
        Accepted,
        Released,
        Deprecated
    }
}

/// @dev What the registry stores.
interface IModelRegistryTypes is IModelRegistryErrors {
    /// @notice One version of a co-owned model: three slots; the CID itself and the bitmap of voters are in events.
    struct Version {
        /// Epoch (one collective key) and round of the service that made it.
        uint64 epoch;
        uint64 round;
        /// Unix seconds of the last change of status.
        uint48 updatedAt;
        /// Number of members that voted for it; 0 until it is accepted.
        uint16 votes;
        VersionStatus status;
        /// Place in the release order of its service, from 1; 0 when never released.
        uint32 releaseOrder;
        /// Salted Poseidon commitment to the quantised weights, a BN254 scalar.
        bytes32 weightsCommitment;
        /// keccak256 of the binary CID of the weights' blob.
        bytes32 cidHash;
    }
}

/// @dev What the registry tells.
interface IModelRegistryEvents is IModelRegistryTypes {
    event ServiceRegistered(address indexed service, uint256 index);
    /// @param cid Binary CID (multiformats) of the weights' blob; the ciphertext of it for a private service.
    event VersionProposed(
        address indexed service,
        uint64 indexed version,
        uint64 epoch,
        uint64 round,
        bytes32 indexed weightsCommitment,
        bytes cid
    );
    /// @param voters Bitmap of the member indices that voted for the version.
    event VersionAccepted(address indexed service, uint64 indexed version, uint256 voters);
    event VersionReleased(address indexed service, uint64 indexed version, uint64 indexed previous);
    /// @notice `from` is deprecated and `to` is current again.
    event RolledBack(address indexed service, uint64 indexed from, uint64 indexed to);
    event VersionDeprecated(address indexed service, uint64 indexed version, bytes32 reason);
}

/// @title The history of every co-owned model: what its keepers made, and what the DAO stands behind.
/// @notice Registered services write versions (proposed, then accepted by the members' vote). Releasing, rolling back
/// and deprecating belong to the timelock alone. Versions of a service count from 1 and are never removed.
interface IModelRegistry is IModelRegistryEvents {
    /// @notice Lets `service` write versions. Registrar only (the service factory).
    function registerService(address service) external;

    /// @notice Records a candidate that the members have not accepted (yet). A candidate that finds no majority simply
    /// stays proposed: the history shows the incomplete round. Registered services only.
    /// @param epoch Epoch of the calling service.
    /// @param round Round of the calling service.
    /// @param weightsCommitment Salted Poseidon commitment to the quantised weights, below the BN254 scalar order.
    /// @param cid Binary CID of the weights' blob, 1 to 68 bytes.
    /// @return version Its number among the caller's versions, from 1.
    function propose(
        uint64 epoch,
        uint64 round,
        bytes32 weightsCommitment,
        bytes calldata cid
    ) external returns (uint64 version);

    /// @notice Marks one of the caller's proposed versions as accepted by `voters`. Registered services only.
    /// @param voters Bitmap of member indices, not zero.
    function accept(uint64 version, uint256 voters) external;

    /// @notice `propose` and `accept` in one: what a service calls when a round's vote reaches its threshold.
    function publish(
        uint64 epoch,
        uint64 round,
        bytes32 weightsCommitment,
        bytes calldata cid,
        uint256 voters
    ) external returns (uint64 version);

    /// @notice Makes an accepted (or earlier released) version the current one for consumers. Timelock only.
    function release(address service, uint64 version) external;

    /// @notice Deprecates the current version and makes one current that was released before it and still is. Timelock
    /// only.
    function rollback(address service, uint64 target) external;

    /// @notice Withdraws an accepted or released (or abandoned, still proposed) version for good. When it is the current
    /// one, the service has no current version until the next release or rollback. Timelock only.
    /// @param reason Short text or a hash, for the record.
    function deprecate(address service, uint64 version, bytes32 reason) external;

    /// @notice The released version consumers should use.
    /// @dev Reverts with NoReleasedVersion.
    function currentVersion(address service) external view returns (uint64 version);

    /// @notice Whether consumers may rely on `version`: released and not deprecated since.
    function isReleased(address service, uint64 version) external view returns (bool);

    /// @notice What a consumer needs to judge a version, in the fewest reads; never reverts.
    /// @return status `None` for a version or service that does not exist.
    /// @return weightsCommitment Zero for a version that does not exist.
    /// @return current The service's current version, 0 when there is none.
    function lookUp(
        address service,
        uint64 version
    ) external view returns (VersionStatus status, bytes32 weightsCommitment, uint64 current);

    /// @dev Reverts with UnknownVersion.
    function getVersion(address service, uint64 version) external view returns (Version memory);

    /// @notice How many versions `service` has written; they are numbered 1 to this.
    function versionCount(address service) external view returns (uint64);

    /// @notice A page of the history: versions `first`, `first`+1, … at most `limit` of them.
    function listVersions(address service, uint64 first, uint64 limit) external view returns (Version[] memory);

    /// @notice Every version that became current, in order; a version appears again when it was rolled back to.
    function listReleases(address service) external view returns (uint64[] memory);

    function isService(address service) external view returns (bool);

    function serviceCount() external view returns (uint256);

    /// @notice Registered service number `index`, from 0.
    function serviceAt(uint256 index) external view returns (address);
}

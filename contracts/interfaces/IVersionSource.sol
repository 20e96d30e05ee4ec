// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Where versions of a model come from
/// @notice A record of every round that a service's members completed. Versions count from 1. None is ever removed or
/// changed, except that `votes` grows while the round's late ballots are open.
interface IVersionSource {
    /// @param epoch The epoch of the round that made the version. @param round That round; 0 for a version that does
    /// not exist.
    /// @param acceptedAt Unix seconds at which the members accepted the version.
    /// @param votes Members that voted for it.
    /// @param weightsCommitment Salted Poseidon commitment to the quantised weights: non-zero, below the BN254 order.
    struct Origin {
        uint64 epoch;
        uint64 round;
        uint48 acceptedAt;
        uint16 votes;
        bytes32 weightsCommitment;
    }

    function versionCount() external view returns (uint64);

    /// @notice The origin of a version; all zero for one that does not exist.
    function versionAt(uint64 version) external view returns (Origin memory);
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IVersionSource} from "./IVersionSource.sol";

/// @title A model that no service of keepers trained, and that the DAO stands behind all the same
/// @notice Its owner, the timelock, adds versions; the model registry releases and deprecates them like any other. They
/// count as made in epoch 1, one round each, without votes: the governor holds the DAO's decision.
interface IAdoptedModel is IVersionSource {
    error ZeroOwner();
    error NotOwner(address caller, address owner);
    /// @notice A commitment is a non-zero scalar of BN254.
    error CommitmentOutOfField(bytes32 weightsCommitment);
    error CidLength(uint256 found, uint256 max);

    /// @param cid Binary CID (multiformats) of the model's files.
    event ModelAdopted(uint64 indexed version, bytes32 indexed weightsCommitment, bytes cid);

    /// @notice Adds a version. The owner only.
    /// @param weightsCommitment First public signal of the circuit that proves it.
    /// @param cid 1 to 68 bytes.
    function adopt(bytes32 weightsCommitment, bytes calldata cid) external returns (uint64 version);
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IVersionSource} from "./IVersionSource.sol";

/// @title A model that the DAO adopts although no service of keepers trained it
/// @notice Its owner, the timelock, adds versions; the model registry releases and deprecates them like any other. Each
/// version counts as made in epoch 1 by a round of its own, without votes: the record of the DAO's decision is in the
/// governor.
interface IAdoptedModel is IVersionSource {
    error ZeroOwner();
    error NotOwner(address caller, address owner);
    /// @notice A commitment must be a non-zero element of the BN254 scalar field.
    error CommitmentOutOfField(bytes32 weightsCommitment);
    error CidLength(uint256 found, uint256 max);

    /// @param cid Binary CID (multiformats) of the model's files.
    event ModelAdopted(uint64 indexed version, bytes32 indexed weightsCommitment, bytes cid);

    /// @notice Adds a version. Only the owner may.
    /// @param weightsCommitment The first public signal of the circuit that proves this version.
    /// @param cid 1 to 68 bytes.
    function adopt(bytes32 weightsCommitment, bytes calldata cid) external returns (uint64 version);
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAdoptedModel} from "../interfaces/IAdoptedModel.sol";
import {IVersionSource} from "../interfaces/IVersionSource.sol";
import {Bn254} from "../inference/Bn254.sol";

/// @title A model from outside that the DAO has adopted
/// @notice See IAdoptedModel, which owns the documentation.
contract AdoptedModel is IAdoptedModel {
    uint256 public constant MAX_CID_BYTES = 68;

    address public immutable OWNER;

    Origin[] private _origins;

    constructor(address owner) {
        if (owner == address(0)) revert ZeroOwner();
        OWNER = owner;
    }

    /// @inheritdoc IAdoptedModel
    function adopt(bytes32 weightsCommitment, bytes calldata cid) external returns (uint64 version) {
        if (msg.sender != OWNER) revert NotOwner(msg.sender, OWNER);
        uint256 value = uint256(weightsCommitment);
        if (value == 0 || value >= Bn254.SCALAR_ORDER) revert CommitmentOutOfField(weightsCommitment);
        if (cid.length == 0 || cid.length > MAX_CID_BYTES) revert CidLength(cid.length, MAX_CID_BYTES);
        version = uint64(_origins.length) + 1;
        _origins.push(Origin(1, version, uint48(block.timestamp), 0, weightsCommitment));
        emit ModelAdopted(version, weightsCommitment, cid);
    }

    /// @inheritdoc IVersionSource
    function versionCount() external view returns (uint64) {
        return uint64(_origins.length);
    }

    /// @inheritdoc IVersionSource
    function versionAt(uint64 version) external view returns (Origin memory origin) {
        if (version != 0 && version <= _origins.length) origin = _origins[version - 1];
    }
}

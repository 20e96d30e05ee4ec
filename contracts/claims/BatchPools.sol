// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IClaimRegistry} from "../interfaces/IClaimRegistry.sol";
import {isLeaf, leafOf} from "./BatchLeaf.sol";

/// @title Pools of batches: committed to first, drawn from by a later block's hash
/// @dev A leaf is a batch's commitment, whose salt hides the batch. A block's proposer can withhold the block and so draw again, at the
/// price of the block's reward; a rollup's sequencer may be able to choose hashes at will.
abstract contract BatchPools is IClaimRegistry {
    uint256 public constant MAX_BATCHES = 1 << 20;
    uint256 public constant MAX_URI_BYTES = 256;
    /// @notice Blocks from the request to the block whose hash decides.
    uint256 public constant DRAW_DELAY = 2;
    /// @dev The EVM can read the hashes of this many blocks.
    uint256 private constant READABLE = 256;

    uint256 private _count;
    mapping(uint256 poolId => Pool) private _pools;
    mapping(bytes32 drawId => Drawing) private _drawings;

    /// @inheritdoc IClaimRegistry
    function commitPool(bytes32 root, uint32 size, string calldata uri) external returns (uint256 poolId) {
        bool fits = root != 0 && size >= 2 && size <= MAX_BATCHES && bytes(uri).length <= MAX_URI_BYTES;
        if (!fits) revert PoolInvalid(root, size, MAX_BATCHES);
        poolId = ++_count;
        _pools[poolId] = Pool(msg.sender, size, uint64(block.number), root);
        emit PoolCommitted(poolId, msg.sender, root, size, uri);
    }

    /// @inheritdoc IClaimRegistry
    function draw(
        uint256 poolId,
        address service,
        uint64 version,
        bytes32 statementId,
        address claimant
    ) external returns (bytes32 drawId) {
        Pool storage pool = _pool(poolId);
        if (pool.keeper != msg.sender) revert NotPoolKeeper(poolId, msg.sender);
        if (claimant == address(0)) revert ZeroAddress();
        _claimable(service, version);
        drawId = drawIdOf(poolId, service, version, statementId);
        if (_drawings[drawId].decidedBy != 0) revert AlreadyDrawn(drawId);
        uint64 decidedBy = _decidingBlock();
        _drawings[drawId] = Drawing(uint48(decidedBy), 0, uint24(pool.size), claimant);
        emit DrawAsked(drawId, poolId, claimant, decidedBy);
    }

    /// @inheritdoc IClaimRegistry
    function fixDraw(bytes32 drawId) external returns (uint256 index) {
        Drawing storage drawing = _drawings[drawId];
        if (drawing.decidedBy == 0) revert NotDrawn(drawId);
        if (drawing.indexPlusOne != 0) return drawing.indexPlusOne - 1;
        index = _drawnIndex(drawId, drawing.decidedBy, drawing.poolSize);
        drawing.indexPlusOne = uint24(index + 1);
        emit DrawFixed(drawId, index);
    }

    /// @inheritdoc IClaimRegistry
    function poolOf(uint256 poolId) external view returns (Pool memory) {
        return _pool(poolId);
    }

    /// @inheritdoc IClaimRegistry
    function drawingOf(bytes32 drawId) external view returns (Drawing memory) {
        return _drawings[drawId];
    }

    /// @inheritdoc IClaimRegistry
    function poolCount() external view returns (uint256) {
        return _count;
    }

    /// @inheritdoc IClaimRegistry
    function drawIdOf(
        uint256 poolId,
        address service,
        uint64 version,
        bytes32 statementId
    ) public pure returns (bytes32) {
        return keccak256(abi.encode(poolId, service, version, statementId));
    }

    /// @dev The model commitment that proofs about the version must have. Reverts unless the version exists and is not withdrawn. (A draw
    /// for a future version would show on which batch to train it.)
    function _claimable(address service, uint64 version) internal view virtual returns (uint256);

    /// @dev The block whose hash decides a draw that is requested now.
    function _decidingBlock() internal view returns (uint64) {
        return uint64(block.number + DRAW_DELAY);
    }

    /// @dev The index that a block's hash draws for `purpose`; draws by the same block differ in their purposes. The remainder modulo at
    /// most 2^20 favours no index by more than 2^-236.
    function _drawnIndex(bytes32 purpose, uint256 decidedBy, uint256 size) internal view returns (uint256) {
        if (block.number <= decidedBy) revert DrawTooEarly(block.number, decidedBy);
        bytes32 hash = blockhash(decidedBy);
        if (hash == 0) revert DrawLapsed(block.number, decidedBy + READABLE);
        return uint256(keccak256(abi.encode(block.chainid, address(this), purpose, hash))) % size;
    }

    /// @dev The index that was drawn for the caller's claim. If any account could use a draw, somebody could hold the badge with a
    /// long-lived claim that says nothing, or take it with one that is about to fall. Reverts with NotDrawn or NotDrawnClaimant.
    function _indexOf(bytes32 drawId) internal view returns (uint256) {
        Drawing memory drawing = _drawings[drawId];
        if (drawing.indexPlusOne == 0) revert NotDrawn(drawId);
        if (drawing.claimant != msg.sender) revert NotDrawnClaimant(drawId, msg.sender, drawing.claimant);
        return drawing.indexPlusOne - 1;
    }

    /// @dev Reverts unless `batch` is leaf `index` of the pool.
    function _requireLeaf(uint256 poolId, uint256 index, uint256 batch, bytes32[] calldata path) internal view {
        Pool storage pool = _pool(poolId);
        if (!isLeaf(pool.root, pool.size, index, leafOf(batch), path)) revert NotDrawnBatch(poolId, index, batch);
    }

    function _pool(uint256 poolId) internal view returns (Pool storage pool) {
        pool = _pools[poolId];
        if (pool.size == 0) revert UnknownPool(poolId);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IGroth16Verifier, Groth16Proof} from "../interfaces/IGroth16Verifier.sol";
import {IValueLists} from "../interfaces/IValueLists.sol";
import {IVerifierRegistry} from "../interfaces/IVerifierRegistry.sol";
import {Bn254} from "../inference/Bn254.sol";

/// @title Lists of values, each as the root of a tree whose every change is proven
/// @notice See IValueLists, which owns the documentation. The only administrator is the verifier registry's, who can revoke
/// the circuit.
contract ValueLists is IValueLists {
    uint256 public constant MAX_NAME_BYTES = 64;

    IVerifierRegistry public immutable VERIFIERS;
    /// @notice The circuit that proves a change.
    bytes32 public immutable CIRCUIT_ID;
    /// @notice Root of a list without values, for that circuit's depth.
    uint256 public immutable EMPTY_ROOT;

    uint64 private _listCount;
    mapping(uint64 listId => List) private _lists;
    /// @dev Unix seconds at which a root was replaced; 0 for a root that the list never had or has now.
    mapping(uint64 listId => mapping(uint256 root => uint64)) private _replacedAt;

    constructor(IVerifierRegistry verifiers, bytes32 circuitId, uint256 emptyRoot) {
        verifiers.resolve(circuitId);
        if (emptyRoot >= Bn254.SCALAR_ORDER) revert SignalOutOfField(emptyRoot);
        VERIFIERS = verifiers;
        CIRCUIT_ID = circuitId;
        EMPTY_ROOT = emptyRoot;
    }

    /// @inheritdoc IValueLists
    function openList(string calldata name) external returns (uint64 listId) {
        uint256 length = bytes(name).length;
        if (length == 0 || length > MAX_NAME_BYTES) revert NameLength(length, MAX_NAME_BYTES);
        listId = ++_listCount;
        List storage list = _lists[listId];
        list.keeper = msg.sender;
        list.changedAt = uint64(block.timestamp);
        list.root = EMPTY_ROOT;
        list.name = name;
        emit ListOpened(listId, msg.sender, name);
    }

    /// @inheritdoc IValueLists
    function offerKeeping(uint64 listId, address to) external {
        _kept(listId).pendingKeeper = to;
        emit KeepingOffered(listId, msg.sender, to);
    }

    /// @inheritdoc IValueLists
    function takeKeeping(uint64 listId) external {
        List storage list = _known(listId);
        address pending = list.pendingKeeper;
        if (pending != msg.sender) revert NotPendingKeeper(listId, msg.sender, pending);
        address previous = list.keeper;
        list.keeper = msg.sender;
        list.pendingKeeper = address(0);
        emit KeepingTaken(listId, previous, msg.sender);
    }

    /// @inheritdoc IValueLists
    function add(uint64 listId, uint256 value, uint256 index, uint256 root, Groth16Proof calldata proof) external {
        List storage list = _kept(listId);
        _requireChange(listId, [list.root, root, value, index], proof);
        ++list.size;
        _replace(listId, list, root);
        emit ValueAdded(listId, value, index, root);
    }

    /// @inheritdoc IValueLists
    function remove(uint64 listId, uint256 value, uint256 index, uint256 root, Groth16Proof calldata proof) external {
        List storage list = _kept(listId);
        _requireChange(listId, [root, list.root, value, index], proof);
        --list.size;
        _replace(listId, list, root);
        emit ValueRemoved(listId, value, index, root);
    }

    /// @inheritdoc IValueLists
    function requireRecent(uint64 listId, uint256 root, uint64 maxAge) external view {
        if (_known(listId).root == root) return;
        uint64 replacedAt = _replacedAt[listId][root];
        if (replacedAt == 0) revert UnknownRoot(listId, root);
        if (block.timestamp - replacedAt > maxAge) revert StaleRoot(listId, root, replacedAt, maxAge);
    }

    /// @inheritdoc IValueLists
    function listOf(uint64 listId) external view returns (List memory) {
        return _known(listId);
    }

    /// @inheritdoc IValueLists
    function listCount() external view returns (uint64) {
        return _listCount;
    }

    /// @dev A proof is about residues, so a number of r or more would be an alias of another one.
    function _requireChange(uint64 listId, uint256[4] memory signals, Groth16Proof calldata proof) private view {
        for (uint256 i = 0; i < 4; ++i) {
            if (signals[i] >= Bn254.SCALAR_ORDER) revert SignalOutOfField(signals[i]);
        }
        IGroth16Verifier verifier = IGroth16Verifier(VERIFIERS.resolve(CIRCUIT_ID));
        if (!verifier.verifyProof(proof.a, proof.b, proof.c, signals)) {
            revert InvalidChange(listId, signals[2], signals[3]);
        }
    }

    function _replace(uint64 listId, List storage list, uint256 root) private {
        _replacedAt[listId][list.root] = uint64(block.timestamp);
        list.root = root;
        list.changedAt = uint64(block.timestamp);
    }

    function _known(uint64 listId) private view returns (List storage list) {
        list = _lists[listId];
        if (list.keeper == address(0)) revert UnknownList(listId, _listCount);
    }

    function _kept(uint64 listId) private view returns (List storage list) {
        list = _known(listId);
        if (list.keeper != msg.sender) revert NotListKeeper(listId, msg.sender, list.keeper);
    }
}

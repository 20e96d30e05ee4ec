// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IPublisherRegistry} from "../interfaces/IPublisherRegistry.sol";
import {BabyJubjub} from "./BabyJubjub.sol";
import {ContentSignature} from "./ContentSignature.sol";

/// @title The publishers, their keys, and the period in which each key is valid
/// @notice See IPublisherRegistry, which owns the documentation. There is no administrator: each consumer chooses the
/// ids that it trusts.
contract PublisherRegistry is IPublisherRegistry {
    uint256 public constant MAX_NAME_BYTES = 64;

    struct Publisher {
        address owner;
        address pendingOwner;
        string name;
    }

    uint64 private _publisherCount;
    uint64 private _keyCount;
    mapping(uint64 publisherId => Publisher) private _publishers;
    mapping(uint64 keyId => Key) private _keys;
    mapping(bytes32 fingerprint => uint64 keyId) private _keyByFingerprint;

    /// @inheritdoc IPublisherRegistry
    function registerPublisher(string calldata name) external returns (uint64 publisherId) {
        uint256 length = bytes(name).length;
        if (length == 0 || length > MAX_NAME_BYTES) revert NameLength(length, MAX_NAME_BYTES);
        publisherId = ++_publisherCount;
        _publishers[publisherId] = Publisher({owner: msg.sender, pendingOwner: address(0), name: name});
        emit PublisherRegistered(publisherId, msg.sender, name);
    }

    /// @inheritdoc IPublisherRegistry
    function offerOwnership(uint64 publisherId, address to) external {
        Publisher storage publisher = _owned(publisherId);
        publisher.pendingOwner = to;
        emit OwnershipOffered(publisherId, msg.sender, to);
    }

    /// @inheritdoc IPublisherRegistry
    function acceptOwnership(uint64 publisherId) external {
        Publisher storage publisher = _known(publisherId);
        if (publisher.pendingOwner != msg.sender) revert NotPendingOwner(publisherId, msg.sender);
        address previous = publisher.owner;
        publisher.owner = msg.sender;
        publisher.pendingOwner = address(0);
        emit OwnershipTransferred(publisherId, previous, msg.sender);
    }

    /// @inheritdoc IPublisherRegistry
    function addKey(
        uint64 publisherId,
        KeyKind kind,
        uint64 validFrom,
        uint64 validUntil,
        bytes calldata material
    ) external returns (uint64 keyId) {
        _owned(publisherId);
        if (validUntil <= validFrom || validUntil <= block.timestamp) revert InvalidWindow(validFrom, validUntil);
        ContentSignature.requireMaterial(kind, material);
        bytes32 fingerprint = keccak256(abi.encode(publisherId, kind, material));
        uint64 known = _keyByFingerprint[fingerprint];
        if (known != 0) revert DuplicateKey(publisherId, known);
        keyId = ++_keyCount;
        _keyByFingerprint[fingerprint] = keyId;
        _keys[keyId] = Key({
            publisherId: publisherId,
            kind: kind,
            validFrom: validFrom,
            validUntil: validUntil,
            revokedAt: 0,
            material: material
        });
        emit KeyAdded(publisherId, keyId, kind, validFrom, validUntil, material);
    }

    /// @inheritdoc IPublisherRegistry
    function retireKey(uint64 keyId, uint64 validUntil) external {
        Key storage key = _ownedKey(keyId);
        if (validUntil < block.timestamp || validUntil > key.validUntil || validUntil <= key.validFrom) {
            revert InvalidWindow(key.validFrom, validUntil);
        }
        key.validUntil = validUntil;
        emit KeyRetired(key.publisherId, keyId, validUntil);
    }

    /// @inheritdoc IPublisherRegistry
    function revokeKey(uint64 keyId) external {
        Key storage key = _ownedKey(keyId);
        key.revokedAt = uint64(block.timestamp);
        emit KeyRevocation(key.publisherId, keyId, uint64(block.timestamp));
    }

    /// @inheritdoc IPublisherRegistry
    function requireSigned(uint64 publisherId, uint64 keyId, bytes32 digest, bytes calldata signature) external view {
        Key storage key = _validKey(publisherId, keyId);
        if (!ContentSignature.isSignature(key.kind, key.material, digest, signature)) {
            revert SignatureMismatch(keyId, digest);
        }
    }

    /// @inheritdoc IPublisherRegistry
    function signedCommitment(uint64 publisherId, uint64 keyId, bytes8 tag) external view returns (bytes32) {
        Key storage key = _validKey(publisherId, keyId);
        if (key.kind != KeyKind.EddsaPoseidon) revert UnsupportedKeyKind(key.kind);
        (, uint256 y) = abi.decode(key.material, (uint256, uint256));
        return bytes32(addmod(y, uint64(tag), BabyJubjub.FIELD));
    }

    /// @inheritdoc IPublisherRegistry
    function isRevoked(uint64 keyId) external view returns (bool) {
        return _knownKey(keyId).revokedAt != 0;
    }

    /// @inheritdoc IPublisherRegistry
    function keyOf(uint64 keyId) external view returns (Key memory) {
        return _knownKey(keyId);
    }

    /// @inheritdoc IPublisherRegistry
    function publisherOf(uint64 publisherId) external view returns (address, address, string memory) {
        Publisher storage publisher = _known(publisherId);
        return (publisher.owner, publisher.pendingOwner, publisher.name);
    }

    /// @inheritdoc IPublisherRegistry
    function publisherCount() external view returns (uint64) {
        return _publisherCount;
    }

    /// @inheritdoc IPublisherRegistry
    function keyCount() external view returns (uint64) {
        return _keyCount;
    }

    function _known(uint64 publisherId) private view returns (Publisher storage publisher) {
        publisher = _publishers[publisherId];
        if (publisher.owner == address(0)) revert UnknownPublisher(publisherId, _publisherCount);
    }

    function _owned(uint64 publisherId) private view returns (Publisher storage publisher) {
        publisher = _known(publisherId);
        if (publisher.owner != msg.sender) revert NotPublisherOwner(publisherId, msg.sender);
    }

    function _knownKey(uint64 keyId) private view returns (Key storage key) {
        key = _keys[keyId];
        if (key.publisherId == 0) revert UnknownKey(keyId, _keyCount);
    }

    /// @dev The publisher's key, if it is valid now.
    function _validKey(uint64 publisherId, uint64 keyId) private view returns (Key storage key) {
        key = _knownKey(keyId);
        if (key.publisherId != publisherId) revert KeyOfAnotherPublisher(keyId, key.publisherId, publisherId);
        if (key.revokedAt != 0) revert KeyRevoked(keyId, key.revokedAt);
        uint64 time = uint64(block.timestamp);
        if (time < key.validFrom || time >= key.validUntil) {
            revert KeyNotValid(keyId, key.validFrom, key.validUntil, time);
        }
    }

    /// @dev A key of the caller's publisher. Reverts if it is unknown, revoked, or belongs to another publisher.
    function _ownedKey(uint64 keyId) private view returns (Key storage key) {
        key = _knownKey(keyId);
        _owned(key.publisherId);
        if (key.revokedAt != 0) revert KeyRevoked(keyId, key.revokedAt);
    }
}

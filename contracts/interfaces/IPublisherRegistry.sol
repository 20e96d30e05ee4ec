// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @dev What the publisher registry stores, and its errors.
interface IPublisherRegistryTypes {
    error ZeroAddress();
    error NameLength(uint256 found, uint256 max);
    error UnknownPublisher(uint64 publisherId, uint64 count);
    error NotPublisherOwner(uint64 publisherId, address caller);
    error NotPendingOwner(uint64 publisherId, address caller);
    error UnknownKey(uint64 keyId, uint64 count);
    error UnsupportedKeyKind(KeyKind kind);
    error InvalidKeyMaterial(KeyKind kind, uint256 length);
    error InvalidWindow(uint64 validFrom, uint64 validUntil);
    /// @notice The publisher already has this key.
    error DuplicateKey(uint64 publisherId, uint64 keyId);
    error KeyRevoked(uint64 keyId, uint64 revokedAt);
    error KeyNotValid(uint64 keyId, uint64 validFrom, uint64 validUntil, uint64 time);
    error KeyOfAnotherPublisher(uint64 keyId, uint64 found, uint64 expected);
    error MalformedSignature(KeyKind kind, uint256 found, uint256 expected);
    error SignatureMismatch(uint64 keyId, bytes32 digest);

    /// @notice How a key signs. For every kind, the signed digest is the SHA-256 of the content, so that tools outside this
    /// project (openssl, a hardware token, a mail server's DKIM key) can sign the content itself.
    enum KeyKind {
        None,
        /// 20-byte address; 65-byte signature r ‖ s ‖ v over the digest itself, without Ethereum's prefix.
        Secp256k1,
        /// 64-byte point x ‖ y; 64-byte signature r ‖ s, s in the lower half. EIP-7951 precompile where there is one.
        P256,
        /// abi.encode(bytes exponent, bytes modulus), modulus ≥ 2048 bits; RSASSA-PKCS1-v1_5 (RFC 8017 §8.2).
        RsaSha256,
        /// 64-byte point x ‖ y of Baby Jubjub (EIP-2494), not of small order. Its signatures are over Poseidon commitments to
        /// private content, and checked inside a circuit, never here: see `signedCommitment`.
        EddsaPoseidon
    }

    /// @param validFrom Unix seconds, inclusive. @param validUntil Unix seconds, exclusive.
    /// @param revokedAt Unix seconds at which the key was revoked; 0 while it stands.
    struct Key {
        uint64 publisherId;
        KeyKind kind;
        uint64 validFrom;
        uint64 validUntil;
        uint64 revokedAt;
        bytes material;
    }
}

/// @title Publishers, their keys and the keys' periods of validity
/// @notice Anyone may register as a publisher; each consumer decides which ids it trusts. A publisher's owner adds, retires
/// and revokes keys. A key is never changed or removed, so signed content stays checkable and a revocation stays visible.
interface IPublisherRegistry is IPublisherRegistryTypes {
    event PublisherRegistered(uint64 indexed publisherId, address indexed owner, string name);
    event OwnershipOffered(uint64 indexed publisherId, address indexed from, address indexed to);
    event OwnershipTransferred(uint64 indexed publisherId, address indexed from, address indexed to);
    event KeyAdded(
        uint64 indexed publisherId,
        uint64 indexed keyId,
        KeyKind kind,
        uint64 validFrom,
        uint64 validUntil,
        bytes material
    );
    event KeyRetired(uint64 indexed publisherId, uint64 indexed keyId, uint64 validUntil);
    event KeyRevocation(uint64 indexed publisherId, uint64 indexed keyId, uint64 revokedAt);

    /// @param name 1 … 64 bytes, for people; neither unique nor verified.
    function registerPublisher(string calldata name) external returns (uint64 publisherId);

    /// @notice First step of handing a publisher over. The zero address withdraws the offer.
    function offerOwnership(uint64 publisherId, address to) external;

    function acceptOwnership(uint64 publisherId) external;

    function addKey(
        uint64 publisherId,
        KeyKind kind,
        uint64 validFrom,
        uint64 validUntil,
        bytes calldata material
    ) external returns (uint64 keyId);

    /// @notice Ends a key's window early, for an orderly rotation. The new end must lie between now and the old end.
    function retireKey(uint64 keyId, uint64 validUntil) external;

    /// @notice Distrusts a key from now on. Consumers that are about to act on its signatures can see that and stop.
    function revokeKey(uint64 keyId) external;

    /// @notice Reverts unless `keyId` belongs to `publisherId`, is valid now, and signed `digest`.
    /// @param digest SHA-256 of the content.
    function requireSigned(uint64 publisherId, uint64 keyId, bytes32 digest, bytes calldata signature) external view;

    /// @notice The input commitment of a proof that `keyId` signed private content for `tag`: (y + tag) mod BN254's scalar
    /// field, y being the key's second coordinate and the tag a number of 64 bits. Reverts unless the key belongs to
    /// `publisherId`, is valid now, and signs for circuits. The content stays with the prover.
    /// @param tag The purpose of the signature; the consumer chooses a tag for every question, so that no signature
    /// answers two.
    /// @dev Free of collisions between keys with known secrets: two such keys would need y coordinates within 2^64 of
    /// each other. Circuit: circuits/lib/signed_commitment.circom.
    function signedCommitment(uint64 publisherId, uint64 keyId, bytes8 tag) external view returns (bytes32);

    /// @notice Whether the key was revoked.
    function isRevoked(uint64 keyId) external view returns (bool);

    function keyOf(uint64 keyId) external view returns (Key memory);

    function publisherOf(
        uint64 publisherId
    ) external view returns (address owner, address pendingOwner, string memory name);

    function publisherCount() external view returns (uint64);

    function keyCount() external view returns (uint64);
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {P256} from "@openzeppelin/contracts/utils/cryptography/P256.sol";
import {RSA} from "@openzeppelin/contracts/utils/cryptography/RSA.sol";
import {IPublisherRegistryTypes} from "../interfaces/IPublisherRegistry.sol";
import {BabyJubjub} from "./BabyJubjub.sol";

/// @title Signatures over SHA-256 digests, by kind of key
/// @dev Formats of keys and signatures: IPublisherRegistryTypes.KeyKind.
library ContentSignature {
    uint256 private constant ADDRESS_BYTES = 20;
    uint256 private constant POINT_BYTES = 64;
    uint256 private constant SECP256K1_SIGNATURE_BYTES = 65;
    uint256 private constant P256_SIGNATURE_BYTES = 64;
    /// @dev 2048 bits (NIST SP 800-131A); 4096 keeps the cost of the modular exponentiation bounded.
    uint256 private constant MIN_MODULUS_BYTES = 256;
    uint256 private constant MAX_MODULUS_BYTES = 512;
    uint256 private constant MAX_EXPONENT_BYTES = 8;

    /// @notice Reverts with InvalidKeyMaterial unless the material is a key of that kind.
    function requireMaterial(IPublisherRegistryTypes.KeyKind kind, bytes calldata material) internal pure {
        bool valid;
        if (kind == IPublisherRegistryTypes.KeyKind.Secp256k1) {
            valid = material.length == ADDRESS_BYTES && address(bytes20(material)) != address(0);
        } else if (kind == IPublisherRegistryTypes.KeyKind.P256) {
            valid =
                material.length == POINT_BYTES &&
                P256.isValidPublicKey(bytes32(material[:32]), bytes32(material[32:]));
        } else if (kind == IPublisherRegistryTypes.KeyKind.RsaSha256) {
            valid = _isRsaKey(material);
        } else if (kind == IPublisherRegistryTypes.KeyKind.EddsaPoseidon) {
            valid =
                material.length == POINT_BYTES &&
                BabyJubjub.isKey(uint256(bytes32(material[:32])), uint256(bytes32(material[32:])));
        } else {
            revert IPublisherRegistryTypes.UnsupportedKeyKind(kind);
        }
        if (!valid) revert IPublisherRegistryTypes.InvalidKeyMaterial(kind, material.length);
    }

    /// @return Whether `signature` is a signature of `digest` under the key. Reverts if the signature has the wrong length.
    function isSignature(
        IPublisherRegistryTypes.KeyKind kind,
        bytes memory material,
        bytes32 digest,
        bytes calldata signature
    ) internal view returns (bool) {
        if (kind == IPublisherRegistryTypes.KeyKind.P256) {
            _requireLength(kind, signature, P256_SIGNATURE_BYTES);
            (bytes32 x, bytes32 y) = abi.decode(material, (bytes32, bytes32));
            return P256.verify(digest, bytes32(signature[:32]), bytes32(signature[32:]), x, y);
        }
        if (kind == IPublisherRegistryTypes.KeyKind.Secp256k1) {
            _requireLength(kind, signature, SECP256K1_SIGNATURE_BYTES);
            (address signer, ECDSA.RecoverError failure, ) = ECDSA.tryRecoverCalldata(digest, signature);
            return failure == ECDSA.RecoverError.NoError && signer == address(bytes20(material));
        }
        if (kind == IPublisherRegistryTypes.KeyKind.RsaSha256) {
            (bytes memory exponent, bytes memory modulus) = abi.decode(material, (bytes, bytes));
            _requireLength(kind, signature, modulus.length);
            return RSA.pkcs1Sha256(digest, signature, exponent, modulus);
        }
        // An EdDSA-Poseidon signature is a circuit's witness: see IPublisherRegistry.signedCommitment.
        revert IPublisherRegistryTypes.UnsupportedKeyKind(kind);
    }

    /// @dev Whether the bytes are exactly abi.encode(bytes exponent, bytes modulus) of a usable size: one key has one encoding, so
    /// its hash finds a duplicate.
    function _isRsaKey(bytes calldata material) private pure returns (bool) {
        if (material.length < 128 || material.length > 128 + 32 + MAX_MODULUS_BYTES) return false;
        if (uint256(bytes32(material[:32])) != 64 || uint256(bytes32(material[32:64])) != 128) return false;
        uint256 exponentBytes = uint256(bytes32(material[64:96]));
        if (exponentBytes == 0 || exponentBytes > MAX_EXPONENT_BYTES) return false;
        uint256 modulusBytes = uint256(bytes32(material[128:160]));
        if (modulusBytes < MIN_MODULUS_BYTES || modulusBytes > MAX_MODULUS_BYTES || modulusBytes % 32 != 0) return false;
        // Full width (the top bit set), odd, and nothing behind it; the exponent is odd and above 1.
        return
            material.length == 160 + modulusBytes &&
            uint8(material[160]) >= 0x80 &&
            uint8(material[material.length - 1]) & 1 == 1 &&
            uint256(bytes32(material[96:128])) >> (8 * (32 - exponentBytes)) > 2 &&
            uint8(material[95 + exponentBytes]) & 1 == 1;
    }

    function _requireLength(
        IPublisherRegistryTypes.KeyKind kind,
        bytes calldata signature,
        uint256 expected
    ) private pure {
        if (signature.length != expected) {
            revert IPublisherRegistryTypes.MalformedSignature(kind, signature.length, expected);
        }
    }
}

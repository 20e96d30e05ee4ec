// SPDX-License-Identifier: GPL-3.0-or-later
// Secret bytes for one receiver: ephemeral X25519, HKDF-SHA256, ChaCha20-Poly1305 (RFC 7748, 5869, 8439), as in HPKE's
// base mode: the key is bound to both public keys and to everything the caller puts into `binding`.

import { randomBytes } from 'node:crypto'
import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { x25519 } from '@noble/curves/ed25519.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { ByteWriter, equalBytes } from './encoding.ts'
import { FheError } from './errors.ts'
import { Secret } from './secret.ts'
import { SEAL_OVERHEAD_BYTES } from './sizes.ts'
import type { EncryptionKeyPair } from './types.ts'

const KEY_BYTES = 32
const INFO = new TextEncoder().encode('cohort/fhe/envelope/1')
/** Fixed, because a key encrypts one message only: it comes from a fresh ephemeral key. */
const NONCE = new Uint8Array(12)

/** A new X25519 key pair from the system's CSPRNG. */
export function generateEncryptionKey(): EncryptionKeyPair {
  return importEncryptionKey(new Uint8Array(randomBytes(KEY_BYTES)))
}

/** The key pair of 32 stored bytes, which are wiped. Throws `FheError('invalid-argument')`. */
export function importEncryptionKey(secretKey: Uint8Array): EncryptionKeyPair {
  if (secretKey.length !== KEY_BYTES) {
    throw new FheError('invalid-argument', `an X25519 secret key has ${KEY_BYTES} bytes, not ${secretKey.length}`)
  }
  const publicKey = x25519.getPublicKey(secretKey)
  return { publicKey, secretKey: Secret.take(secretKey) }
}

/** Whether `secretKey` belongs to `publicKey`: asked before anyone is blamed for what does not open. */
export function isKeyOf(secretKey: Secret, publicKey: Uint8Array): boolean {
  return secretKey.reveal((key) => equalBytes(x25519.getPublicKey(key), publicKey))
}

/**
 * ephemeral public key 32 · ciphertext · tag 16. `binding` is authenticated: the receiver must know the same bytes.
 * To a point of small order, which is no usable key, it seals under a secret that nobody has: a member that registers one
 * cannot open its own shares, and stops nobody else.
 */
export function sealTo(receiver: Uint8Array, plaintext: Uint8Array, binding: Uint8Array): Uint8Array {
  const ephemeral = new Uint8Array(randomBytes(KEY_BYTES))
  const ephemeralPublic = x25519.getPublicKey(ephemeral)
  let shared: Uint8Array
  try {
    shared = x25519.getSharedSecret(ephemeral, receiver)
  } catch {
    shared = new Uint8Array(randomBytes(KEY_BYTES))
  } finally {
    ephemeral.fill(0)
  }
  const key = envelopeKey(shared, ephemeralPublic, receiver, binding)
  try {
    const sealed = chacha20poly1305(key, NONCE, binding).encrypt(plaintext)
    return new ByteWriter().bytes(ephemeralPublic).bytes(sealed).finish()
  } finally {
    key.fill(0)
  }
}

/** Lends the plaintext to `use` and wipes it. Throws `FheError('sealed-share-unreadable')`. */
export function openSealed<T>(
  own: { readonly publicKey: Uint8Array; readonly secretKey: Secret },
  sealed: Uint8Array,
  binding: Uint8Array,
  use: (plaintext: Uint8Array) => T,
): T {
  const unreadable = (cause?: unknown) =>
    new FheError(
      'sealed-share-unreadable',
      'it was not sealed to this key with this binding, or was altered',
      {},
      { cause },
    )
  if (sealed.length < SEAL_OVERHEAD_BYTES) throw unreadable()
  const ephemeralPublic = sealed.subarray(0, KEY_BYTES)
  let plaintext: Uint8Array
  try {
    const shared = own.secretKey.reveal((secretKey) => x25519.getSharedSecret(secretKey, ephemeralPublic))
    const key = envelopeKey(shared, ephemeralPublic, own.publicKey, binding)
    try {
      plaintext = chacha20poly1305(key, NONCE, binding).decrypt(sealed.subarray(KEY_BYTES))
    } finally {
      key.fill(0)
    }
  } catch (cause) {
    throw unreadable(cause)
  }
  try {
    return use(plaintext)
  } finally {
    plaintext.fill(0)
  }
}

/** Wipes `shared`. */
function envelopeKey(
  shared: Uint8Array,
  ephemeralPublic: Uint8Array,
  receiver: Uint8Array,
  binding: Uint8Array,
): Uint8Array {
  const info = new ByteWriter().bytes(INFO).bytes(ephemeralPublic).bytes(receiver).bytes(sha256(binding)).finish()
  try {
    return hkdf(sha256, shared, undefined, info, KEY_BYTES)
  } finally {
    shared.fill(0)
  }
}

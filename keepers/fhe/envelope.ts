// SPDX-License-Identifier: GPL-3.0-or-later
// Secret bytes for one receiver: ephemeral X25519, HKDF-SHA256, ChaCha20-Poly1305 (RFC 7748, 5869, 8439), as in HPKE's
// base mode: the key is bound to both public keys and to everything the caller puts into `binding`.

import { randomBytes } from 'node:crypto'
import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { x25519 } from '@noble/curves/ed25519.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { ephemeralKey, ephemeralPublicKey, isUsableKey, SIGNATURE_BYTES } from './curve.ts'
import { ByteWriter, equalBytes, hash } from './encoding.ts'
import { FheError } from './errors.ts'
import { Secret } from './secret.ts'
import { SEAL_OVERHEAD_BYTES } from './sizes.ts'
import type { EncryptionKeyPair } from './types.ts'

const KEY_BYTES = 32
const INFO = new TextEncoder().encode('cohort/fhe/envelope/2')
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
 * ephemeral point 32 · signature 64 · ciphertext · tag 16. `binding` is authenticated: the receiver must know the same bytes. The
 * signature, by the ephemeral key, shows that the sender knows its exponent: a receiver that shows everyone the X25519
 * secret of this envelope shows nothing that the sender did not have, and not, say, its secret with a third member.
 *
 * To a key that no honest member can have it seals under a secret that nobody has: a member that registers one cannot open
 * its own shares, and stops nobody else.
 */
export function sealTo(receiver: Uint8Array, plaintext: Uint8Array, binding: Uint8Array): Uint8Array {
  const ephemeral = ephemeralKey()
  try {
    const shared = isUsableKey(receiver)
      ? x25519.getSharedSecret(ephemeral.secretKey, receiver)
      : new Uint8Array(randomBytes(KEY_BYTES))
    const key = envelopeKey(shared, ephemeral.point, receiver, binding)
    const sealed = chacha20poly1305(key, NONCE, binding).encrypt(plaintext)
    key.fill(0)
    return new ByteWriter()
      .bytes(ephemeral.point)
      .bytes(ephemeral.sign(signedBytes(binding)))
      .bytes(sealed)
      .finish()
  } finally {
    ephemeral.wipe()
  }
}

/** The parts of an envelope: the point for X25519, and the ciphertext that opens with its result. */
export type Envelope = {
  /** u-coordinate of the ephemeral point. */
  readonly publicKey: Uint8Array
  readonly point: Uint8Array
  /** Ciphertext and tag. */
  readonly ciphertext: Uint8Array
}

/** The public checks of an envelope. Throws `FheError('ephemeral-key-invalid')`: its sender is at fault. */
export function readEnvelope(sealed: Uint8Array, binding: Uint8Array): Envelope {
  const point = sealed.subarray(0, KEY_BYTES)
  const signature = sealed.subarray(KEY_BYTES, KEY_BYTES + SIGNATURE_BYTES)
  const publicKey =
    sealed.length < SEAL_OVERHEAD_BYTES ? null : ephemeralPublicKey(point, signature, signedBytes(binding))
  if (publicKey === null) {
    throw new FheError(
      'ephemeral-key-invalid',
      'the sender did not show that it knows the exponent of the envelope’s key',
    )
  }
  return { publicKey, point, ciphertext: sealed.subarray(KEY_BYTES + SIGNATURE_BYTES) }
}

/** Lends the plaintext to `use` and wipes it. Throws `FheError('ephemeral-key-invalid' | 'sealed-share-unreadable')`. */
export function openSealed<T>(
  own: { readonly publicKey: Uint8Array; readonly secretKey: Secret },
  sealed: Uint8Array,
  binding: Uint8Array,
  use: (plaintext: Uint8Array) => T,
): T {
  const envelope = readEnvelope(sealed, binding)
  const shared = own.secretKey.reveal((secretKey) => x25519.getSharedSecret(secretKey, envelope.publicKey))
  return openWith(shared, own.publicKey, envelope, binding, use)
}

/** The same with the X25519 secret in hand, which is wiped. */
export function openWith<T>(
  shared: Uint8Array,
  receiver: Uint8Array,
  { point, ciphertext }: Envelope,
  binding: Uint8Array,
  use: (plaintext: Uint8Array) => T,
): T {
  const key = envelopeKey(shared, point, receiver, binding)
  let plaintext: Uint8Array
  try {
    plaintext = chacha20poly1305(key, NONCE, binding).decrypt(ciphertext)
  } catch (cause) {
    const why = 'it was not sealed to this key with this binding, or was altered'
    throw new FheError('sealed-share-unreadable', why, {}, { cause })
  } finally {
    key.fill(0)
  }
  try {
    return use(plaintext)
  } finally {
    plaintext.fill(0)
  }
}

/** The message that the ephemeral key signs: `binding` names sender, receiver and epoch. */
function signedBytes(binding: Uint8Array): Uint8Array {
  return hash('ephemeral key', binding)
}

/** Wipes `shared`. */
function envelopeKey(
  shared: Uint8Array,
  ephemeralPoint: Uint8Array,
  receiver: Uint8Array,
  binding: Uint8Array,
): Uint8Array {
  const info = new ByteWriter().bytes(INFO).bytes(ephemeralPoint).bytes(receiver).bytes(sha256(binding)).finish()
  try {
    return hkdf(sha256, shared, undefined, info, KEY_BYTES)
  } finally {
    shared.fill(0)
  }
}

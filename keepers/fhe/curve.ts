// SPDX-License-Identifier: GPL-3.0-or-later
// Proofs about X25519 keys, made on edwards25519, the same curve in another form (RFC 7748, section 4.1). X25519 works on u-coordinates, so
// a key stands for a point or its negative, and accepts points of the twist. Here a key is valid only if it is the reduced u-coordinate of
// a point of edwards25519 that has no small order. Statements are about the subgroup of prime order ℓ: points are multiplied by the
// cofactor 8 first, which clamped scalars contain anyway.
import { createPublicKey, randomBytes, verify } from 'node:crypto'
import { ed25519 } from '@noble/curves/ed25519.js'
import { ByteWriter, hash } from './encoding.ts'

const { Point } = ed25519
type Point = InstanceType<typeof Point>
const Fp = Point.Fp
const Fn = Point.Fn
const BYTES = 32

/** An Ed25519 signature. */
export const SIGNATURE_BYTES = 64
/** shared point 32 · challenge 32 · response 32 */
export const SHARED_SECRET_PROOF_BYTES = 3 * BYTES

/** RFC 8410: the SubjectPublicKeyInfo of an Ed25519 key is these bytes and the key. */
const SPKI_PREFIX = Uint8Array.from(Buffer.from('302a300506032b6570032100', 'hex'))

/**
 * A key pair for one message: an Ed25519 key, so that a signature can show that its maker knows the exponent, and the same
 * exponent for X25519. Without that proof a sender could pass another's public key off as its own.
 */
export type EphemeralKey = {
  /** The Edwards point, 32 bytes. */
  readonly point: Uint8Array
  /** u-coordinate of the point. */
  readonly publicKey: Uint8Array
  /** Clamped, for X25519. Secret. */
  readonly secretKey: Uint8Array
  sign(message: Uint8Array): Uint8Array
  wipe(): void
}

export function ephemeralKey(): EphemeralKey {
  const seed = new Uint8Array(randomBytes(BYTES))
  const secretKey = ed25519.utils.toMontgomerySecret(seed)
  const point = ed25519.getPublicKey(seed)
  return {
    point,
    publicKey: ed25519.utils.toMontgomery(point),
    secretKey,
    sign: (message) => ed25519.sign(message, seed),
    wipe: () => {
      seed.fill(0)
      secretKey.fill(0)
    },
  }
}

/** The u-coordinate of an ephemeral point that its maker signed `message` with; null if it did not, or for a point of small order. */
export function ephemeralPublicKey(point: Uint8Array, signature: Uint8Array, message: Uint8Array): Uint8Array | null {
  const decoded = decodePoint(point)
  if (decoded === null || decoded.isSmallOrder()) return null
  const spki = Buffer.concat([SPKI_PREFIX, point])
  const key = createPublicKey({ key: spki, format: 'der', type: 'spki' })
  return verify(null, message, key, signature) ? ed25519.utils.toMontgomery(point) : null
}

/** Whether an X25519 public key is one that an honest member can have. */
export function isUsableKey(publicKey: Uint8Array): boolean {
  return lift(publicKey) !== null
}

/**
 * The X25519 secret of `own` and an ephemeral point E, as a point S, with Chaum and Pedersen's proof that log_B(own) = log_E(S) (CRYPTO
 * 1992), made non-interactive and bound to `binding`. It reveals S and nothing else about the secret key. Null when no proof can be made
 * for the key.
 */
export function proveSharedSecret(
  own: { readonly publicKey: Uint8Array; readonly secretKey: Uint8Array },
  ephemeral: Uint8Array,
  binding: Uint8Array,
): Uint8Array | null {
  const [key, other] = [cleared(lift(own.publicKey)), cleared(decodePoint(ephemeral))]
  if (key === null || other === null) return null
  const k = signedExponent(own.secretKey, key)
  if (k === null) return null
  const image = other.multiply(k)
  // X25519's own result has no component of small order, so 1/8 modulo ℓ takes its eightfold back to it.
  const shared = image.multiply(Fn.inv(8n))
  const r = nonce(own.secretKey, binding)
  const commitments = [EIGHT_BASE.multiply(r), other.multiply(r)]
  const c = challengeOf(binding, [key, other, image, ...commitments])
  const response = Fn.add(r, Fn.mul(c, k))
  return new ByteWriter().bytes(shared.toBytes()).bytes(Fn.toBytes(c)).bytes(Fn.toBytes(response)).finish()
}

/**
 * The 32 bytes that X25519 gave the owner of `publicKey` with an ephemeral point, if the proof shows it; else null. There is
 * only one answer that a proof can show: a shared point with a component of small order is refused.
 */
export function openSharedSecret(
  publicKey: Uint8Array,
  ephemeral: Uint8Array,
  proof: Uint8Array,
  binding: Uint8Array,
): Uint8Array | null {
  const [key, other] = [cleared(lift(publicKey)), cleared(decodePoint(ephemeral))]
  if (key === null || other === null || proof.length !== SHARED_SECRET_PROOF_BYTES) return null
  const shared = decodePoint(proof.subarray(0, BYTES))
  const c = scalarOf(proof.subarray(BYTES, 2 * BYTES))
  const s = scalarOf(proof.subarray(2 * BYTES))
  if (shared === null || c === null || s === null || shared.is0() || !shared.isTorsionFree()) return null
  const image = shared.multiplyUnsafe(8n)
  const commitments = [combination(EIGHT_BASE, s, key, c), combination(other, s, image, c)]
  if (challengeOf(binding, [key, other, image, ...commitments]) !== c) return null
  return ed25519.utils.toMontgomery(shared.toBytes())
}

const EIGHT_BASE = Point.BASE.multiplyUnsafe(8n)

/** The point with an even x-coordinate for a u-coordinate: y = (u − 1)/(u + 1). */
function lift(publicKey: Uint8Array): Point | null {
  try {
    const u = Fp.fromBytes(publicKey)
    // 1/0 throws, as does a y that is on no point of the curve: a u of the twist.
    const y = Fp.mul(Fp.sub(u, Fp.ONE), Fp.inv(Fp.add(u, Fp.ONE)))
    const point = Point.fromBytes(Fp.toBytes(y))
    return point.isSmallOrder() ? null : point
  } catch {
    return null
  }
}

/** A point from its one encoding (RFC 8032, section 5.1.3), or null. */
function decodePoint(bytes: Uint8Array): Point | null {
  try {
    return Point.fromBytes(bytes)
  } catch {
    return null
  }
}

/** Eight times the point; null for a point of small order. */
function cleared(point: Point | null): Point | null {
  if (point === null) return null
  const eightfold = point.multiplyUnsafe(8n)
  return eightfold.is0() ? null : eightfold
}

/** k or −k modulo ℓ, whichever takes 8·B to `key`: an X25519 key stands for two points. */
function signedExponent(secretKey: Uint8Array, key: Point): bigint | null {
  const clamped = secretKey.slice()
  clamped[0]! &= 248
  clamped[31] = (clamped[31]! & 127) | 64
  const k = Fn.create(littleEndian(clamped))
  clamped.fill(0)
  const found = EIGHT_BASE.multiply(k)
  if (found.equals(key)) return k
  return found.negate().equals(key) ? Fn.neg(k) : null
}

/** A scalar that nobody can guess even if the system's random numbers are poor. */
function nonce(secretKey: Uint8Array, binding: Uint8Array): bigint {
  const salt = randomBytes(BYTES)
  const wide = ['0', '1'].map((half) => hash(`proof nonce/${half}`, secretKey, binding, salt))
  return Fn.create(littleEndian(Buffer.concat(wide))) || 1n
}

function challengeOf(binding: Uint8Array, points: readonly Point[]): bigint {
  const digest = hash('shared secret proof', hash('proof binding', binding), ...points.map((point) => point.toBytes()))
  return Fn.create(littleEndian(digest))
}

/** s·A − c·B, public values all. */
function combination(a: Point, s: bigint, b: Point, c: bigint): Point {
  return times(a, s).subtract(times(b, c))
}

function times(point: Point, scalar: bigint): Point {
  return scalar === 0n ? Point.ZERO : point.multiplyUnsafe(scalar)
}

/** A scalar below ℓ, or null: one proof has one encoding. */
function scalarOf(bytes: Uint8Array): bigint | null {
  const value = littleEndian(bytes)
  return value < Fn.ORDER ? value : null
}

function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!)
  return value
}

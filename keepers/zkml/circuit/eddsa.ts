// SPDX-License-Identifier: GPL-3.0-or-later
// EdDSA-Poseidon on Baby Jubjub (EIP-2494), as circomlib, iden3 and zk-kit verify it, and circuits/lib/eddsa_poseidon.circom:
//   h = Poseidon(Rx, Ry, Ax, Ay, M),   S · B8 = R + 8 h · A,   0 ≤ S < l.
// We derive key and nonce in our own way (SHA-512 under labels); a verifier never sees how.
import { babyjubjub } from '@noble/curves/misc.js'
import { sha512 } from '@noble/hashes/sha2.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { SCALAR_FIELD } from '../bn254.ts'
import { requireField } from './commitment.ts'
import { CircuitError } from './errors.ts'
import { poseidon } from './poseidon.ts'

const { Point } = babyjubjub
type CurvePoint = InstanceType<typeof Point>
/** l, the prime order of the subgroup; 251 bits. */
export const BABY_ORDER = Point.Fn.ORDER

/** A seed is 32 random bytes; whoever has it signs. */
export const SEED_BYTES = 32

/** Affine coordinates, both below the scalar field. */
export type BabyPoint = readonly [x: bigint, y: bigint]

/** R is a point, 0 ≤ S < l. */
export type EddsaSignature = { readonly R: BabyPoint; readonly S: bigint }

/**
 * The public key of a seed: a point of the subgroup of order l.
 * @throws CircuitError `wrong-input` for a seed of another length; the message never has the seed
 */
export function eddsaPublicKey(seed: Uint8Array): BabyPoint {
  return affine(Point.BASE.multiply(secretScalar(seed)))
}

/**
 * Signs a field element, always in the same way. JavaScript's integers take time that depends on their value: sign where
 * nobody can measure it.
 * @throws CircuitError `wrong-input` for a seed of another length or a message that is not a field element
 */
export function eddsaSign(seed: Uint8Array, message: bigint): EddsaSignature {
  requireField(message, 'message')
  const scalar = secretScalar(seed)
  const key = affine(Point.BASE.multiply(scalar))
  const nonce = wide('cohort/eddsa/nonce/1', seed, utf8ToBytes(message.toString(16).padStart(64, '0')))
  const R = affine(Point.BASE.multiply(nonce))
  return { R, S: (nonce + 8n * challenge(R, key, message) * scalar) % BABY_ORDER }
}

/** Whether the signature is one of `message` under `key`; false for coordinates, keys and S that the circuit refuses. */
export function isEddsaSignature(key: BabyPoint, message: bigint, { R, S }: EddsaSignature): boolean {
  const [A, nonce] = [pointOf(key), pointOf(R)]
  if (!isEddsaKey(key) || A === null || nonce === null) return false
  if (S < 0n || S >= BABY_ORDER || message < 0n || message >= SCALAR_FIELD) return false
  // 8 A lies in the subgroup, and there h may be reduced.
  const sum = A.clearCofactor().multiplyUnsafe(challenge(R, key, message) % BABY_ORDER)
  return Point.BASE.multiplyUnsafe(S).equals(nonce.add(sum))
}

/** Whether a point can be a key: canonical coordinates, on the curve, not one of the eight points of small order. */
export function isEddsaKey(key: BabyPoint): boolean {
  const point = pointOf(key)
  return point !== null && !point.clearCofactor().is0()
}

/** x ‖ y, 32 bytes each, big-endian, in hexadecimal with 0x: as PublisherRegistry.addKey takes them. */
export function eddsaMaterial([x, y]: BabyPoint): string {
  return `0x${[x, y].map((value) => value.toString(16).padStart(64, '0')).join('')}`
}

function challenge(R: BabyPoint, key: BabyPoint, message: bigint): bigint {
  return poseidon([...R, ...key, message])
}

function secretScalar(seed: Uint8Array): bigint {
  if (seed.length !== SEED_BYTES) {
    throw new CircuitError('wrong-input', `a seed has ${SEED_BYTES} bytes, found ${seed.length}`)
  }
  return wide('cohort/eddsa/key/1', seed)
}

/** 512 bits reduced modulo l: no bias. 0 has no point and is as likely as a guessed key. */
function wide(label: string, ...parts: readonly Uint8Array[]): bigint {
  const hash = sha512(concatBytes(utf8ToBytes(label), ...parts))
  return hash.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n) % BABY_ORDER
}

function affine(point: CurvePoint): BabyPoint {
  const { x, y } = point.toAffine()
  return [x, y]
}

/** Null unless the coordinates are field elements and on the curve. */
function pointOf([x, y]: BabyPoint): CurvePoint | null {
  if (x < 0n || x >= SCALAR_FIELD || y < 0n || y >= SCALAR_FIELD) return null
  if (x === 0n) return y === 1n ? Point.ZERO : y === SCALAR_FIELD - 1n ? new Point(0n, y, 1n, 0n) : null
  const point = Point.fromAffine({ x, y })
  try {
    point.assertValidity()
  } catch {
    return null
  }
  return point
}

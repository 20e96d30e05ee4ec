// SPDX-License-Identifier: GPL-3.0-or-later
// Signed inputs: circuits/lib/signed_commitment.circom over eddsa_poseidon.circom and field_bits.circom, which have the reasons, written
// directly. Bits that points are multiplied with are wires; the other ranges are looked up.
import { SCALAR_FIELD } from '../bn254.ts'
import { BABY_ORDER } from '../circuit/eddsa.ts'
import { TAG_BITS } from '../circuit/signed.ts'
import {
  addBaseMultiple,
  type BabyPoint,
  doublePoint,
  multiplyPoint,
  requireNotZero,
  requireOnCurve,
} from './baby-jubjub.ts'
import type { Builder } from './builder.ts'
import { bit } from './gadgets.ts'
import { coefficientOf, type Linear, plus, Sum, scaled, ZERO } from './linear.ts'
import { poseidonOf } from './poseidon.ts'

/** The wires of a signature, by the names that witnessInputs gives them. */
export const SIGNATURE_INPUTS = ['tag', 'keyX', 'keyY', 'Rx', 'Ry', 'S'] as const
export type SignatureInputs = Readonly<Record<(typeof SIGNATURE_INPUTS)[number], Linear>>

const FIELD_BITS = 254
/** Of the order l, and of a scalar below it. */
const ORDER_BITS = 251
/** Bits of a number that is ranged at once: a step computes with doubles. */
const CHUNK_BITS = 48

/** The holder of the key signed Poseidon(commitment, tag): y + tag, which names key and tag. */
export function signedOf(builder: Builder, commitment: Linear, inputs: SignatureInputs): Linear {
  const { tag, keyX, keyY, Rx, Ry, S } = inputs
  // Without this a forger's own key would pass, with the tag that makes up the difference.
  wideRange(builder, tag, Number(TAG_BITS))
  const message = poseidonOf(builder, [commitment, tag])
  requireSignature(builder, { x: keyX, y: keyY }, { x: Rx, y: Ry }, S, message)
  return plus(keyY, tag)
}

/** S · B8 = R + 8 h · key with h = Poseidon(R, key, message), 0 ≤ S < l, and a key of large order. */
function requireSignature(builder: Builder, key: BabyPoint, R: BabyPoint, S: Linear, message: Linear): void {
  requireOnCurve(builder, key)
  const times8 = doublePoint(builder, doublePoint(builder, doublePoint(builder, key)))
  // 8 key has odd order, and the only point of odd order with x = 0 is the neutral element.
  requireNotZero(builder, times8.x)
  const h = fieldBits(builder, poseidonOf(builder, [R.x, R.y, key.x, key.y, message]))
  const scalar = bitsOf(builder, S, ORDER_BITS)
  wideRange(builder, plus({ ...ZERO, constant: coefficientOf(BABY_ORDER - 1n) }, S, -1), ORDER_BITS)
  const negative = { x: scaled(times8.x, -1), y: times8.y }
  const sum = addBaseMultiple(builder, multiplyPoint(builder, negative, h), scalar)
  builder.equate(sum.x, R.x)
  builder.equate(sum.y, R.y)
}

/** The bits of a field element as the integer below p: of the two numbers of 254 bits with this residue the other is refused. */
export function fieldBits(builder: Builder, value: Linear): Linear[] {
  const bits = bitsOf(builder, value, FIELD_BITS)
  // p = 3 · 2^252 + c: below p where the two highest are not both 1, or the other bits make less than c.
  const c = SCALAR_FIELD - 3n * 2n ** 252n
  const low = new Sum()
  for (let i = 0; i < FIELD_BITS - 2; i++) low.add(bits[i]!, coefficientOf(2n ** BigInt(i)))
  const high = builder.product(bits[FIELD_BITS - 1]!, bits[FIELD_BITS - 2]!)
  const excess = builder.product(high, low.take())
  const most = c - 1n
  wideRange(builder, plus({ ...ZERO, constant: coefficientOf(most) }, excess, -1), most.toString(2).length)
  return bits
}

/** Bits, lowest first, that make the value in the field; for `count` below 254 it is then an integer below 2^count. */
function bitsOf(builder: Builder, value: Linear, count: number): Linear[] {
  const bits = Array.from({ length: count }, (_, i) =>
    bit(builder, (values) => Number((values.field(value) >> BigInt(i)) & 1n)),
  )
  const sum = new Sum()
  for (const [i, each] of bits.entries()) sum.add(each, coefficientOf(2n ** BigInt(i)))
  builder.equate(sum.take(), value)
  return bits
}

/** 0 ≤ value < 2^bits for more bits than a double holds, by chunks; the lowest chunk is the remainder. */
function wideRange(builder: Builder, value: Linear, bits: number): void {
  const lowest = new Sum().add(value)
  for (let at = CHUNK_BITS; at < bits; at += CHUNK_BITS) {
    const size = Math.min(CHUNK_BITS, bits - at)
    const chunk = builder.hint((values) => Number(BigInt.asUintN(size, values.field(value) >> BigInt(at))))
    builder.range(chunk, size, true)
    lowest.add(chunk, coefficientOf(-(2n ** BigInt(at))))
  }
  builder.range(lowest.take(), Math.min(CHUNK_BITS, bits), true)
}

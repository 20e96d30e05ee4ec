// SPDX-License-Identifier: GPL-3.0-or-later
// A witness in two passes: the challenges exist only when the first pass is committed to.
import { FIELD_BYTES, SCALAR_FIELD } from '../bn254.ts'
import { bordersOf, type TwoRoundShape, wireName } from '../setup/two-round-shape.ts'
import { ProveError } from './errors.ts'
import { witnessOf } from './witness-file.ts'

export type TwoPassWitness = {
  /** Public signals, then the wires of the first round: 32 bytes little endian each, below r. */
  readonly first: Uint8Array
  /** All wires, the constant one included, for these challenges. Called once, and only after `first` was committed to. */
  finish(challenges: readonly bigint[]): Uint8Array | Promise<Uint8Array>
}

/**
 * The first pass as a whole witness, with zeros for challenges and the second round.
 * Throws ProveError `circuit-mismatch` for another number of values, `malformed` for a value that is not below r.
 */
export function firstPass(first: Uint8Array, shape: TwoRoundShape, variables: number): Uint8Array<ArrayBuffer> {
  const { publicSignals, firstRound } = shape
  const expected = (publicSignals + firstRound) * FIELD_BYTES
  if (first.byteLength !== expected) {
    throw new ProveError(
      'circuit-mismatch',
      `the first pass has ${first.byteLength} bytes, the key asks for ${publicSignals} public signals and ${firstRound} wires: ${expected}`,
    )
  }
  const whole = new Uint8Array(variables * FIELD_BYTES)
  whole[0] = 1
  whole.set(first.subarray(0, publicSignals * FIELD_BYTES), FIELD_BYTES)
  whole.set(first.subarray(publicSignals * FIELD_BYTES), bordersOf(shape).firstRound * FIELD_BYTES)
  return witnessOf(whole, variables)
}

/**
 * All wires. Throws ProveError `invalid-witness` when the second pass changed the committed values of the first, or ignored the
 * challenges: its proof would not verify.
 */
export function secondPass(
  all: Uint8Array,
  first: Uint8Array,
  shape: TwoRoundShape,
  challenges: readonly bigint[],
): Uint8Array<ArrayBuffer> {
  const witness = witnessOf(all, first.byteLength / FIELD_BYTES)
  const borders = bordersOf(shape)
  const expected = first.slice(0, borders.secondRound * FIELD_BYTES)
  expected.set(packValues(challenges), borders.challenges * FIELD_BYTES)
  const differs = expected.findIndex((byte, at) => witness[at] !== byte)
  if (differs >= 0) {
    const wire = Math.floor(differs / FIELD_BYTES)
    const isChallenge = wire >= borders.challenges && wire < borders.firstRound
    throw new ProveError(
      'invalid-witness',
      `the second pass: ${wireName(shape, wire)} is not ${isChallenge ? 'the challenge' : 'what the first pass said'}`,
    )
  }
  return witness
}

/** Values below r as bytes, 32 little endian each. */
export function packValues(values: readonly bigint[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(values.length * FIELD_BYTES)
  const view = new DataView(bytes.buffer)
  for (const [i, value] of values.entries()) {
    if (value < 0n || value >= SCALAR_FIELD) throw new RangeError(`value ${i} is not a field element`)
    for (let word = 0; word < 4; word++) {
      view.setBigUint64(i * FIELD_BYTES + 8 * word, BigInt.asUintN(64, value >> BigInt(64 * word)), true)
    }
  }
  return bytes
}

// SPDX-License-Identifier: GPL-3.0-or-later
// An r1cs by wires: where each wire occurs, and points of a key as sums of Lagrange points. A key by one party needs neither, since
// that party computes with τ itself.
import { FIELD_BYTES, SCALAR_FIELD } from '../../bn254.ts'
import { constraintBatches, visitTerms } from '../../setup/constraint-batches.ts'
import { bytesToField, type CurveMemory, type GroupName, POINT_BYTES } from '../../setup/curve-memory.ts'
import { SCALARS_PER_BATCH } from '../../setup/fixed-base.ts'
import type { R1cs } from '../../setup/r1cs.ts'

/** One side (A, B or C) of all constraints: terms `starts[w]` to `starts[w + 1]` belong to wire w. */
export type WireTerms = {
  readonly starts: Uint32Array
  readonly rows: Uint32Array
  /**
   * A coefficient is plus − minus, 8 words of 32 bits each, the least significant first. Together they have the fewest bits: a third of
   * its length (non-adjacent form).
   */
  readonly plus: Uint32Array
  readonly minus: Uint32Array
}

export type Side = 0 | 1 | 2

/** A, B and C by wires; A also has one row for the constant and for each public wire, as qap.ts does. */
export function wireTerms(r1cs: R1cs): readonly [WireTerms, WireTerms, WireTerms] {
  const { variables, constraints, publicSignals } = r1cs.header
  const starts = [0, 1, 2].map(() => new Uint32Array(variables + 1))
  for (const batch of constraintBatches(r1cs)) visitTerms(batch, (side, _, wire) => starts[side]![wire + 1]!++)
  for (let s = 0; s <= publicSignals; s++) starts[0]![s + 1]!++
  for (const counts of starts) for (let w = 0; w < variables; w++) counts[w + 1]! += counts[w]!
  const sides = starts.map((own) => {
    const count = own[variables]!
    return {
      starts: own,
      rows: new Uint32Array(count),
      plus: new Uint32Array(count * WORDS),
      minus: new Uint32Array(count * WORDS),
      next: own.slice(0, variables),
    }
  })
  const put = (side: Side, wire: number, row: number, value: bigint) => {
    const own = sides[side]!
    const at = own.next[wire]!++
    own.rows[at] = row
    const negative = value > SCALAR_FIELD / 2n
    const size = negative ? SCALAR_FIELD - value : value
    const [more, less] = negative ? [own.minus, own.plus] : [own.plus, own.minus]
    writeWords(more, at, ((3n * size) & ~size) >> 1n)
    writeWords(less, at, (size & ~(3n * size)) >> 1n)
  }
  for (const batch of constraintBatches(r1cs)) {
    visitTerms(batch, (side, row, wire, offset) => put(side, wire, row, valueAt(batch.bytes, offset) % SCALAR_FIELD))
  }
  for (let s = 0; s <= publicSignals; s++) put(0, s, constraints + s, 1n)
  return sides as unknown as readonly [WireTerms, WireTerms, WireTerms]
}

/** Terms of a side, and the address of the points that they multiply. */
export type Source = { readonly terms: WireTerms; readonly points: number }

/**
 * Σ coefficient · point over all terms of each wire from `from` to `to`, in the zkey's form. By Horner's rule over the bits of the
 * coefficients: most of them are short.
 */
export function* wirePoints(
  memory: CurveMemory,
  group: GroupName,
  sources: readonly Source[],
  [from, to]: readonly [number, number],
): Generator<Uint8Array> {
  const { affine, jacobian } = POINT_BYTES[group]
  const kernel = (name: string) => memory.kernel(`${group}m_${name}`)
  const [zero, double, addMixed, subMixed] = [kernel('zero'), kernel('double'), kernel('addMixed'), kernel('subMixed')]
  for (let first = from; first < to; first += SCALARS_PER_BATCH) {
    const count = Math.min(SCALARS_PER_BATCH, to - first)
    const mark = memory.mark()
    const output = memory.alloc(count * jacobian)
    for (let i = 0; i < count; i++) {
      const sum = output + i * jacobian
      zero(sum)
      let bits = 0
      for (const { terms } of sources) bits = Math.max(bits, longest(terms, first + i))
      for (let bit = bits - 1; bit >= 0; bit--) {
        if (bit < bits - 1) double(sum, sum)
        for (const { terms, points } of sources) {
          for (let t = terms.starts[first + i]!; t < terms.starts[first + i + 1]!; t++) {
            const word = t * WORDS + (bit >> 5)
            const point = points + terms.rows[t]! * affine
            if ((terms.plus[word]! >>> (bit & 31)) & 1) addMixed(sum, point, sum)
            else if ((terms.minus[word]! >>> (bit & 31)) & 1) subMixed(sum, point, sum)
          }
        }
      }
    }
    kernel('batchToAffine')(output, count, output)
    const points = memory.read(output, count * affine)
    memory.release(mark)
    yield points
  }
}

/** Σ weight_w · coefficient over the wires of a range, row by row: `rows` values below r, 32 bytes little endian each. */
export function weightedRows(
  terms: WireTerms,
  weights: readonly bigint[],
  [from, to]: readonly [number, number],
  rows: number,
): Uint8Array {
  const sums = new Array<bigint>(rows).fill(0n)
  for (let wire = from; wire < to; wire++) {
    for (let t = terms.starts[wire]!; t < terms.starts[wire + 1]!; t++) {
      sums[terms.rows[t]!]! += weights[wire - from]! * (readWords(terms.plus, t) - readWords(terms.minus, t))
    }
  }
  const output = new Uint8Array(rows * FIELD_BYTES)
  const view = new DataView(output.buffer)
  for (const [row, sum] of sums.entries()) {
    if (sum === 0n) continue
    const value = ((sum % SCALAR_FIELD) + SCALAR_FIELD) % SCALAR_FIELD
    for (let k = 0; k < 4; k++)
      view.setBigUint64(row * FIELD_BYTES + 8 * k, BigInt.asUintN(64, value >> BigInt(64 * k)), true)
  }
  return output
}

const WORDS = FIELD_BYTES / 4

/** Bits of the longest coefficient of a wire. */
function longest({ starts, plus, minus }: WireTerms, wire: number): number {
  let bits = 0
  for (let t = starts[wire]!; t < starts[wire + 1]!; t++) {
    for (let k = WORDS - 1; 32 * (k + 1) > bits; k--) {
      const word = plus[t * WORDS + k]! | minus[t * WORDS + k]!
      if (word === 0) continue
      bits = Math.max(bits, 32 * k + 32 - Math.clz32(word))
      break
    }
  }
  return bits
}

function writeWords(words: Uint32Array, index: number, value: bigint): void {
  for (let k = 0, rest = value; rest > 0n; k++, rest >>= 32n) words[index * WORDS + k] = Number(rest & 0xffffffffn)
}

function readWords(words: Uint32Array, index: number): bigint {
  let value = 0n
  for (let k = WORDS - 1; k >= 0; k--) {
    const word = words[index * WORDS + k]!
    if (word !== 0 || value !== 0n) value = (value << 32n) | BigInt(word)
  }
  return value
}

/** Short values need no loop over all bytes. */
function valueAt(bytes: Uint8Array, offset: number): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, FIELD_BYTES)
  if (view.getBigUint64(24, true) === 0n && view.getBigUint64(16, true) === 0n && view.getBigUint64(8, true) === 0n)
    return view.getBigUint64(0, true)
  return bytesToField(bytes, offset)
}

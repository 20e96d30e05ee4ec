// SPDX-License-Identifier: GPL-3.0-or-later
// Σ scalar·point over points that stay in the memory (Pippenger's buckets, by wasmcurves' kernel). A witness is mostly
// bits and short values, so scalars are sorted by size first: zeros cost nothing, ones an addition, and short ones, or
// short ones below r, a few windows.
import { FIELD_BYTES, SCALAR_FIELD } from '../bn254.ts'
import { type Part, piecesOf } from '../parts.ts'
import { type CurveMemory, type GroupName, POINT_BYTES } from '../setup/curve-memory.ts'
import { finiteOf } from './multiexp.ts'

const POINTS_AT_ONCE = 1 << 12
const WORDS = FIELD_BYTES / 4
const ORDER_WORDS = Array.from({ length: WORDS }, (_, i) => Number((SCALAR_FIELD >> BigInt(32 * i)) & 0xffffffffn))
const SHORT_BYTES = 4
/** The kernel reads four bytes past the position of a digit. */
const SLACK = 8

/** Points of one query of the key, those at infinity left out. */
export class MultiExp {
  readonly #memory: CurveMemory
  readonly #group: GroupName
  readonly #points: number
  /** Which scalar belongs to each point that was kept. */
  readonly #indices: Uint32Array

  /** points: affine, Montgomery form, as a zkey holds them. */
  constructor(memory: CurveMemory, group: GroupName, points: Part) {
    this.#memory = memory
    this.#group = group
    const size = POINT_BYTES[group].affine
    const kept = finiteOf(points, size)
    this.#indices = kept
    this.#points = memory.alloc(kept.length * size)
    let slot = 0
    for (const { from, bytes } of piecesOf(points, POINTS_AT_ONCE * size)) {
      const end = (from + bytes.byteLength) / size
      for (; slot < kept.length && kept[slot]! < end; slot++) {
        const at = kept[slot]! * size - from
        memory.bytes.set(bytes.subarray(at, at + size), this.#points + slot * size)
      }
    }
  }

  /** `scalars` is the address of 32-byte values, one for each point the query was built from. Jacobian form. */
  sum(scalars: number): Uint8Array<ArrayBuffer> {
    const memory = this.#memory
    const { affine, jacobian } = POINT_BYTES[this.#group]
    const kernel = (name: string) => memory.kernel(`${this.#group}m_${name}`)
    const [addMixed, subMixed, add] = [kernel('addMixed'), kernel('subMixed'), kernel('add')]
    const mark = memory.mark()
    const total = memory.alloc(jacobian)
    kernel('zero')(total)
    const short = new TermList(this.#indices.length)
    const long = new TermList(this.#indices.length)
    for (const [slot, index] of this.#indices.entries()) {
      const word = (scalars + index * FIELD_BYTES) >> 2
      const value = signedShort(memory.words, word)
      if (value === 0) continue
      const point = this.#points + slot * affine
      if (value === 1) addMixed(total, point, total)
      else if (value === -1) subMixed(total, point, total)
      else if (value === null) long.push(slot, index)
      else short.push(slot, value)
    }
    const part = memory.alloc(jacobian)
    if (short.length > 0) {
      this.#sumShort(short, part)
      add(total, part, total)
    }
    if (long.length > 0) {
      this.#sumLong(long, scalars, part)
      add(total, part, total)
    }
    const result = memory.read(total, jacobian)
    memory.release(mark)
    return result
  }

  #sumShort(terms: TermList, output: number): void {
    const memory = this.#memory
    const { affine } = POINT_BYTES[this.#group]
    const negate = memory.kernel(`${this.#group}m_negAffine`)
    const mark = memory.mark()
    const points = memory.alloc(terms.length * affine)
    const values = memory.alloc(terms.length * SHORT_BYTES + SLACK)
    let bits = 0
    for (let i = 0; i < terms.length; i++) {
      const value = terms.values[i]!
      const from = this.#points + terms.slots[i]! * affine
      memory.bytes.copyWithin(points + i * affine, from, from + affine)
      if (value < 0) negate(points + i * affine, points + i * affine)
      memory.words[(values >> 2) + i] = Math.abs(value)
      bits = Math.max(bits, 32 - Math.clz32(Math.abs(value)))
    }
    this.#buckets({ points, values, bytes: SHORT_BYTES, count: terms.length, bits, output })
    memory.release(mark)
  }

  #sumLong(terms: TermList, scalars: number, output: number): void {
    const memory = this.#memory
    const { affine } = POINT_BYTES[this.#group]
    const bits = SCALAR_FIELD.toString(2).length
    if (terms.length === this.#indices.length && isRun(this.#indices)) {
      const values = scalars + this.#indices[0]! * FIELD_BYTES
      this.#buckets({ points: this.#points, values, bytes: FIELD_BYTES, count: terms.length, bits, output })
      return
    }
    const mark = memory.mark()
    const points = memory.alloc(terms.length * affine)
    const values = memory.alloc(terms.length * FIELD_BYTES + SLACK)
    for (let i = 0; i < terms.length; i++) {
      const point = this.#points + terms.slots[i]! * affine
      memory.bytes.copyWithin(points + i * affine, point, point + affine)
      const value = scalars + terms.values[i]! * FIELD_BYTES
      memory.bytes.copyWithin(values + i * FIELD_BYTES, value, value + FIELD_BYTES)
    }
    this.#buckets({ points, values, bytes: FIELD_BYTES, count: terms.length, bits, output })
    memory.release(mark)
  }

  /** Windows from the top, doubling in between. */
  #buckets(job: { points: number; values: number; bytes: number; count: number; bits: number; output: number }): void {
    const memory = this.#memory
    const { jacobian } = POINT_BYTES[this.#group]
    const kernel = (name: string) => memory.kernel(`${this.#group}m_${name}`)
    const [chunk, double, add] = [kernel('multiexpAffine_chunk'), kernel('double'), kernel('add')]
    const width = bucketBits(job.count, job.bits)
    const mark = memory.mark()
    const part = memory.alloc(jacobian)
    memory.reserve(2 ** width * jacobian)
    kernel('zero')(job.output)
    for (let window = Math.ceil(job.bits / width) - 1; window >= 0; window--) {
      for (let i = 0; i < width; i++) double(job.output, job.output)
      const start = window * width
      chunk(job.points, job.values, job.bytes, job.count, start, Math.min(width, 8 * job.bytes - start), part)
      add(job.output, part, job.output)
    }
    memory.release(mark)
  }
}

/** Points with their scalars, or with the index of their scalars. */
class TermList {
  readonly slots: Uint32Array
  readonly values: Float64Array
  length = 0

  constructor(capacity: number) {
    this.slots = new Uint32Array(capacity)
    this.values = new Float64Array(capacity)
  }

  push(slot: number, value: number): void {
    this.slots[this.length] = slot
    this.values[this.length++] = value
  }
}

/** The value at `word` when it is within ±2^32, also when it stands for a negative number (r − v); null else. */
function signedShort(words: Uint32Array, word: number): number | null {
  const top = words[word + WORDS - 1]!
  if (top === 0) {
    for (let i = 1; i < WORDS - 1; i++) if (words[word + i] !== 0) return null
    return words[word]!
  }
  if (top !== ORDER_WORDS[WORDS - 1]) return null
  for (let i = 2; i < WORDS - 1; i++) if (words[word + i] !== ORDER_WORDS[i]) return null
  const distance = (ORDER_WORDS[1]! - words[word + 1]!) * 2 ** 32 + (ORDER_WORDS[0]! - words[word]!)
  return distance > 0 && distance < 2 ** 32 ? -distance : null
}

function isRun(indices: Uint32Array): boolean {
  return indices.length === 0 || indices[indices.length - 1]! - indices[0]! === indices.length - 1
}

/** The bucket width that needs the fewest additions: each window adds every point once and every bucket twice. */
function bucketBits(points: number, bits: number): number {
  let best = 1
  let least = Number.POSITIVE_INFINITY
  for (let width = 1; width <= Math.min(16, bits); width++) {
    const additions = Math.ceil(bits / width) * (points + 2 * 2 ** width)
    if (additions < least) [best, least] = [width, additions]
  }
  return best
}

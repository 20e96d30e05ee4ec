// SPDX-License-Identifier: GPL-3.0-or-later
// Many scalars times one generator: a table of d·2^(jw)·G for every window j and digit d ≤ 2^(w−1), then one mixed addition for
// each signed digit of a scalar. (Fixed-base windows; Menezes et al., Handbook of Applied Cryptography, section 14.6.3, with signed
// digits to halve the table.)
import { FIELD_BYTES, SCALAR_FIELD } from '../bn254.ts'
import { type CurveMemory, type GroupName, POINT_BYTES } from './curve-memory.ts'

/** Scalars that a caller should pass at once: the kernel's own scratch space stays within the memory's headroom. */
export const SCALARS_PER_BATCH = 2048

const SCALAR_BITS = SCALAR_FIELD.toString(2).length

export class FixedBase {
  readonly #memory: CurveMemory
  readonly #group: GroupName
  readonly #window: number
  readonly #windows: number
  readonly #table: number

  /** Computes the table: 2^(window−1) points for each of ⌈255/window⌉ windows. */
  constructor(memory: CurveMemory, group: GroupName, window: number) {
    this.#memory = memory
    this.#group = group
    this.#window = window
    this.#windows = windowCount(window)
    this.#table = this.#buildTable()
  }

  /**
   * scalars: n × 32 bytes, little endian, each < r. Returns the n points in affine Montgomery form (the zkey's), the
   * point at infinity as zeros. Both are wiped from the curve's memory.
   */
  multiply(scalars: Uint8Array): Uint8Array<ArrayBuffer> {
    const memory = this.#memory
    const sizes = POINT_BYTES[this.#group]
    const count = scalars.byteLength / FIELD_BYTES
    const addMixed = memory.kernel(`${this.#group}m_addMixed`)
    const subMixed = memory.kernel(`${this.#group}m_subMixed`)
    const zero = memory.kernel(`${this.#group}m_zero`)
    const half = 2 ** (this.#window - 1)
    const mark = memory.mark()
    const output = memory.alloc(count * sizes.jacobian)
    for (let i = 0; i < count; i++) {
      const sum = output + i * sizes.jacobian
      zero(sum)
      signedDigits(scalars, i, this.#window, (j, digit) => {
        const entry = this.#table + (j * half + Math.abs(digit) - 1) * sizes.affine
        if (digit > 0) addMixed(sum, entry, sum)
        else subMixed(sum, entry, sum)
      })
    }
    for (let from = 0; from < count; from += SCALARS_PER_BATCH) {
      const inner = memory.mark()
      const batch = Math.min(SCALARS_PER_BATCH, count - from)
      // In place: the affine form is shorter, and the kernel reads ahead of its writes.
      memory.kernel(`${this.#group}m_batchToAffine`)(
        output + from * sizes.jacobian,
        batch,
        output + from * sizes.affine,
      )
      memory.release(inner)
    }
    const points = memory.read(output, count * sizes.affine)
    memory.release(mark)
    return points
  }

  #buildTable(): number {
    const memory = this.#memory
    const sizes = POINT_BYTES[this.#group]
    const kernel = (name: string) => memory.kernel(`${this.#group}m_${name}`)
    const [addMixed, toAffine, double] = [kernel('addMixed'), kernel('batchToAffine'), kernel('double')]
    const half = 2 ** (this.#window - 1)
    const table = memory.alloc(this.#windows * half * sizes.affine)
    const mark = memory.mark()
    const step = memory.alloc(sizes.affine)
    const running = memory.alloc(sizes.jacobian)
    const row = memory.alloc(Math.min(half, SCALARS_PER_BATCH) * sizes.jacobian)
    kernel('copy')(memory.image.generator[this.#group], running)
    for (let j = 0; j < this.#windows; j++) {
      toAffine(running, 1, step)
      for (let from = 0; from < half; from += SCALARS_PER_BATCH) {
        const batch = Math.min(SCALARS_PER_BATCH, half - from)
        for (let d = 0; d < batch; d++) {
          kernel('copy')(running, row + d * sizes.jacobian)
          if (from + d < half - 1) addMixed(running, step, running)
        }
        const scratch = memory.mark()
        toAffine(row, batch, table + (j * half + from) * sizes.affine)
        memory.release(scratch)
      }
      // running = 2^(w−1)·step; the next window's step is 2^w·step.
      double(running, running)
    }
    memory.release(mark)
    return table
  }
}

/** The window width that needs the fewest additions for so many scalars, the table included. */
export function chooseWindow(scalars: number): number {
  let best = 2
  let least = Number.POSITIVE_INFINITY
  for (let window = 2; window <= 15; window++) {
    const additions = Math.ceil((SCALAR_BITS + 1) / window) * (2 ** (window - 1) + scalars)
    if (additions < least) [best, least] = [window, additions]
  }
  return best
}

/** One bit more than a scalar, so that its last signed digit never carries out. */
export function windowCount(window: number): number {
  return Math.ceil((SCALAR_BITS + 1) / window)
}

/** Calls back with the digits of scalar `index` that are not zero, from the lowest window on: −2^(window−1) < digit ≤ 2^(window−1). */
export function signedDigits(
  scalars: Uint8Array,
  index: number,
  window: number,
  visit: (window: number, digit: number) => void,
): void {
  const view = new DataView(scalars.buffer, scalars.byteOffset, scalars.byteLength)
  const [half, windows] = [2 ** (window - 1), windowCount(window)]
  let carry = 0
  for (let j = 0; j < windows; j++) {
    let digit = bitsAt(view, index * FIELD_BYTES, j * window, window) + carry
    carry = digit > half ? 1 : 0
    if (carry === 1) digit -= 2 * half
    if (digit !== 0) visit(j, digit)
  }
}

/** `width` ≤ 16 bits of a 32-byte little-endian integer, from bit `start`; zeros beyond its end. */
function bitsAt(view: DataView, base: number, start: number, width: number): number {
  const byte = start >> 3
  if (byte >= FIELD_BYTES) return 0
  let word = 0
  for (let i = Math.min(2, FIELD_BYTES - 1 - byte); i >= 0; i--) word = (word << 8) | view.getUint8(base + byte + i)
  return (word >> (start & 7)) & (2 ** width - 1)
}

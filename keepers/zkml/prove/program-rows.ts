// SPDX-License-Identifier: GPL-3.0-or-later
// A run of rows of the quadratic program: the values of A·w and B·w there, and their products.
import { ELEMENT_BYTES, type Kernel } from '../kernel/kernel.ts'
import { COEFFICIENT_BYTES } from '../setup/zkey.ts'
import type { ShareOfKey } from './requests.ts'

/** Rows of one side: where each begins, and its coefficients and variables one behind the other. */
type Side = { readonly starts: number; readonly coefficients: number; readonly variables: number }

export class ProgramRows {
  readonly #kernel: Kernel
  readonly #rows: number
  readonly #variables: number
  readonly #sides: readonly Side[]

  constructor(kernel: Kernel, share: Pick<ShareOfKey, 'coefficients' | 'firstRow' | 'rows' | 'variables'>) {
    this.#kernel = kernel
    this.#rows = share.rows
    this.#variables = share.variables
    this.#sides = [0, 1].map((matrix) => readSide(kernel, share, matrix))
  }

  /** @param witness address of 32-byte values. Returns rows of A·w, B·w and (A·w)(B·w), 40 bytes each. */
  evaluate(witness: number): Uint8Array<ArrayBuffer>[] {
    const kernel = this.#kernel
    const { calls } = kernel
    const field = kernel.scalar.at
    const mark = kernel.mark()
    const elements = kernel.allocate(this.#variables * ELEMENT_BYTES)
    calls.importPlain(elements, witness, this.#variables)
    // Products are made two at a time: an odd one out needs a neighbour.
    const vectors = [0, 1, 2].map(() => kernel.allocate((this.#rows + 1) * ELEMENT_BYTES))
    for (const [i, { starts, coefficients, variables }] of this.#sides.entries()) {
      calls.sumRows(vectors[i]!, starts, this.#rows, coefficients, variables, elements, field)
    }
    calls.multiplyElements(vectors[2]!, vectors[0]!, vectors[1]!, this.#rows, field)
    const result = vectors.map((vector) => kernel.read(vector, this.#rows * ELEMENT_BYTES))
    kernel.release(mark)
    return result
  }
}

function readSide(
  kernel: Kernel,
  { coefficients, firstRow, rows }: Pick<ShareOfKey, 'coefficients' | 'firstRow' | 'rows'>,
  matrix: number,
): Side {
  const view = new DataView(coefficients.buffer, coefficients.byteOffset, coefficients.byteLength)
  const ends = new Uint32Array(rows + 1)
  for (let at = 0; at < coefficients.byteLength; at += COEFFICIENT_BYTES) {
    if (view.getUint32(at, true) === matrix) ends[view.getUint32(at + 4, true) - firstRow + 1]!++
  }
  for (let row = 0; row < rows; row++) ends[row + 1]! += ends[row]!
  const count = ends[rows]!
  const starts = kernel.allocate(4 * (rows + 1))
  kernel.words(starts, rows + 1).set(ends)
  const [values, variables] = [kernel.allocate(ELEMENT_BYTES * count), kernel.allocate(4 * count)]
  const mark = kernel.mark()
  const packed = kernel.allocate(32 * count)
  const [bytes, names] = [kernel.view(packed, 32 * count), kernel.words(variables, count)]
  for (let at = 0; at < coefficients.byteLength; at += COEFFICIENT_BYTES) {
    if (view.getUint32(at, true) !== matrix) continue
    const slot = ends[view.getUint32(at + 4, true) - firstRow]!++
    names[slot] = view.getUint32(at + 8, true)
    bytes.set(coefficients.subarray(at + 12, at + COEFFICIENT_BYTES), 32 * slot)
  }
  const { at: field, fromFileSquared } = kernel.scalar
  kernel.calls.importElements(values, packed, 32, count, fromFileSquared, field)
  kernel.release(mark)
  return { starts, coefficients: values, variables }
}

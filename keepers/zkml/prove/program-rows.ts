// SPDX-License-Identifier: GPL-3.0-or-later
// A run of rows of the quadratic program: the values of A·w and B·w there, and their products.
import { FIELD_BYTES } from '../bn254.ts'
import { ELEMENT_BYTES, type Kernel } from '../kernel/kernel.ts'
import { forEachEntry, type RowsOfKey } from './coefficients.ts'
import type { ShareOfKey } from './requests.ts'

/** Rows of one side: where each begins, and its coefficients and variables one behind the other. */
type Side = { readonly starts: number; readonly coefficients: number; readonly variables: number }

export class ProgramRows {
  readonly #kernel: Kernel
  readonly #rows: number
  readonly #variables: number
  readonly #sides: readonly Side[]

  constructor(kernel: Kernel, share: RowsOfKey & Pick<ShareOfKey, 'variables'>) {
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

/** Values that are converted at once. */
const VALUES_AT_ONCE = 1 << 12

function readSide(kernel: Kernel, share: RowsOfKey, side: number): Side {
  const { rows } = share
  const ends = new Uint32Array(rows + 1)
  forEachEntry(share, (matrix, row) => {
    if (matrix === side) ends[row + 1]!++
  })
  for (let row = 0; row < rows; row++) ends[row + 1]! += ends[row]!
  const count = ends[rows]!
  const starts = kernel.allocate(4 * (rows + 1))
  kernel.words(starts, rows + 1).set(ends)
  const [values, variables] = [kernel.allocate(ELEMENT_BYTES * count), kernel.allocate(4 * count)]
  const mark = kernel.mark()
  const [packed, elements] = [FIELD_BYTES, ELEMENT_BYTES].map((size) => kernel.allocate(size * VALUES_AT_ONCE))
  // To the end of the last allocation: the memory may end there.
  const memory = kernel.view(0, elements! + ELEMENT_BYTES * VALUES_AT_ONCE)
  const names = kernel.words(variables, count)
  const slots = new Uint32Array(VALUES_AT_ONCE)
  let waiting = 0
  const { at: field, fromFileSquared } = kernel.scalar
  const convert = () => {
    kernel.calls.importElements(elements!, packed!, FIELD_BYTES, waiting, fromFileSquared, field)
    for (let i = 0; i < waiting; i++) {
      const from = elements! + ELEMENT_BYTES * i
      memory.copyWithin(values + ELEMENT_BYTES * slots[i]!, from, from + ELEMENT_BYTES)
    }
    waiting = 0
  }
  forEachEntry(share, (matrix, row, variable, value) => {
    if (matrix !== side) return
    const slot = ends[row]!++
    names[slot] = variable
    slots[waiting] = slot
    memory.set(value, packed! + FIELD_BYTES * waiting++)
    if (waiting === VALUES_AT_ONCE) convert()
  })
  convert()
  kernel.release(mark)
  return { starts, coefficients: values, variables }
}

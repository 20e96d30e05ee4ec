// SPDX-License-Identifier: GPL-3.0-or-later
// A file's budget: each tensor has its own bound, but a small file can create many large tensors.
import { CompileError } from '../../graph/errors.ts'
import type { Tensor } from '../../graph/types.ts'

/** Elements of all constants together: as doubles, a gigabyte. */
const MOST_CONSTANT = 2 ** 27

export class ConstantBudget {
  readonly #most: number
  readonly #seen = new WeakSet<Tensor['data']>()
  #sum = 0

  constructor(most: number = MOST_CONSTANT) {
    this.#most = most
  }

  /** Numbers that several constants share, as after a Reshape, count once. @throws CompileError shape-mismatch naming the constant */
  spend({ data }: Tensor, what: string): void {
    if (this.#seen.has(data)) return
    this.#seen.add(data)
    this.#sum += data.length
    if (this.#sum <= this.#most) return
    throw new CompileError(
      'shape-mismatch',
      `${what}: with its ${data.length} elements the file's constants, and those folded from them, have ${this.#sum} in all; up to ${this.#most} are supported`,
      { layer: what },
    )
  }
}

// SPDX-License-Identifier: GPL-3.0-or-later
// The jobs that need nothing but their input, done in this thread. The rooms are loaded with the first job of their kind.
import type { ClaimCalculator } from '../fhe/index.ts'
import type { SliceCalculator } from '../learning/index.ts'
import type { Performers } from './kind.ts'

/** Performs `gradients` and `claims`; jobs of a kind follow each other. */
export class Calculators implements Disposable {
  #slices: SliceCalculator | null = null
  #claims: ClaimCalculator | null = null

  readonly performers: Required<Pick<Performers, 'gradients' | 'claims'>> = {
    gradients: async (task) => {
      if (this.#slices === null) {
        const { SliceCalculator } = await import('../learning/index.ts')
        this.#slices ??= new SliceCalculator()
      }
      return await this.#slices.compute(task)
    },
    claims: async (task) => {
      if (this.#claims === null) {
        const { ClaimCalculator } = await import('../fhe/index.ts')
        this.#claims ??= new ClaimCalculator()
      }
      return await this.#claims.compute(task)
    },
  };

  [Symbol.dispose](): void {
    this.#slices?.dispose()
    this.#claims?.dispose()
  }
}

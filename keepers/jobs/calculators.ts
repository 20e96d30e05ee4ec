// SPDX-License-Identifier: GPL-3.0-or-later
// Does the jobs that need nothing but their input, in this thread. Loads a room only with the first job that needs it.
import type { ClaimCalculator } from '../fhe/index.ts'
import type { SliceCalculator } from '../learning/index.ts'
import type { Performers } from './kind.ts'

/** Performs `gradients` and `claims`, one job of a kind after the other. */
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

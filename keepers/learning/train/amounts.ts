// SPDX-License-Identifier: GPL-3.0-or-later
import type { AmountErrors } from '../types.ts'

/** Sums over amounts, from which their errors follow. */
export class AmountSums {
  #count = 0
  #size = 0
  #square = 0
  #sum = 0
  #sumOfSquares = 0

  add(outputs: Float32Array, targets: Float32Array): void {
    for (const [i, output] of outputs.entries()) {
      const target = targets[i]!
      this.#count++
      this.#size += Math.abs(output - target)
      this.#square += (output - target) ** 2
      this.#sum += target
      this.#sumOfSquares += target * target
    }
  }

  errors(): AmountErrors {
    const spread = this.#sumOfSquares - this.#sum ** 2 / this.#count
    // Targets that are all the same leave nothing to explain.
    const r2 = spread > 0 ? 1 - this.#square / spread : this.#square === 0 ? 1 : 0
    return { mae: this.#size / this.#count, rmse: Math.sqrt(this.#square / this.#count), r2 }
  }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import type { AmountErrors } from '../types.ts'

/** Sums over amounts; the errors follow from them. */
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
    const r2 = explained(this.#square, spread)
    return { mae: this.#size / this.#count, rmse: Math.sqrt(this.#square / this.#count), r2 }
  }
}

/** R² of the sum of squared errors, where the parts of a dataset were evaluated apart. */
export function explainedOf(squares: number, targets: ArrayLike<number>): number {
  let [sum, sumOfSquares] = [0, 0]
  for (let i = 0; i < targets.length; i++) {
    sum += targets[i]!
    sumOfSquares += targets[i]! ** 2
  }
  return explained(squares, sumOfSquares - sum ** 2 / targets.length)
}

/** Targets that are all the same leave nothing to explain. */
function explained(squares: number, spread: number): number {
  return spread > 0 ? 1 - squares / spread : squares === 0 ? 1 : 0
}

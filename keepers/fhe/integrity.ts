// SPDX-License-Identifier: GPL-3.0-or-later
// What can be seen on decrypted slots: updates are real vectors with one weight and zeros at the end. A garbage share
// is uniform noise and shows in all four places at once.
import type { Slots } from './core.ts'
import { FheError } from './errors.ts'
import { type VectorShape, weightOf } from './packing.ts'
import { type Plan, sumErrorBound, weightAmplitude } from './plan.ts'
import type { IntegrityReport } from './types.ts'

/** Collects evidence ciphertext by ciphertext, then passes or throws. */
export class SlotChecks {
  readonly #plan: Plan
  readonly #shape: VectorShape
  readonly #contributors: number
  readonly #noiseLimit: number
  #maxImaginary = 0
  #maxPadding = 0
  #leastWeight = Number.POSITIVE_INFINITY
  #mostWeight = Number.NEGATIVE_INFINITY

  constructor(plan: Plan, shape: VectorShape, shares: number, contributors: number) {
    this.#plan = plan
    this.#shape = shape
    this.#contributors = contributors
    this.#noiseLimit = sumErrorBound(plan, shares)
  }

  /** Takes in the slots of ciphertext `index`. */
  look(index: number, slots: Slots): void {
    const { real, imaginary } = slots
    // Math.max hands NaN on, and NaN fails every comparison in `conclude`.
    for (let i = 0; i < imaginary.length; i++) {
      this.#maxImaginary = Math.max(this.#maxImaginary, Math.abs(imaginary[i]!))
    }
    const weight = weightOf(this.#plan, real)
    this.#leastWeight = Math.min(this.#leastWeight, weight)
    this.#mostWeight = Math.max(this.#mostWeight, weight)
    const used =
      1 + Math.min(this.#plan.valuesPerCiphertext, this.#shape.length - index * this.#plan.valuesPerCiphertext)
    for (let i = used; i < real.length; i++) this.#maxPadding = Math.max(this.#maxPadding, Math.abs(real[i]!))
  }

  /**
   * Divides `sums` by the total (in units of maxWeight) in place and reports. Throws `FheError('integrity-failed')`
   * with the figures in `detail` and the first failed check in `check`.
   */
  conclude(total: number, sums: Float64Array): IntegrityReport {
    const plan = this.#plan
    const limit = this.#noiseLimit
    const weightLimit = limit / weightAmplitude(plan.clipBound)
    const weightSpread = (this.#mostWeight - this.#leastWeight) * plan.maxWeight
    let maxMean = 0
    if (total > weightLimit) {
      for (let i = 0; i < sums.length; i++) {
        const value = sums[i]! / total
        sums[i] = value
        maxMean = Math.max(maxMean, Math.abs(value))
      }
    }
    const report: IntegrityReport = {
      maxImaginary: this.#maxImaginary,
      weightSpread,
      maxMean,
      maxPadding: this.#maxPadding,
      noiseLimit: limit,
    }
    // Noise of the quotient, and the rounding of float32 inputs that sat on the clip bound.
    const meanLimit = plan.clipBound * (1 + 2 ** -20) + (2 * limit) / total
    const checks: readonly [string, boolean][] = [
      ['imaginary parts', this.#maxImaginary <= limit],
      ['weight slots agree', weightSpread <= 2 * weightLimit * plan.maxWeight],
      ['weight is positive', total > weightLimit],
      ['weight is possible', total <= this.#contributors + weightLimit],
      ['unused slots', this.#maxPadding <= limit],
      ['means within the clip bound', maxMean <= meanLimit],
    ]
    const failed = checks.find(([, holds]) => !holds)
    if (failed !== undefined) {
      throw new FheError(
        'integrity-failed',
        `the decrypted slots are not a sum of updates (${failed[0]}): a share or an update was garbage; abandon the round`,
        { check: failed[0], ...report },
      )
    }
    return report
  }
}

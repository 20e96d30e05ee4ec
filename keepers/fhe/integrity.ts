// SPDX-License-Identifier: GPL-3.0-or-later
// Checks of a decryption. Updates that passed their proofs add up to coefficients below a bound; a garbage share is
// uniform modulo Q, and one of its thousand or more coefficients is above it. Unexpected weights or padding are only reported:
// the values are right in any case.
import type { Values } from './core.ts'
import { FheError } from './errors.ts'
import { weightOf } from './packing.ts'
import { coefficientBound, type Plan, sumErrorBound } from './plan.ts'
import type { VectorShape } from './sizes.ts'
import type { IntegrityReport } from './types.ts'

/** Collects evidence ciphertext by ciphertext, then passes or throws. */
export class ValueChecks {
  readonly #plan: Plan
  readonly #shape: VectorShape
  readonly #noiseLimit: number
  readonly #coefficientLimit: number
  #maxCoefficient = 0
  #maxPadding = 0
  #leastWeight = Number.POSITIVE_INFINITY
  #mostWeight = Number.NEGATIVE_INFINITY

  constructor(plan: Plan, shape: VectorShape, shares: number, contributors: number) {
    this.#plan = plan
    this.#shape = shape
    this.#noiseLimit = sumErrorBound(plan, shares)
    this.#coefficientLimit = coefficientBound(plan, shares, contributors)
  }

  /** Takes in ciphertext `index`. */
  look(index: number, { values, largest }: Values): void {
    // Math.max hands NaN on, and NaN fails every comparison in `conclude`.
    this.#maxCoefficient = Math.max(this.#maxCoefficient, largest)
    const weight = weightOf(this.#plan, values)
    this.#leastWeight = Math.min(this.#leastWeight, weight)
    this.#mostWeight = Math.max(this.#mostWeight, weight)
    const used =
      1 + Math.min(this.#plan.valuesPerCiphertext, this.#shape.length - index * this.#plan.valuesPerCiphertext)
    for (let i = used; i < values.length; i++) this.#maxPadding = Math.max(this.#maxPadding, Math.abs(values[i]!))
  }

  /**
   * Divides `sums` by the declared total (in units of maxWeight) in place and reports. Throws
   * `FheError('integrity-failed')` with the figures in `detail` and the first failed check in `check`.
   */
  conclude(total: number, sums: Float64Array): IntegrityReport {
    const plan = this.#plan
    const limit = this.#noiseLimit
    let maxMean = 0
    for (let i = 0; i < sums.length; i++) {
      const value = sums[i]! / total
      sums[i] = value
      maxMean = Math.max(maxMean, Math.abs(value))
    }
    const report: IntegrityReport = {
      maxCoefficient: this.#maxCoefficient,
      coefficientLimit: this.#coefficientLimit,
      weightSpread: (this.#mostWeight - this.#leastWeight) * plan.maxWeight,
      maxMean,
      maxPadding: this.#maxPadding,
      noiseLimit: limit,
    }
    // Noise of the sum, and the rounding of float32 inputs that sat on the clip bound.
    const meanLimit = plan.clipBound * (1 + 2 ** -20) + limit / total
    const checks: readonly [string, boolean][] = [
      ['coefficients', this.#maxCoefficient <= this.#coefficientLimit],
      ['means within the clip bound', maxMean <= meanLimit],
    ]
    const failed = checks.find(([, holds]) => !holds)
    if (failed !== undefined) {
      throw new FheError(
        'integrity-failed',
        `this is not a sum of updates that were proven short (${failed[0]}): a share or an update was garbage; abandon the round`,
        { check: failed[0], ...report },
      )
    }
    return report
  }
}

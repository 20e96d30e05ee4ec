// SPDX-License-Identifier: GPL-3.0-or-later
// How long a mean of bounded updates can be, and how to handle a longer one.
import { LearningError } from '../errors.ts'

/** Chance, as a power of two, that honest noise exceeds {@link gaussianNormBound}. */
const LOG2_EXCEEDED = -40

/**
 * Bound on the Euclidean norm of `length` independent normal values with standard deviation `deviation`. The norm exceeds it with
 * probability at most 2^-40: σ·(√d + √(2·ln 2^40)) (Gaussian concentration of a 1-Lipschitz function; Boucheron, Lugosi & Massart,
 * theorem 5.6).
 */
export function gaussianNormBound(deviation: number, length: number): number {
  return deviation === 0 ? 0 : deviation * (Math.sqrt(length) + Math.sqrt(-2 * Math.LN2 * LOG2_EXCEEDED))
}

export type MeanTerms = {
  /** Bound on the Euclidean norm of each update before noise. */
  readonly clipNorm: number
  /** Number of values. */
  readonly length: number
  /** Bound on the error of each value of the mean that rounding and decryption leave. */
  readonly valueError: number
  /** Deviation of the noise that members added for privacy, as each value of the mean carries it. Default 0. */
  readonly deviation?: number
}

/** clipNorm + noise: no weighted mean of updates within `clipNorm` is longer, whatever their weights. */
export function meanNormBound({ clipNorm, length, valueError, deviation = 0 }: MeanTerms): number {
  return clipNorm + valueError * Math.sqrt(length) + gaussianNormBound(deviation, length)
}

/** Euclidean norm in double precision, summed in index order: the same bits for everybody. */
export function normOf(vector: Float32Array | Float64Array): number {
  let square = 0
  for (const value of vector) square += value * value
  return Math.sqrt(square)
}

/**
 * Returns the norm of a mean update that is within `bound`. Beyond it, at least one update was longer than members agreed.
 * @throws LearningError NORM_EXCEEDED naming norm and bound; also for a mean with a value that is not finite.
 */
export function checkMeanNorm(mean: Float32Array | Float64Array, bound: number): number {
  const norm = normOf(mean)
  if (norm <= bound) return norm
  throw new LearningError(
    'NORM_EXCEEDED',
    `the mean update has norm ${norm.toPrecision(4)}, honest updates and their noise at most ${bound.toPrecision(4)}: ` +
      'a member sent more than clipNorm allows',
  )
}

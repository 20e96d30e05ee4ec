// SPDX-License-Identifier: GPL-3.0-or-later
// Means and robust centres of weight vectors. Sums run in double precision and in index order, so everybody who has the
// same vectors gets the same bits.
import { LearningError } from '../errors.ts'

export type WeightedUpdate = { readonly weights: Float32Array; readonly weight: number }

function checkLengths(vectors: readonly Float32Array[]): number {
  const length = vectors[0]?.length
  if (length === undefined) throw new LearningError('BAD_VECTOR', 'no vectors to combine')
  const odd = vectors.findIndex((vector) => vector.length !== length)
  if (odd >= 0) {
    throw new LearningError('BAD_VECTOR', `vector ${odd} has ${vectors[odd]!.length} values, the first has ${length}`)
  }
  return length
}

/** Σ wᵢxᵢ / Σ wᵢ. FedAvg: wᵢ = number of samples; equal weights: all 1. Weights must be ≥ 0 with a positive sum. */
export function weightedMean(updates: readonly WeightedUpdate[]): Float32Array<ArrayBuffer> {
  const length = checkLengths(updates.map(({ weights }) => weights))
  const total = updates.reduce((sum, { weight }) => sum + weight, 0)
  if (!(total > 0) || !Number.isFinite(total) || updates.some(({ weight }) => !(weight >= 0))) {
    throw new LearningError('BAD_VECTOR', `weights must be non-negative with a positive sum, found ${total}`)
  }
  const sums = new Float64Array(length)
  for (const { weights, weight } of updates) {
    const share = weight / total
    for (let i = 0; i < length; i++) sums[i]! += share * weights[i]!
  }
  return Float32Array.from(sums)
}

/**
 * Coordinate by coordinate, drops the `trim` lowest and highest values and averages the rest (Yin et al. 2018).
 * Needs 2·trim < vectors. Withstands up to `trim` arbitrary vectors.
 */
export function trimmedMean(vectors: readonly Float32Array[], trim: number): Float32Array<ArrayBuffer> {
  const length = checkLengths(vectors)
  if (!Number.isInteger(trim) || trim < 0 || 2 * trim >= vectors.length) {
    throw new LearningError(
      'BAD_PARAMETERS',
      `trimming ${trim} from each side leaves nothing of ${vectors.length} vectors`,
    )
  }
  const result = new Float32Array(length)
  const column = new Float32Array(vectors.length)
  for (let i = 0; i < length; i++) {
    for (let j = 0; j < vectors.length; j++) column[j] = vectors[j]![i]!
    column.sort()
    let sum = 0
    for (let j = trim; j < vectors.length - trim; j++) sum += column[j]!
    result[i] = sum / (vectors.length - 2 * trim)
  }
  return result
}

/** Coordinate-wise median (mean of the two middle values for an even number). Withstands less than half bad vectors. */
export function coordinateMedian(vectors: readonly Float32Array[]): Float32Array<ArrayBuffer> {
  return trimmedMean(vectors, Math.floor((vectors.length - 1) / 2))
}

/** Scales `update`, in place, to at most `bound` in Euclidean norm. Returns the norm found. */
export function clipToNorm(update: Float32Array, bound: number): number {
  if (!(bound > 0)) throw new LearningError('BAD_PARAMETERS', `clipping bound is ${bound}; expected a positive number`)
  let square = 0
  for (const value of update) square += value * value
  const norm = Math.sqrt(square)
  if (!Number.isFinite(norm)) throw new LearningError('BAD_VECTOR', 'cannot clip an update that is not finite')
  if (norm > bound) {
    const factor = bound / norm
    for (let i = 0; i < update.length; i++) update[i]! *= factor
  }
  return norm
}

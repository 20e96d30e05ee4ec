// SPDX-License-Identifier: GPL-3.0-or-later
import { clipToNorm, LearningError } from '../learning/index.ts'

/**
 * Clips a change of weights: scales it to a Euclidean norm of at most `clipNorm`, and then cuts each entry to ±`clipBound`. This bounds one member's
 * influence on the model in a round. Returns the norm before clipping.
 * @throws LearningError DIVERGED for weights that are not finite
 */
export function clip(
  weights: Float32Array,
  global: Float32Array,
  clipBound: number,
  clipNorm: number,
): { norm: number; update: Float32Array } {
  const update = Float32Array.from(weights, (weight, i) => weight - global[i]!)
  const lost = update.findIndex((change) => !Number.isFinite(change))
  if (lost >= 0) {
    const weight = weights[lost]
    throw new LearningError('DIVERGED', `training diverged: weight ${lost} is ${weight}; lower training.learningRate`)
  }
  const norm = clipToNorm(update, clipNorm)
  for (const [i, change] of update.entries()) update[i] = Math.max(-clipBound, Math.min(clipBound, change))
  return { norm, update }
}

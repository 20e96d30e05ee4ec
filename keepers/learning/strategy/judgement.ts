// SPDX-License-Identifier: GPL-3.0-or-later
// A member's judgement of a candidate's accuracy on its own hold-out.

/** Accepted models after which a reference that is not reached any more has come down nearly two thirds of the way. */
const MEMORY = 64

/**
 * Whether a candidate is good enough to vote for: at most `tolerance` below what earlier models have reached. Held against the
 * last model alone, each candidate could be a tolerance worse than the one before, all the way down.
 *
 * @param accuracy Of the candidate, 0 to 1. @param reference From {@link nextReference}; null before the first model.
 */
export function isAcceptable(accuracy: number, reference: number | null, tolerance: number): boolean {
  return accuracy >= (reference ?? 0) - tolerance
}

/** The reference after an accepted model: the best so far, which fades towards it by a 64th, so that data may change. */
export function nextReference(accuracy: number, reference: number | null): number {
  return Math.max(accuracy, reference === null ? 0 : reference + (accuracy - reference) / MEMORY)
}

/** The same of losses, where less is better: at most `tolerance` of the reference above it. Any finite loss, before the first model. */
export function isLossAcceptable(loss: number, reference: number | null, tolerance: number): boolean {
  return reference === null ? Number.isFinite(loss) : loss <= reference * (1 + tolerance)
}

/** The least loss so far, which fades towards later ones as accuracies do. */
export function nextLossReference(loss: number, reference: number | null): number {
  return Math.min(loss, reference === null ? loss : reference + (loss - reference) / MEMORY)
}

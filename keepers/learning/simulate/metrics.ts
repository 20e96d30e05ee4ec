// SPDX-License-Identifier: GPL-3.0-or-later
// Figures beyond accuracy, from one confusion matrix: of each class, and of each client as far as its mix of classes goes.

/** Null where the test set (recall) or the answers (precision) have nothing of a class. */
export type ClassFigures = {
  readonly recall: readonly (number | null)[]
  readonly precision: readonly (number | null)[]
  /** Mean of the classes' F1 (2PR/(P+R)), of those that the test set has. */
  readonly macroF1: number
}

/** @param confusion `confusion[truth * classes + answer]` */
export function classFigures(confusion: Uint32Array, classes: number): ClassFigures {
  const hits = (c: number) => confusion[c * classes + c]!
  const all = Array.from({ length: classes }, (_, c) => c)
  const truths = all.map((c) => all.reduce((sum, other) => sum + confusion[c * classes + other]!, 0))
  const answers = all.map((c) => all.reduce((sum, other) => sum + confusion[other * classes + c]!, 0))
  const share = (c: number, of: readonly number[]) => (of[c] === 0 ? null : hits(c) / of[c]!)
  // 2PR/(P+R) without the division by an answer that was never given.
  const present = all.filter((c) => truths[c]! > 0)
  const f1 = present.map((c) => (2 * hits(c)) / (truths[c]! + answers[c]!))
  return {
    recall: all.map((c) => share(c, truths)),
    precision: all.map((c) => share(c, answers)),
    macroF1: f1.reduce((sum, value) => sum + value, 0) / Math.max(1, present.length),
  }
}

/**
 * Accuracy on test samples mixed as a client's own: its share of each class times that class's recall. Null for a client without
 * samples, or whose classes the test set does not have.
 */
export function clientAccuracy(recall: readonly (number | null)[], histogram: Uint32Array): number | null {
  let [sum, weight] = [0, 0]
  for (const [c, count] of histogram.entries()) {
    const hit = recall[c] ?? null
    if (hit === null) continue
    sum += count * hit
    weight += count
  }
  return weight === 0 ? null : sum / weight
}

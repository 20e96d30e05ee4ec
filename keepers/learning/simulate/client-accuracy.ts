// SPDX-License-Identifier: GPL-3.0-or-later
// How well a model answers one client, as far as its mix of classes goes.

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

// SPDX-License-Identifier: GPL-3.0-or-later
// Updates that come later than the round in which their training began (buffered asynchronous aggregation; Nguyen et al., "Federated
// Learning with Buffered Asynchronous Aggregation", AISTATS 2022, arXiv 2106.06639).
import { addNoiseShare, type NormalSource } from '../learning/index.ts'
import { noiseDeviation } from './bounds.ts'
import type { RoundTerms } from './terms.ts'

/**
 * The factor by which a stale update is weighted, 1/√(1 + τ), as in the paper.
 * @param staleness τ, the versions accepted since the one that the training started from: 0, 1, …
 */
export function stalenessWeight(staleness: number): number {
  return 1 / Math.sqrt(1 + staleness)
}

/**
 * Turns a clipped update into what the member sends, in place: first the weight for staleness, then the noise of privacy. The weight is at most 1, so
 * the update keeps within clipNorm and clipBound, and one member's influence on a sum is no larger than in any round. The noise must not be weighted,
 * or it would be less than the privacy ledger assumes.
 * @param length values of the update that are parameters; zeros follow
 */
export function weighed(
  update: Float32Array,
  { staleness, terms, length = update.length }: { staleness: number; terms: RoundTerms; length?: number },
  normal?: NormalSource,
): Float32Array {
  if (staleness > 0) {
    const weight = stalenessWeight(staleness)
    for (let i = 0; i < update.length; i++) update[i]! *= weight
  }
  addNoiseShare(update.subarray(0, length), noiseDeviation(terms), normal)
  return update
}

/** Why members of a service with this manifest cannot send an update in a later round than its own; null if they can. */
export function whyNotCarried({ layerGroups }: Pick<RoundTerms, 'layerGroups'>): string | null {
  return layerGroups === undefined
    ? null
    : 'rounds.layerGroups: an update is of the layers of its round, and a later round is of others; leave out one of the two'
}

// SPDX-License-Identifier: GPL-3.0-or-later
// The privacy cost of a service's rounds to its members, computed from public data: the number of contributors to each sum.
import { z } from 'zod'
import { PrivacyAccountant } from './accountant.ts'

/** Client-level differential privacy as members of a service agree on it. */
export const clientPrivacySchema = z.strictObject({
  /** σ: noise on a sum of `contributors` updates, in multiples of the clipping norm. */
  noiseMultiplier: z.number().positive().max(1000),
  /**
   * k: each member adds noise of σC/√k. Give the fewest contributors that a sum may have, less the colluders: then the
   * noise that colluders cannot subtract is never below σC.
   */
  contributors: z.int().min(1).max(256),
  /** Members assumed to pool their knowledge: each knows its own noise. 1 = any single curious member. */
  colluders: z.int().min(0).max(255).default(1),
  /** δ; well below 1/members. */
  delta: z.number().positive().max(0.01).default(1e-6),
})
export type ClientPrivacy = z.infer<typeof clientPrivacySchema>

export type ClientPrivacySpent = {
  readonly delta: number
  /** Sums opened so far. */
  readonly rounds: number
  /** ε against `colluders` members who pool their noise; null when a sum had nobody else in it. */
  readonly epsilon: number | null
  readonly colluders: number
  /** ε against whoever sees only models and means. */
  readonly outsideEpsilon: number | null
}

/**
 * ε for a member that contributed to every sum. Each entry is the number of contributors to a decrypted sum, whether or not members
 * accepted its model. Sampling gives no amplification: the chain shows who was in each sum. Neighbours are two runs that differ in one
 * member's clipped update, which is zero in one of them; the member takes part in both, as the chain shows, with equal weight.
 */
export function clientPrivacySpent(privacy: ClientPrivacy, contributors: Iterable<number>): ClientPrivacySpent {
  const sums = [...contributors]
  const against = (colluders: number): number | null => {
    const accountant = new PrivacyAccountant()
    for (const members of sums) {
      const noisy = members - colluders
      if (noisy < 1) return null
      const noiseMultiplier = privacy.noiseMultiplier * Math.sqrt(noisy / privacy.contributors)
      accountant.add({ noiseMultiplier, samplingRate: 1, steps: 1 })
    }
    return sums.length === 0 ? 0 : accountant.spent(privacy.delta).epsilon
  }
  const { colluders, delta } = privacy
  return { delta, rounds: sums.length, epsilon: against(colluders), colluders, outsideEpsilon: against(0) }
}

// SPDX-License-Identifier: GPL-3.0-or-later
// How often the rule of contracts/market/ImprovementRewards.sol pays for luck: versions whose true accuracy is known, measured by samples.
import { hoeffdingMargin } from '../../../keepers/chain/data-market/bounds.ts'
import { SeededRandom } from '../../../keepers/learning/index.ts'

export type Luck = {
  /** Share of campaigns with a prize, where no version is better than the baseline. */
  readonly paid: number
  /** Right answers paid less the true improvement, mean, where versions rise from 70 to 90 % and stay. */
  readonly over: number
  /** Of the versions that these campaigns pay: share of those that are not better than the version before. */
  readonly lucky: number
}

export function luckOf(terms: {
  readonly samples: number
  readonly step: number
  readonly delta: number
  readonly versions: number
  readonly runs: number
}): Luck {
  const { samples, step, delta, versions, runs } = terms
  const random = new SeededRandom(9)
  const margin = hoeffdingMargin(samples, delta)
  const figureOf = (share: number): number => {
    let right = 0
    for (let i = 0; i < samples; i++) if (random.uniform() < share) right++
    return right
  }
  let [paid, over, lucky, prizes] = [0, 0, 0, 0]
  for (let run = 0; run < runs; run++) {
    const flat = campaign(
      Array.from({ length: versions }, () => 0.9),
      { baseline: Math.floor(0.9 * samples) },
    )
    if (flat.prizes.length > 0) paid++
    // Better by as much with each version of the first half, and no better after that.
    const rising = Array.from({ length: versions }, (_, v) => Math.min(0.9, 0.7 + (0.2 * (v + 1)) / (versions / 2)))
    const { best, prizes: versionsPaid } = campaign(rising, { baseline: Math.floor(0.7 * samples) })
    over += best - Math.max(Math.floor(0.7 * samples), 0.9 * samples)
    prizes += versionsPaid.length
    lucky += versionsPaid.filter((v) => v > 0 && rising[v]! <= rising[v - 1]!).length
  }
  return { paid: paid / runs, over: over / runs, lucky: prizes === 0 ? 0 : lucky / prizes }

  function campaign(shares: readonly number[], { baseline }: { readonly baseline: number }) {
    let best = baseline
    const prizes: number[] = []
    for (const [v, share] of shares.entries()) {
      const level = figureOf(share) - margin
      if (level < best + step) continue
      best = level
      prizes.push(v)
    }
    return { best, prizes }
  }
}

// SPDX-License-Identifier: GPL-3.0-or-later
// Contribution scores from public records, as contracts/market/Contributions.sol computes them: the same integers.
import { cycleRounds, orderOf, placeOf, type Rota } from './rota.ts'

/** @param gain right answers more than the previous version had, on the batches drawn for this version */
export type MeasuredRound = { readonly round: number; readonly gain: number }

/** @param sum thousandths of right answers, over complete cycles */
export type ContributionScore = { readonly sum: number; readonly cycles: number }

/**
 * Scores of an epoch's members, by place: the effect of taking part, by least squares. Each cycle, in which everybody sits out once, has a mean
 * of its own. Cycles with a round that was not measured do not count.
 */
export function contributionScores(rota: Rota, seed: string, rounds: readonly MeasuredRound[]): ContributionScore[] {
  const length = cycleRounds(rota)
  const sums = new Array<number>(rota.members).fill(0)
  const cycles = new Map<number, Map<number, number>>()
  for (const { round, gain } of rounds) {
    const place = placeOf(rota, round)
    if (place === null) continue
    const known = cycles.get(place.cycle) ?? new Map<number, number>()
    cycles.set(place.cycle, known.set(place.position, gain))
  }
  const whole = [...cycles].filter(([, gains]) => gains.size === length)
  for (const [cycle, gains] of whole) {
    const all = [...gains.values()].reduce((sum, gain) => sum + gain, 0)
    for (const [i, member] of orderOf(seed, cycle, rota.members).entries()) {
      const absent = gains.get(Math.floor(i / rota.perRound))!
      sums[member]! += Math.trunc((1000 * (all - length * absent)) / length)
    }
  }
  return sums.map((sum) => ({ sum, cycles: whole.length }))
}

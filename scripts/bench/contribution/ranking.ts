// SPDX-License-Identifier: GPL-3.0-or-later
// How well scores rank members, and what else than the chain's estimator one could take.
import type { Rota } from '../../../keepers/chain/data-market/rota.ts'
import { cycleRounds, placeOf } from '../../../keepers/chain/data-market/rota.ts'

/** Kendall's tau of scores and an order in which place 0 should have the highest: pairs in order less pairs out of it, over all pairs. */
export function kendallTau(scores: readonly number[]): number {
  let sum = 0
  for (let i = 0; i < scores.length; i++) {
    for (let j = i + 1; j < scores.length; j++) sum += Math.sign(scores[i]! - scores[j]!)
  }
  return (2 * sum) / (scores.length * (scores.length - 1))
}

/** How many of the `count` members with the lowest scores are the `count` worst. */
export function worstFound(scores: readonly number[], count: number): number {
  const lowest = scores.map((score, place) => ({ score, place })).sort((a, b) => a.score - b.score)
  return lowest.slice(0, count).filter(({ place }) => place >= scores.length - count).length
}

/**
 * Least squares of responses on participation with a mean of its own for each cycle: what separates members that sit out together. A ridge of one
 * hundredth of a round keeps it solvable.
 * @param rounds of whole cycles, with the places that sat out
 */
export function regress(
  rota: Rota,
  rounds: readonly { readonly round: number; readonly sitting: readonly number[]; readonly response: number }[],
): number[] {
  const n = rota.members
  const length = cycleRounds(rota)
  const byCycle = Map.groupBy(rounds, ({ round }) => placeOf(rota, round)?.cycle ?? -1)
  const normal = Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => (i === j ? 0.01 : 0)))
  const right = new Array<number>(n).fill(0)
  for (const [cycle, of] of byCycle) {
    if (cycle < 0 || of.length < length) continue
    const mean = of.reduce((sum, { response }) => sum + response, 0) / length
    for (const { sitting, response } of of) {
      // Demeaned: everybody is absent from one round of `length`.
      const x = Array.from({ length: n }, (_, i) => (sitting.includes(i) ? 0 : 1) - (length - 1) / length)
      for (let i = 0; i < n; i++) {
        right[i]! += x[i]! * (response - mean)
        for (let j = 0; j < n; j++) normal[i]![j]! += x[i]! * x[j]!
      }
    }
  }
  return solve(normal, right)
}

/** Gaussian elimination with pivots. */
function solve(matrix: number[][], right: number[]): number[] {
  const n = right.length
  const rows = matrix.map((row, i) => [...row, right[i]!])
  for (let k = 0; k < n; k++) {
    const pivot = rows
      .slice(k)
      .reduce((best, row, i) => (Math.abs(row[k]!) > Math.abs(rows[best]![k]!) ? i + k : best), k)
    ;[rows[k], rows[pivot]] = [rows[pivot]!, rows[k]!]
    for (let i = k + 1; i < n; i++) {
      const factor = rows[i]![k]! / rows[k]![k]!
      for (let j = k; j <= n; j++) rows[i]![j]! -= factor * rows[k]![j]!
    }
  }
  const found = new Array<number>(n).fill(0)
  for (let k = n - 1; k >= 0; k--) {
    let rest = rows[k]![n]!
    for (let j = k + 1; j < n; j++) rest -= rows[k]![j]! * found[j]!
    found[k] = rest / rows[k]![k]!
  }
  return found
}

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

/** What each member's absence cost in each whole cycle: by cycle and place, in the response's unit. */
export function absences(
  rota: Rota,
  rounds: readonly { readonly round: number; readonly sitting: readonly number[]; readonly response: number }[],
): number[][] {
  const length = cycleRounds(rota)
  return [...Map.groupBy(rounds, ({ round }) => placeOf(rota, round)?.cycle ?? -1)]
    .filter(([cycle, of]) => cycle >= 0 && of.length === length)
    .map(([, of]) => {
      const mean = of.reduce((sum, { response }) => sum + response, 0) / length
      const cost = new Array<number>(rota.members).fill(0)
      for (const { sitting, response } of of) for (const place of sitting) cost[place] = mean - response
      return cost
    })
}

/** Least-squares slope of mean cost by place, and deviation of single costs about the mean of their place. */
export function spreadOf(costs: readonly (readonly number[])[]): {
  readonly slope: number
  readonly deviation: number
} {
  const n = costs[0]!.length
  const means = Array.from({ length: n }, (_, i) => costs.reduce((sum, cost) => sum + cost[i]!, 0) / costs.length)
  const middle = (n - 1) / 2
  let [over, under, squares] = [0, 0, 0]
  for (let i = 0; i < n; i++) {
    over += (i - middle) * means[i]!
    under += (i - middle) ** 2
    for (const cost of costs) squares += (cost[i]! - means[i]!) ** 2
  }
  return { slope: over / under, deviation: Math.sqrt(squares / (n * (costs.length - 1))) }
}

/**
 * Cycles after which Kendall's tau is expected to reach `goal`, if the members' effects fall evenly by `slope` from place to place and single
 * costs have this deviation, independent and normal. Infinity without a slope.
 */
export function cyclesUntil(goal: number, members: number, slope: number, deviation: number): number {
  if (slope >= 0) return Number.POSITIVE_INFINITY
  const expected = (cycles: number): number => {
    let [sum, pairs] = [0, 0]
    for (let gap = 1; gap < members; gap++) {
      const distance = (gap * -slope * Math.sqrt(cycles)) / (deviation * Math.SQRT2)
      sum += (members - gap) * (2 * normalBelow(distance) - 1)
      pairs += members - gap
    }
    return sum / pairs
  }
  let [low, high] = [0, 1]
  while (expected(high) < goal) high *= 2
  for (let step = 0; step < 50; step++) {
    const middle = (low + high) / 2
    if (expected(middle) < goal) low = middle
    else high = middle
  }
  return high
}

/** The normal distribution function (Abramowitz and Stegun 26.2.17; error below 7.5e-8), for x >= 0. */
function normalBelow(x: number): number {
  const t = 1 / (1 + 0.2316419 * x)
  const tail = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
  return 1 - (Math.exp(-(x * x) / 2) / Math.sqrt(2 * Math.PI)) * tail
}

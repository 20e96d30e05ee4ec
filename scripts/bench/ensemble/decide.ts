// SPDX-License-Identifier: GPL-3.0-or-later
// How contracts/inference/EnsembleRules.sol makes one opinion of several, in the plainest way that can be written. A test holds
// the contract against this, and the bench measures accuracy with it.

export type Rule = 'Vote' | 'MarginVote' | 'Mean' | 'Median'

/** The rules in the order of the contract's enumeration. */
export const RULES: readonly Rule[] = ['Vote', 'MarginVote', 'Mean', 'Median']

/** One member's vote that was cast: label or score, its margin (0 where none is stated), its weight. */
export type Ballot = { readonly value: bigint; readonly margin: bigint; readonly weight: bigint }

/** `support` and `runnerUp` are tallies of labels; for scores `support` is all that was cast. */
export type Outcome = {
  readonly value: bigint
  readonly support: bigint
  readonly runnerUp: bigint
  readonly total: bigint
}

/** The result of the ballots. @throws RangeError without ballots. */
export function decide(rule: Rule, ballots: readonly Ballot[]): Outcome {
  if (ballots.length === 0) throw new RangeError('nothing was cast')
  const total = sum(ballots.map(({ weight }) => weight))
  if (rule === 'Mean') {
    const value = sum(ballots.map(({ value, weight }) => value * weight)) / total
    return { value, support: total, runnerUp: 0n, total }
  }
  if (rule === 'Median') {
    const sorted = [...ballots].sort((a, b) => compare(a.value, b.value))
    const upTo = (i: number): bigint => sum(sorted.slice(0, i + 1).map(({ weight }) => weight))
    const middle = sorted.find((_, i) => 2n * upTo(i) >= total)!
    return { value: middle.value, support: total, runnerUp: 0n, total }
  }
  const labels = [...new Set(ballots.map(({ value }) => value))]
  const tallies = labels.map((label) => {
    const behind = ballots.filter(({ value }) => value === label)
    const sureness = sum(behind.map(({ weight, margin }) => weight * (margin + 1n)))
    return { label, sureness, tally: rule === 'MarginVote' ? sureness : sum(behind.map(({ weight }) => weight)) }
  })
  tallies.sort((a, b) => compare(b.tally, a.tally) || compare(b.sureness, a.sureness) || compare(a.label, b.label))
  return {
    value: tallies[0]!.label,
    support: tallies[0]!.tally,
    runnerUp: tallies[1]?.tally ?? 0n,
    total: sum(tallies.map(({ tally }) => tally)),
  }
}

/** A weight after one decision: up or down by 1/2^adaptation of itself, within [initial / 4, 4 · initial]. */
export function moved(weight: bigint, initial: bigint, adaptation: number, agreed: boolean): bigint {
  const step = weight >> BigInt(adaptation)
  if (agreed) return weight + step < 4n * initial ? weight + step : 4n * initial
  return weight - step > initial / 4n ? weight - step : initial / 4n
}

function sum(values: readonly bigint[]): bigint {
  return values.reduce((total, value) => total + value, 0n)
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0
}

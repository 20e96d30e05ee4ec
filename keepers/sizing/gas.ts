// SPDX-License-Identifier: GPL-3.0-or-later
// Gas of a round, from what was measured (snapshots/rounds.json): between the measured sizes on a line, beyond them further along it.
import rounds from '../../snapshots/rounds.json' with { type: 'json' }

/** A transaction of a round. `closing` is what the transactions that end a state take beside their own. */
export type GasOf = 'commit' | 'reveal' | 'attest' | 'draft' | 'share' | 'vote'

const SIZES = [4, 10, 64] as const
const measured = SIZES.map((keepers) => ({ keepers, ...rounds[`keepers-${keepers}`] }))

/** What so many keepers' transactions take: of each kind one, and all of a round with the transitions. */
export type RoundGas = Readonly<Record<GasOf, number>> & {
  /** Besides its own, for the transaction that ends a state. */
  readonly closing: number
  /** Of a round, all keepers together. */
  readonly round: number
}

/** States that a transaction of a member ends: Training, Reveal, Decrypt, Vote. */
const CLOSINGS = 4

export function roundGas(keepers: number, threshold: number): RoundGas {
  const at = (value: (of: (typeof measured)[number]) => number): number => {
    const above = Math.max(
      1,
      Math.min(
        SIZES.length - 1,
        SIZES.findIndex((size) => size >= keepers),
      ),
    )
    const [low, high] = keepers > SIZES.at(-1)! ? measured.slice(-2) : [measured[above - 1]!, measured[above]!]
    const slope = (value(high!) - value(low!)) / (high!.keepers - low!.keepers)
    return value(low!) + slope * (keepers - low!.keepers)
  }
  const one = {
    commit: at((of) => of['commit.median']),
    reveal: at((of) => of['reveal.median']),
    attest: at((of) => of['attest.median']),
    draft: at((of) => of['draft.median']),
    share: at((of) => of['share.median']),
    vote: at((of) => of['vote.median']),
  }
  const round = at((of) => of.keepers * of['member.mean'])
  const steps = keepers * (one.commit + one.reveal + one.attest + one.vote) + threshold * one.share + one.draft
  return { ...one, round, closing: Math.max(0, round - steps) / CLOSINGS }
}

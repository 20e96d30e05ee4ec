// SPDX-License-Identifier: GPL-3.0-or-later
// Gas of a round, from measurements (snapshots/rounds.json): interpolated linearly between the measured sizes, and extrapolated beyond them.
import rounds from '../../snapshots/rounds.json' with { type: 'json' }

/** The kinds of transactions of a round. */
export type GasOf = 'commit' | 'reveal' | 'attest' | 'draft' | 'share' | 'vote'

const SIZES = [4, 10, 64] as const
const measured = SIZES.map((keepers) => ({ keepers, ...rounds[`keepers-${keepers}`] }))

/** Gas with a given number of keepers: of one transaction of each kind, and of a whole round with its transitions. */
export type RoundGas = Readonly<Record<GasOf, number>> & {
  /** What a transaction that ends a state takes beyond its own gas. */
  readonly closing: number
  /** A whole round, all keepers together. */
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

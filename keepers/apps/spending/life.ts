// SPDX-License-Identifier: GPL-3.0-or-later
// The life of a made-up account, on which owners and thieves act: its ledger, its randomness, and the transactions for which the guard asks.
import type { SeededRandom } from '../../learning/index.ts'
import type { SpendClass, SpendOrigin } from './features.ts'
import type { Spend, SpendLedger } from './ledger.ts'

export const MINUTE = 60
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

/** The assets that a made-up account guards. */
export const NATIVE = 0
export const TOKEN = 1

/** Unit of amounts: a limit, or for assets without one, an amount that an account might hold. */
export const UNIT = 10n ** 18n
const RESOLUTION = 1e6

/** Three accounts in four hold some tens of limits; the fourth may hold so much that every size that the guard can state occurs. */
const UNBOUND_WEALTH = 0.25
const LEAST_WEALTH = 2
const MOST_WEALTH = 2 ** 22

/** The amount of an allowance without bound. */
export const UNLIMITED = Number.POSITIVE_INFINITY
const ALL_ONES = 2n ** 256n - 1n

export type Payment = {
  readonly asset?: number
  /** The amount in units of the limit. */
  readonly ratio: number
  readonly to: number
  readonly class?: SpendClass
  readonly origin?: SpendOrigin
  /** False if the spend was refused or never happened. */
  readonly happens?: boolean
}

export class Life {
  readonly ledger: SpendLedger
  readonly random: SeededRandom
  /** The account's balance of an asset, in limits. */
  readonly wealth: number
  readonly #onJudged: (features: Uint8Array) => void

  /** @param onJudged called for every transaction that needs a verdict, with the guard's features */
  constructor(ledger: SpendLedger, random: SeededRandom, onJudged: (features: Uint8Array) => void) {
    this.ledger = ledger
    this.random = random
    this.#onJudged = onJudged
    this.wealth = this.chance(UNBOUND_WEALTH)
      ? LEAST_WEALTH * (MOST_WEALTH / LEAST_WEALTH) ** random.uniform()
      : Math.max(LEAST_WEALTH, this.around(30, 2))
  }

  /** Waits between `low` and `high` seconds, with every order of magnitude equally likely. */
  wait(low: number, high: number): void {
    this.ledger.now += Math.round(low * (high / low) ** this.random.uniform())
  }

  chance(probability: number): boolean {
    return this.random.uniform() < probability
  }

  /** A positive number around `median`; `spread` is the standard deviation of its logarithm. */
  around(median: number, spread: number): number {
    return median * Math.exp(spread * this.random.normal())
  }

  pick<T>(list: readonly T[]): T {
    return list[this.random.below(list.length)]!
  }

  stranger(hasCode = false): number {
    return this.ledger.recipient(hasCode)
  }

  strangers(count: number, hasCode = false): number[] {
    return Array.from({ length: count }, () => this.stranger(hasCode))
  }

  pay({ asset = NATIVE, ratio, to, class: kind, origin = 'owners', happens = true }: Payment): void {
    const spend: Spend = {
      asset,
      amount: this.#amount(asset, ratio),
      recipient: to,
      class: kind ?? (asset === NATIVE ? 'native' : 'token-transfer'),
      origin,
    }
    if (this.ledger.needsVerdict(spend)) this.#onJudged(this.ledger.featuresOf(spend))
    if (happens) this.ledger.record(spend)
  }

  #amount(asset: number, ratio: number): bigint {
    if (ratio === 0) return 0n
    if (ratio === UNLIMITED) return ALL_ONES
    const limit = this.ledger.limits[asset]!
    const unit = limit === 0n ? UNIT : limit
    return (unit * BigInt(Math.max(1, Math.round(ratio * RESOLUTION)))) / BigInt(RESOLUTION)
  }
}

// SPDX-License-Identifier: GPL-3.0-or-later
// Simulates an account under the guard, as far as features depend on it: limits, windows, earlier recipients. The rules are those of
// contracts/consumers/SpendingVerdicts.sol, and a test plays the same spends on both.
import { type SpendClass, type SpendOrigin, spendFeatures } from './features.ts'

/** A spend of a made-up account. */
export type Spend = {
  /** Index of the asset; 0 is the native one. */
  readonly asset: number
  readonly amount: bigint
  readonly recipient: number
  readonly class: SpendClass
  readonly origin: SpendOrigin
}

type History = { start: number; count: number; free: bigint; total: bigint }

const BLANK: History = { start: 0, count: 0, free: 0n, total: 0n }

export class SpendLedger {
  readonly limits: readonly bigint[]
  readonly #window: number
  readonly #histories: History[]
  readonly #paid = new Map<number, number>()
  readonly #contracts = new Set<number>()
  #recipients = 0
  #lastSpendAt: number | null = null
  /** Unix seconds. */
  now = 1_700_000_000

  /** @param limits one for each asset @param window seconds in which they apply */
  constructor(limits: readonly bigint[], window: number) {
    this.limits = limits
    this.#window = window
    this.#histories = limits.map(() => BLANK)
  }

  /** A new recipient that the account has never paid. */
  recipient(hasCode: boolean): number {
    const id = this.#recipients++
    if (hasCode) this.#contracts.add(id)
    return id
  }

  /** The features that the guard would give the model now. */
  featuresOf(spend: Spend): Uint8Array {
    const { total, count } = this.#history(spend.asset)
    return spendFeatures({
      amount: spend.amount,
      limit: this.limits[spend.asset]!,
      spent: total,
      count,
      idle: this.#lastSpendAt === null ? null : this.now - this.#lastSpendAt,
      paidBefore: this.#paid.get(spend.recipient) ?? 0,
      recipientHasCode: this.#contracts.has(spend.recipient),
      class: spend.class,
      origin: spend.origin,
    })
  }

  /** Whether the guard asks for a verdict before it lets the spend pass. */
  needsVerdict(spend: Spend): boolean {
    const available = this.limits[spend.asset]! - this.#history(spend.asset).free
    return spend.class === 'self-call' || spend.class === 'token-unknown' || spend.amount > available
  }

  /** Records a spend that was made. */
  record(spend: Spend): void {
    const free = !this.needsVerdict(spend)
    const found = this.#history(spend.asset)
    this.#histories[spend.asset] = {
      start: found.start === 0 ? this.now : found.start,
      count: found.count + 1,
      free: found.free + (free ? spend.amount : 0n),
      total: found.total + spend.amount,
    }
    this.#paid.set(spend.recipient, (this.#paid.get(spend.recipient) ?? 0) + 1)
    this.#lastSpendAt = this.now
  }

  #history(asset: number): History {
    const found = this.#histories[asset]!
    return this.now >= found.start + this.#window ? BLANK : found
  }
}

// SPDX-License-Identifier: GPL-3.0-or-later
// The fees that a transaction offers (EIP-1559).
import { type JsonRpcApiProvider, Transaction } from 'ethers'
import { type Clock, steady } from './clock.ts'
import { ChainError } from './errors.ts'
import type { HeadWatch } from './head-watch.ts'

export type FeePolicy = {
  /** Never offer more than this per gas, in wei. */
  readonly maxFeePerGas: bigint
  /** Milliseconds without being mined before the fee is raised. */
  readonly replaceAfter: number
}

/** Wei per gas. */
export type OfferedFees = { readonly maxFeePerGas: bigint; readonly maxPriorityFeePerGas: bigint }

export const DEFAULT_FEES: FeePolicy = { maxFeePerGas: 500n * 10n ** 9n, replaceAfter: 60_000 }
/** Nodes replace a transaction for at least 10 % (geth) or 12.5 % (others) more. */
const BUMP = { numerator: 1130n, denominator: 1000n }
/** Tip in wei per gas, where the node suggests none. */
const DEFAULT_TIP = 1_000_000_000n

type MarketOptions = {
  readonly provider: JsonRpcApiProvider
  readonly heads: HeadWatch
  readonly fees: FeePolicy
  readonly clock: Clock
}

/** Milliseconds for which a suggested tip is reused: it changes slowly, and the base fee comes with each head. */
const TIP_AGE = 60_000

/** The network's current price of gas. */
export class FeeMarket {
  readonly #options: MarketOptions
  #tip: { readonly value: bigint; readonly at: number } | null = null

  constructor(options: MarketOptions) {
    this.#options = options
  }

  /**
   * Fees for a new transaction, or for one in place of `replacing` (a signed transaction): more than that one's, too.
   * @throws ChainError FEE_CAP when the network asks more than the policy allows
   */
  async offer(replacing?: string): Promise<OfferedFees> {
    // A transaction that lingers may have offered too little: ask for the current tip.
    if (replacing !== undefined) this.#tip = null
    let { priority, total } = await this.#asked()
    if (replacing !== undefined) {
      const before = Transaction.from(replacing)
      priority = max(priority, raised(before.maxPriorityFeePerGas ?? 0n))
      total = max(total, raised(before.maxFeePerGas ?? 0n), priority)
    }
    const { maxFeePerGas } = this.#options.fees
    if (total > maxFeePerGas) {
      throw new ChainError(
        'FEE_CAP',
        `the network asks ${total} wei per gas, chain.maxFeeGwei allows ${maxFeePerGas}: raise it or wait`,
      )
    }
    return { maxFeePerGas: total, maxPriorityFeePerGas: priority }
  }

  /** Twice the base fee, which grows by at most an eighth per block, and the node's suggested tip. */
  async #asked(): Promise<{ priority: bigint; total: bigint }> {
    const { provider, heads } = this.#options
    const { baseFeePerGas } = await heads.latest()
    const priority = await this.#suggested()
    if (baseFeePerGas !== null) return { priority, total: 2n * baseFeePerGas + priority }
    return { priority, total: 2n * BigInt(await provider.send('eth_gasPrice', [])) + priority }
  }

  async #suggested(): Promise<bigint> {
    const { provider, clock } = this.#options
    if (this.#tip !== null && steady(clock) < this.#tip.at + TIP_AGE) return this.#tip.value
    const suggestion = await provider.send('eth_maxPriorityFeePerGas', []).catch((error: unknown) => {
      if (error instanceof ChainError) throw error
      return null
    })
    const value = suggestion === null ? DEFAULT_TIP : BigInt(suggestion)
    this.#tip = { value, at: steady(clock) }
    return value
  }
}

function raised(found: bigint): bigint {
  return (found * BUMP.numerator) / BUMP.denominator + 1n
}

function max(...values: bigint[]): bigint {
  return values.reduce((a, b) => (a > b ? a : b))
}

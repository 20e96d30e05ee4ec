// SPDX-License-Identifier: GPL-3.0-or-later
// The account's next nonce. A single endpoint that lies about it could leave a gap that nothing fills, or stop the keeper.
import type { JsonRpcApiProvider } from 'ethers'
import type { TransactionLog, TransactionRow } from '../store/index.ts'
import { type Clock, steady } from './clock.ts'
import { type Endpoints, hasWitnesses, settles } from './witnesses.ts'

/** Looks at the chain before a used nonce is attributed to somebody else: nodes behind one balancer lag each other. */
export const FOREIGN_LOOKS = 5

type NonceOptions = {
  readonly provider: JsonRpcApiProvider
  readonly witnesses?: Endpoints
  readonly log: TransactionLog
  readonly clock: Clock
  /** Milliseconds between looks at the chain. */
  readonly pollInterval: number
  /** Milliseconds for which an only provider must deny a transaction before its nonce counts as somebody else's (default: two minutes). */
  readonly lonePatience?: number
}

/** Some providers serve no receipts for tens of seconds. An operator that runs two keepers with one key gets the error after this time. */
const LONE_PATIENCE = 120_000

export class AccountNonce {
  readonly #address: string
  readonly #options: NonceOptions

  constructor(address: string, options: NonceOptions) {
    this.#address = address
    this.#options = options
  }

  /**
   * The next nonce in the latest block, as {@link surelyUsed} confirms it. If only one of several configured endpoints reports it, the
   * count of transactions that this folder has signed is its upper bound.
   */
  async used(): Promise<number> {
    const { provider, log } = this.#options
    const sure = await this.surelyUsed()
    if (sure !== null) return sure
    const reported = await provider.getTransactionCount(this.#address, 'latest')
    // A new folder has no count to compare with.
    return log.nextNonce() === 0 ? reported : Math.min(reported, log.nextNonce())
  }

  /** The highest count that two endpoints, or the operator's own, reach. Null if other endpoints are configured and do not confirm one. */
  async surelyUsed(): Promise<number | null> {
    const { provider, witnesses } = this.#options
    if (witnesses === undefined || !hasWitnesses(witnesses)) {
      return provider.getTransactionCount(this.#address, 'latest')
    }
    const answers = await witnesses.everywhere('eth_getTransactionCount', [this.#address, 'latest'])
    const heard = answers.filter(({ result }) => countOf(result) !== null)
    const counts = heard.map(({ result }) => countOf(result)!).sort((a, b) => b - a)
    const atLeast = (least: number) => heard.filter(({ result }) => countOf(result)! >= least)
    return counts.find((count) => settles(atLeast(count), heard)) ?? null
  }

  /**
   * Whether another process used the row's nonce: two endpoints, or the operator's own or only one, each report the nonce as used and
   * have no receipt for any of the row's attempts.
   */
  async isForeign(row: TransactionRow, signal: AbortSignal | undefined): Promise<boolean> {
    const { witnesses, clock, pollInterval } = this.#options
    if (witnesses === undefined || !hasWitnesses(witnesses)) return this.#isDeniedLong(row, signal)
    // An endpoint may be a balancer: one look could combine the count of one node with the receipts of another that is behind.
    for (let look = 0; look < FOREIGN_LOOKS; look++) {
      const counts = await witnesses.everywhere('eth_getTransactionCount', [this.#address, 'latest'])
      // Asked after the counts, so that an attempt mined between the two questions is found.
      const receipts = await Promise.all(
        row.attempts.map(({ hash }) => witnesses.everywhere('eth_getTransactionReceipt', [hash])),
      )
      const heard = counts.filter(({ result }) => countOf(result) !== null)
      const against = heard.filter((answer) => {
        const at = counts.indexOf(answer)
        return countOf(answer.result)! > row.nonce && receipts.every((answers) => answers[at]?.result === null)
      })
      if (!settles(against, heard)) {
        const having = heard.filter((answer) =>
          receipts.some((answers) => isObject(answers[counts.indexOf(answer)]?.result)),
        )
        // The attempt was mined, and the endpoint in use would go on hiding that.
        if (settles(having, heard)) witnesses.prefer(having[0]!.endpoint, `has the receipt of nonce ${row.nonce}`)
        return false
      }
      await clock.sleep(pollInterval, signal)
    }
    return true
  }

  /**
   * Whether the only provider reports, for the whole patience, that the nonce is used, and knows none of the row's attempts, neither as
   * transactions nor by receipts. Otherwise a count that is too high for a moment would end a keeper whose transaction was never sent.
   */
  async #isDeniedLong(row: TransactionRow, signal: AbortSignal | undefined): Promise<boolean> {
    const { provider, clock, pollInterval, lonePatience = LONE_PATIENCE } = this.#options
    const until = steady(clock) + lonePatience
    while (true) {
      // Asked before the attempts, so that one mined between the two questions is found.
      if ((await provider.getTransactionCount(this.#address, 'latest')) <= row.nonce) return false
      for (const { hash } of row.attempts) {
        const known = await Promise.all(
          ['eth_getTransactionReceipt', 'eth_getTransactionByHash'].map((method) => provider.send(method, [hash])),
        )
        if (known.some(isObject)) return false
      }
      if (steady(clock) >= until) return true
      await clock.sleep(pollInterval, signal)
    }
  }
}

function isObject(result: unknown): boolean {
  return typeof result === 'object' && result !== null
}

/** A JSON-RPC quantity as a number; null for anything else. */
function countOf(result: unknown): number | null {
  return typeof result === 'string' && /^0x[0-9a-f]{1,12}$/.test(result) ? Number(result) : null
}

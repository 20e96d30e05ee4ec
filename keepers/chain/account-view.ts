// SPDX-License-Identifier: GPL-3.0-or-later
// What the chain says about one account: which nonces are used, by which transaction, and by whose.
import type { JsonRpcApiProvider, TransactionReceipt } from 'ethers'
import type { TransactionRow } from '../store/index.ts'
import type { FailoverProvider } from './rpc.ts'

/** The endpoints one by one, for a question on which a single endpoint is not believed. */
export type Witnesses = Pick<FailoverProvider, 'count' | 'everywhere'>

/** Endpoints that must say so before somebody else is said to use the key, when there are as many. */
const NEEDED = 2

/** Asks about an account's transactions; sends nothing and remembers nothing. */
export class AccountView {
  readonly #provider: JsonRpcApiProvider
  readonly #address: string
  readonly #witnesses: Witnesses | undefined

  /** @param witnesses absent, or fewer than two: the provider's own word counts */
  constructor(provider: JsonRpcApiProvider, address: string, witnesses?: Witnesses) {
    this.#provider = provider
    this.#address = address
    this.#witnesses = witnesses !== undefined && witnesses.count >= NEEDED ? witnesses : undefined
  }

  /** The account's next nonce by the latest block: what two endpoints say at least, if more than one answers. */
  async nextNonce(): Promise<number> {
    const told = await this.#provider.getTransactionCount(this.#address, 'latest')
    if (this.#witnesses === undefined) return told
    const answers = await this.#witnesses.everywhere('eth_getTransactionCount', [this.#address, 'latest'])
    const counts = answers.map(({ result }) => countOf(result)).filter((count) => count !== null)
    return counts.sort((a, b) => b - a)[NEEDED - 1] ?? told
  }

  /** The receipt of whichever attempt was mined, the newest first; null while none is. */
  async receiptOf({ attempts }: TransactionRow): Promise<TransactionReceipt | null> {
    for (const attempt of [...attempts].reverse()) {
      const receipt = await this.#provider.getTransactionReceipt(attempt.hash)
      if (receipt !== null) return receipt
    }
    return null
  }

  /** Whether the transaction's nonce is used, and by none of its attempts. */
  async isNonceTaken(row: TransactionRow): Promise<boolean> {
    const next = await this.nextNonce()
    // Mined between the two questions? Then it is ours.
    return next > row.nonce && (await this.receiptOf(row)) === null
  }

  /** Whether two endpoints, each by itself, have the nonce used and none of the attempts; or the only one that is configured. */
  async isForeign(row: TransactionRow): Promise<boolean> {
    const witnesses = this.#witnesses
    if (witnesses === undefined) return true
    const counts = await witnesses.everywhere('eth_getTransactionCount', [this.#address, 'latest'])
    // Asked last: what was mined between the two questions is ours.
    const receipts = await Promise.all(
      row.attempts.map(({ hash }) => witnesses.everywhere('eth_getTransactionReceipt', [hash])),
    )
    const against = counts.filter(
      ({ result }, i) => (countOf(result) ?? 0) > row.nonce && receipts.every((answers) => answers[i]?.result === null),
    )
    return against.length >= NEEDED
  }

  /** Whether the node knows none of the attempts, in its pool or mined. */
  async isForgotten({ attempts }: TransactionRow): Promise<boolean> {
    for (const { hash } of attempts) {
      if ((await this.#provider.getTransaction(hash)) !== null) return false
    }
    return true
  }
}

/** A count as JSON-RPC gives it; null for anything else. */
function countOf(result: unknown): number | null {
  return typeof result === 'string' && /^0x[0-9a-f]{1,12}$/.test(result) ? Number(result) : null
}

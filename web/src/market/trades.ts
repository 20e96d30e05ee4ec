// SPDX-License-Identifier: GPL-3.0-or-later
// What a pool's log says of prices: what each trade paid for one token of its outcome.
import type { Interface } from 'ethers'
import { contractInterface } from '../../../keepers/chain/index.ts'
import type { StoredLog } from '../chain/history.ts'
import { readLog } from '../chain/logs.ts'

export type Trade = {
  readonly block: number
  readonly outcome: number
  readonly kind: 'bought' | 'sold'
  /** Collateral for a whole token, 0 … 1, fee included. */
  readonly price: number
  readonly account: string
  readonly transactionHash: string
}

/** Trades in the order of the chain. */
export function tradesOf(logs: readonly StoredLog[], abi: Interface = contractInterface('OutcomePool')): Trade[] {
  const trades: Trade[] = []
  for (const log of logs) {
    const { block, transactionHash } = log
    const event = readLog(abi, log)
    if (event === null || (event.name !== 'Bought' && event.name !== 'Sold')) continue
    const { account, outcome, amount, tokens } = event.args
    if (tokens === 0n) continue
    const price = Number((BigInt(amount) * 1_000_000n) / BigInt(tokens)) / 1e6
    const kind = event.name === 'Bought' ? 'bought' : 'sold'
    trades.push({ block, outcome: Number(outcome), kind, price, account, transactionHash })
  }
  return trades
}

/** One line of values for each outcome over the trades; null where another outcome was traded. */
export function priceCurves(trades: readonly Trade[], outcomes: number): (number | null)[][] {
  return Array.from({ length: outcomes }, (_, outcome) =>
    trades.map((trade) => (trade.outcome === outcome ? trade.price : null)),
  )
}

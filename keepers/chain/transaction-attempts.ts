// SPDX-License-Identifier: GPL-3.0-or-later
// A logged transaction may have been signed several times, each time at a higher fee: these functions ask a node about all attempts.
import { isError, type JsonRpcApiProvider, type TransactionReceipt } from 'ethers'
import type { TransactionRow } from '../store/index.ts'

/** The receipt of whichever attempt was mined, latest first; null if none was. */
export async function receiptOf(provider: JsonRpcApiProvider, row: TransactionRow): Promise<TransactionReceipt | null> {
  for (const attempt of [...row.attempts].reverse()) {
    const receipt = await provider.getTransactionReceipt(attempt.hash)
    if (receipt !== null) return receipt
  }
  return null
}

/** Whether the node lacks every attempt, both in its pool and on the chain. */
export async function isForgotten(provider: JsonRpcApiProvider, row: TransactionRow): Promise<boolean> {
  for (const { hash } of row.attempts) {
    if ((await provider.getTransaction(hash)) !== null) return false
  }
  return true
}

/**
 * Broadcasts signed bytes. Returns normally if the node already has them, or has mined that nonce: the next look shows which.
 * @returns false when the node says that the nonce is used
 */
export async function offer(provider: JsonRpcApiProvider, raw: string): Promise<boolean> {
  try {
    await provider.send('eth_sendRawTransaction', [raw])
    return true
  } catch (error) {
    if (isError(error, 'NONCE_EXPIRED')) return false
    if (isError(error, 'REPLACEMENT_UNDERPRICED')) return true
    if (/already known|already imported|known transaction/i.test(String((error as Error).message))) return true
    throw error
  }
}

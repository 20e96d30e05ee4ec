// SPDX-License-Identifier: GPL-3.0-or-later
// Ignition refuses to continue if its journal lists a transaction as pending that is older than one listed as done: it derives the next nonce
// from the pending transactions alone. So transactions that were mined in the meantime are entered in the journal before Ignition runs.
import { appendFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Provider, TransactionReceipt } from 'ethers'
import { z } from 'zod'

/** Ignition's default number of confirmations for networks that are not for development. */
const CONFIRMATIONS = 5

const message = z.looseObject({
  type: z.string(),
  futureId: z.string().optional(),
  networkInteractionId: z.int().optional(),
  transaction: z.looseObject({ hash: z.string() }).optional(),
})

type Pending = { readonly futureId: string; readonly networkInteractionId: number; readonly hashes: string[] }

/** Enters the confirmation of every transaction that the journal lists as pending and the chain has mined. */
export async function settlePending(
  stateDir: string,
  reader: Provider,
  confirmations: number = CONFIRMATIONS,
): Promise<void> {
  const file = join(stateDir, 'journal.jsonl')
  const text = await readFile(file, 'utf8').catch(() => '')
  for (const { futureId, networkInteractionId, hashes } of pendingOf(text)) {
    for (const hash of hashes) {
      const receipt = await reader.getTransactionReceipt(hash)
      if (receipt === null || (await receipt.confirmations()) < confirmations) continue
      const confirmed = {
        futureId,
        hash,
        networkInteractionId,
        receipt: journalReceipt(receipt),
        type: 'TRANSACTION_CONFIRM',
      }
      await appendFile(file, `\n${JSON.stringify(confirmed)}`)
      break
    }
  }
}

/** Interactions whose transaction is in the journal and not ended there, in order. */
function pendingOf(journal: string): Pending[] {
  const pending = new Map<string, Pending>()
  for (const line of journal.split('\n')) {
    if (line.trim() === '') continue
    const { type, futureId, networkInteractionId, transaction } = message.parse(JSON.parse(line))
    if (futureId === undefined) continue
    if (type === 'WIPE_APPLY') {
      for (const key of pending.keys()) if (key.startsWith(`${futureId} `)) pending.delete(key)
    }
    if (networkInteractionId === undefined) continue
    const key = `${futureId} ${networkInteractionId}`
    if (type === 'TRANSACTION_SEND' && transaction !== undefined) {
      const known = pending.get(key) ?? { futureId, networkInteractionId, hashes: [] }
      known.hashes.push(transaction.hash)
      pending.set(key, known)
    } else if (type === 'TRANSACTION_CONFIRM' || type.startsWith('ONCHAIN_INTERACTION_')) {
      // A bump of fees is followed by another TRANSACTION_SEND; the other kinds end the interaction.
      if (type !== 'ONCHAIN_INTERACTION_BUMP_FEES') pending.delete(key)
    }
  }
  return [...pending.values()]
}

/** The part of a receipt that Ignition keeps. */
function journalReceipt(receipt: TransactionReceipt) {
  const succeeded = receipt.status === 1
  return {
    blockHash: receipt.blockHash,
    blockNumber: receipt.blockNumber,
    ...(succeeded && receipt.contractAddress !== null ? { contractAddress: receipt.contractAddress } : {}),
    logs: receipt.logs.map(({ address, index, data, topics }) => ({ address, data, logIndex: index, topics })),
    status: succeeded ? 'SUCCESS' : 'FAILURE',
  }
}

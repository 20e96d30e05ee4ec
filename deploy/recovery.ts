// SPDX-License-Identifier: GPL-3.0-or-later
// If a run ends between "about to send" and "sent", Ignition does not know whether the chain has the transaction, and asks the operator to look.
// The account's nonce on the chain answers the question.
import { type ArtifactResolver, type EIP1193Provider, trackTransaction, wipe } from '@nomicfoundation/ignition-core'
import type { Provider } from 'ethers'
import { z } from 'zod'

/** HardhatError TRANSACTION_LOST of ignition-core. */
const TRANSACTION_LOST = 10410

const lost = z.object({
  number: z.literal(TRANSACTION_LOST),
  messageArguments: z.object({
    futureId: z.string(),
    nonce: z.coerce.number().int().nonnegative(),
    sender: z.string(),
  }),
})

/** Number of blocks to search for a transaction whose hash was lost. It was sent while the deployment was running. */
const SEARCHED_BLOCKS = 20_000

export type RecoveryOptions = {
  readonly stateDir: string
  readonly artifactResolver: ArtifactResolver
  /** The same chain, for Ignition and for ethers. */
  readonly provider: EIP1193Provider
  readonly reader: Provider
  /** First block that can contain a transaction of the deployment. */
  readonly fromBlock: number
}

/**
 * Settles a transaction that Ignition lost track of: plans it again if it was never sent, and enters it in the journal if it was mined.
 * Returns false if the error is a different one, or the transaction is still in the mempool.
 */
export async function recoverLostTransaction(error: unknown, options: RecoveryOptions): Promise<boolean> {
  const parsed = lost.safeParse(error)
  if (!parsed.success) return false
  const { futureId, nonce, sender } = parsed.data.messageArguments
  const { stateDir, artifactResolver, provider, reader, fromBlock } = options
  if ((await reader.getTransactionCount(sender, 'pending')) <= nonce) {
    await wipe(stateDir, artifactResolver, futureId)
    return true
  }
  const latest = await reader.getBlockNumber()
  for (let number = latest; number >= Math.max(fromBlock, latest - SEARCHED_BLOCKS); number--) {
    const block = await reader.getBlock(number, true)
    const found = block?.prefetchedTransactions.find((sent) => sent.from === sender && sent.nonce === nonce)
    if (found === undefined) continue
    await trackTransaction(stateDir, found.hash, provider)
    return true
  }
  return false
}

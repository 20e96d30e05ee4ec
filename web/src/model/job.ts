// SPDX-License-Identifier: GPL-3.0-or-later
// A proving job for an input, posted at the market for proofs with its price in escrow.
import type { Remote } from 'comlink'
import { clients, contractInterface } from '../../../keepers/chain/index.ts'
import type { Connection } from '../chain/connection.ts'
import { readLog } from '../chain/logs.ts'
import { sendCall } from '../ui/send.ts'
import type { HubModel } from './hub-models.ts'
import type { OpenedModel } from './worker.ts'

/** Seconds that a prover has from its claim at most; a shorter job gives all of its time. */
const CLAIM_SECONDS = 600

export type JobOrder = {
  readonly input: readonly number[]
  /** Wei for each proof. */
  readonly price: bigint
  /** Until the deadline. */
  readonly seconds: number
  /** Provers that must agree. */
  readonly copies: number
}

/** What the market takes for an order. @param now Unix seconds of the newest block */
export function jobOf(
  order: JobOrder,
  segment: { readonly circuitId: string; readonly modelCommitment: string; readonly inputCommitment: string },
  now: number,
) {
  const { price, seconds, copies } = order
  return {
    terms: {
      ...{ startPrice: price, maxPrice: price, copies },
      ...{ deadline: now + seconds, claimSeconds: Math.min(CLAIM_SECONDS, seconds) },
    },
    segments: [segment],
    /** Wei. */
    escrow: price * BigInt(copies),
  }
}

/** Posts a job of one segment, the whole network. @returns its number @throws WalletError, ServingError, or Error with the market's reason */
export async function postProvingJob(
  connection: Connection,
  { circuitId }: Pick<HubModel, 'circuitId'>,
  model: Pick<Remote<OpenedModel>, 'committed' | 'prepareSegment'>,
  order: JobOrder,
): Promise<bigint> {
  const address = connection.site.deployment.contracts.ProverMarket
  const abi = contractInterface('ProverMarket')
  const [modelCommitment, { inputCommitment, witness }] = await Promise.all([
    model.committed(),
    model.prepareSegment(order.input),
  ])
  const segment = { circuitId, modelCommitment, inputCommitment }
  const { terms, segments, escrow } = jobOf(order, segment, connection.head.peek().timestamp)
  const receipt = await sendCall(connection, 'posted', [abi, contractInterface('VerifierRegistry')], (signer) =>
    clients.proverMarket(address, signer).post(terms, segments, witness, { value: escrow }),
  )
  for (const log of receipt.logs) {
    const event = log.address === address ? readLog(abi, { topics: [...log.topics], data: log.data }) : null
    if (event?.name === 'JobPosted') return event.args.jobId
  }
  throw new Error(`the market's log has no job in ${receipt.hash}`)
}

// SPDX-License-Identifier: GPL-3.0-or-later
// Remembers what a prover has found out about jobs under way, so that it asks endpoint and data plane only once.
import { type JsonRpcApiProvider, type Signer, Wallet } from 'ethers'
import { blockAt } from '../chain/index.ts'
import type { DataPlane } from '../network/index.ts'
import type { JobView } from './job-state.ts'
import type { ProverAccount } from './prover-account.ts'
import { readWitness } from './prover-jobs.ts'
import type { SegmentWitness } from './prover-witness.ts'

export type KnowledgeOptions = {
  readonly provider: JsonRpcApiProvider
  /** Data plane for witnesses that are blobs. Without one, the witnesses of such jobs cannot be read. */
  readonly plane: DataPlane | null
  /** Block from which the market's events are in the log. */
  readonly fromBlock: number
}

export class JobKnowledge {
  readonly #account: ProverAccount
  readonly #options: KnowledgeOptions
  readonly #witnesses = new Map<bigint, readonly SegmentWitness[]>()
  readonly #firstBlocks = new Map<bigint, number>()

  constructor(account: ProverAccount, options: KnowledgeOptions) {
    this.#account = account
    this.#options = options
  }

  /** @throws ServingError bad-payload; NetworkError when nobody delivers the blob */
  async witnessOf(job: JobView, signal?: AbortSignal): Promise<readonly SegmentWitness[]> {
    const known = this.#witnesses.get(job.id)
    if (known !== undefined) return known
    const { address, signer, market } = this.#account
    const { plane } = this.#options
    const fromBlock = await this.postedIn(job)
    const prover = { address, privateKey: privateKeyOf(signer) }
    const witness = await readWitness(market, job, { fromBlock, plane, prover, ...(signal ? { signal } : {}) })
    this.#witnesses.set(job.id, witness)
    return witness
  }

  /** A block shortly before the job was posted, from which to search the log. An endpoint may lack logs back to the market's deployment. */
  async postedIn({ id, postedAt }: JobView): Promise<number> {
    const known = this.#firstBlocks.get(id)
    if (known !== undefined) return known
    const { provider, fromBlock } = this.#options
    const first = await blockAt(provider, Number(postedAt) - 1, fromBlock)
    this.#firstBlocks.set(id, first)
    return first
  }

  forget(id: bigint): void {
    this.#witnesses.delete(id)
    this.#firstBlocks.delete(id)
  }
}

/** The private key of a signer; null for an account that a node holds. */
function privateKeyOf(signer: Signer): string | null {
  return signer instanceof Wallet ? signer.privateKey : null
}

// SPDX-License-Identifier: GPL-3.0-or-later
// Reads the hub's requests from its log: the open ones, and single ones by id. Only the event has a request's contents.
import type { Log, Provider } from 'ethers'
import type { InferenceHub } from '../../types/index.ts'
import { blockAt, LogFollower, newestLog, REORG_DEPTH } from '../chain/index.ts'
import { ServingError } from './errors.ts'

/** IInferenceHub.RequestStatus.Open and None */
export const REQUEST_OPEN = 1n
const REQUEST_UNKNOWN = 0n

export type PostedRequest = {
  readonly requestId: string
  readonly modelId: bigint
  readonly version: bigint
  /** Unix seconds: the last moment for an answer. */
  readonly deadline: bigint
  readonly inputCommitment: string
  readonly payload: string
}

export type RequestBookOptions = {
  readonly provider: Provider
  readonly hub: InferenceHub
  /** The circuit whose requests are followed. */
  readonly circuitId: string
  /** Block of the hub's deployment. */
  readonly fromBlock: number
}

type Entry = PostedRequest & {
  /** The block in which the request was first seen closed; null while it is open. */
  closedAt: number | null
}

export class RequestBook {
  readonly #options: RequestBookOptions
  /** Requests for models of the circuit, oldest first. */
  readonly #entries = new Map<string, Entry>()
  /** By model of the hub, whether it uses the circuit, which never changes. */
  readonly #ours = new Map<bigint, boolean>()
  #follower: LogFollower | null = null

  constructor(options: RequestBookOptions) {
    this.#options = options
  }

  /**
   * Ids of open requests for models of the circuit, oldest first. The first call reads as far back as an open request can be, later
   * calls read only new blocks.
   */
  async open(): Promise<string[]> {
    const { hub } = this.#options
    this.#follower ??= await this.#follow()
    for (const log of await this.#follower.step()) {
      const posted = this.#parse(log)
      if (await this.#isOurs(posted.modelId)) this.#entries.set(posted.requestId, { ...posted, closedAt: null })
    }
    const { head } = this.#follower
    const open: string[] = []
    for (const [requestId, entry] of this.#entries) {
      if ((await hub.statusOf(requestId)) === REQUEST_OPEN) {
        entry.closedAt = null
        open.push(requestId)
      } else {
        // A reorganisation may undo the answer. Forget the request only when none can any more.
        entry.closedAt ??= head
        if (head - entry.closedAt > REORG_DEPTH) this.#entries.delete(requestId)
      }
    }
    return open
  }

  /** The request that was posted under that id. @throws ServingError bad-payload when the hub's log does not have it */
  async find(requestId: string): Promise<PostedRequest> {
    const known = this.#entries.get(requestId)
    if (known !== undefined) return known
    const { provider, hub, fromBlock } = this.#options
    const missing = new ServingError('bad-payload', `request ${requestId} is not in the log of the hub`)
    if ((await hub.statusOf(requestId)) === REQUEST_UNKNOWN) throw missing
    const { deadline } = await hub.getRequest(requestId)
    const to = await blockAt(provider, Number(deadline), fromBlock)
    const filter = await hub.filters.InferenceRequested(requestId).getTopicFilter()
    const log = await newestLog(provider, { address: await hub.getAddress(), topics: filter }, { from: fromBlock, to })
    if (log === null) throw missing
    return this.#parse(log)
  }

  async #follow(): Promise<LogFollower> {
    const { provider, hub, fromBlock } = this.#options
    const [longest, latest, topics] = await Promise.all([
      hub.MAX_REQUEST_SECONDS(),
      provider.getBlock('latest'),
      hub.filters.InferenceRequested().getTopicFilter(),
    ])
    // Requests that were posted earlier have expired.
    const start = await blockAt(provider, (latest?.timestamp ?? 0) - Number(longest), fromBlock)
    return new LogFollower({ provider, filter: { address: await hub.getAddress(), topics }, fromBlock: start })
  }

  async #isOurs(modelId: bigint): Promise<boolean> {
    const known = this.#ours.get(modelId)
    if (known !== undefined) return known
    const { hub, circuitId } = this.#options
    const ours = (await hub.modelOf(modelId)).circuitId === circuitId
    this.#ours.set(modelId, ours)
    return ours
  }

  #parse({ topics, data }: Log): PostedRequest {
    const args = this.#options.hub.interface.parseLog({ topics: [...topics], data })!.args
    const { requestId, modelId, version, deadline, inputCommitment, payload } = args
    return { requestId, modelId, version, deadline, inputCommitment, payload }
  }
}

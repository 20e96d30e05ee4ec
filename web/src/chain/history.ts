// SPDX-License-Identifier: GPL-3.0-or-later
// All events of one contract, in a page: read in pieces, kept in the browser, and corrected when the chain reorganises.
import type { Provider } from 'ethers'
import { REORG_DEPTH } from '../../../keepers/chain/index.ts'

/** One log as it is kept: plain data, so that a browser's database takes it. */
export type StoredLog = {
  readonly block: number
  readonly index: number
  readonly transactionHash: string
  readonly topics: readonly string[]
  readonly data: string
}

/** What is kept of one contract's history. */
export type StoredHistory = {
  /** Hash of the first block of interest: a development chain that began anew has another one. */
  readonly genesis: string
  /** Logs up to this block are kept; no reorganisation reaches it any more. */
  readonly until: number
  readonly logs: readonly StoredLog[]
}

/** Where histories are kept. Losing one costs time only. */
export type HistoryShelf = {
  get(key: string): Promise<StoredHistory | undefined>
  put(key: string, history: StoredHistory): Promise<unknown>
}

export type HistoryOptions = {
  readonly provider: Pick<Provider, 'getBlock' | 'getBlockNumber' | 'getLogs'>
  readonly shelf: HistoryShelf
  readonly chainId: number
  readonly address: string
  readonly fromBlock: number
  /** Blocks asked for at once. */
  readonly span?: number
  /** Told how far a long reading has come, 0 … 1. */
  readonly onProgress?: (share: number) => void
}

const DEFAULT_SPAN = 5_000
/** Blocks read until all of it is written down again: logs of a long service are many megabytes, and new blocks come every few seconds. */
const KEEP_EVERY = 500

/**
 * Reads a contract's logs and follows them. Blocks that are {@link REORG_DEPTH} deep are read once and kept; the younger ones are
 * read again whenever there is a new block, since others may have taken their place.
 */
export class ContractHistory {
  readonly #options: Required<Omit<HistoryOptions, 'onProgress'>> & Pick<HistoryOptions, 'onProgress'>
  readonly #key: string
  #settled: StoredLog[] = []
  /** Settled logs are known up to this block. */
  #until: number
  /** Up to which block they are on the shelf; null for nothing there. */
  #kept: number | null = null
  #recent: StoredLog[] = []
  #genesis: string | null = null
  #headHash: string | null = null
  #running: Promise<boolean> | null = null

  constructor(options: HistoryOptions) {
    this.#options = { span: DEFAULT_SPAN, ...options }
    this.#key = `${options.chainId}/${options.address.toLowerCase()}`
    this.#until = options.fromBlock - 1
  }

  /** What no reorganisation reaches any more: the same array until the chain begins anew, longer each time. */
  get settled(): readonly StoredLog[] {
    return this.#settled
  }

  /** What may still change. */
  get recent(): readonly StoredLog[] {
    return this.#recent
  }

  /** Everything known, in the order of the chain. */
  get logs(): readonly StoredLog[] {
    return this.#recent.length === 0 ? this.#settled : [...this.#settled, ...this.#recent]
  }

  /** Reads on. @returns whether anything may have changed @throws the provider's errors: what is known stays */
  step(): Promise<boolean> {
    this.#running ??= this.#step().finally(() => {
      this.#running = null
    })
    return this.#running
  }

  async #step(): Promise<boolean> {
    const { provider, fromBlock, span, onProgress } = this.#options
    const head = await provider.getBlock('latest')
    if (head?.hash == null) return false
    if (head.hash === this.#headHash) return false
    await this.#open(head.number)
    const begin = this.#until + 1
    const settledAt = Math.max(fromBlock - 1, head.number - REORG_DEPTH)
    const recent: StoredLog[] = []
    for (let from = begin; from <= head.number; from += span) {
      const to = Math.min(head.number, from + span - 1)
      const read = await this.#read(from, to)
      // One by one: the arguments of a call are bounded by the stack, and anybody may have a contract tell much.
      for (const log of read) (log.block <= settledAt ? this.#settled : recent).push(log)
      this.#until = Math.max(this.#until, Math.min(to, settledAt))
      if (head.number - begin >= span) onProgress?.((to - begin + 1) / (head.number - begin + 1))
    }
    this.#recent = recent
    this.#headHash = head.hash
    if (this.#kept === null ? this.#until >= begin : this.#until >= this.#kept + KEEP_EVERY) await this.#keep()
    return true
  }

  /** Takes what the browser kept, unless it is of a chain that began anew. */
  async #open(head: number): Promise<void> {
    const { provider, shelf, fromBlock } = this.#options
    const first = await provider.getBlock(fromBlock)
    const genesis = first?.hash ?? 'unknown'
    if (genesis === this.#genesis) return
    const kept = await shelf.get(this.#key).catch(() => undefined)
    const usable = isHistory(kept, fromBlock, head) && kept.genesis === genesis
    this.#settled = usable ? [...kept.logs] : []
    this.#until = usable ? kept.until : fromBlock - 1
    this.#kept = usable ? kept.until : null
    this.#recent = []
    this.#genesis = genesis
  }

  async #read(from: number, to: number): Promise<StoredLog[]> {
    const { provider, address } = this.#options
    const logs = await provider.getLogs({ address, fromBlock: from, toBlock: to })
    return logs.map(({ blockNumber, index, transactionHash, topics, data }) => ({
      block: blockNumber,
      index,
      transactionHash,
      topics: [...topics],
      data,
    }))
  }

  /** A full disk, or a private window without one, costs the next visit some time. */
  async #keep(): Promise<void> {
    const history = { genesis: this.#genesis!, until: this.#until, logs: this.#settled }
    this.#kept = this.#until
    await this.#options.shelf.put(this.#key, history).catch(() => undefined)
  }
}

/** Whether that is what {@link ContractHistory} keeps: other pages of the same origin, as those of a path gateway of IPFS, write to the same shelf. */
function isHistory(kept: StoredHistory | undefined, fromBlock: number, head: number): kept is StoredHistory {
  const { until, logs } = (kept ?? {}) as { readonly until?: unknown; readonly logs?: unknown }
  if (typeof until !== 'number' || !Number.isInteger(until) || until < fromBlock - 1 || until > head) return false
  return Array.isArray(logs) && logs.every((log) => isLog(log) && log.block >= fromBlock && log.block <= until)
}

function isLog(log: Partial<StoredLog> | null): log is StoredLog {
  if (typeof log !== 'object' || log === null) return false
  const { block, index, transactionHash, topics, data } = log
  const numbers = Number.isInteger(block) && Number.isInteger(index)
  return numbers && isHex(transactionHash) && isHex(data) && Array.isArray(topics) && topics.every(isHex)
}

const isHex = (text: unknown): boolean => typeof text === 'string' && /^0x[0-9a-f]*$/i.test(text)

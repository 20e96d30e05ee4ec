// SPDX-License-Identifier: GPL-3.0-or-later
import type { Filter, Log, Provider } from 'ethers'

export type LogFollowerOptions = {
  readonly provider: Pick<Provider, 'getBlockNumber' | 'getLogs'>
  readonly filter: Pick<Filter, 'address' | 'topics'>
  /** First block of interest. */
  readonly fromBlock: number
  /** How many blocks a reorganisation may undo. */
  readonly depth?: number
}

/** Blocks that are read again, because a reorganisation may have replaced them: two epochs of Ethereum. */
export const REORG_DEPTH = 64

/**
 * Follows the logs of some contracts, for a program that keeps nothing on disk. Each block is read once, except that the last ones are read
 * again to find logs that a reorganisation added. The caller must notice removed logs by the contract's state.
 */
export class LogFollower {
  readonly #options: Required<LogFollowerOptions>
  /** Logs returned so far that may come again, by block hash and index. */
  #told = new Map<string, number>()
  #next: number
  #head = -1

  constructor(options: LogFollowerOptions) {
    this.#options = { depth: REORG_DEPTH, ...options }
    this.#next = options.fromBlock
  }

  /** The last block that was read; −1 before the first step. */
  get head(): number {
    return this.#head
  }

  /**
   * New logs, in chain order. Without a new block, it returns an empty list after a single request. @throws the provider's errors
   */
  async step(): Promise<Log[]> {
    const { provider, filter, fromBlock, depth } = this.#options
    const head = await provider.getBlockNumber()
    if (head === this.#head || head < fromBlock) return []
    const from = Math.max(fromBlock, Math.min(this.#next, head))
    const logs = await provider.getLogs({ ...filter, fromBlock: from, toBlock: head })
    const added = logs.filter((log) => !this.#told.has(keyOf(log)))
    for (const log of added) this.#told.set(keyOf(log), log.blockNumber)
    this.#head = head
    this.#next = head - depth + 1
    for (const [key, block] of this.#told) if (block < this.#next) this.#told.delete(key)
    return added
  }
}

function keyOf({ blockHash, index }: Log): string {
  return `${blockHash}/${index}`
}

// SPDX-License-Identifier: GPL-3.0-or-later
import type { Provider } from 'ethers'
import { Ancestry, type Place } from './ancestry.ts'
import { type Clock, steady, systemClock } from './clock.ts'

/** The newest block of a chain, as an endpoint reports it. */
export type Head = {
  readonly number: number
  readonly hash: string
  readonly parentHash: string
  /** Unix seconds. */
  readonly timestamp: number
  /** Wei per gas; null on a chain without EIP-1559. */
  readonly baseFeePerGas: bigint | null
}

export type HeadWatchOptions = {
  readonly provider: Pick<Provider, 'getBlock'>
  /** Milliseconds between two questions at least. */
  readonly pollInterval: number
  readonly clock?: Clock
  /** Whether somebody calls {@link HeadWatch.announce} for each new block: then a late block is not looked for meanwhile. */
  readonly isAnnounced?: () => boolean
  /** Told, twice a minute at most, of a newest block that is the same as before. Its rejection is ignored. */
  readonly onStill?: (head: Head) => Promise<void>
}

/** Blocks by which the pace of a chain is judged, and fewest of them. */
const MEMORY = 8
const ENOUGH = 4
/** If blocks are further apart than this many polls, the chain is asked once per block. */
const SLOW = 4
/** Milliseconds by which a look comes earlier than the last ones did: it finds out whether blocks come sooner. */
const PROBE = 250
/** Milliseconds after which the chain is asked again in any case: blocks may come irregularly, and endpoints may report any time. */
const LONGEST = 30_000
/** Part of the time between blocks after which a block that is late is asked for again. */
const RETRY = 6
/** Times between blocks after which the chain is asked although no block was announced: whoever should do that may have stopped. */
const UNANNOUNCED = 2
/** Milliseconds between two reports of a head that stands still. */
const STILL = 30_000

/**
 * The head of the chain, requested only as often as it can change. All parts of a keeper share one answer. On a chain with regular blocks,
 * the next request waits until a block is due. Providers count requests; a fixed poll of two seconds asks six times about one block of
 * Ethereum's.
 */
export class HeadWatch {
  readonly #provider: Pick<Provider, 'getBlock'>
  readonly #pollInterval: number
  readonly #clock: Clock
  readonly #onStill: HeadWatchOptions['onStill']
  readonly #isAnnounced: () => boolean
  #stillAt: number
  #head: Head | null = null
  readonly #ancestry = new Ancestry()
  /** Milliseconds (clock) of the last question, and of the earliest next one. */
  #askedAt = -Infinity
  #due = -Infinity
  #asking: Promise<Head> | null = null
  /** Of the last new heads: milliseconds since the block before, and by how much the clock was past the block's time. */
  #seen: { readonly interval: number; readonly late: number }[] = []

  constructor(options: HeadWatchOptions) {
    this.#provider = options.provider
    this.#pollInterval = options.pollInterval
    this.#clock = options.clock ?? systemClock
    this.#onStill = options.onStill
    this.#isAnnounced = options.isAnnounced ?? (() => false)
    this.#stillAt = steady(this.#clock)
  }

  /** Milliseconds between blocks on a chain that is slow enough to wait for them, else 0. */
  get slot(): number {
    if (this.#seen.length < ENOUGH) return 0
    const least = Math.min(...this.#seen.map(({ interval }) => interval))
    return least > SLOW * this.#pollInterval ? least : 0
  }

  /** Milliseconds until {@link latest} asks again; at least 0. */
  get wait(): number {
    return Math.max(0, this.#due - steady(this.#clock))
  }

  /**
   * Whether a block is on the branch of the newest block seen, without a request; null when this is unknown, because heads between the two
   * were not seen or the block is newer.
   */
  has(block: Place): boolean | null {
    return this.#ancestry.has(block)
  }

  /**
   * The newest block, or the one known while no other is due.
   * @param patience Milliseconds for which a known block will do, whatever may have come after it.
   * @throws ChainError UNREACHABLE, and the provider's errors; the next call asks again.
   */
  latest(patience = 0): Promise<Head> {
    const now = steady(this.#clock)
    if (this.#head !== null && now < Math.max(this.#due, this.#askedAt + patience)) return Promise.resolve(this.#head)
    this.#asking ??= this.#ask(now).finally(() => {
      this.#asking = null
    })
    return this.#asking
  }

  /** There is said to be a new block: the next call of {@link latest} asks, if the last question was not just now. */
  announce(): void {
    this.#due = Math.min(this.#due, this.#askedAt + this.#pollInterval)
  }

  async #ask(now: number): Promise<Head> {
    const block = await this.#provider.getBlock('latest')
    // Of a node that has just started, or a balancer between two: it may have one the next time.
    if (block === null || block.hash === null) throw new Error('the endpoint has no latest block')
    const { number, hash, parentHash, timestamp, baseFeePerGas } = block
    const head: Head = { number, hash, parentHash, timestamp, baseFeePerGas }
    this.#note(head, now)
    return head
  }

  #note(head: Head, now: number): void {
    const before = this.#head
    // Blocks have the wall clock's time, and waiting goes by the steady one.
    const ahead = this.#clock.now() - steady(this.#clock)
    this.#head = head
    this.#ancestry.add(head)
    this.#askedAt = now
    const isNew = before?.hash !== head.hash
    if (!isNew && now >= this.#stillAt + STILL) {
      this.#stillAt = now
      void this.#onStill?.(head).catch(() => undefined)
    }
    if (isNew && before !== null) {
      const blocks = head.number - before.number
      const late = now + ahead - head.timestamp * 1000
      // The branch is gone, or the endpoint is behind: measure the pace again.
      if (blocks <= 0) this.#seen = []
      else this.#seen.push({ interval: ((head.timestamp - before.timestamp) * 1000) / blocks, late })
      if (this.#seen.length > MEMORY) this.#seen.shift()
    }
    const { slot } = this
    const soon = now + this.#pollInterval
    if (slot === 0) this.#due = soon
    else if (this.#isAnnounced()) this.#due = now + UNANNOUNCED * slot
    else if (!isNew) this.#due = Math.max(soon, now + slot / RETRY)
    else {
      const lates = this.#seen.map(({ late }) => late).sort((a, b) => a - b)
      const usual = lates[Math.floor(lates.length / 2)]!
      const next = head.timestamp * 1000 + slot + usual - PROBE - ahead
      this.#due = Math.max(soon, Math.min(next, now + slot))
    }
    this.#due = Math.max(soon, Math.min(this.#due, now + LONGEST))
  }
}

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
  /** Least milliseconds between two requests. */
  readonly pollInterval: number
  readonly clock?: Clock
  /** Whether {@link HeadWatch.announce} is called for each new block. Then a late block is not looked for in between. */
  readonly isAnnounced?: () => boolean
  /** Called, at most twice a minute, while the newest block stays the same. A rejection is ignored. */
  readonly onStill?: (head: Head) => Promise<void>
}

/** Most and fewest blocks by which the pace of a chain is judged. */
const MEMORY = 8
const ENOUGH = 4
/** If blocks are further apart than this many polls, the chain is asked once per block. */
const SLOW = 4
/** Each request comes this many milliseconds earlier than the last ones did, to find out whether blocks come sooner. */
const PROBE = 250
/** Milliseconds after which the chain is asked again in any case: blocks may come irregularly, and endpoints may report any time. */
const LONGEST = 30_000
/** A late block is asked for again after this fraction (1/6) of the time between blocks. */
const RETRY = 6
/** Block intervals without an announcement after which the chain is asked anyway: the announcements may have stopped. */
const UNANNOUNCED = 2
/** Milliseconds between two reports of a head that stands still. */
const STILL = 30_000

/**
 * The head of the chain, requested only as often as it can change. All parts of a keeper share one answer. On a chain with regular blocks,
 * the next request waits until a block is due. Providers count requests, and a fixed poll of two seconds would ask six times for each block of
 * Ethereum.
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
  /** Milliseconds (clock) of the last request, and of the earliest next one. */
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
   * The newest block, or the known one while no other is due.
   * @param patience Milliseconds for which a known block suffices, even if there may be newer ones.
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

  /** Announces a new block: the next call of {@link latest} asks for it, unless the last request was just now. */
  announce(): void {
    this.#due = Math.min(this.#due, this.#askedAt + this.#pollInterval)
  }

  async #ask(now: number): Promise<Head> {
    const block = await this.#provider.getBlock('latest')
    // A node that has just started, or a balancer that switches nodes, may have a block the next time.
    if (block === null || block.hash === null) throw new Error('the endpoint has no latest block')
    const { number, hash, parentHash, timestamp, baseFeePerGas } = block
    const head: Head = { number, hash, parentHash, timestamp, baseFeePerGas }
    this.#note(head, now)
    return head
  }

  #note(head: Head, now: number): void {
    const before = this.#head
    // Blocks carry wall-clock time, and waiting uses the steady clock.
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

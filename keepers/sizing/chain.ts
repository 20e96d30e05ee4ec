// SPDX-License-Identifier: GPL-3.0-or-later
// The chain: blocks at their time, with room for so much gas, filled in the order in which transactions arrive.
import type { Process, World } from './world.ts'

export type ChainTerms = {
  /** Seconds between blocks. 0: every transaction is a block of its own, at once, as on Hardhat's node. */
  readonly blockSeconds: number
  /** Gas of a block. */
  readonly blockGas: number
  /** Part of it that others take. */
  readonly taken: number
  /** Services like the simulated one on the same chain, itself included: each of their transactions takes room beside its own. */
  readonly services: number
  /** Blocks that a draft must be deep, and seconds that a block takes to be called final beside them. */
  readonly confirmations: number
  readonly finalitySeconds: number
  /** Seconds of a request to an RPC endpoint, there and back. */
  readonly requestSeconds: number
  /** Gwei of a unit of gas. */
  readonly gasGwei: number
}

type Pending = { readonly gas: number; readonly apply: () => void; readonly resume: () => void }

/** Where every transaction is a block, draws still take a later one: the next of those that come each second. */
const INSTANT_BLOCK_SECONDS = 1

export class Chain {
  readonly #world: World
  readonly #terms: ChainTerms
  readonly #queue: Pending[] = []
  #isArmed = false
  /** Gas of all blocks that had a transaction of the service, and how many there were. */
  gas = 0
  blocks = 0

  constructor(world: World, terms: ChainTerms) {
    this.#world = world
    this.#terms = terms
  }

  /** The time of the first block after now. */
  nextBlock(now = this.#world.now): number {
    const every = this.#terms.blockSeconds || INSTANT_BLOCK_SECONDS
    return every * (Math.floor(now / every) + 1)
  }

  /** The time of the first block from that time on; of the last one up to now without. */
  blockFrom(time?: number): number {
    const every = this.#terms.blockSeconds || INSTANT_BLOCK_SECONDS
    return every * (time === undefined ? Math.floor(this.#world.now / every) : Math.ceil(time / every))
  }

  /** Waits until what happened at `time` is so deep, and final. */
  *deep(time: number): Process {
    const { confirmations, finalitySeconds, blockSeconds } = this.#terms
    yield* this.#world.until(time + Math.max(finalitySeconds, (confirmations - 1) * blockSeconds))
  }

  /** Sends a transaction; `apply` happens in its block. */
  *send(gas: number, apply: () => void): Process {
    yield (resume) => {
      this.gas += gas
      if (this.#terms.blockSeconds === 0) {
        this.blocks++
        apply()
        this.#world.at(this.#world.now, resume)
        return
      }
      this.#queue.push({ gas, apply, resume })
      this.#arm()
    }
  }

  #arm(): void {
    if (this.#isArmed || this.#queue.length === 0) return
    this.#isArmed = true
    this.#world.at(this.nextBlock(), () => {
      this.#isArmed = false
      this.blocks++
      const { blockGas, taken, services } = this.#terms
      const included: Pending[] = []
      for (let left = blockGas * (1 - taken); this.#queue.length > 0; ) {
        left -= this.#queue[0]!.gas * services
        if (left < 0 && included.length > 0) break
        included.push(this.#queue.shift()!)
      }
      for (const { apply } of included) apply()
      for (const { resume } of included) resume()
      this.#arm()
    })
  }
}

// SPDX-License-Identifier: GPL-3.0-or-later
// The simulated chain: blocks at fixed times, with limited gas, filled in the order in which transactions arrive.
import type { Process, World } from './world.ts'

export type ChainTerms = {
  /** Seconds between blocks. 0: every transaction is a block of its own, at once, as on Hardhat's node. */
  readonly blockSeconds: number
  /** Gas of a block. */
  readonly blockGas: number
  /** Fraction of a block's gas that others use. */
  readonly taken: number
  /** Number of services like the simulated one on the chain, itself included. Each sends the same transactions at the same time. */
  readonly services: number
  /** Blocks that a draft must be deep; below, seconds until a block is called final, which must pass as well. */
  readonly confirmations: number
  readonly finalitySeconds: number
  /** Seconds of a request to an RPC endpoint, there and back. */
  readonly requestSeconds: number
  /** Price of one gas, in gwei. */
  readonly gasGwei: number
}

type Pending = { readonly gas: number; readonly apply: () => void; readonly resume: () => void }

/** Where every transaction is a block, a draw still needs a later block: one comes every second. */
const INSTANT_BLOCK_SECONDS = 1

export class Chain {
  readonly #world: World
  readonly #terms: ChainTerms
  readonly #queue: Pending[] = []
  #isArmed = false
  /** Gas of all transactions of the service; below, the number of blocks that had any. */
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

  /** The time of the first block at or after `time`; without it, of the last block up to now. */
  blockFrom(time?: number): number {
    const every = this.#terms.blockSeconds || INSTANT_BLOCK_SECONDS
    return every * (time === undefined ? Math.floor(this.#world.now / every) : Math.ceil(time / every))
  }

  /** Waits until the block of `time` is `confirmations` deep, and final. */
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

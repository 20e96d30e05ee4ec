// SPDX-License-Identifier: GPL-3.0-or-later
// Sends the driver's calls, and asks the chain what a move has to know.

import type { HardhatEthersSigner } from '@nomicfoundation/hardhat-ethers/types'
import type { Interface, Log } from 'ethers'
import type { World } from '../rounds/fixture.ts'
import type { Witness } from './witness.ts'

export type Contract = World['service'] | World['registry']

/** Gas of every call: below the cap of a transaction (2^24, EIP-7825), above what any call needs. */
export const GAS = '0xe00000'

export class Sender {
  readonly errors = new Map<string, number>()
  calls = 0
  reverted = 0
  readonly #world: World
  readonly #witness: Witness
  /** What was read since the chain last moved: most moves look several times at what has not changed. */
  readonly #seen = new Map<string, Promise<unknown>>()

  constructor(world: World, witness: Witness) {
    this.#world = world
    this.#witness = witness
  }

  /** Sends without estimating; a revert must carry an error of ours. @returns whether it succeeded. */
  async send(from: HardhatEthersSigner, to: Contract, name: string, args: readonly unknown[]): Promise<boolean> {
    const { ethers } = this.#world
    this.calls++
    this.forget()
    const data = (to.interface as Interface).encodeFunctionData(name, args as unknown[])
    const call = { from: from.address, to: await to.getAddress(), data, gas: GAS }
    let hash: string
    try {
      hash = await ethers.provider.send('eth_sendTransaction', [call])
    } catch (error) {
      this.reverted++
      const message = `${(error as Error).message}`
      const custom = /custom error '(\w+)\(/.exec(message)?.[1]
      if (!custom) throw new Error(`${name} by ${from.address} failed without an error of ours: ${message}`)
      this.errors.set(custom, (this.errors.get(custom) ?? 0) + 1)
      return false
    }
    const receipt: { logs: Log[] } = await ethers.provider.send('eth_getTransactionReceipt', [hash])
    for (const log of receipt.logs) this.#witness.observe(log)
    return true
  }

  clock = () => this.once('clock', () => this.#world.service.clock())
  roundInfo = () => this.once('roundInfo', () => this.#world.service.roundInfo())
  latest = () => this.once('latest', () => this.#world.networkHelpers.time.latest())

  /** The chain has moved. */
  forget(): void {
    this.#seen.clear()
  }

  /** What `read` gives, asked once between two transactions. */
  once<T>(what: string, read: () => Promise<T>): Promise<T> {
    const known = this.#seen.get(what) as Promise<T> | undefined
    if (known !== undefined) return known
    const asked = read()
    this.#seen.set(what, asked)
    return asked
  }
}

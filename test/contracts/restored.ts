// SPDX-License-Identifier: GPL-3.0-or-later
// What many tests begin with, deployed once a process.
import { AsyncLocalStorage } from 'node:async_hooks'
import type { NetworkHelpers, SnapshotRestorer } from '@nomicfoundation/hardhat-network-helpers/types'

type World = { readonly networkHelpers: Pick<NetworkHelpers, 'takeSnapshot' | 'time'> }

/** Set while a world is made: what it builds on belongs to its chain, and is not put back for anybody else. */
const making = new AsyncLocalStorage<true>()

/**
 * `deploy`, whose chain is put back to what it made whenever it is asked for again with the same arguments. It has a chain of its own;
 * whoever has asked before has this one no longer. Deploying takes a quarter of a second and more, putting back some milliseconds.
 * @param deploy what it gives keeps nothing outside the chain that differs between two tests
 */
export function restored<Args extends readonly unknown[], Made extends World>(
  deploy: (...args: Args) => Promise<Made>,
): (...args: Args) => Promise<Made> {
  const made = new Map<string, { readonly world: Made; readonly start: SnapshotRestorer }>()
  return async (...args) => {
    if (making.getStore() === true) return await deploy(...args)
    const key = JSON.stringify(args, (_, value) => (typeof value === 'bigint' ? `${value}n` : value))
    const known = made.get(key)
    if (known !== undefined) {
      await known.start.restore()
      // Real time has gone on since then; the next block is a second later, as on a fresh chain.
      const { time } = known.world.networkHelpers
      await time.setNextBlockTimestamp((await time.latest()) + 1)
      return known.world
    }
    const world = await making.run(true, () => deploy(...args))
    made.set(key, { world, start: await world.networkHelpers.takeSnapshot() })
    return world
  }
}

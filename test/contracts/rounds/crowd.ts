// SPDX-License-Identifier: GPL-3.0-or-later
// As many members as a service can have. To register them takes 1,300 transactions, so they are registered once a process.
import type { SnapshotRestorer } from '@nomicfoundation/hardhat-network-helpers/types'
import { createPlayer, createWorld, type World } from './fixture.ts'
import { joinAll } from './play.ts'

export const MEMBERS = 256

let prepared: { readonly world: World; readonly snapshot: SnapshotRestorer } | undefined

/** A service of MEMBERS members at the start of key generation, on a chain of its own that is put back to this point at every call. */
export async function createCrowd(): Promise<World> {
  if (prepared !== undefined) {
    await prepared.snapshot.restore()
    return prepared.world
  }
  const world = await createWorld({
    players: 0,
    parameters: { maxKeepers: MEMBERS, registrationWindow: 100_000, keyWindow: 10_000, decryptionBps: 6666 },
  })
  for (let i = 0; i < MEMBERS; i++) world.players.push(await createPlayer(world, i))
  await joinAll(world)
  prepared = { world, snapshot: await world.networkHelpers.takeSnapshot() }
  return world
}

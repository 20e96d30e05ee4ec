// SPDX-License-Identifier: GPL-3.0-or-later
// Members' signatures from a branch of the chain that a reorganisation has put aside; somebody sends them again on another.

import { expect } from 'chai'
import { createWorld, type World } from './fixture.ts'
import { commitKey, confirmKey, joinAll, numbers, passDeadline, revealKey, stateOf } from './play.ts'
import { CALLS, packed, refusedIn, sign } from './relay.ts'

/** An epoch opens on one branch, where player 0 signs; the epoch of the same number opens on another branch. */
async function twoBranches() {
  const world = await createWorld({ players: 5 })
  const { service, players, networkHelpers } = world
  await joinAll(world, players.slice(0, -1))
  const fork = await networkHelpers.takeSnapshot()
  await openEpoch(world)
  const { crsSeed: before } = await service.epochInfo()
  const { epoch, round } = await numbers(world)
  const { interface: abi } = service
  const calls = {
    commitKey: await CALLS.commitKey(world, players[0]!, epoch),
    complain: abi.encodeFunctionData('complain', [epoch, 1, '0x01']),
    judge: abi.encodeFunctionData('judge', [epoch, 0b10n, 0]),
    dispute: abi.encodeFunctionData('dispute', [round + 1, 1]),
    submitCheck: abi.encodeFunctionData('submitCheck', [round + 1, `0x${'5a'.repeat(16 * 5)}`]),
  }
  const signed = Object.fromEntries(
    await Promise.all(
      Object.entries(calls).map(async ([name, call]) => [name, await sign(world, players[0]!, call)] as const),
    ),
  ) as Record<keyof typeof calls, Awaited<ReturnType<typeof sign>>>
  await fork.restore()
  await networkHelpers.mine()
  await openEpoch(world)
  const { crsSeed: now } = await service.epochInfo()
  expect(now).not.to.equal(before)
  expect(await numbers(world)).to.deep.equal({ epoch, round })
  /** Sends all of it again. @returns the refused steps, and why. */
  const again = async () => {
    const sent = await service.connect(world.stranger).relay(packed(Object.values(signed)))
    const names = Object.keys(signed)
    return Object.fromEntries((await refusedIn(world, sent)).map(({ index, error }) => [names[index]!, error]))
  }
  return { ...world, again }
}

/** The last member joins. */
async function openEpoch(world: World): Promise<void> {
  await joinAll(world, world.players.slice(-1))
  if ((await stateOf(world)) !== 'Registration') return
  await passDeadline(world)
  await world.service.poke()
}

describe('a signature from another branch of the chain', () => {
  it('counts for nothing, in key generation and in a round, until its signer commits to a key on this branch', async () => {
    const world = await twoBranches()
    const { service, players, again } = world
    const others = players.slice(1)
    expect((await again()).commitKey).to.equal('WrongSeed')
    for (const player of others) await commitKey(world, player)
    await passDeadline(world)
    await service.poke()
    expect(await service.seats().then(([seated]) => seated & 1n)).to.equal(0n)
    for (const player of others) await commitKey(world, player)
    for (const player of others) await revealKey(world, player)
    expect(await stateOf(world)).to.equal('KeyConfirm')
    expect(Object.keys(await again())).to.have.length(5)
    for (const player of others) await confirmKey(world, player)
    expect(await stateOf(world)).to.equal('Training')
    expect(Object.keys(await again())).to.have.length(5)
  })

  it('the attack: counts once its signer has committed on this branch too, so keepers sign only on final blocks', async () => {
    const world = await twoBranches()
    const { service, players, again } = world
    for (const player of players) await commitKey(world, player)
    for (const player of players) await revealKey(world, player)
    expect(await again()).not.to.have.property('complain')
    expect((await service.keyInfo()).accused).to.equal(0b10n)
  })
})

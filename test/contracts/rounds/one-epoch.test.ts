// SPDX-License-Identifier: GPL-3.0-or-later
// Seats that all members give up when their epoch ends.

import { expect } from 'chai'
import { encodeBytes32String } from 'ethers'
import { createWorld, seats } from './fixture.ts'
import {
  commitKey,
  completeRound,
  generateKey,
  joinAll,
  passDeadline,
  reachTraining,
  stateOf,
  training,
} from './play.ts'

const field = encodeBytes32String

describe('seats for one epoch', () => {
  it('are given up when the epoch ends, with bonds and rewards, and can be taken again', async () => {
    const world = await createWorld({ players: 5, parameters: { oneEpochSeats: true } })
    const { service, registry, players } = world
    await reachTraining(world)
    await completeRound(world)
    expect(await service.seats()).to.deep.equal([seats(0, 1, 2, 3, 4), 0n])
    await passDeadline(world)
    const ending = service.poke()
    await expect(ending).to.emit(service, 'Left').withArgs(4, players[4]!.owner.address)
    expect(await stateOf(world)).to.equal('Registration')
    expect(await service.seats()).to.deep.equal([0n, 0n])
    for (const { owner } of players) {
      expect(await service.isSeated(owner)).to.equal(false)
      expect((await registry.keeperOf(owner)).bonded).to.equal(0n)
      expect(await registry.rewardsOf(owner)).to.be.greaterThan(0n)
    }
    await joinAll(world)
    expect(await service.isSeated(players[0]!.owner)).to.equal(true)
    expect(await stateOf(world)).to.equal('KeyCommit')
  })

  it('stay with those who keep them when key generation fails', async () => {
    const world = await createWorld({ players: 5, parameters: { oneEpochSeats: true } })
    const { service, players } = world
    await joinAll(world)
    // Three of five are fewer than two thirds.
    for (const player of players.slice(0, 3)) await commitKey(world, player)
    await passDeadline(world)
    await service.poke()
    expect(await stateOf(world)).to.equal('Registration')
    expect(await service.seats()).to.deep.equal([seats(0, 1, 2), 0n])
  })

  it('begin with the epoch after the DAO asked for them, and end in the same way', async () => {
    const world = await training({ players: 5 })
    const { service, parameters } = world
    await service.setParameters({ ...parameters, oneEpochSeats: true })
    await passDeadline(world)
    await service.poke()
    expect(await service.seats()).to.deep.equal([seats(0, 1, 2, 3, 4), 0n])
    await passDeadline(world)
    await service.poke()
    await generateKey(world)
    await service.setParameters({ ...parameters, oneEpochSeats: false })
    await passDeadline(world)
    await service.poke()
    expect(await service.seats()).to.deep.equal([0n, 0n])
  })

  it('are at most 64, so that one transaction can vacate them', async () => {
    const { service, parameters } = await createWorld({ players: 5 })
    await expect(service.setParameters({ ...parameters, oneEpochSeats: true, maxKeepers: 65 }))
      .to.be.revertedWithCustomError(service, 'ParameterOutOfRange')
      .withArgs(field('maxKeepers'), 65, parameters.minKeepers, 64)
    await service.setParameters({ ...parameters, oneEpochSeats: true, maxKeepers: 64 })
    await service.setParameters({ ...parameters, maxKeepers: 65 })
  })
})

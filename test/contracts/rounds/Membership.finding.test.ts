// SPDX-License-Identifier: GPL-3.0-or-later
// How long a member may leave, when the DAO changes the parameters while registration is open.
import { expect } from 'chai'
import { createWorld, STAKE, WINDOW } from './fixture.ts'
import { joinAll } from './play.ts'

describe('leaving while registration is open', () => {
  it('is possible for the first half of its window, also when the DAO has just set other penalties and a longer window', async () => {
    const world = await createWorld({ players: 5 })
    const { service, players, admin, parameters } = world
    await joinAll(world, players.slice(0, 4))
    const { end } = await service.clock()
    // In force at once; registration still ends when it would have ended.
    await service.connect(admin).setParameters({
      ...parameters,
      registrationWindow: 3 * WINDOW.registration,
      fraudPenalty: parameters.bond,
    })
    expect((await service.clock()).end).to.equal(end)
    // Nothing of the window has passed but these few blocks.
    await service.connect(players[0]!.owner).leave(players[0]!.seat)
    expect((await service.seats()).seated & (1n << BigInt(players[0]!.seat))).to.equal(0n)
  })

  it('is possible after terms have changed, however late: nobody is held to what it could not leave', async () => {
    const world = await createWorld({ players: 5 })
    const { service, registry, players, admin, parameters, networkHelpers } = world
    await joinAll(world, players.slice(0, 4))
    const { end } = await service.clock()
    await networkHelpers.time.increaseTo(Number(end) - 10)
    // Nobody can act within a second: each member's silence costs all of its bond.
    await service.connect(admin).setParameters({ ...parameters, keyWindow: 1, keyPenalty: parameters.bond })
    const [victim] = players
    await service
      .connect(victim!.owner)
      .leave(victim!.seat)
      .catch(() => undefined)
    await networkHelpers.time.increase(20)
    await service.poke().catch(() => undefined)
    await networkHelpers.time.increase(20)
    await service.poke().catch(() => undefined)
    expect((await registry.keeperOf(victim!.owner)).stake).to.equal(STAKE)
  })
})

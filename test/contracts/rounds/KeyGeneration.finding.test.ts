// SPDX-License-Identifier: GPL-3.0-or-later
// What a member said on a branch of the chain that came to nothing, and what anyone may make of it on the branch that counts.
import { expect } from 'chai'
import { createWorld, seats } from './fixture.ts'
import { joinAll } from './play.ts'
import { packed, refusedIn, signAll } from './relay.ts'

describe('a commitment to a share of the key, after a reorganisation', () => {
  it('does not count for another reference string: its member could neither open it nor commit again', async () => {
    const world = await createWorld({ players: 3 })
    const { service, players, networkHelpers, stranger } = world
    await joinAll(world, players.slice(0, 2))
    const last = players[2]!
    const fork = await networkHelpers.takeSnapshot()

    await service.connect(last.operator).join(last.owner)
    last.seat = 2
    const orphaned = (await service.epochInfo()).crsSeed
    // Honest members commit to what they made with this reference string; all that they sent is public from then on.
    const steps = await signAll(world, 'commitKey')

    await fork.restore()
    await networkHelpers.mine(1)
    await service.connect(last.operator).join(last.owner)
    const info = await service.epochInfo()
    expect([info.epoch, info.crsSeed === orphaned]).to.deep.equal([1n, false])

    // Nodes put transactions of the orphaned branch back into their pools; whoever likes sends them, or signed steps, again.
    const sent = await service.connect(stranger).relay(packed(steps))
    expect(await refusedIn(world, sent)).to.have.length(3)
    expect((await service.keyInfo()).committed & seats(0, 1, 2)).to.equal(0n)
  })
})

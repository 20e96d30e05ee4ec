// SPDX-License-Identifier: GPL-3.0-or-later

import { expect } from 'chai'
import { createWorld, type World } from './fixture.ts'
import { generateKey, joinAll, passDeadline, reachDecrypt, training } from './play.ts'

/** No seat, as a snapshot says it. */
const NO_SEAT = 0xffffn

describe('snapshot', () => {
  const parts = async ({ service }: World) => {
    const [clock, due, epoch, key, round, seats] = await Promise.all([
      service.clock(),
      service.isDue(),
      service.epochInfo(),
      service.keyInfo(),
      service.roundInfo(),
      service.seats(),
    ])
    return [...clock, due, epoch, key, round, seats.seated]
  }

  it('gives the answers of all views at once, in every part of a round', async () => {
    const world = await createWorld()
    const { service, players } = world
    const check = async (): Promise<void> => {
      const { address } = players[1]!.operator
      const found = await service.snapshot(address)
      expect([...found].slice(0, -1)).to.deep.equal(await parts(world))
      expect(found.seat).to.equal(await service.seatOf(address).catch(() => NO_SEAT))
    }
    await check()
    await joinAll(world)
    await check()
    await generateKey(world)
    await check()
    await reachDecrypt(world)
    await check()
    await passDeadline(world)
    await check()
  })

  it('has no seat for a stranger', async () => {
    const { service, stranger } = await training()
    expect((await service.snapshot(stranger.address)).seat).to.equal(NO_SEAT)
  })
})

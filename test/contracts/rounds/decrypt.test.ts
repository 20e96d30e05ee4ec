// SPDX-License-Identifier: GPL-3.0-or-later

import { expect } from 'chai'
import { cid, STAKE, seats } from './fixture.ts'
import { completeRound, passDeadline, reachDecrypt, stateOf, submitShare, training } from './play.ts'

const STATE = { Decrypt: 9 }

describe('Decrypt', () => {
  it('takes one share from each drafted member, and from nobody else', async () => {
    const world = await training()
    const { service, players } = world
    const set = await reachDecrypt(world)
    expect(set.length).to.equal(3)
    const [first, second, third] = set as [any, any, any]
    const other = players.find((player) => !set.includes(player))!
    const bits = seats(...set.map(({ seat }) => seat))
    await expect(submitShare(world, other))
      .to.be.revertedWithCustomError(service, 'NotDrafted')
      .withArgs(other.seat, bits)
    const by = service.connect(first.operator)
    await expect(by.submitShare(1, cid('x'), 0)).to.be.revertedWithCustomError(service, 'ZeroSize')
    await expect(by.submitShare(1, '0x', 1)).to.be.revertedWithCustomError(service, 'CidLength')
    await expect(by.submitShare(2, cid('x'), 1)).to.be.revertedWithCustomError(service, 'WrongRound')
    await submitShare(world, first)
    await expect(submitShare(world, first))
      .to.be.revertedWithCustomError(service, 'AlreadyDone')
      .withArgs(STATE.Decrypt, first.seat)
    expect((await service.roundInfo()).shared).to.equal(seats(first.seat))
    await submitShare(world, second)
    await submitShare(world, third)
    expect(await stateOf(world)).to.equal('Vote')
  })

  it('penalises drafted members that stay silent, and never drafts them again in the epoch', async () => {
    const world = await training()
    const { service, registry } = world
    const [first, second, silent] = (await reachDecrypt(world)) as [any, any, any]
    await submitShare(world, first)
    await submitShare(world, second)
    await passDeadline(world)
    expect(await stateOf(world)).to.equal('Training')
    await expect(service.poke()).to.emit(service, 'Penalised')
    const stake = async (player: any) => (await registry.keeperOf(player.owner)).stake
    expect(STAKE - (await stake(silent))).to.equal(world.parameters.decryptPenalty)
    expect(await stake(first)).to.equal(STAKE)
    expect((await service.epochInfo()).undraftable).to.equal(seats(silent.seat))
    for (let i = 0; i < 4; i++) {
      await completeRound(world)
      const { args } = (await service.queryFilter(service.filters.MembersDrafted())).at(-1)!
      expect(args.drafted & seats(silent.seat)).to.equal(0)
    }
  })

  it('ends the epoch when too few can be drafted', async () => {
    const world = await training({ players: 3, parameters: { decryptionBps: 6666 } })
    const { service, registry } = world
    expect((await reachDecrypt(world)).length).to.equal(2)
    await passDeadline(world)
    expect(await stateOf(world)).to.equal('Registration')
    const tx = service.poke()
    await expect(tx).to.emit(service, 'Transitioned')
    expect(await registry.slashCount()).to.equal(2)
    // No training was possible: nobody has a strike for it.
    expect((await service.seatInfo(0)).strikes).to.equal(0)
  })

  it('takes no stake when the penalty is zero', async () => {
    const world = await training({ players: 3, parameters: { decryptPenalty: 0n } })
    await reachDecrypt(world)
    await passDeadline(world)
    await world.service.poke()
    expect(await world.registry.slashCount()).to.equal(0)
    expect((await world.service.clock()).current).to.equal(0)
  })
})

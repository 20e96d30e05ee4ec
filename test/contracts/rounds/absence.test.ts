// SPDX-License-Identifier: GPL-3.0-or-later
// Candidates that were drawn and did not come.

import { expect } from 'chai'
import { COH, STAKE } from './fixture.ts'
import { commitKey, generateKey, passDeadline, stateOf } from './play.ts'
import { CANDIDATES, type Drawing, drawing, orderOf, random, seat, settle, TERMS, takeSeat } from './sortition.ts'

describe('absence from a draw', () => {
  it('costs a candidate that was drawn and did not come its penalty and its place', async () => {
    const world = await drawing()
    const { sortition, registry, service, stranger } = world
    await settle(world, random(4))
    const order = await orderOf(world)
    const absent = order.slice(1, 3)
    await expect(sortition.reportAbsence(absent[0]!.owner)).to.be.revertedWithCustomError(sortition, 'NotReportable')
    const members = [order[0]!, ...order.slice(3, 5)]
    await seat(world, members)
    await generateKey(world, members)
    const by = sortition.connect(stranger)
    await expect(by.reportAbsence(order[5]!.owner))
      .to.be.revertedWithCustomError(sortition, 'NotDrawn')
      .withArgs(1, order[5]!.owner.address)
    await expect(by.reportAbsence(members[0]!.owner)).to.be.revertedWithCustomError(sortition, 'NotAbsent')
    for (const { owner } of absent) {
      // The first one's leaving moves another candidate; ranks in the draw stay what they were.
      await expect(by.reportAbsence(owner))
        .to.emit(sortition, 'Absent')
        .withArgs(1, owner.address, TERMS.absencePenalty)
      expect((await registry.keeperOf(owner)).stake).to.equal(STAKE - TERMS.absencePenalty)
      expect((await sortition.look(owner)).enlisted).to.equal(false)
      await expect(by.reportAbsence(owner)).to.be.revertedWithCustomError(sortition, 'NotDrawn')
    }
    for (const { owner } of order.slice(5)) {
      await expect(by.reportAbsence(owner)).to.be.revertedWithCustomError(sortition, 'NotDrawn')
    }
    await passDeadline(world)
    await service.poke()
    await settle(world, random(5))
    expect((await sortition.lastDraw()).candidates).to.equal(BigInt(CANDIDATES - 2))
    // They may come back, for later draws.
    await sortition.connect(absent[0]!.operator).enlist(absent[0]!.owner)
    await expect(takeSeat(world, absent[0]!)).to.be.revertedWithCustomError(service, 'NotAdmitted')
  })

  it('reports nobody once key generation had to begin again', async () => {
    const world = await drawing()
    const { sortition, service } = world
    await settle(world, random(4))
    const order = await orderOf(world)
    await seat(world, order.slice(0, 4))
    for (const player of order.slice(0, 3)) await commitKey(world, player)
    await passDeadline(world)
    await service.poke()
    expect(await stateOf(world)).to.equal('KeyCommit')
    await generateKey(world, order.slice(0, 3))
    await expect(sortition.reportAbsence(order[4]!.owner)).to.be.revertedWithCustomError(sortition, 'NotReportable')
  })

  it('is reported from the close of registration on: ranks of the draw, which is still live, stay what they were', async () => {
    const world = await drawing()
    const { sortition, service } = world
    await settle(world, random(4))
    const order = await orderOf(world)
    await seat(world, [order[0]!, ...order.slice(3, 5)])
    expect(await stateOf(world)).to.equal('KeyCommit')
    for (const { owner } of order.slice(1, 3)) await expect(sortition.reportAbsence(owner)).to.emit(sortition, 'Absent')
    for (const [rank, { owner }] of order.entries()) {
      const expected = rank === 1 || rank === 2 ? 2n ** 256n - 1n : BigInt(rank)
      expect((await sortition.look(owner)).rank).to.equal(expected)
    }
    // Nobody speaks: members register again, and the absent are out of this draw.
    await passDeadline(world)
    await service.poke()
    expect(await stateOf(world)).to.equal('Registration')
    await expect(takeSeat(world, order[1]!)).to.be.revertedWithCustomError(service, 'NotAdmitted')
  })

  it('takes no penalty where the terms have none', async () => {
    const world: Drawing = await drawing({ terms: { absencePenalty: 0n } })
    const { sortition, registry } = world
    await settle(world, random(4))
    const order = await orderOf(world)
    await seat(world, order.slice(0, 4))
    await generateKey(world, order.slice(0, 4))
    await expect(sortition.reportAbsence(order[4]!.owner))
      .to.emit(sortition, 'Absent')
      .withArgs(1, order[4]!.owner.address, 0)
    expect((await registry.keeperOf(order[4]!.owner)).stake).to.equal(100n * COH)
  })
})

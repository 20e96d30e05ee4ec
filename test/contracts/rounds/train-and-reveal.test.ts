// SPDX-License-Identifier: GPL-3.0-or-later

import { expect } from 'chai'
import { encodeBytes32String, id, ZeroHash } from 'ethers'
import { cid, createWorld, expected, salt, seats } from './fixture.ts'
import {
  commitUpdate,
  numbers,
  passDeadline,
  reachReveal,
  reachTraining,
  revealUpdate,
  samplesOf,
  stateOf,
  training,
} from './play.ts'

const STATE = { Training: 5, Reveal: 6 }
const field = encodeBytes32String

describe('Training', () => {
  it('ends when every member has committed', async () => {
    const world = await training()
    await reachReveal(world)
    expect(await stateOf(world)).to.equal('Reveal')
    expect((await world.service.roundInfo()).committed).to.equal(seats(0, 1, 2, 3, 4))
  })

  it('goes on at its deadline with a quorum of commits', async () => {
    const world = await training()
    await reachReveal(world, world.players.slice(0, 4))
    expect(await stateOf(world)).to.equal('Training')
    await passDeadline(world)
    expect(await stateOf(world)).to.equal('Reveal')
    for (const player of world.players.slice(0, 4)) await revealUpdate(world, player)
    expect(await stateOf(world)).to.equal('Aggregate')
  })

  it('times out to Registration with fewer', async () => {
    const world = await training()
    const { service } = world
    await reachReveal(world, world.players.slice(0, 3))
    await passDeadline(world)
    expect(await stateOf(world)).to.equal('Registration')
    await expect(service.poke()).to.emit(service, 'Transitioned')
    expect((await service.epochInfo()).members).to.equal(0)
  })

  it('refuses commits that are late, early, double, empty, or for another round', async () => {
    const world = await training()
    const { service, players, stranger } = world
    const by = service.connect(players[0]!.operator)
    await expect(by.commitUpdate(1, ZeroHash))
      .to.be.revertedWithCustomError(service, 'ZeroHash')
      .withArgs(field('commitment'))
    await expect(by.commitUpdate(2, id('x')))
      .to.be.revertedWithCustomError(service, 'WrongRound')
      .withArgs(2, 1)
    await expect(service.connect(stranger).commitUpdate(1, id('x'))).to.be.revertedWithCustomError(service, 'NotSeated')
    await expect(by.revealUpdate(1, cid('x'), 1, 1, ZeroHash))
      .to.be.revertedWithCustomError(service, 'UnexpectedState')
      .withArgs(STATE.Training, expected('Reveal'))
    await expect(by.attest(1, id('x').slice(0, 54)))
      .to.be.revertedWithCustomError(service, 'UnexpectedState')
      .withArgs(STATE.Training, expected('Aggregate'))
    await expect(by.submitShare(1, cid('x'), 1))
      .to.be.revertedWithCustomError(service, 'UnexpectedState')
      .withArgs(STATE.Training, expected('Decrypt'))
    await expect(by.vote(1, id('x'), cid('x')))
      .to.be.revertedWithCustomError(service, 'UnexpectedState')
      .withArgs(STATE.Training, expected('Vote'))
    await expect(by.vote(0, id('x'), cid('x')))
      .to.be.revertedWithCustomError(service, 'WrongRound')
      .withArgs(0, 1)
    await commitUpdate(world, players[0]!)
    await expect(commitUpdate(world, players[0]!))
      .to.be.revertedWithCustomError(service, 'AlreadyDone')
      .withArgs(STATE.Training, 0)
    for (const player of players.slice(1, 4)) await commitUpdate(world, player)
    await passDeadline(world)
    await expect(by.commitUpdate(1, id('x')))
      .to.be.revertedWithCustomError(service, 'UnexpectedState')
      .withArgs(STATE.Reveal, expected('Training'))
  })

  it('keeps a service of minKeepers members from summing fewer than that', async () => {
    const world = await createWorld({ players: 5, parameters: { minKeepers: 5 } })
    await reachTraining(world)
    await reachReveal(world, world.players.slice(0, 4))
    await passDeadline(world)
    expect(await stateOf(world)).to.equal('Registration')
  })
})

describe('Reveal', () => {
  it('takes only the committed values, from the member that committed them', async () => {
    const world = await training()
    const { service, players } = world
    const [a, b] = players as [any, any]
    const stolen = await service.updateCommitment(1, a.seat, cid('update 1 0'), 1000, samplesOf(0), salt('update'))
    await commitUpdate(world, a)
    await service.connect(b.operator).commitUpdate(1, stolen)
    for (const player of players.slice(2, 4)) await commitUpdate(world, player)
    await passDeadline(world)
    await revealUpdate(world, a)
    await expect(
      service.connect(b.operator).revealUpdate(1, cid('update 1 0'), 1000, samplesOf(0), salt('update')),
    ).to.be.revertedWithCustomError(service, 'CommitmentMismatch')
    await expect(revealUpdate(world, players[4]!))
      .to.be.revertedWithCustomError(service, 'NotCommitted')
      .withArgs(STATE.Reveal, 4)
    await expect(revealUpdate(world, a)).to.be.revertedWithCustomError(service, 'AlreadyDone').withArgs(STATE.Reveal, 0)
    const c = service.connect(players[2]!.operator)
    await expect(c.revealUpdate(1, '0x', 1, 1, ZeroHash))
      .to.be.revertedWithCustomError(service, 'CidLength')
      .withArgs(0, 64)
    await expect(c.revealUpdate(1, cid('x'), 0, 1, ZeroHash)).to.be.revertedWithCustomError(service, 'ZeroSize')
    await expect(c.revealUpdate(2, cid('x'), 1, 1, ZeroHash))
      .to.be.revertedWithCustomError(service, 'WrongRound')
      .withArgs(2, 1)
  })

  it('goes on at its deadline with a quorum, else times out to Training', async () => {
    const world = await training()
    await reachReveal(world)
    for (const player of world.players.slice(0, 4)) await revealUpdate(world, player)
    await passDeadline(world)
    expect(await stateOf(world)).to.equal('Aggregate')
    await passDeadline(world)
    await world.service.poke()
    await reachReveal(world)
    for (const player of world.players.slice(0, 3)) await revealUpdate(world, player)
    await passDeadline(world)
    expect(await stateOf(world)).to.equal('Training')
    expect((await numbers(world)).round).to.equal(3)
  })
})

describe('the clock', () => {
  it('goes on without transactions, and one transaction records it all', async () => {
    const world = await training()
    const { service, players, networkHelpers } = world
    await reachReveal(world, players.slice(0, 4))
    const { end } = await service.clock()
    const { parameters } = world
    await networkHelpers.time.increaseTo(end)
    expect(await service.clock()).to.deep.equal([6n, 1n, 1n, end + BigInt(parameters.revealWindow)])
    const afterReveal = end + BigInt(parameters.revealWindow)
    await networkHelpers.time.increaseTo(afterReveal)
    expect(await service.clock()).to.deep.equal([5n, 1n, 2n, afterReveal + BigInt(parameters.trainingWindow)])
    await networkHelpers.time.increaseTo(afterReveal + BigInt(parameters.trainingWindow))
    expect(await stateOf(world)).to.equal('Registration')
    const tx = await service.poke()
    const receipt = await tx.wait()
    const names = receipt!.logs
      .map((log) => service.interface.parseLog(log))
      .filter((event) => event?.name === 'Transitioned')
      .map((event) => [event!.args.from, event!.args.to, event!.args.trigger])
    expect(names).to.deep.equal([
      [5n, 6n, 2n],
      [6n, 5n, 5n],
      [5n, 0n, 6n],
    ])
  })

  it('lets a step of the state it has reached settle what came before', async () => {
    const world = await training()
    await reachReveal(world, world.players.slice(0, 4))
    await passDeadline(world)
    await expect(revealUpdate(world, world.players[0]!)).to.emit(world.service, 'Transitioned')
    expect((await world.service.roundInfo()).revealed).to.equal(seats(0))
  })
})

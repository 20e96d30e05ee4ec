// SPDX-License-Identifier: GPL-3.0-or-later
// A member that keeps posting wrong shares: the chain cannot tell, so the DAO can bar it.

import { expect } from 'chai'
import { createWorld, STAKE, seats } from './fixture.ts'
import {
  attest,
  commitKey,
  completeRound,
  draft,
  drafted,
  generateKey,
  joinAll,
  passDeadline,
  reachAggregate,
  reachDecrypt,
  reachTraining,
  stateOf,
  submitShare,
  training,
  vote,
} from './play.ts'

describe('a ban', () => {
  it('is reserved to the admin, hits a registered keeper once, and can be taken back', async () => {
    const world = await createWorld()
    const { service, players, stranger, ethers } = world
    const roles = await ethers.getContractAt('ServiceRegistration', await service.getAddress())
    const owner = players[0]!.owner
    for (const call of [() => service.connect(stranger).ban(owner), () => service.connect(stranger).unban(owner)]) {
      await expect(call()).to.be.revertedWithCustomError(roles, 'AccessControlUnauthorizedAccount')
    }
    await expect(service.ban(stranger))
      .to.be.revertedWithCustomError(service, 'UnknownKeeper')
      .withArgs(stranger.address)
    await expect(service.unban(owner)).to.be.revertedWithCustomError(service, 'KeeperNotBanned').withArgs(owner.address)
    expect(await service.isBanned(owner)).to.equal(false)
    await expect(service.ban(owner)).to.emit(service, 'Banned').withArgs(owner.address)
    expect(await service.isBanned(owner)).to.equal(true)
    await expect(service.ban(owner)).to.be.revertedWithCustomError(service, 'KeeperIsBanned').withArgs(owner.address)
    await expect(service.connect(players[0]!.operator).join(owner))
      .to.be.revertedWithCustomError(service, 'KeeperIsBanned')
      .withArgs(owner.address)
    await expect(service.unban(owner)).to.emit(service, 'Unbanned').withArgs(owner.address)
    await joinAll(world, [players[0]!])
    expect(players[0]!.seat).to.equal(0)
  })

  it('empties the seat at once in Registration, and for a keeper that waits for the next epoch', async () => {
    const world = await createWorld({ players: 5 })
    const { service, players, registry } = world
    await joinAll(world, players.slice(0, 4))
    await expect(service.ban(players[3]!.owner)).to.emit(service, 'Left').withArgs(3, players[3]!.owner.address)
    expect((await registry.keeperOf(players[3]!.owner)).bonded).to.equal(0)
    await passDeadline(world)
    await service.poke()
    await generateKey(world, players.slice(0, 3))
    await joinAll(world, [players[4]!])
    await service.ban(players[4]!.owner)
    expect(await service.seats()).to.deep.equal([seats(0, 1, 2), 0n])
    // The bit of a seat outside the epoch takes nothing from the epoch.
    await completeRound(world, players.slice(0, 3))
    expect(await stateOf(world)).to.equal('Training')
  })

  it('in key generation lets the member finish it, and never drafts it', async () => {
    const world = await createWorld({ players: 5 })
    const { service, players } = world
    await joinAll(world)
    await commitKey(world, players[0]!)
    await service.ban(players[1]!.owner)
    await expect(service.connect(players[1]!.operator).topUp(1)).to.be.revertedWithCustomError(
      service,
      'KeeperIsBanned',
    )
    await passDeadline(world)
    await service.poke()
    // Four were silent: they are dropped, the banned one with them.
    expect(await service.seats()).to.deep.equal([seats(0), 0n])
  })

  it('keeps the member from every draft that is not fixed yet, and takes its seat when the epoch ends', async () => {
    const world = await training({ players: 5, parameters: { decryptionsPerEpoch: 4 } })
    const { service, players, registry } = world
    const set = await reachDecrypt(world)
    const bad = set[0]!
    // A draft that is fixed stands.
    await expect(service.ban(bad.owner)).to.emit(service, 'LeaveRequested').withArgs(bad.seat, bad.owner.address)
    expect((await service.roundInfo()).drafted).to.equal(seats(...set.map(({ seat }) => seat)))
    for (const player of set) await submitShare(world, player)
    for (const player of players) await vote(world, player, { round: 1 })
    expect((await service.epochInfo()).undraftable).to.equal(seats(bad.seat))
    for (let i = 0; i < 3; i++) {
      await completeRound(world)
      const { args } = (await service.queryFilter(service.filters.MembersDrafted())).at(-1)!
      expect(args.drafted & seats(bad.seat)).to.equal(0)
    }
    expect((await registry.keeperOf(bad.owner)).stake).to.equal(STAKE)
    await passDeadline(world)
    await service.poke()
    expect(await stateOf(world)).to.equal('Registration')
    expect((await service.seats()).seated).to.equal(seats(0, 1, 2, 3, 4) & ~seats(bad.seat))
    await service.unban(bad.owner)
    await joinAll(world, [bad])
    expect(await service.seatOf(bad.operator)).to.equal(bad.seat)
  })

  it('between the attestations and the draft bars from the draft', async () => {
    const world = await training({ players: 6, parameters: { decryptionBps: 5000 } })
    const { service, players } = world
    await reachAggregate(world)
    // threshold 4, quorum 5
    for (const player of players) await attest(world, player)
    for (const { owner } of players.slice(0, 2)) await service.ban(owner)
    await draft(world)
    expect(await drafted(world)).to.deep.equal(players.slice(2))
  })

  it('of a keeper that asked to leave only keeps it from coming back', async () => {
    const world = await createWorld({ players: 3, parameters: { decryptionsPerEpoch: 1 } })
    const { service, players } = world
    await reachTraining(world)
    const [first] = players as [any]
    await service.connect(first.operator).leave(0)
    await expect(service.ban(first.owner)).not.to.emit(service, 'LeaveRequested')
    expect(await service.seats()).to.deep.equal([seats(0, 1, 2), seats(0)])
  })
})

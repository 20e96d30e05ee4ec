// SPDX-License-Identifier: GPL-3.0-or-later

import { expect } from 'chai'
import { id } from 'ethers'
import { consentOf } from '../registry/keepers.ts'
import {
  BOND,
  COH,
  createPlayer,
  createWorld,
  DECRYPT_PENALTY,
  KEY_PENALTY,
  operatorWallet,
  STAKE,
  seats,
} from './fixture.ts'
import {
  commitKey,
  completeRound,
  equalRewards,
  generateKey,
  joinAll,
  passDeadline,
  reachTraining,
  revealKey,
  stateOf,
} from './play.ts'

const ENGAGED = 2n ** 64n - 1n

describe('a seat', () => {
  it('is the lowest free one, taken by owner or operator, and binds the bond', async () => {
    const world = await createWorld()
    const { service, registry, players } = world
    const [first, second, third] = players as [any, any, any]
    await expect(service.connect(first.operator).join(first.owner))
      .to.emit(service, 'Joined')
      .withArgs(0, first.owner.address, first.operator.address)
    await service.connect(second.owner).join(second.owner)
    expect(await registry.bondOf(service, first.owner)).to.deep.equal([BOND, ENGAGED])
    await service.connect(first.owner).leave(0)
    await service.connect(third.operator).join(third.owner)
    expect(await service.seatOf(third.operator)).to.equal(0)
    expect(await service.seats()).to.deep.equal([seats(0, 1), 0n])
    expect(await service.seatInfo(0)).to.deep.equal([third.owner.address, third.operator.address, 0n])
  })

  it('is refused to strangers, twice to one keeper, without stake, and beyond the last', async () => {
    const world = await createWorld({ players: 4, parameters: { maxKeepers: 3 } })
    const { service, registry, players, stranger } = world
    const [first, second, third, fourth] = players as [any, any, any, any]
    await expect(service.connect(stranger).join(first.owner))
      .to.be.revertedWithCustomError(service, 'NotKeeper')
      .withArgs(stranger.address, first.owner.address)
    await expect(service.connect(stranger).join(first.operator)).to.be.revertedWithCustomError(
      registry,
      'UnknownKeeper',
    )
    await joinAll(world, [first])
    await expect(service.connect(first.operator).join(first.owner))
      .to.be.revertedWithCustomError(service, 'AlreadySeated')
      .withArgs(first.owner.address, 0)
    await registry.connect(second.owner).requestUnbonding(STAKE - BOND + 1n)
    await expect(service.connect(second.operator).join(second.owner)).to.be.revertedWithCustomError(
      registry,
      'InsufficientFreeStake',
    )
    await registry.stake(second.owner, 1n)
    await joinAll(world, [second, third])
    expect(await stateOf(world)).to.equal('KeyCommit')
    await expect(service.connect(fourth.operator).join(fourth.owner))
      .to.be.revertedWithCustomError(service, 'ServiceFull')
      .withArgs(3, 3)
  })

  it('taken during an epoch waits for the next registration', async () => {
    const world = await createWorld({ players: 4, parameters: { maxKeepers: 4 } })
    const { service, players } = world
    const [first, second, third, late] = players as [any, any, any, any]
    await reachTraining(world, [first, second, third])
    await joinAll(world, [late])
    const round = (await service.clock()).currentRound
    await expect(service.connect(late.operator).commitUpdate(round, id('x')))
      .to.be.revertedWithCustomError(service, 'NotMember')
      .withArgs(3, seats(0, 1, 2))
    await passDeadline(world)
    expect(await stateOf(world)).to.equal('Registration')
    await passDeadline(world)
    await service.poke()
    await passDeadline(world)
    await service.poke()
    expect((await service.epochInfo()).members).to.equal(seats(0, 1, 2, 3))
  })

  it('is given up at once between epochs, and while waiting', async () => {
    const world = await createWorld({ players: 4, parameters: { maxKeepers: 4 } })
    const { service, registry, players, stranger } = world
    const [first, second, third, late] = players as [any, any, any, any]
    await joinAll(world, [first])
    await expect(service.connect(stranger).leave(0))
      .to.be.revertedWithCustomError(service, 'NotKeeper')
      .withArgs(stranger.address, first.owner.address)
    await expect(service.connect(first.operator).leave(0)).to.emit(service, 'Left').withArgs(0, first.owner.address)
    expect((await registry.keeperOf(first.owner)).bonded).to.equal(0)
    await expect(service.connect(first.operator).leave(0))
      .to.be.revertedWithCustomError(service, 'EmptySeat')
      .withArgs(0)
    await expect(service.seatOf(first.operator))
      .to.be.revertedWithCustomError(service, 'NotSeated')
      .withArgs(first.operator.address)
    await reachTraining(world, [first, second, third])
    await joinAll(world, [late])
    await service.connect(late.owner).leave(late.seat)
    expect((await service.seats()).seated).to.equal(seats(0, 1, 2))
  })

  it('of a member is given up when the epoch ends; until then the member works on', async () => {
    const world = await createWorld({ players: 3, parameters: { maxKeepers: 3, decryptionsPerEpoch: 1 } })
    const { service, registry, players } = world
    const [first, second] = players as [any, any]
    await reachTraining(world)
    await expect(service.connect(first.operator).leave(first.seat))
      .to.emit(service, 'LeaveRequested')
      .withArgs(0, first.owner.address)
    await expect(service.connect(first.operator).leave(first.seat))
      .to.be.revertedWithCustomError(service, 'AlreadyLeaving')
      .withArgs(0)
    await completeRound(world)
    await passDeadline(world)
    await expect(service.poke()).to.emit(service, 'Left').withArgs(0, first.owner.address)
    expect(await stateOf(world)).to.equal('Registration')
    const earns = await equalRewards(world, 1, [0, 1, 2])
    expect(await registry.rewardsOf(first.owner)).to.equal(earns(0))
    expect(await registry.rewardsOf(second.owner)).to.equal(0)
    expect(await service.earned(second.seat)).to.equal(earns(1))
    expect((await registry.keeperOf(first.owner)).bonded).to.equal(0)
  })

  it('follows a new operator key', async () => {
    const world = await createWorld()
    const { service, registry, players, stranger, admin } = world
    const [first, second] = players as [any, any]
    await joinAll(world, [first, second])
    await expect(service.syncOperator(0))
      .to.be.revertedWithCustomError(service, 'OperatorUnchanged')
      .withArgs(0, first.operator.address)
    await registry.connect(first.owner).setOperator(stranger, await consentOf(registry, first.owner, stranger))
    await expect(service.syncOperator(0))
      .to.emit(service, 'OperatorSynced')
      .withArgs(0, first.operator.address, stranger.address)
    expect(await service.seatOf(stranger)).to.equal(0)
    await expect(service.syncOperator(9)).to.be.revertedWithCustomError(service, 'EmptySeat')

    // A key given up at the registry but still used here keeps its next holder from joining until it is synced.
    await registry.connect(first.owner).setOperator(admin, await consentOf(registry, first.owner, admin))
    const third = players[2] as any
    await registry.connect(third.owner).setOperator(stranger, await consentOf(registry, third.owner, stranger))
    await expect(service.connect(third.owner).join(third.owner))
      .to.be.revertedWithCustomError(service, 'OperatorInUse')
      .withArgs(stranger.address)
    await service.syncOperator(0)
    await service.connect(third.owner).join(third.owner)
  })

  it('follows keys that two keepers have swapped, or three passed on', async () => {
    const world = await createWorld()
    const { service, registry, players, admin } = world
    const [a, b, c] = players as [any, any, any]
    await joinAll(world, [a, b, c])
    const take = async (owner: any, key: any, wallet: any) =>
      await registry.connect(owner).setOperator(key, await consentOf(registry, owner, wallet))
    const wallets = [0, 1, 2].map(operatorWallet)
    await take(a.owner, admin, admin)
    await take(b.owner, a.operator, wallets[0])
    await take(c.owner, b.operator, wallets[1])
    await take(a.owner, c.operator, wallets[2])
    await expect(service.syncOperator(0))
      .to.emit(service, 'OperatorSynced')
      .withArgs(2, c.operator.address, c.owner.address)
    // Until it is synced too, the owner acts for the seat, and nobody else.
    expect(await service.seatOf(c.owner)).to.equal(2)
    expect(await service.seatOf(c.operator)).to.equal(0)
    await service.syncOperator(2)
    await service.syncOperator(1)
    expect(await service.seatOf(a.operator)).to.equal(1)
    expect(await service.seatOf(b.operator)).to.equal(2)
    await expect(service.seatOf(c.owner)).to.be.revertedWithCustomError(service, 'NotSeated')
    for (const seat of [0, 1, 2]) {
      await expect(service.syncOperator(seat)).to.be.revertedWithCustomError(service, 'OperatorUnchanged')
    }
  })

  it('is topped up by its keeper, and lost by anyone’s call when the bond covers no penalty', async () => {
    const world = await createWorld({
      players: 4,
      parameters: { maxKeepers: 4, bond: DECRYPT_PENALTY, fraudPenalty: 0n },
    })
    const { service, registry, players, stranger } = world
    const [first, second, third, fourth] = players as [any, any, any, any]
    await joinAll(world, [first, second, third])
    await expect(service.expel(0))
      .to.be.revertedWithCustomError(service, 'NotExpellable')
      .withArgs(0, first.owner.address)
    await service.setParameters({ ...world.parameters, bond: 20n * COH, decryptPenalty: 20n * COH })
    await expect(service.connect(stranger).topUp(0)).to.be.revertedWithCustomError(service, 'NotKeeper')
    await service.connect(first.operator).topUp(0)
    await expect(service.connect(stranger).expel(0)).to.be.revertedWithCustomError(service, 'NotExpellable')
    // The penalty has just been raised: there is time until registration closes.
    await expect(service.connect(stranger).expel(1))
      .to.emit(service, 'LeaveRequested')
      .withArgs(1, second.owner.address)
    await expect(service.connect(stranger).expel(1))
      .to.be.revertedWithCustomError(service, 'AlreadyLeaving')
      .withArgs(1)
    await service.expel(2)
    await expect(service.connect(second.operator).topUp(1))
      .to.emit(service, 'Staying')
      .withArgs(1, second.owner.address)
    expect((await registry.bondOf(service, second.owner))[0]).to.equal(20n * COH)
    await joinAll(world, [fourth])
    expect(await service.seats()).to.deep.equal([seats(0, 1, 2, 3), seats(2)])
    // All seats are taken, but one is to go: registration waits for its deadline.
    expect(await stateOf(world)).to.equal('Registration')
    await passDeadline(world)
    await expect(service.poke()).to.emit(service, 'Left').withArgs(2, third.owner.address)
    expect((await service.epochInfo()).members).to.equal(seats(0, 1, 3))
  })

  it('short of its bond in an epoch goes at its end, unless it is topped up before', async () => {
    const world = await createWorld({
      players: 4,
      parameters: { maxKeepers: 4, bond: DECRYPT_PENALTY, keyPenalty: DECRYPT_PENALTY, fraudPenalty: 0n },
    })
    const { service, registry, players, stranger } = world
    const [first, second, third, fourth] = players as [any, any, any, any]
    await joinAll(world)
    for (const player of [first, second, third]) await commitKey(world, player)
    await passDeadline(world)
    // The last has lost its bond and its seat; it comes back for the next epoch.
    await service.poke()
    await generateKey(world, [first, second, third])
    await joinAll(world, [fourth])
    await registry.suspendService(service)
    for (const player of [second, third]) await registry.connect(player.owner).disengageSuspended(service)
    await registry.resumeService(service)
    for (const seat of [1, 2]) await service.connect(stranger).expel(seat)
    expect((await service.seats()).leaving).to.equal(seats(1, 2))
    await service.connect(second.operator).topUp(1)
    expect((await service.seats()).leaving).to.equal(seats(2))
    await passDeadline(world)
    await service.poke()
    expect((await service.seats()).seated).to.equal(seats(0, 1, 3))
  })

  it('of a keeper that left a suspended service by itself can be cleared when the service runs again', async () => {
    const world = await createWorld()
    const { service, registry, players } = world
    const [first] = players as [any]
    await joinAll(world, [first])
    await registry.suspendService(service)
    await registry.connect(first.owner).disengageSuspended(service)
    await registry.resumeService(service)
    await service.expel(0)
    await passDeadline(world)
    await expect(service.poke()).to.emit(service, 'Left')
  })

  it('of a silent keeper is dropped with a penalty; a waiting keeper stays out of the repeated key', async () => {
    const world = await createWorld({ players: 5, parameters: { maxKeepers: 5 } })
    const { service, registry, players } = world
    const [a, b, c, d, late] = players as [any, any, any, any, any]
    await joinAll(world, [a, b, c, d])
    await passDeadline(world)
    await service.poke()
    await joinAll(world, [late])
    for (const player of [a, b, c]) await commitKey(world, player)
    await service.connect(a.operator).leave(a.seat)
    await passDeadline(world)
    // d is silent, a leaves: two remain, one too few
    expect(await stateOf(world)).to.equal('Registration')
    await expect(service.poke()).to.emit(service, 'Dropped').withArgs(1, 3, d.owner.address, true)
    expect((await registry.keeperOf(d.owner)).stake).to.equal(STAKE - KEY_PENALTY)
    expect((await registry.keeperOf(a.owner)).stake).to.equal(STAKE)
    expect(await stateOf(world)).to.equal('Registration')
    await passDeadline(world)
    await service.poke()
    expect((await service.epochInfo()).members).to.equal(seats(1, 2, 4))
    await expect(revealKey(world, b)).to.be.revertedWithCustomError(service, 'UnexpectedState')
  })

  it('can go to a keeper that registered later', async () => {
    const world = await createWorld({ players: 3, parameters: { maxKeepers: 4 } })
    const late = await createPlayer(world, 77)
    await joinAll(world, [late])
    expect(late.seat).to.equal(0)
  })
})

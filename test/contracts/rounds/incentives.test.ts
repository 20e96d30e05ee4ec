// SPDX-License-Identifier: GPL-3.0-or-later

import { expect } from 'chai'
import { createWorld, JAIL, POOL, REWARD, STAKE, seats } from './fixture.ts'
import {
  attest,
  commitUpdate,
  completeRound,
  draft,
  drafted,
  equalRewards,
  generateKey,
  passDeadline,
  reachReveal,
  reachTraining,
  reachVote,
  revealUpdate,
  samplesOf,
  stateOf,
  submitShare,
  training,
  vote,
} from './play.ts'

describe('rewards', () => {
  it('go to the members that did every step, and are collected by the owner', async () => {
    const world = await training()
    const { service, registry, players, token } = world
    // 4 does not vote: it misses a step
    await reachVote(world)
    for (const player of players.slice(0, 4)) await vote(world, player)
    await reachReveal(world)
    const earns = await equalRewards(world, 1, [0, 1, 2, 3])
    for (const { seat } of players) expect(await service.earned(seat)).to.equal(earns(seat))
    expect(await service.earned(4)).to.equal(0)
    const mine = earns(0)
    await expect(service.collect(0)).to.emit(service, 'RewardCollected').withArgs(0, players[0]!.owner.address, mine)
    await expect(service.collect(0)).to.be.revertedWithCustomError(service, 'NothingToCollect').withArgs(0)
    await expect(service.collect(9)).to.be.revertedWithCustomError(service, 'EmptySeat').withArgs(9)
    const before = await token.balanceOf(players[0]!.owner)
    await registry.connect(players[0]!.owner).claimRewards(players[0]!.owner)
    expect(await token.balanceOf(players[0]!.owner)).to.equal(before + mine)
  })

  it('add up over rounds without being collected, and skip those a member missed', async () => {
    const world = await training()
    const { service, players, registry } = world
    const wanted = [0n, 0n, 0n, 0n, 0n]
    const add = async (round: number): Promise<void> => {
      const earns = await equalRewards(world, round, [0, 1, 2, 3, 4])
      for (const { seat } of players) wanted[seat] = wanted[seat]! + earns(seat)
    }
    for (let i = 0; i < 3; i++) await add(await completeRound(world))
    const round = await completeRound(world)
    expect(round).to.equal(4)
    // Round 4 is not final yet.
    for (const { seat } of players) expect(await service.earned(seat)).to.equal(wanted[seat])
    await reachReveal(world, players.slice(0, 4))
    await passDeadline(world)
    await service.poke()
    await add(4)
    for (const { seat } of players) expect(await service.earned(seat)).to.equal(wanted[seat])
    await service.collect(4)
    expect(await registry.rewardsOf(players[4]!.owner)).to.equal(wanted[4])
    const total = wanted.reduce((sum, one) => sum + one, 0n)
    expect(await registry.poolOf(service)).to.deep.equal([POOL - total, total - wanted[4]!])
  })

  it('by samples are proportional to the declared number, up to the cap', async () => {
    const world = await createWorld({ players: 3 })
    const { service, bySamples } = world
    await service.setParameters({ ...world.parameters, strategy: await bySamples.getAddress() })
    await reachTraining(world)
    await completeRound(world)
    const [opened] = await service.queryFilter(service.filters.MembersDrafted(1))
    const sharesOf = (seat: number): bigint =>
      BigInt(samplesOf(seat)) * ((opened!.args.drafted >> BigInt(seat)) & 1n ? 3n : 2n)
    await reachReveal(world)
    const perShare = REWARD / (sharesOf(0) + sharesOf(1) + sharesOf(2))
    for (const { seat } of world.players) expect(await service.earned(seat)).to.equal(sharesOf(seat) * perShare)
    expect(await bySamples.sharesOf(10_000)).to.equal(10_000)
    expect(await bySamples.sharesOf(10_001)).to.equal(10_000)
    expect(await bySamples.CAP()).to.equal(10_000)
    await expect(world.ethers.deployContract('SampleRewards', [0])).to.be.revertedWithCustomError(bySamples, 'ZeroCap')
  })

  it('are the rest of the pool when it runs dry, and then nothing', async () => {
    const world = await training({ players: 3 })
    const { service, registry } = world
    // Eight shares: two of three members are drafted.
    await registry.withdrawPool(service, POOL - 9n)
    await completeRound(world)
    await completeRound(world)
    await reachReveal(world)
    expect(await registry.poolOf(service)).to.deep.equal([1n, 8n])
    const [opened] = await service.queryFilter(service.filters.MembersDrafted(1))
    for (const { seat } of world.players) {
      expect(await service.earned(seat)).to.equal((opened!.args.drafted >> BigInt(seat)) & 1n ? 3n : 2n)
    }
  })

  it('are zero for a member that neither trained nor revealed, though its vote counts', async () => {
    const world = await training()
    const { service, players } = world
    const active = players.slice(0, 4)
    await reachReveal(world, active)
    await passDeadline(world)
    for (const player of active) await revealUpdate(world, player)
    for (const player of players) await attest(world, player)
    await draft(world)
    for (const player of await drafted(world)) await submitShare(world, player)
    for (const player of [players[4]!, ...active.slice(0, 3)]) await vote(world, player)
    expect(await stateOf(world)).to.equal('Training')
    await reachReveal(world)
    expect(await service.earned(4)).to.equal(0)
    expect(await service.earned(0)).to.equal((await equalRewards(world, 1, [0, 1, 2]))(0))
  })
})

describe('strikes', () => {
  it('jail a member that reveals nothing for too many rounds in a row', async () => {
    const world = await training({ players: 5, parameters: { maxStrikes: 2, decryptionsPerEpoch: 3 } })
    const { service, registry, players, networkHelpers } = world
    const active = players.slice(0, 4)
    const idle = players[4]!
    const round = async () => {
      await reachReveal(world, active)
      await passDeadline(world)
      for (const player of active) await revealUpdate(world, player)
    }
    await round()
    expect((await service.seatInfo(4)).strikes).to.equal(1)
    for (const player of active) await attest(world, player)
    await draft(world)
    for (const player of await drafted(world)) await submitShare(world, player)
    for (const player of active) await vote(world, player)
    // It is back, and waited for. One round with all members forgives.
    await vote(world, idle, { round: 1 })
    await completeRound(world)
    expect((await service.seatInfo(4)).strikes).to.equal(0)
    await round()
    await passDeadline(world)
    await service.poke()
    await reachReveal(world, active)
    await passDeadline(world)
    for (const player of active.slice(0, 3)) await revealUpdate(world, player)
    await expect(revealUpdate(world, active[3]!)).to.emit(service, 'StruckOut').withArgs(4, idle.owner.address)
    expect(await registry.isJailed(idle.owner)).to.equal(true)
    expect((await service.seats()).leaving).to.equal(seats(4))
    expect((await registry.keeperOf(idle.owner)).stake).to.equal(STAKE)
    for (const player of active) await attest(world, player)
    await draft(world)
    for (const player of await drafted(world)) await submitShare(world, player)
    for (const player of active) await vote(world, player)
    await passDeadline(world)
    await service.poke()
    expect((await service.seats()).seated).to.equal(seats(0, 1, 2, 3))
    await expect(service.connect(idle.operator).join(idle.owner)).to.be.revertedWithCustomError(
      registry,
      'KeeperJailed',
    )
    await networkHelpers.time.increase(JAIL)
    await registry.connect(idle.owner).unjail()
    await service.connect(idle.operator).join(idle.owner)
  })

  for (const maxStrikes of [2, 3]) {
    it(`take effect at the ${maxStrikes}. idle round when that is the limit`, async () => {
      const world = await training({ players: 4, parameters: { maxStrikes, maxKeepers: 4 } })
      const { service, registry, players } = world
      const active = players.slice(0, 3)
      for (let i = 1; i <= maxStrikes; i++) {
        expect(await registry.isJailed(players[3]!.owner)).to.equal(false)
        await reachReveal(world, active)
        await passDeadline(world)
        for (const player of active) await revealUpdate(world, player)
        await passDeadline(world)
        await service.poke()
      }
      expect(await registry.isJailed(players[3]!.owner)).to.equal(true)
    })
  }

  it('count at a training that times out, too', async () => {
    const world = await training({ players: 4, parameters: { maxStrikes: 2, maxKeepers: 4 } })
    const { service, registry, players } = world
    const timeOut = async () => {
      await commitUpdate(world, players[0]!)
      await passDeadline(world)
      await service.poke()
    }
    await timeOut()
    for (const player of players) expect(await registry.isJailed(player.owner)).to.equal(false)
    expect((await service.seatInfo(1)).strikes).to.equal(1)
    // They sit in the next epoch, too.
    await passDeadline(world)
    await service.poke()
    await generateKey(world)
    await timeOut()
    expect(await registry.isJailed(players[0]!.owner)).to.equal(false)
    for (const player of players.slice(1)) expect(await registry.isJailed(player.owner)).to.equal(true)
    expect((await service.seats()).seated).to.equal(seats(0))
  })

  it('saturate when the limit is lowered', async () => {
    const world = await training({ players: 4, parameters: { maxStrikes: 3 } })
    const { service, players, registry } = world
    const active = players.slice(0, 3)
    const idleRound = async () => {
      await reachReveal(world, active)
      await passDeadline(world)
      for (const player of active) await revealUpdate(world, player)
      await passDeadline(world)
      await service.poke()
    }
    await idleRound()
    await idleRound()
    expect((await service.seatInfo(3)).strikes).to.equal(2)
    await idleRound()
    expect(await registry.isJailed(players[3]!.owner)).to.equal(true)
    expect((await service.seatInfo(3)).strikes).to.equal(0)
  })
})

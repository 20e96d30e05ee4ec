// SPDX-License-Identifier: GPL-3.0-or-later
// Disputes about updates: Check, and the convictions by a quorum.

import { expect } from 'chai'
import { id } from 'ethers'
import { createWorld, expected, FRAUD_PENALTY, type Player, STAKE, seats, type World } from './fixture.ts'
import {
  attest,
  commitUpdate,
  completeRound,
  draft,
  drafted,
  generateKey,
  passAttestations,
  passDeadline,
  reachAggregate,
  reachReveal,
  reachTraining,
  revealUpdate,
  stateOf,
  submitShare,
  training,
  vote,
} from './play.ts'

const STATE = { Training: 5, Aggregate: 7, Check: 8 }

const scalarsOf = (updates: number, repeats = 2): string => `0x${'5a'.repeat(16 * repeats * updates)}`

async function dispute(world: World, player: Player, accused: number) {
  const { currentRound } = await world.service.clock()
  return await world.service.connect(player.operator).dispute(currentRound, accused)
}

async function check(world: World, players: readonly Player[] = world.players): Promise<void> {
  const { currentRound } = await world.service.clock()
  const { revealed } = await world.service.roundInfo()
  const updates = revealed.toString(2).replaceAll('0', '').length
  for (const { operator } of players)
    await world.service.connect(operator).submitCheck(currentRound, scalarsOf(updates))
}

/** A disputed round with the verdict that `liar` has lied; everybody else does every step. */
async function convictIn(world: World, liar: Player, by: Player): Promise<void> {
  await dispute(world, by, liar === by ? world.players.find((one) => one !== by)!.seat : liar.seat)
  await check(world)
  for (const player of world.players) await attest(world, player, { convicted: seats(liar.seat) })
  await draft(world, { convicted: seats(liar.seat) })
}

async function stakeOf(world: World, player: Player): Promise<bigint> {
  return (await world.registry.keeperOf(player.owner)).stake
}

describe('a dispute', () => {
  it('leads to Check and back, voids all attestations, and happens once a round', async () => {
    const world = await training({ players: 7 })
    const { service, players } = world
    await reachAggregate(world)
    for (const player of players) await attest(world, player)
    await expect(dispute(world, players[0]!, 3))
      .to.emit(service, 'UpdateDisputed')
      .withArgs(1, 0, 3)
    expect(await stateOf(world)).to.equal('Check')
    await expect(draft(world))
      .to.be.revertedWithCustomError(service, 'UnexpectedState')
      .withArgs(STATE.Check, expected('Aggregate'))
    let info = await service.roundInfo()
    expect([info.disputed, info.attesters, info.checked]).to.deep.equal([true, 0n, 0n])
    await check(world, players.slice(0, 6))
    expect((await service.roundInfo()).checked).to.equal(seats(0, 1, 2, 3, 4, 5))
    expect(await stateOf(world)).to.equal('Check')
    await check(world, players.slice(6))
    expect(await stateOf(world)).to.equal('Aggregate')
    info = await service.roundInfo()
    expect([info.disputed, info.attesters]).to.deep.equal([true, 0n])
    // A window of its own.
    const { end } = await service.clock()
    expect(Number(end) - (await world.networkHelpers.time.latest())).to.equal(world.parameters.aggregateWindow)
    await expect(dispute(world, players[1]!, 3))
      .to.be.revertedWithCustomError(service, 'AlreadyDisputed')
      .withArgs(1)
    await passAttestations(world)
    await expect(draft(world)).to.be.revertedWithCustomError(service, 'SealsNotMatched').withArgs(0, 5)
  })

  it('convicts the sender of a false update and leaves it out; everybody else is paid', async () => {
    const world = await training({ players: 7 })
    const { service, registry, players } = world
    await reachAggregate(world)
    const liar = players[3]!
    await convictIn(world, liar, players[0]!)
    const info = await service.roundInfo()
    expect(info.included).to.equal(seats(0, 1, 2, 4, 5, 6))
    expect(info.drafted & seats(3)).to.equal(0)
    expect(info.leftOut).to.equal(seats(3))
    expect((await service.epochInfo()).undraftable).to.equal(seats(3))
    expect(await stakeOf(world, liar)).to.equal(STAKE - FRAUD_PENALTY)
    expect(await registry.slashCount()).to.equal(1)
    const [slashed] = await registry.queryFilter(registry.filters.Slashed())
    expect(slashed!.args.owner).to.equal(liar.owner.address)
    for (const player of await drafted(world)) await submitShare(world, player)
    for (const player of players) await vote(world, player, { round: 1 })
    const others = players.filter((player) => player !== liar)
    await reachReveal(world, others)
    for (const { seat } of others) expect(await service.earned(seat)).to.be.greaterThan(0)
    expect(await service.earned(3)).to.equal(0)
  })

  it('convicts a false accuser: its own update goes, the accused’s stays', async () => {
    const world = await training({ players: 7 })
    const { service, players } = world
    await reachAggregate(world)
    await convictIn(world, players[0]!, players[0]!)
    expect((await service.roundInfo()).included).to.equal(seats(1, 2, 3, 4, 5, 6))
    expect(await stakeOf(world, players[0]!)).to.equal(STAKE - FRAUD_PENALTY)
    expect(await stakeOf(world, players[1]!)).to.equal(STAKE)
  })

  it('bars the convicted from updates, disputes and drafts for the rest of the epoch; a new epoch forgets', async () => {
    const world = await training({ players: 7, parameters: { decryptionsPerEpoch: 2 } })
    const { service, players } = world
    const liar = players[3]!
    const others = players.filter((player) => player !== liar)
    await reachAggregate(world)
    await convictIn(world, liar, players[0]!)
    for (const player of await drafted(world)) await submitShare(world, player)
    for (const player of players) await vote(world, player, { round: 1 })
    await expect(commitUpdate(world, liar)).to.be.revertedWithCustomError(service, 'LeftOut').withArgs(3, seats(3))
    // Training and reveals end without it, before their deadlines.
    await reachAggregate(world, others)
    expect(await stateOf(world)).to.equal('Aggregate')
    await expect(dispute(world, liar, 0))
      .to.be.revertedWithCustomError(service, 'LeftOut')
      .withArgs(3, seats(3))
    // It may still attest and vote.
    for (const player of players) await attest(world, player)
    await draft(world)
    expect((await service.roundInfo()).attesters).to.equal(seats(...Array(7).keys()))
    for (const player of await drafted(world)) await submitShare(world, player)
    for (const player of players) await vote(world, player, { round: 2 })
    expect((await service.seatInfo(3)).strikes).to.equal(0)
    for (let i = 0; i < 2; i++) {
      await passDeadline(world)
      await service.poke()
    }
    await generateKey(world)
    expect((await service.roundInfo()).leftOut).to.equal(0)
    await completeRound(world)
  })

  it('needs a quorum of the members to convict: a minority convicts nobody', async () => {
    const world = await training({ players: 7 })
    const { service, players } = world
    await reachAggregate(world)
    await dispute(world, players[6]!, 0)
    await check(world)
    // Two liars of seven seal a conviction of 0; five do not.
    for (const player of players.slice(5)) await attest(world, player, { convicted: seats(0) })
    for (const player of players.slice(0, 5)) await attest(world, player, { convicted: seats(6) })
    await expect(draft(world, { convicted: seats(0) }))
      .to.be.revertedWithCustomError(service, 'SealsNotMatched')
      .withArgs(2, 5)
    await draft(world, { convicted: seats(6) })
    expect(await stakeOf(world, players[0]!)).to.equal(STAKE)
    expect(await stakeOf(world, players[6]!)).to.equal(STAKE - FRAUD_PENALTY)
    expect(await world.registry.slashCount()).to.equal(1)
  })

  it('cannot convict strangers, and sums nothing of the convicted', async () => {
    const world = await training({ players: 7 })
    const { service, players, stranger } = world
    await reachAggregate(world)
    await dispute(world, players[6]!, 0)
    await check(world)
    const all = seats(0, 1, 2, 3, 4, 5, 6)
    const by = service.connect(stranger)
    await expect(by.draft(1, id('x'), all, 1n << 200n))
      .to.be.revertedWithCustomError(service, 'ConvictionInvalid')
      .withArgs(1n << 200n, all)
    await expect(by.draft(1, id('x'), all, seats(6)))
      .to.be.revertedWithCustomError(service, 'IncludedNotRevealed')
      .withArgs(all, all & ~seats(6))
  })

  it('ends at its deadline without the silent, who get a strike that revealing the next time does not clear', async () => {
    const world = await training({ players: 7, parameters: { maxStrikes: 2 } })
    const { service, registry, players } = world
    const silent = players[6]!
    const round = async (number: number) => {
      await reachAggregate(world)
      await dispute(world, players[0]!, 1)
      await check(world, players.slice(0, 6))
      await passDeadline(world)
      expect(await stateOf(world)).to.equal('Aggregate')
      await service.poke()
      if (number === 1) expect((await service.seatInfo(6)).strikes).to.equal(1)
      for (const player of players) await attest(world, player)
      await draft(world)
      for (const player of await drafted(world)) await submitShare(world, player)
      for (const player of players) await vote(world, player, { round: number })
    }
    await round(1)
    await round(2)
    expect(await registry.isJailed(silent.owner)).to.equal(true)
    expect((await service.seats()).leaving).to.equal(seats(6))
    for (const player of players.slice(0, 6)) expect(await registry.isJailed(player.owner)).to.equal(false)
  })

  it('forgives a strike of a Check when the member reveals twice', async () => {
    const world = await training({ players: 5 })
    const { service, players } = world
    await reachAggregate(world)
    await dispute(world, players[0]!, 1)
    await check(world, players.slice(0, 4))
    await passDeadline(world)
    for (const player of players) await attest(world, player)
    await draft(world)
    for (const player of await drafted(world)) await submitShare(world, player)
    for (const player of players) await vote(world, player, { round: 1 })
    await completeRound(world)
    expect((await service.seatInfo(4)).strikes).to.equal(1)
    await completeRound(world)
    expect((await service.seatInfo(4)).strikes).to.equal(0)
  })

  it('refuses senseless calls, which change nothing', async () => {
    const world = await training({ players: 7 })
    const { service, players, stranger } = world
    const by = service.connect(players[0]!.operator)
    await expect(by.dispute(1, 1))
      .to.be.revertedWithCustomError(service, 'UnexpectedState')
      .withArgs(STATE.Training, expected('Aggregate'))
    await reachReveal(world)
    for (const player of players.slice(0, 6)) await revealUpdate(world, player)
    await passDeadline(world)
    for (const accused of [0, 6, 255]) {
      await expect(by.dispute(1, accused)).to.be.revertedWithCustomError(service, 'DisputeInvalid').withArgs(0, accused)
    }
    await expect(by.dispute(2, 1)).to.be.revertedWithCustomError(service, 'WrongRound').withArgs(2, 1)
    await expect(service.connect(stranger).dispute(1, 1)).to.be.revertedWithCustomError(service, 'NotSeated')
    await expect(by.submitCheck(1, scalarsOf(6)))
      .to.be.revertedWithCustomError(service, 'UnexpectedState')
      .withArgs(STATE.Aggregate, expected('Check'))
    expect((await service.roundInfo()).disputed).to.equal(false)
    await by.dispute(1, 1)
    for (const length of [0, 1, 95, 97, 16 * 7, 96 * 5]) {
      await expect(by.submitCheck(1, `0x${'01'.repeat(length)}`))
        .to.be.revertedWithCustomError(service, 'CheckLength')
        .withArgs(length, 384)
    }
    await expect(by.submitCheck(2, scalarsOf(6))).to.be.revertedWithCustomError(service, 'WrongRound')
    await expect(service.connect(stranger).submitCheck(1, scalarsOf(6))).to.be.revertedWithCustomError(
      service,
      'NotSeated',
    )
    expect((await service.roundInfo()).checked).to.equal(0)
    for (const repeats of [1, 2, 3, 4]) {
      const player = players[repeats]!
      await expect(service.connect(player.operator).submitCheck(1, scalarsOf(6, repeats)))
        .to.emit(service, 'CheckSubmitted')
        .withArgs(1, repeats, scalarsOf(6, repeats))
    }
    await by.submitCheck(1, scalarsOf(6))
    await expect(by.submitCheck(1, scalarsOf(6)))
      .to.be.revertedWithCustomError(service, 'AlreadyDone')
      .withArgs(STATE.Check, 0)
    // One that revealed nothing has a share of every update all the same.
    await service.connect(players[6]!.operator).submitCheck(1, scalarsOf(6))
  })

  it('takes from a convicted member no more than its bond', async () => {
    const world = await createWorld({
      players: 5,
      parameters: { bond: 20n * 10n ** 18n, fraudPenalty: 20n * 10n ** 18n },
    })
    await reachTraining(world)
    await reachAggregate(world)
    await convictIn(world, world.players[2]!, world.players[0]!)
    expect(await stakeOf(world, world.players[2]!)).to.equal(STAKE - 20n * 10n ** 18n)
    // Nothing is left to take: anyone may have it expelled.
    await expect(world.service.expel(2)).to.emit(world.service, 'LeaveRequested')
  })
})

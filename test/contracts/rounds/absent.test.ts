// SPDX-License-Identifier: GPL-3.0-or-later
// Members that are away: how long the others wait for them, and what it costs them.

import { expect } from 'chai'
import { seats, WINDOW, type World } from './fixture.ts'
import {
  attest,
  commitUpdate,
  completeRound,
  draft,
  drafted,
  numbers,
  passDeadline,
  revealUpdate,
  stateOf,
  submitShare,
  training,
  vote,
} from './play.ts'
import { type Change, changeClock, changeStep } from './without.ts'

const SIZE = 7
const AWAY = SIZE - 1

const others = (world: World) => world.players.slice(0, AWAY)
const strikesOf = async ({ service }: World, seat = AWAY) => Number((await service.seatInfo(seat)).strikes)

/** All but the last commit. @returns whether Training was over with the last of them */
async function commitOthers(world: World): Promise<boolean> {
  for (const player of others(world)) await commitUpdate(world, player)
  return (await stateOf(world)) === 'Reveal'
}

/** What follows Training, by all but the last. */
async function finishOthers(world: World): Promise<void> {
  const { round } = await numbers(world)
  if ((await stateOf(world)) === 'Training') await passDeadline(world)
  for (const player of others(world)) await revealUpdate(world, player)
  for (const player of others(world)) await attest(world, player)
  await draft(world)
  for (const player of await drafted(world)) await submitShare(world, player)
  for (const player of others(world)) await vote(world, player, { round })
}

/** A service in which the last member has been away for a round. */
async function afterOneRound(maxStrikes = 3): Promise<World> {
  const world = await training({ players: SIZE, parameters: { maxStrikes } })
  expect(await commitOthers(world)).to.equal(false)
  await finishOthers(world)
  expect(await strikesOf(world)).to.equal(1)
  return world
}

/** Fast rounds for two windows of Training; in every second one another member does not reveal. @returns whether the last has no more strikes */
async function outlives(world: World): Promise<boolean> {
  const before = await strikesOf(world)
  const from = await world.networkHelpers.time.latest()
  for (let round = 0; (await world.networkHelpers.time.latest()) < from + 2 * WINDOW.training; round++) {
    await world.networkHelpers.time.increase(0.2 * WINDOW.training)
    expect(await commitOthers(world)).to.equal(true)
    const flaky = round % 2 === 0 ? AWAY - 1 : SIZE
    const there = others(world).filter(({ seat }) => seat !== flaky)
    const { round: number } = await numbers(world)
    for (const player of there) await revealUpdate(world, player)
    if (there.length < AWAY) await passDeadline(world)
    for (const player of others(world)) await attest(world, player)
    await draft(world)
    for (const player of await drafted(world)) await submitShare(world, player)
    for (const player of others(world)) await vote(world, player, { round: number })
    if ((await world.service.seats()).leaving !== 0n) return false
    // Its late vote has the others wait for the other member, not for the last.
  }
  return (await strikesOf(world)) <= before
}

describe('a member that is away', () => {
  it('is waited for in one round, and not in those that follow', async () => {
    const world = await afterOneRound()
    for (let i = 0; i < 2; i++) {
      expect(await commitOthers(world)).to.equal(true)
      await finishOthers(world)
    }
    expect(await world.service.versionCount()).to.equal(3)
  })

  it('is waited for again once it has voted, be it late', async () => {
    const world = await afterOneRound()
    const back = world.players[AWAY]!
    await vote(world, back, { round: 1 })
    expect(await commitOthers(world)).to.equal(false)
    await commitUpdate(world, back)
    expect(await stateOf(world)).to.equal('Reveal')
  })

  it('may commit before the others, and is one of them from then on', async () => {
    const world = await afterOneRound()
    await commitUpdate(world, world.players[AWAY]!)
    expect(await commitOthers(world)).to.equal(true)
    for (const player of world.players) await revealUpdate(world, player)
    for (const player of world.players) await attest(world, player)
    await draft(world)
    expect(await strikesOf(world)).to.equal(0)
    for (const player of await drafted(world)) await submitShare(world, player)
    for (const player of world.players) await vote(world, player, { round: 2 })
    expect(await commitOthers(world)).to.equal(false)
  })

  it('is waited for when a round has come to nothing without it', async () => {
    const world = await afterOneRound()
    expect(await commitOthers(world)).to.equal(true)
    await passDeadline(world)
    await world.service.poke()
    expect(await stateOf(world)).to.equal('Training')
    expect(await commitOthers(world)).to.equal(false)
  })

  it('is waited for when those that are there are fewer than a round needs', async () => {
    const world = await afterOneRound()
    for (const player of world.players.slice(0, 4)) await commitUpdate(world, player)
    expect(await stateOf(world)).to.equal('Training')
    await passDeadline(world)
    expect(await stateOf(world)).to.equal('Registration')
  })

  it('gets no more strikes for the speed of the others: one for each window of Training', async () => {
    const world = await afterOneRound()
    for (const strikes of [1, 2]) {
      await world.networkHelpers.time.increase(0.6 * WINDOW.training)
      await commitOthers(world)
      await finishOthers(world)
      expect(await strikesOf(world)).to.equal(strikes)
    }
  })

  it('gets its strikes whoever else gets some: another member cannot shield it by committing and not revealing', async () => {
    const world = await afterOneRound()
    expect(await outlives(world)).to.equal(false)
  })

  it('gets the strike at once when it commits and does not reveal', async () => {
    const world = await afterOneRound()
    await commitOthers(world)
    await finishOthers(world)
    await commitUpdate(world, world.players[AWAY]!)
    await commitOthers(world)
    await passDeadline(world)
    for (const player of others(world).slice(0, 5)) await revealUpdate(world, player).catch(() => undefined)
    await world.service.poke().catch(() => undefined)
    expect(await strikesOf(world)).to.equal(2)
  })

  it('does not make a round longer that all others have finished, whoever else was away before', async () => {
    const world = await training({ players: SIZE })
    await completeRound(world)
    expect(await commitOthers(world)).to.equal(false)
    await finishOthers(world)
    expect(await commitOthers(world)).to.equal(true)
  })
})

describe('strikes of one round for several reasons', () => {
  const silent = 5
  /** A round that comes to no draft: the last reveals nothing, and another says nothing in the Check. */
  const twoReasons = async (change?: Change) => {
    const world = await training({ players: SIZE, parameters: { maxStrikes: 3 } })
    if (change !== undefined) await changeClock(world, change)
    await commitOthers(world)
    await passDeadline(world)
    for (const player of others(world)) await revealUpdate(world, player)
    await world.service.connect(world.players[0]!.operator).dispute(1, 1)
    for (const { operator, seat } of world.players) {
      if (seat !== silent) await world.service.connect(operator).submitCheck(1, `0x${'00'.repeat(16 * 6)}`)
    }
    await passDeadline(world)
    await passDeadline(world)
    await world.service.poke()
    expect([await strikesOf(world), await strikesOf(world, silent)]).to.deep.equal([1, 1])
    await completeRound(world)
    return [await strikesOf(world), await strikesOf(world, silent)]
  }

  it('are all kept through the next draft', async () => {
    expect(await twoReasons()).to.deep.equal([1, 1])
  })

  it('are forgiven at once but for the last reason, if one set takes the place of the other', async () => {
    const from = 'h.has(UNFORGIVEN) ? standing.unforgiven | set : set;'
    expect(await twoReasons({ file: 'Standing.sol', from, to: 'set;' })).to.deep.equal([1, 0])
  })
})

describe('without the rules about members that are away', function () {
  this.timeout(120_000)

  it('the others put a member out that is back and slower than they are', async () => {
    const world = await afterOneRound()
    await changeStep(world, 'commitUpdate', {
      file: 'Rounds.sol',
      from: '.without(_round.votes.entries[h.elected].supporters)',
      to: '',
    })
    await vote(world, world.players[AWAY]!, { round: 1 })
    expect(await commitOthers(world)).to.equal(true)
    await expect(commitUpdate(world, world.players[AWAY]!)).to.be.revertedWithCustomError(
      world.service,
      'UnexpectedState',
    )
  })

  it('fast rounds strike a member out in a fraction of the time', async () => {
    const world = await afterOneRound(2)
    await changeClock(world, { file: 'Incentives.sol', from: 'if (hurried) idle', to: 'if (false) idle' })
    await commitOthers(world)
    for (const player of others(world)) await revealUpdate(world, player)
    expect((await world.service.seats()).leaving).to.equal(seats(AWAY))
  })
})

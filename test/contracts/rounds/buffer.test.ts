// SPDX-License-Identifier: GPL-3.0-or-later
// Services whose rounds wait for no slower members: when Training ends, which updates come late and still count, and what that costs whom.

import { expect } from 'chai'
import { encodeBytes32String } from 'ethers'
import { cid, type Player, type ServiceParameters, salt, seats, WINDOW, type World } from './fixture.ts'
import {
  attest,
  commitUpdate,
  completeRound,
  draft,
  drafted,
  generateKey,
  joinAll,
  numbers,
  passDeadline,
  reachVote,
  revealUpdate,
  samplesOf,
  stateOf,
  submitShare,
  training,
  vote,
} from './play.ts'
import { packed, sign } from './relay.ts'
import { type Change, changeClock, changeStep } from './without.ts'

const SIZE = 8
/** The update quorum of eight. */
const QUORUM = 6
const SLOW = SIZE - 1
const MODE = { buffer: QUORUM, maxStaleness: 2, maxStrikes: 3 } as const

const begin = (parameters: Partial<ServiceParameters> = {}) =>
  training({ players: SIZE, parameters: { ...MODE, ...parameters } })
const first = (world: World, count: number): Player[] => world.players.slice(0, count)
const slow = ({ players }: World): Player => players[SLOW]!
const strikesOf = async ({ service }: World, seat = SLOW) => Number((await service.seatInfo(seat)).strikes)

async function stale(world: World, player: Player, base: number | bigint): Promise<[number, number | bigint, string]> {
  const { round } = await numbers(world)
  const blob = cid(`update ${round} ${player.seat}`)
  const { service } = world
  const commitment = await service.updateCommitment(
    round,
    player.seat,
    blob,
    1000,
    samplesOf(player.seat),
    salt('update'),
  )
  return [round, base, commitment]
}

async function commitStale(world: World, player: Player, base: number | bigint) {
  return await world.service.connect(player.operator).commitStaleUpdate(...(await stale(world, player, base)))
}

/** A round of the first six, which is over when they have done their parts. */
const roundOfSix = (world: World) => completeRound(world, first(world, QUORUM))

/** The rest of a round whose Training is over, by all that committed. */
async function finish(world: World): Promise<void> {
  const { round } = await numbers(world)
  const { committed } = await world.service.roundInfo()
  const those = world.players.filter(({ seat }) => (committed >> BigInt(seat)) & 1n)
  for (const player of those) await revealUpdate(world, player)
  for (const player of those) await attest(world, player)
  await draft(world)
  for (const player of await drafted(world)) await submitShare(world, player)
  for (const player of those) await vote(world, player, { round })
}

describe('a service with a buffer', () => {
  it('ends Training with as many updates as the buffer takes', async () => {
    const world = await begin({ buffer: 7 })
    for (const player of first(world, 6)) await commitUpdate(world, player)
    expect(await stateOf(world)).to.equal('Training')
    await commitUpdate(world, slow(world))
    expect(await stateOf(world)).to.equal('Reveal')
    await expect(commitUpdate(world, world.players[6]!)).to.be.revertedWithCustomError(world.service, 'UnexpectedState')
  })

  it('never ends it with fewer than an update quorum, and waits for all that may commit where these are fewer', async () => {
    const world = await begin({ buffer: 3 })
    for (const player of first(world, QUORUM - 1)) await commitUpdate(world, player)
    expect(await stateOf(world)).to.equal('Training')
    await commitUpdate(world, world.players[QUORUM - 1]!)
    expect(await stateOf(world)).to.equal('Reveal')
    const all = await begin({ buffer: SIZE })
    for (const player of first(all, SIZE - 1)) await commitUpdate(all, player)
    expect(await stateOf(all)).to.equal('Training')
    await passDeadline(all)
    expect(await stateOf(all)).to.equal('Reveal')
  })

  it('takes an update of an earlier version, says of which, and counts and rewards it as any other', async () => {
    const world = await begin({ buffer: 7 })
    await completeRound(world, first(world, 7))
    const { round } = await numbers(world)
    await expect(commitStale(world, slow(world), 0))
      .to.emit(world.service, 'StaleUpdateCommitted')
      .withArgs(round, SLOW, 0)
    for (const player of first(world, QUORUM)) await commitUpdate(world, player)
    await finish(world)
    const [drawn] = await world.service.queryFilter(world.service.filters.MembersDrafted(round))
    expect(drawn!.args.included).to.equal(seats(0, 1, 2, 3, 4, 5, SLOW))
    for (const player of first(world, 7)) await commitUpdate(world, player)
    expect(await world.service.earned(SLOW)).to.be.greaterThan(0n)
  })

  it('refuses an update that is staler than its terms say, and one of a version that is still to come', async () => {
    const world = await begin()
    for (let i = 0; i < 3; i++) await roundOfSix(world)
    const { service } = world
    const refused = async (base: number) =>
      expect(service.connect(slow(world).operator).commitStaleUpdate(...(await stale(world, slow(world), base))))
        .to.be.revertedWithCustomError(service, 'BaseOutOfRange')
        .withArgs(base, 1, 3)
    await refused(0)
    await refused(4)
    await commitStale(world, slow(world), 1)
    const off = await training({ players: SIZE })
    await completeRound(off)
    await expect(commitStale(off, slow(off), 0))
      .to.be.revertedWithCustomError(off.service, 'BaseOutOfRange')
      .withArgs(0, 1, 1)
  })

  it('takes the same from a relayer', async () => {
    const world = await begin()
    await roundOfSix(world)
    const call = world.service.interface.encodeFunctionData('commitStaleUpdate', await stale(world, slow(world), 0))
    await world.service.connect(world.stranger).relay(packed([await sign(world, slow(world), call)]))
    expect((await world.service.roundInfo()).committed).to.equal(seats(SLOW))
  })
})

describe('a member that a service with a buffer does not wait for', () => {
  it('gets no strike in as many rounds in a row as an update may be behind, and one in the next', async () => {
    const world = await begin()
    for (let missed = 1; missed <= MODE.maxStaleness; missed++) {
      await roundOfSix(world)
      expect(await strikesOf(world), `${missed} missed`).to.equal(0)
    }
    await roundOfSix(world)
    expect(await strikesOf(world)).to.equal(1)
  })

  it('may miss as many again once it has delivered', async () => {
    const world = await begin()
    for (let turn = 0; turn < 3; turn++) {
      await roundOfSix(world)
      await roundOfSix(world)
      await commitStale(world, slow(world), (await world.service.versionCount()) - 2n)
      for (const player of first(world, QUORUM - 1)) await commitUpdate(world, player)
      await finish(world)
      expect(await strikesOf(world), `${turn}`).to.equal(0)
    }
  })

  it('gets further strikes only once in a window of Training, however fast the others are', async () => {
    const world = await begin()
    for (let i = 0; i < 7; i++) await roundOfSix(world)
    expect(await strikesOf(world)).to.equal(1)
    await world.networkHelpers.time.increase(0.9 * WINDOW.training)
    await roundOfSix(world)
    await world.networkHelpers.time.increase(0.2 * WINDOW.training)
    await roundOfSix(world)
    expect(await strikesOf(world)).to.equal(2)
  })

  it('votes with the others, so that one of these who does not vote loses no round', async () => {
    const world = await begin()
    await reachVote(world, first(world, QUORUM))
    for (const player of first(world, QUORUM - 1)) await vote(world, player)
    expect(await stateOf(world)).to.equal('Vote')
    await vote(world, slow(world))
    expect(await world.service.versionCount()).to.equal(1)
  })

  it('gets its strike at once when it commits and does not reveal', async () => {
    const world = await begin({ buffer: 7 })
    for (const player of [slow(world), ...first(world, QUORUM)]) await commitUpdate(world, player)
    for (const player of first(world, QUORUM)) await revealUpdate(world, player)
    await passDeadline(world)
    await world.service.poke()
    expect([await strikesOf(world), await strikesOf(world, 6)]).to.deep.equal([1, 0])
  })

  it('has that from the day on which it joins', async () => {
    const world = await begin()
    await roundOfSix(world)
    await commitUpdate(world, world.players[0]!)
    await passDeadline(world)
    await world.service.poke()
    await world.service.connect(slow(world).operator).leave(SLOW)
    await joinAll(world, [slow(world)])
    await generateKey(world)
    await roundOfSix(world)
    // The other has one of the Training that had too few updates, and one of this round.
    expect([await strikesOf(world), await strikesOf(world, 6)]).to.deep.equal([0, 2])
  })

  it('has that in a service that had no buffer before, or had one long ago', async () => {
    const world = await begin()
    // Deliveries of the first are on record for every round that will be looked at.
    for (let i = 0; i < 8; i++) await roundOfSix(world)
    await world.service.setParameters({ ...world.parameters, buffer: 0, maxStaleness: 0 })
    for (const state of ['Registration', 'KeyCommit']) {
      await passDeadline(world)
      await world.service.poke()
      expect(await stateOf(world)).to.equal(state)
    }
    await generateKey(world)
    await completeRound(world)
    await world.service.setParameters({ ...world.parameters, ...MODE })
    for (const state of ['Registration', 'KeyCommit']) {
      await passDeadline(world)
      await world.service.poke()
      expect(await stateOf(world)).to.equal(state)
    }
    await generateKey(world)
    await roundOfSix(world)
    await roundOfSix(world)
    // Of the Training that nobody committed in.
    expect(await strikesOf(world)).to.equal(1)
  })
})

describe('members that stop rounds of a service with a buffer', () => {
  /** Three say nothing from the second round on, which is too many for an update quorum. @returns their strikes */
  const silentThree = async (change?: Change) => {
    const world = await begin()
    if (change !== undefined) await changeClock(world, change)
    await completeRound(world, world.players.slice(2))
    for (const player of first(world, 5)) await commitUpdate(world, player)
    await passDeadline(world)
    await world.service.poke()
    expect(await stateOf(world)).to.equal('Registration')
    return await Promise.all([5, 6, 7].map((seat) => strikesOf(world, seat)))
  }

  it('get a strike when Training ends with too few: no training is an excuse then', async () => {
    expect(await silentThree()).to.deep.equal([1, 1, 1])
  })

  it('end every epoch for free if it is one', async function () {
    this.timeout(120_000)
    const from = 'if (!h.has(USED_UP)) _strikeIdle(h, committed);'
    const to =
      'if (!h.has(USED_UP)) _strikeIdle(h, committed | _standing.deliveredLately(h.round, _parameters.maxStaleness));'
    expect(await silentThree({ file: 'Recorder.sol', from, to })).to.deep.equal([0, 0, 0])
  })

  /** One of six takes a place in the buffer and reveals nothing. @returns its strikes */
  const blocker = async (change?: Change) => {
    const world = await begin()
    if (change !== undefined) await changeClock(world, change)
    for (const player of first(world, QUORUM)) await commitUpdate(world, player)
    for (const player of first(world, QUORUM).slice(1)) await revealUpdate(world, player)
    await passDeadline(world)
    await world.service.poke()
    expect(await stateOf(world)).to.equal('Training')
    expect(await world.service.versionCount()).to.equal(0)
    return await strikesOf(world, 0)
  }

  it('get a strike for a place that they took and did not use', async () => {
    expect(await blocker()).to.equal(1)
  })

  it('lose rounds for free if the excuse is also for those that committed', async function () {
    this.timeout(120_000)
    const from = 'revealed | lately.without(_round.committed)'
    expect(await blocker({ file: 'Recorder.sol', from, to: 'revealed | lately' })).to.equal(0)
  })

  /** The first takes a place and does not use it in two rounds, takes part in two, and so on. @returns how many rounds it lost before it was out */
  const onAndOff = async (change?: Change) => {
    const world = await begin()
    if (change !== undefined) await changeClock(world, change)
    const those = first(world, QUORUM)
    let lost = 0
    for (let round = 0; round < 8 && (await world.service.seats()).leaving === 0n; round++) {
      if (round % 4 >= 2) {
        await roundOfSix(world)
        continue
      }
      for (const player of those) await commitUpdate(world, player)
      for (const player of those.slice(1)) await revealUpdate(world, player)
      await passDeadline(world)
      await world.service.poke()
      lost++
    }
    return lost
  }

  it('keep those strikes for the epoch, whatever they do in between, and are out with the last', async () => {
    expect(await onAndOff()).to.equal(MODE.maxStrikes)
  })

  it('lose half of all rounds for ever if drafts forgive them', async function () {
    this.timeout(120_000)
    const from = 'if (h.buffer != 0) included = included.without(standing.defaulted);'
    expect(await onAndOff({ file: 'Standing.sol', from, to: '' })).to.equal(4)
  })

  /** Seven commit, two of them without samples. @returns the updates of a sum that is not decrypted, or the refusal of the second */
  const empties = async (change?: Change) => {
    const world = await begin({ buffer: 7 })
    if (change !== undefined) await changeStep(world, 'revealUpdate', change)
    const { players } = world
    const without = { samples: 0 }
    for (const player of players.slice(0, 2)) await commitUpdate(world, player, without)
    for (const player of players.slice(2, 7)) await commitUpdate(world, player)
    await revealUpdate(world, players[0]!, without)
    return { world, second: revealUpdate(world, players[1]!, without) }
  }

  it('have room without samples only as far as those that committed are more than a round needs', async () => {
    const { world, second } = await empties()
    await expect(second).to.be.revertedWithCustomError(world.service, 'NoRoomWithoutSamples').withArgs(seats(0, 1), 1)
  })

  it('stop rounds for free by having no samples if members that have not committed make room', async function () {
    this.timeout(120_000)
    const { world, second } = await empties({
      file: 'Rounds.sol',
      from: 'h.buffer == 0 ? _seats.members : _round.committed',
      to: '_seats.members',
    })
    await second
    const { players } = world
    for (const player of players.slice(2, 7)) await revealUpdate(world, player)
    for (const player of players.slice(0, 7)) await attest(world, player)
    await expect(draft(world)).to.emit(world.service, 'SumFellShort')
    expect(await Promise.all([0, 1].map((seat) => strikesOf(world, seat)))).to.deep.equal([0, 0])
  })
})

describe('parameters of a buffer', () => {
  it('are refused with the field, and what it may be', async () => {
    const world = await training({ players: SIZE })
    const { service, parameters } = world
    for (const [changes, field, found, min, max] of [
      [{ buffer: 2, maxStaleness: 1 }, 'buffer', 2, 3, SIZE],
      [{ buffer: 9, maxStaleness: 1 }, 'buffer', 9, 3, SIZE],
      [{ buffer: 6 }, 'maxStaleness', 0, 1, 7],
      [{ buffer: 6, maxStaleness: 8 }, 'maxStaleness', 8, 1, 7],
      [{ maxStaleness: 1 }, 'maxStaleness', 1, 0, 0],
    ] as const) {
      await expect(service.setParameters({ ...parameters, ...changes }))
        .to.be.revertedWithCustomError(service, 'ParameterOutOfRange')
        .withArgs(encodeBytes32String(field), found, min, max)
    }
  })
})

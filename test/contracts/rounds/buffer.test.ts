// SPDX-License-Identifier: GPL-3.0-or-later
// Services whose rounds wait for no slower members: when Training ends, which updates come late and still count, and what that costs whom.

import { expect } from 'chai'
import { encodeBytes32String } from 'ethers'
import {
  begin,
  commitStale,
  finish,
  first,
  MODE,
  QUORUM,
  roundOfSix,
  SIZE,
  SLOW,
  slow,
  stale,
  strikesOf,
} from './buffer.ts'
import { seats, WINDOW, type World } from './fixture.ts'
import {
  commitKey,
  commitUpdate,
  completeRound,
  generateKey,
  joinAll,
  numbers,
  passDeadline,
  reachVote,
  revealUpdate,
  stateOf,
  training,
  vote,
} from './play.ts'
import { packed, sign } from './relay.ts'
import { type Change, changeClock } from './without.ts'

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

  it('has that, too, when it took its seat while a key generation was under way that was then repeated', async () => {
    const world = await begin()
    const endEpoch = async () => {
      await commitUpdate(world, world.players[0]!)
      await passDeadline(world)
      await world.service.poke()
    }
    const startKey = async () => {
      await passDeadline(world)
      await world.service.poke()
      expect(await stateOf(world)).to.equal('KeyCommit')
    }
    await roundOfSix(world)
    await endEpoch()
    await world.service.connect(slow(world).operator).leave(SLOW)
    await startKey()
    await joinAll(world, [slow(world)])
    // One of the seven says nothing, and is dropped: the others begin again, and the newcomer is no member yet.
    for (const player of first(world, QUORUM)) await commitKey(world, player)
    await startKey()
    await generateKey(world, first(world, QUORUM))
    for (let i = 0; i < 3; i++) await roundOfSix(world)
    await endEpoch()
    await startKey()
    await generateKey(world, [...first(world, QUORUM), slow(world)])
    await roundOfSix(world)
    expect(await strikesOf(world)).to.equal(0)
    for (let i = 0; i < 2; i++) await roundOfSix(world)
    expect(await strikesOf(world)).to.equal(1)
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

describe('the round that ends an epoch whose key is used up', () => {
  /** The epoch's decryptions are spent: its last Training takes nothing, and another epoch begins. */
  async function rotate(world: World): Promise<void> {
    const { epoch } = await numbers(world)
    await passDeadline(world)
    await world.service.poke()
    if ((await stateOf(world)) === 'Registration') {
      await passDeadline(world)
      await world.service.poke()
    }
    expect(await stateOf(world)).to.equal('KeyCommit')
    expect((await numbers(world)).epoch).to.equal(epoch + 1)
    await generateKey(world)
  }

  /** One delivers in the last round of an epoch and in none of the next two. @returns its strikes after each of these, and one more */
  async function afterDelivery(change?: Change): Promise<number[]> {
    const world = await begin({ decryptionsPerEpoch: 2 })
    if (change !== undefined) await changeClock(world, change)
    await roundOfSix(world)
    await commitStale(world, slow(world), 0)
    for (const player of first(world, QUORUM - 1)) await commitUpdate(world, player)
    await finish(world)
    const strikes = []
    for (let missed = 1; missed <= 3; missed++) {
      if (Number((await world.service.epochInfo()).decryptions) === 2) await rotate(world)
      await roundOfSix(world)
      strikes.push(await strikesOf(world))
    }
    return strikes
  }

  it('is no round that a member missed', async () => {
    expect(await afterDelivery()).to.deep.equal([0, 0, 1])
  })

  it('would cost a member a part of its excuse if it were one', async function () {
    this.timeout(120_000)
    const change = { file: 'Recorder.sol', from: 'passOver(h.round)', to: 'noteDelivered(h.round, committed)' }
    expect(await afterDelivery(change)).to.deep.equal([0, 1, 2])
  })

  it('neither shortens nor lengthens the longest excuse that there is', async () => {
    const world = await begin({ decryptionsPerEpoch: 1, maxStaleness: 7 })
    for (let missed = 1; missed <= 8; missed++) {
      await roundOfSix(world)
      expect(await strikesOf(world), `${missed} missed`).to.equal(missed <= 7 ? 0 : 1)
      await rotate(world)
    }
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
      // All of an epoch's members are new, and their strikes end with it.
      [
        { buffer: 6, maxStaleness: 4, maxStrikes: 3, oneEpochSeats: true, decryptionsPerEpoch: 6 },
        'decryptionsPerEpoch',
        6,
        7,
        65_535,
      ],
    ] as const) {
      await expect(service.setParameters({ ...parameters, ...changes }))
        .to.be.revertedWithCustomError(service, 'ParameterOutOfRange')
        .withArgs(encodeBytes32String(field), found, min, max)
    }
  })
})

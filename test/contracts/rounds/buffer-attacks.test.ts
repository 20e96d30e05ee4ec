// SPDX-License-Identifier: GPL-3.0-or-later
// What members could do to a service whose rounds wait for no slower members, with each rule against it and without.

import { expect } from 'chai'
import { begin, first, MODE, QUORUM, roundOfSix, strikesOf } from './buffer.ts'
import { seats } from './fixture.ts'
import { attest, commitUpdate, completeRound, draft, passDeadline, revealUpdate, stateOf } from './play.ts'
import { type Change, changeClock, changeStep } from './without.ts'

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
    const from = 'if (!usedUp) _strikeIdle(h, committed);'
    const to = 'if (!usedUp) _strikeIdle(h, committed | _standing.deliveredLately(h.round, _parameters.maxStaleness));'
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

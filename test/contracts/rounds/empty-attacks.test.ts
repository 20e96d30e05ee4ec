// SPDX-License-Identifier: GPL-3.0-or-later
// What a liar beside a member without samples could do if a rule were missing.
import { expect } from 'chai'
import { contribute, finish, spoil, stopRound, strikesOf } from './empty.ts'
import { seats, type World } from './fixture.ts'
import { attest, draft, passDeadline, stateOf, training } from './play.ts'
import { changeClock, changeStep } from './without.ts'

describe('without the rules about members without samples', function () {
  this.timeout(120_000)

  /** Rounds that come to nothing, one after the other, and cost the liar nothing. */
  const forFree = async (world: World, round: () => Promise<unknown>, rounds = 5) => {
    const { service, registry, players } = world
    const versions = await service.versionCount()
    for (let i = 0; i < rounds; i++) {
      await round()
      if ((await stateOf(world)) !== 'Training') await passDeadline(world)
      await service.poke().catch(() => undefined)
      expect(await stateOf(world)).to.equal('Training')
    }
    expect(await service.versionCount()).to.equal(versions)
    expect(await strikesOf(world, players[0]!)).to.equal(0)
    expect(await registry.isJailed(players[0]!.owner)).to.equal(false)
  }

  it('a liar that reveals rubbish stops every round for free', async () => {
    const world = await training({ players: 4, parameters: { maxStrikes: 2 } })
    await changeClock(world, {
      file: 'Drafts.sol',
      from: '_fallShort(h, Seats.wrap(included));',
      to: 'revert ZeroSize();',
    })
    await forFree(world, () => expect(spoil(world)).to.be.revertedWithCustomError(world.service, 'ZeroSize'))
  })

  it('a liar stops every round for free by saying that it has no samples either', async () => {
    const world = await training({ players: 4, parameters: { maxStrikes: 2 } })
    const { players } = world
    await changeStep(world, 'revealUpdate', {
      file: 'Rounds.sol',
      from: 'if (taken.count() > room) revert NoRoomWithoutSamples(Seats.unwrap(taken), room);',
      to: '',
    })
    await forFree(world, async () => {
      await contribute(world, players, [players[0]!, players[3]!])
      for (const player of players) await attest(world, player)
      await draft(world)
    })
  })

  it('a liar that stops every second round is forgiven in between', async () => {
    const world = await training({ players: 4, parameters: { maxStrikes: 2 } })
    const { service, registry, players } = world
    const round = async () => {
      await contribute(world, players, [players[3]!])
      await finish(world)
    }
    await changeClock(world, {
      file: 'Recorder.sol',
      from: '_standing.holdAgainst(h, _seats.members.without(revealed));',
      to: 'revealed;',
    })
    await round()
    for (let i = 0; i < 4; i++) {
      await stopRound(world)
      await service.poke()
      await round()
    }
    expect(await registry.isJailed(players[0]!.owner)).to.equal(false)
    expect(await strikesOf(world, players[0]!)).to.equal(0)
  })

  it('a liar that is struck out stays in an epoch that has no end', async () => {
    const world = await training({ players: 4, parameters: { maxStrikes: 2 } })
    const { service, registry, players } = world
    await changeClock(world, {
      file: 'RoundClock.sol',
      from: 'if (to == State.Reveal && h.has(LOST_ONE)) h.flags |= LAST_TRY;',
      to: '',
    })
    await contribute(world, players, [players[3]!])
    await finish(world)
    for (let i = 0; i < 6; i++) {
      await stopRound(world)
      await service.poke()
    }
    expect(await registry.isJailed(players[0]!.owner)).to.equal(true)
    expect((await service.epochInfo()).members).to.equal(seats(0, 1, 2, 3))
  })
})

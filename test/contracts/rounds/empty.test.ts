// SPDX-License-Identifier: GPL-3.0-or-later
// Members without samples: what they may cost a round, and who pays for it.
import { expect } from 'chai'
import { contribute, finish, NONE, stopRound, strikesOf } from './empty.ts'
import { type Player, STAKE, seats } from './fixture.ts'
import { attest, commitUpdate, draft, generateKey, passDeadline, revealUpdate, stateOf, training } from './play.ts'

describe('a member without samples', () => {
  it('is part of a round that has a quorum of others, and earns in it', async () => {
    const world = await training({ players: 4 })
    const { service, players } = world
    await contribute(world, players, [players[3]!])
    expect(await stateOf(world)).to.equal('Aggregate')
    await finish(world)
    expect(await service.versionCount()).to.equal(1)
    expect(await strikesOf(world, players[3]!)).to.equal(0)
    await contribute(world, players)
    expect(await service.earned(3)).to.be.above(0)
  })

  it('does not pay for another one that a round has no room for: that one pays, and goes with its epoch', async () => {
    const world = await training({ players: 4, parameters: { maxStrikes: 2 } })
    const { service, registry, players } = world
    const [liar, empty] = [players[0]!, players[3]!]
    await contribute(world, players, [empty])
    await finish(world)
    for (const strike of [1, 2]) {
      await stopRound(world)
      await service.poke()
      expect((await service.roundInfo()).usedUp).to.equal(false)
      expect(await strikesOf(world, liar)).to.equal(strike % 2)
      expect(await registry.isJailed(liar.owner)).to.equal(strike === 2)
      expect(await strikesOf(world, empty)).to.equal(0)
    }
    // It stays a member until the epoch ends, so the epoch ends with the next round that it stops.
    await stopRound(world, 'Registration')
    await service.poke()
    expect(await stateOf(world)).to.equal('Registration')
    expect((await service.seats()).seated).to.equal(seats(1, 2, 3))
    expect((await registry.keeperOf(empty.owner)).stake).to.equal(STAKE)
  })

  it('is spared like this beside a silent member, too, and the clock tells the end of the epoch before it is recorded', async () => {
    const world = await training({ players: 4, parameters: { maxStrikes: 2 } })
    const { service, registry, players } = world
    const [liar, empty] = [players[0]!, players[3]!]
    for (let round = 1; round <= 3; round++) {
      await contribute(world, players.slice(1), [empty])
      await passDeadline(world)
      const told = await stateOf(world)
      expect(told).to.equal(round < 3 ? 'Training' : 'Registration')
      await service.poke()
      expect(await stateOf(world)).to.equal(told)
      expect(await registry.isJailed(liar.owner)).to.equal(round > 1)
      expect(await registry.isJailed(empty.owner)).to.equal(false)
    }
    expect((await service.seats()).seated).to.equal(seats(1, 2, 3))
  })

  it('that declares one sample instead is one of those that the round needs', async () => {
    const world = await training({ players: 4 })
    const { players } = world
    const [liar, empty] = [players[0]!, players[3]!]
    for (const player of players)
      await commitUpdate(world, player, player === empty ? NONE : player === liar ? { samples: 1 } : {})
    await revealUpdate(world, liar, { samples: 1 })
    await revealUpdate(world, empty, NONE)
    for (const player of players.slice(1, 3)) await revealUpdate(world, player)
    await finish(world)
    expect(await world.service.versionCount()).to.equal(1)
  })

  it('has room as it comes, and in later rounds before others', async () => {
    const world = await training({ players: 7 })
    const { service, players } = world
    const refused = (player: Player, ...taken: number[]) =>
      expect(revealUpdate(world, player, NONE))
        .to.be.revertedWithCustomError(service, 'NoRoomWithoutSamples')
        .withArgs(seats(...taken), 2)
    for (const player of players) await commitUpdate(world, player, player.seat < 4 ? NONE : {})
    await revealUpdate(world, players[3]!, NONE)
    await revealUpdate(world, players[1]!, NONE)
    await refused(players[0]!, 0, 1, 3)
    for (const player of players.slice(4)) await revealUpdate(world, player)
    await passDeadline(world)
    // Three of seven with samples: nobody attests.
    await passDeadline(world)
    await service.poke()
    await contribute(world, players, [players[3]!, players[1]!])
    await finish(world)
    for (const player of players) await commitUpdate(world, player, player.seat < 4 ? NONE : {})
    // Their places are kept for those who had one.
    await refused(players[0]!, 0, 1, 3)
    await refused(players[2]!, 1, 2, 3)
    await revealUpdate(world, players[3]!, NONE)
    await refused(players[2]!, 1, 2, 3)
    await revealUpdate(world, players[1]!, NONE)
  })

  it('that stops every second round is out after as many as one that stops each', async () => {
    const world = await training({ players: 4, parameters: { maxStrikes: 2 } })
    const { registry, players } = world
    const [liar, empty] = [players[0]!, players[3]!]
    await contribute(world, players, [empty])
    await finish(world)
    await stopRound(world)
    await contribute(world, players, [empty])
    expect(await strikesOf(world, liar)).to.equal(1)
    await finish(world)
    await stopRound(world)
    await world.service.poke()
    expect(await registry.isJailed(liar.owner)).to.equal(true)
    // Two rounds in a row do forgive.
    const other = await training({ players: 4, parameters: { maxStrikes: 2 } })
    await contribute(other, other.players, [other.players[3]!])
    await finish(other)
    await stopRound(other)
    for (let i = 0; i < 2; i++) {
      await contribute(other, other.players, [other.players[3]!])
      await finish(other)
    }
    expect(await strikesOf(other, other.players[0]!)).to.equal(0)
  })

  it('leaves its place with its seat', async () => {
    const world = await training({ players: 5, parameters: { decryptionsPerEpoch: 1, maxKeepers: 5 } })
    const { service, players } = world
    const gone = players[4]!
    await contribute(world, players, [gone])
    await service.connect(gone.operator).leave(gone.seat)
    await finish(world)
    await passDeadline(world)
    await service.poke()
    await service.connect(gone.operator).join(gone.owner)
    if ((await stateOf(world)) === 'Registration') {
      await passDeadline(world)
      await service.poke()
    }
    await generateKey(world)
    for (const player of players) await commitUpdate(world, player, player === players[0] ? NONE : {})
    await revealUpdate(world, players[0]!, NONE)
  })

  it('counts for nothing among the updates that a sum needs: the round is over, and nobody pays who is in the sum', async () => {
    const world = await training({ players: 7 })
    const { service, players } = world
    // Six of seven updates, and four members with samples: fewer than five.
    await contribute(world, players.slice(0, 6), players.slice(4, 6))
    expect(await stateOf(world)).to.equal('Aggregate')
    for (const player of players) await attest(world, player)
    await expect(draft(world))
      .to.emit(service, 'SumFellShort')
      .withArgs(1, seats(0, 1, 2, 3, 4, 5), 0)
    expect(await stateOf(world)).to.equal('Training')
    for (const player of players) expect(await strikesOf(world, player)).to.equal(player.seat === 6 ? 1 : 0)
  })
})

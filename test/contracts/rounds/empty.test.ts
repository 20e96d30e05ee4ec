// SPDX-License-Identifier: GPL-3.0-or-later
// Members without samples: what they may cost a round, and who pays for it.

import { expect } from 'chai'
import { type Player, STAKE, seats, type World } from './fixture.ts'
import {
  attest,
  commitUpdate,
  draft,
  drafted,
  generateKey,
  numbers,
  passDeadline,
  revealUpdate,
  stateOf,
  submitShare,
  training,
  vote,
} from './play.ts'

const NONE = { samples: 0 }

/** Commits and reveals of these players; those in `empty` declare no samples. Of others nothing comes. */
async function contribute(world: World, players: readonly Player[], empty: readonly Player[] = []): Promise<void> {
  const declared = (player: Player) => (empty.includes(player) ? NONE : {})
  for (const player of players) await commitUpdate(world, player, declared(player))
  if ((await stateOf(world)) === 'Training') await passDeadline(world)
  for (const player of players) await revealUpdate(world, player, declared(player))
}

/** The rest of a round, after its reveals. */
async function finish(world: World): Promise<void> {
  const { round } = await numbers(world)
  for (const player of world.players) await attest(world, player)
  await draft(world)
  for (const player of await drafted(world)) await submitShare(world, player)
  for (const player of world.players) await vote(world, player, { round })
}

/** A round in which the last of the players declares no samples, and the first would do so, too. Nobody attests a sum of the other two. */
async function stopRound(world: World, after = 'Training'): Promise<void> {
  const { players, service } = world
  const [liar, empty] = [players[0]!, players[3]!]
  for (const player of players) await commitUpdate(world, player, player === liar || player === empty ? NONE : {})
  await revealUpdate(world, empty, NONE)
  await expect(revealUpdate(world, liar, NONE))
    .to.be.revertedWithCustomError(service, 'NoRoomWithoutSamples')
    .withArgs(seats(liar.seat, empty.seat), 1)
  for (const player of players.slice(1, 3)) await revealUpdate(world, player)
  await passDeadline(world)
  expect(await stateOf(world)).to.equal('Aggregate')
  await passDeadline(world)
  expect(await stateOf(world)).to.equal(after)
}

const strikesOf = async ({ service }: World, { seat }: Player) => Number((await service.seatInfo(seat)).strikes)

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

  it('counts for nothing among the updates that a sum needs', async () => {
    const world = await training({ players: 7 })
    const { service, players } = world
    // Six of seven updates, and four members with samples: fewer than five.
    const included = seats(0, 1, 2, 3, 5, 6)
    await contribute(world, players, players.slice(5))
    for (const player of players) await attest(world, player, { included })
    await expect(draft(world, { included })).to.be.revertedWithCustomError(service, 'TooFewIncluded').withArgs(4, 5)
    expect(await stateOf(world)).to.equal('Aggregate')
  })
})

// SPDX-License-Identifier: GPL-3.0-or-later
// Members without samples: what they may cost a round, and who pays for it.

import { expect } from 'chai'
import { FRAUD_PENALTY, type Player, STAKE, seats, type World } from './fixture.ts'
import {
  attest,
  commitUpdate,
  draft,
  drafted,
  generateKey,
  numbers,
  passAttestations,
  passDeadline,
  revealUpdate,
  stateOf,
  submitShare,
  training,
  vote,
} from './play.ts'
import { changeClock, changeStep } from './without.ts'

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

/** All reveal, the last one without samples. The first one's update cannot be added up: the others attest a sum without it. */
async function spoil(world: World): Promise<Awaited<ReturnType<typeof draft>>> {
  const { players } = world
  await contribute(world, players, [players[3]!])
  const included = seats(1, 2, 3)
  for (const player of players.slice(1)) await attest(world, player, { included })
  await passAttestations(world)
  return await draft(world, { included })
}

describe('a member that reveals what cannot be added up, beside one without samples', () => {
  it('pays as for silence at the end of the round, and goes with its epoch', async () => {
    const world = await training({ players: 4, parameters: { maxStrikes: 2 } })
    const { service, registry, players } = world
    const [liar, ...others] = players
    await expect(spoil(world))
      .to.emit(service, 'SumFellShort')
      .withArgs(1, seats(1, 2, 3), seats(0))
      .to.emit(service, 'Transitioned')
    expect(await stateOf(world)).to.equal('Training')
    expect((await service.roundInfo()).drafted).to.equal(0)
    expect(await strikesOf(world, liar!)).to.equal(1)
    await expect(spoil(world)).to.emit(service, 'StruckOut').withArgs(0, liar!.owner.address)
    await spoil(world)
    await service.poke()
    expect(await stateOf(world)).to.equal('Registration')
    expect((await service.seats()).seated).to.equal(seats(1, 2, 3))
    expect(await registry.isJailed(liar!.owner)).to.equal(true)
    for (const player of others) expect(await registry.isJailed(player.owner)).to.equal(false)
    for (const player of players) expect((await registry.keeperOf(player.owner)).stake).to.equal(STAKE)
  })

  it('that does so every second round is out after as many as one that does in each', async () => {
    const world = await training({ players: 4, parameters: { maxStrikes: 2 } })
    const { registry, players } = world
    await contribute(world, players, [players[3]!])
    await finish(world)
    await spoil(world)
    await contribute(world, players, [players[3]!])
    await finish(world)
    expect(await strikesOf(world, players[0]!)).to.equal(1)
    await spoil(world)
    expect(await registry.isJailed(players[0]!.owner)).to.equal(true)
    // Two sums in a row do forgive.
    const other = await training({ players: 4, parameters: { maxStrikes: 2 } })
    await spoil(other)
    for (let i = 0; i < 2; i++) {
      await contribute(other, other.players, [other.players[3]!])
      await finish(other)
    }
    expect(await strikesOf(other, other.players[0]!)).to.equal(0)
  })

  it('needs a quorum that says so: fewer seals end no round, and cost nobody anything', async () => {
    const world = await training({ players: 4 })
    const { service, players } = world
    await contribute(world, players, [players[3]!])
    const included = seats(1, 2, 3)
    for (const player of players.slice(1, 3)) await attest(world, player, { included })
    await passAttestations(world)
    await expect(draft(world, { included })).to.be.revertedWithCustomError(service, 'SealsNotMatched').withArgs(2, 3)
    await passDeadline(world)
    await service.poke()
    for (const player of players) expect(await strikesOf(world, player)).to.equal(0)
  })

  it('is not told from an honest one after a dispute without a verdict: nobody pays, and the epoch does not go on for ever', async () => {
    const world = await training({ players: 4 })
    const { service, players } = world
    const included = seats(0, 2, 3)
    const disputed = async () => {
      await contribute(world, players, [players[3]!])
      const { round } = await numbers(world)
      await service.connect(players[0]!.operator).dispute(round, 1)
      for (const { operator } of players) await service.connect(operator).submitCheck(round, `0x${'00'.repeat(64)}`)
      for (const player of players) await attest(world, player, { included })
      return await draft(world, { included })
    }
    await expect(disputed()).to.emit(service, 'SumFellShort').withArgs(1, included, 0)
    expect(await stateOf(world)).to.equal('Training')
    await disputed()
    expect(await stateOf(world)).to.equal('Registration')
    for (const player of players) expect(await strikesOf(world, player)).to.equal(0)
  })

  it('and is convicted of it by a quorum pays for that, in a round that comes to nothing', async () => {
    const world = await training({ players: 4 })
    const { service, registry, players } = world
    await contribute(world, players, [players[3]!])
    await service.connect(players[1]!.operator).dispute(1, 0)
    for (const { operator } of players) await service.connect(operator).submitCheck(1, `0x${'00'.repeat(64)}`)
    const opening = { included: seats(1, 2, 3), convicted: seats(0) }
    for (const player of players.slice(1)) await attest(world, player, opening)
    await passAttestations(world)
    await draft(world, opening)
    expect((await registry.keeperOf(players[0]!.owner)).stake).to.equal(STAKE - FRAUD_PENALTY)
    // Without it there are two with samples: the epoch ends, in which no round can come to anything.
    await contribute(world, players.slice(1), [players[3]!])
    for (const player of players.slice(1)) await attest(world, player)
    await draft(world)
    expect(await stateOf(world)).to.equal('Registration')
  })
})

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

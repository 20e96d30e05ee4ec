// SPDX-License-Identifier: GPL-3.0-or-later
// A sum that lacks an update, beside a member without samples: who pays for it.
import { expect } from 'chai'
import { contribute, finish, spoil, strikesOf } from './empty.ts'
import { FRAUD_PENALTY, STAKE, seats } from './fixture.ts'
import { attest, draft, numbers, passAttestations, passDeadline, stateOf, training } from './play.ts'

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

// SPDX-License-Identifier: GPL-3.0-or-later

import { expect } from 'chai'
import { encodeBytes32String, toBeHex, ZeroHash } from 'ethers'
import { cid, REWARD, seats } from './fixture.ts'
import {
  commitUpdate,
  completeRound,
  modelOf,
  passDeadline,
  reachReveal,
  reachVote,
  stateOf,
  training,
  vote,
} from './play.ts'

const STATE = { Vote: 10 }
const field = encodeBytes32String

describe('Vote', () => {
  it('publishes the model that a quorum votes for', async () => {
    const world = await training()
    const { service, models, players } = world
    await reachVote(world)
    for (const player of players.slice(0, 3)) await vote(world, player)
    await expect(vote(world, players[0]!)).to.be.revertedWithCustomError(service, 'AlreadyDone').withArgs(STATE.Vote, 0)
    const tx = await vote(world, players[3]!)
    await expect(tx).to.emit(service, 'UpdateCompleted').withArgs(1, modelOf(1), cid('model 1'), 1)
    const decidedAt = BigInt(await world.networkHelpers.time.latest())
    expect(await stateOf(world)).to.equal('Training')
    // The registry reads it from the service at once, and the same when the round's reward is set aside.
    const read = async () => [...(await models.getVersion(service, 1))]
    expect(await read()).to.deep.equal([1n, 1n, decidedAt, 4n, 1n, 0n, modelOf(1)])
    expect(await models.versionCount(service)).to.equal(1)
    await reachReveal(world)
    expect(await read()).to.deep.equal([1n, 1n, decidedAt, 4n, 1n, 0n, modelOf(1)])
    expect(await service.versionAt(2)).to.deep.equal([0n, 0n, 0n, 0n, ZeroHash])
    await expect(models.getVersion(service, 2)).to.be.revertedWithCustomError(models, 'UnknownVersion')
  })

  it('numbers the versions of completed rounds, and skips a failed one', async () => {
    const world = await training()
    const { service, models, players } = world
    await completeRound(world)
    await reachVote(world)
    await service.connect(players[0]!.operator).vote(2, modelOf(99), cid('lie'))
    await passDeadline(world)
    expect(await models.versionCount(service)).to.equal(1)
    expect((await models.lookUp(service, 2)).status).to.equal(0)
    await service.poke()
    await completeRound(world)
    const history = await models.listVersions(service, 1, 10)
    expect(history.map(({ round, weightsCommitment }) => [round, weightsCommitment])).to.deep.equal([
      [1n, modelOf(1)],
      [3n, modelOf(3)],
    ])
    await reachReveal(world, players)
    // Round 2 failed: the records of its voters earn nothing in its successor's name.
    let total = 0n
    for (const { seat } of players) total += await service.earned(seat)
    expect(total).to.be.within(2n * REWARD - 100n, 2n * REWARD)
    expect(await service.earned(0)).to.be.lessThan((2n * REWARD * 3n) / 10n)
    await models.grantRole(await models.RELEASE_ROLE(), world.admin)
    await models.release(service, 2)
    expect([...(await models.lookUp(service, 2))]).to.deep.equal([2n, modelOf(3), 2n])
  })

  it('refuses empty commitments and CIDs', async () => {
    const world = await training()
    const { service, players } = world
    await reachVote(world)
    const by = service.connect(players[0]!.operator)
    await expect(by.vote(1, ZeroHash, cid('x')))
      .to.be.revertedWithCustomError(service, 'ZeroHash')
      .withArgs(field('modelCommitment'))
    await expect(by.vote(1, modelOf(1), `0x${'01'.repeat(65)}`)).to.be.revertedWithCustomError(service, 'CidLength')
    const order = 21888242871839275222246405745257275088548364400416034343698204186575808495617n
    for (const outside of [order, 2n ** 256n - 1n]) {
      await expect(by.vote(1, toBeHex(outside, 32), cid('x')))
        .to.be.revertedWithCustomError(service, 'CommitmentNotInField')
        .withArgs(toBeHex(outside, 32))
    }
    await by.vote(1, toBeHex(order - 1n, 32), cid('x'))
  })

  it('records the update as incomplete when no model finds a quorum', async () => {
    const world = await training()
    const { service, models, players } = world
    await reachVote(world)
    for (const player of players.slice(0, 3)) await vote(world, player)
    await service.connect(players[3]!.operator).vote(1, modelOf(99), cid('lie'))
    await service.connect(players[4]!.operator).vote(1, modelOf(98), cid('lie'))
    expect((await service.votes()).map((candidate) => candidate.supporters)).to.deep.equal([
      seats(0, 1, 2),
      seats(3),
      seats(4),
    ])
    await passDeadline(world)
    await expect(service.poke()).to.emit(service, 'UpdateIncomplete').withArgs(1)
    expect(await models.versionCount(service)).to.equal(0)
    await completeRound(world)
    expect((await service.outcomeOf(1)).round).to.equal(2)
  })

  it('lets a later candidate win', async () => {
    const world = await training()
    const { service, players } = world
    await reachVote(world)
    const { drafted: set } = await service.roundInfo()
    await service.connect(players[0]!.operator).vote(1, modelOf(99), cid('lie'))
    for (const player of players.slice(1)) await vote(world, player)
    const outcome = async () => {
      const { round, candidate, perShare } = await service.outcomeOf(1)
      return [round, candidate, perShare]
    }
    expect(await outcome()).to.deep.equal([1n, 1n, 0n])
    // Not the commitment of the first candidate, which was kept on the way.
    expect((await world.models.getVersion(service, 1)).weightsCommitment).to.equal(modelOf(1))
    await reachReveal(world)
    const sharesOf = (seat: number): bigint => ((set >> BigInt(seat)) & 1n ? 3n : 2n)
    const perShare = REWARD / [1, 2, 3, 4].reduce((sum, seat) => sum + sharesOf(seat), 0n)
    expect(await outcome()).to.deep.equal([1n, 1n, perShare])
    expect(await service.earned(0)).to.equal(0)
    expect(await service.earned(1)).to.equal(perShare * sharesOf(1))
  })
})

describe('late votes', () => {
  it('count until the next training closes, for the decided candidate only', async () => {
    const world = await training()
    const { service, players } = world
    await reachVote(world)
    for (const player of players.slice(0, 4)) await vote(world, player)
    expect((await service.roundInfo()).lateRound).to.equal(1)
    const late = players[4]!
    await expect(service.connect(late.operator).vote(1, modelOf(99), cid('lie'))).to.be.revertedWithCustomError(
      service,
      'AgainstOutcome',
    )
    await vote(world, late, { round: 1 })
    await reachReveal(world)
    await expect(vote(world, late, { round: 1 }))
      .to.be.revertedWithCustomError(service, 'WrongRound')
      .withArgs(1, 2)
    for (const player of players) expect(await service.earned(player.seat)).to.be.greaterThan(REWARD / 7n)
  })

  it('of the last round of an epoch have a vote window of their own', async () => {
    const world = await training({ players: 4, parameters: { decryptionsPerEpoch: 1 } })
    const { service, players } = world
    await reachVote(world)
    for (const player of players.slice(0, 3)) await vote(world, player)
    expect(await stateOf(world)).to.equal('Training')
    await expect(commitUpdate(world, players[0]!)).to.be.revertedWithCustomError(service, 'EpochUsedUp').withArgs(1, 1)
    await vote(world, players[3]!, { round: 1 })
    await passDeadline(world)
    expect(await stateOf(world)).to.equal('Registration')
    await service.poke()
    for (const player of players) expect(await service.earned(player.seat)).to.be.greaterThan(REWARD / 6n)
    // A training that was impossible for everybody gives no strikes.
    for (const player of players) expect((await service.seatInfo(player.seat)).strikes).to.equal(0)
  })
})

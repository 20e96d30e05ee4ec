// SPDX-License-Identifier: GPL-3.0-or-later

import { expect } from 'chai'
import { encodeBytes32String, id, ZeroHash } from 'ethers'
import { cid, REWARD, seats } from './fixture.ts'
import {
  attest,
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

const STATE = { Training: 4, Reveal: 5, Aggregate: 6, Decrypt: 7, Vote: 8 }
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
    await expect(tx)
      .to.emit(models, 'VersionAccepted')
      .withArgs(await service.getAddress(), 1, seats(0, 1, 2, 3))
    expect(await stateOf(world)).to.equal('Training')
    const version = await models.getVersion(service, 1)
    expect([version.epoch, version.round, version.votes, version.weightsCommitment]).to.deep.equal([
      1n,
      1n,
      4n,
      modelOf(1),
    ])
  })

  it('refuses empty commitments and CIDs', async () => {
    const world = await training()
    const { service, players } = world
    await reachVote(world)
    const by = service.connect(players[0]!.operator)
    await expect(by.vote(1, ZeroHash, cid('x')))
      .to.be.revertedWithCustomError(service, 'ZeroHash')
      .withArgs(field('modelCommitment'))
    await expect(by.vote(1, id('x'), `0x${'01'.repeat(65)}`)).to.be.revertedWithCustomError(service, 'CidLength')
  })

  it('records the update as incomplete when no model finds a quorum', async () => {
    const world = await training()
    const { service, models, players } = world
    await reachVote(world)
    for (const player of players.slice(0, 3)) await vote(world, player)
    await service.connect(players[3]!.operator).vote(1, id('lie'), cid('lie'))
    await service.connect(players[4]!.operator).vote(1, id('another lie'), cid('lie'))
    expect((await service.votes()).map((candidate) => candidate.supporters)).to.deep.equal([
      seats(0, 1, 2),
      seats(3),
      seats(4),
    ])
    await passDeadline(world)
    await expect(service.poke()).to.emit(service, 'UpdateIncomplete').withArgs(1)
    expect((await service.outcomeOf(1)).result).to.equal(2)
    expect(await models.versionCount(service)).to.equal(0)
    await completeRound(world)
    expect((await service.outcomeOf(2)).result).to.equal(1)
  })

  it('lets a candidate win that was not the first', async () => {
    const world = await training()
    const { service, players } = world
    await reachVote(world)
    await attest(world, players[4]!)
    await service.connect(players[0]!.operator).vote(1, id('lie'), cid('lie'))
    for (const player of players.slice(1)) await vote(world, player)
    const outcome = await service.outcomeOf(1)
    expect([outcome.result, outcome.candidate, outcome.isFinal]).to.deep.equal([1n, 1n, false])
    await reachReveal(world)
    expect(await service.earned(0)).to.equal(0)
    expect(await service.earned(1)).to.equal(REWARD / 4n)
  })

  it('goes on when the model registry refuses the version', async () => {
    const world = await training()
    const { service, players } = world
    await reachVote(world)
    const unfit = `0x${'ff'.repeat(32)}`
    for (const player of players.slice(0, 3)) await service.connect(player.operator).vote(1, unfit, cid('m'))
    await expect(service.connect(players[3]!.operator).vote(1, unfit, cid('m'))).to.emit(service, 'PublicationRefused')
    expect(await stateOf(world)).to.equal('Training')
  })

  it('cannot be starved of the gas that publishing takes', async () => {
    const world = await training()
    const { service, players } = world
    await reachVote(world)
    for (const player of players.slice(0, 3)) await vote(world, player)
    await expect(
      service.connect(players[3]!.operator).vote(1, modelOf(1), cid('model 1'), { gasLimit: 400_000 }),
    ).to.be.revertedWithCustomError(service, 'GasTooLow')
    await vote(world, players[3]!)
  })
})

describe('late ballots', () => {
  it('count until the next training closes, for what was decided only', async () => {
    const world = await training()
    const { service, players } = world
    await reachVote(world)
    for (const player of players.slice(0, 4)) await vote(world, player)
    expect((await service.roundInfo()).lateRound).to.equal(1)
    const late = players[4]!
    const { included } = (await service.attestations())[0]!
    await expect(service.connect(late.operator).vote(1, id('lie'), cid('lie'))).to.be.revertedWithCustomError(
      service,
      'AgainstOutcome',
    )
    await attest(world, late, { round: 1, included })
    await vote(world, late, { round: 1 })
    await reachReveal(world)
    await expect(vote(world, late, { round: 1 }))
      .to.be.revertedWithCustomError(service, 'WrongRound')
      .withArgs(1, 2)
    for (const player of players) expect(await service.earned(player.seat)).to.equal(REWARD / 5n)
  })

  it('of the last round of an epoch have a vote window of their own', async () => {
    const world = await training({ players: 4, parameters: { decryptionsPerEpoch: 1 } })
    const { service, players } = world
    await reachVote(world)
    for (const player of players.slice(0, 3)) await vote(world, player)
    expect(await stateOf(world)).to.equal('Training')
    await expect(commitUpdate(world, players[0]!)).to.be.revertedWithCustomError(service, 'EpochUsedUp').withArgs(1, 1)
    const { included } = (await service.attestations())[0]!
    await attest(world, players[3]!, { round: 1, included })
    await vote(world, players[3]!, { round: 1 })
    await passDeadline(world)
    expect(await stateOf(world)).to.equal('Registration')
    await service.poke()
    for (const player of players) expect(await service.earned(player.seat)).to.equal(REWARD / 4n)
    // A training in which nobody could train gives no strikes.
    for (const player of players) expect((await service.seatInfo(player.seat)).strikes).to.equal(0)
  })
})

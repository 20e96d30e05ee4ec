// SPDX-License-Identifier: GPL-3.0-or-later

import { expect } from 'chai'
import { encodeBytes32String, id, ZeroHash } from 'ethers'
import {
  attest,
  cid,
  commitUpdate,
  completeRound,
  createWorld,
  drafted,
  expected,
  JAIL,
  modelOf,
  numbers,
  POOL,
  passDeadline,
  REWARD,
  reachAggregate,
  reachDecrypt,
  reachReveal,
  reachTraining,
  reachVote,
  revealUpdate,
  STAKE,
  salt,
  samplesOf,
  seats,
  stateOf,
  submitShare,
  sumHash,
  vote,
  type World,
} from './fixture.ts'

const STATE = { Training: 4, Reveal: 5, Aggregate: 6, Decrypt: 7, Vote: 8 }
const field = encodeBytes32String

async function training(options: Parameters<typeof createWorld>[0] = {}): Promise<World> {
  const world = await createWorld(options)
  await reachTraining(world)
  return world
}

describe('Training', () => {
  it('ends when every member has committed', async () => {
    const world = await training()
    await reachReveal(world)
    expect(await stateOf(world)).to.equal('Reveal')
    expect((await world.service.roundInfo()).committed).to.equal(seats(0, 1, 2, 3, 4))
  })

  it('goes on at its deadline with a quorum of commits', async () => {
    const world = await training()
    await reachReveal(world, world.players.slice(0, 4))
    expect(await stateOf(world)).to.equal('Training')
    await passDeadline(world)
    expect(await stateOf(world)).to.equal('Reveal')
    for (const player of world.players.slice(0, 4)) await revealUpdate(world, player)
    expect(await stateOf(world)).to.equal('Aggregate')
  })

  it('times out to Registration with fewer', async () => {
    const world = await training()
    const { service } = world
    await reachReveal(world, world.players.slice(0, 3))
    await passDeadline(world)
    expect(await stateOf(world)).to.equal('Registration')
    await expect(service.poke()).to.emit(service, 'Transitioned')
    expect((await service.epochInfo()).members).to.equal(0)
  })

  it('refuses what is late, early, double, empty, or not for this round', async () => {
    const world = await training()
    const { service, players, stranger } = world
    const by = service.connect(players[0]!.operator)
    await expect(by.commitUpdate(1, ZeroHash))
      .to.be.revertedWithCustomError(service, 'ZeroHash')
      .withArgs(field('commitment'))
    await expect(by.commitUpdate(2, id('x')))
      .to.be.revertedWithCustomError(service, 'WrongRound')
      .withArgs(2, 1)
    await expect(service.connect(stranger).commitUpdate(1, id('x'))).to.be.revertedWithCustomError(service, 'NotSeated')
    await expect(by.revealUpdate(1, cid('x'), 1, 1, ZeroHash))
      .to.be.revertedWithCustomError(service, 'UnexpectedState')
      .withArgs(STATE.Training, expected('Reveal'))
    await expect(by.attest(1, id('x'), 1))
      .to.be.revertedWithCustomError(service, 'UnexpectedState')
      .withArgs(STATE.Training, expected('Aggregate', 'Decrypt', 'Vote'))
    await expect(by.submitShare(1, cid('x'), 1))
      .to.be.revertedWithCustomError(service, 'UnexpectedState')
      .withArgs(STATE.Training, expected('Decrypt'))
    await expect(by.vote(1, id('x'), cid('x')))
      .to.be.revertedWithCustomError(service, 'UnexpectedState')
      .withArgs(STATE.Training, expected('Vote'))
    await expect(by.vote(0, id('x'), cid('x')))
      .to.be.revertedWithCustomError(service, 'WrongRound')
      .withArgs(0, 1)
    await commitUpdate(world, players[0]!)
    await expect(commitUpdate(world, players[0]!))
      .to.be.revertedWithCustomError(service, 'AlreadyDone')
      .withArgs(STATE.Training, 0)
    for (const player of players.slice(1, 4)) await commitUpdate(world, player)
    await passDeadline(world)
    await expect(by.commitUpdate(1, id('x')))
      .to.be.revertedWithCustomError(service, 'UnexpectedState')
      .withArgs(STATE.Reveal, expected('Training'))
  })

  it('keeps a service of minKeepers members from summing fewer than that', async () => {
    const world = await createWorld({ players: 5, parameters: { minKeepers: 5 } })
    await reachTraining(world)
    await reachReveal(world, world.players.slice(0, 4))
    await passDeadline(world)
    expect(await stateOf(world)).to.equal('Registration')
  })
})

describe('Reveal', () => {
  it('takes only what was committed, by the one who did', async () => {
    const world = await training()
    const { service, players } = world
    const [a, b] = players as [any, any]
    const stolen = await service.updateCommitment(1, a.seat, cid('update 1 0'), 1000, samplesOf(0), salt('update'))
    await commitUpdate(world, a)
    await service.connect(b.operator).commitUpdate(1, stolen)
    for (const player of players.slice(2, 4)) await commitUpdate(world, player)
    await passDeadline(world)
    await revealUpdate(world, a)
    await expect(
      service.connect(b.operator).revealUpdate(1, cid('update 1 0'), 1000, samplesOf(0), salt('update')),
    ).to.be.revertedWithCustomError(service, 'CommitmentMismatch')
    await expect(revealUpdate(world, players[4]!))
      .to.be.revertedWithCustomError(service, 'NotCommitted')
      .withArgs(STATE.Reveal, 4)
    await expect(revealUpdate(world, a)).to.be.revertedWithCustomError(service, 'AlreadyDone').withArgs(STATE.Reveal, 0)
    const c = service.connect(players[2]!.operator)
    await expect(c.revealUpdate(1, '0x', 1, 1, ZeroHash))
      .to.be.revertedWithCustomError(service, 'CidLength')
      .withArgs(0, 64)
    await expect(c.revealUpdate(1, cid('x'), 0, 1, ZeroHash)).to.be.revertedWithCustomError(service, 'ZeroSize')
    await expect(c.revealUpdate(1, cid('x'), 1, 0, ZeroHash)).to.be.revertedWithCustomError(service, 'ZeroSamples')
    await expect(c.revealUpdate(2, cid('x'), 1, 1, ZeroHash))
      .to.be.revertedWithCustomError(service, 'WrongRound')
      .withArgs(2, 1)
  })

  it('goes on at its deadline with a quorum, else times out to Training', async () => {
    const world = await training()
    await reachReveal(world)
    for (const player of world.players.slice(0, 4)) await revealUpdate(world, player)
    await passDeadline(world)
    expect(await stateOf(world)).to.equal('Aggregate')
    await passDeadline(world)
    await world.service.poke()
    await reachReveal(world)
    for (const player of world.players.slice(0, 3)) await revealUpdate(world, player)
    await passDeadline(world)
    expect(await stateOf(world)).to.equal('Training')
    expect((await numbers(world)).round).to.equal(3)
  })
})

describe('Aggregate', () => {
  it('takes a majority on both, hash and bitmap', async () => {
    const world = await training({ players: 7, parameters: { decryptionBps: 7000 } })
    const { service, players } = world
    await reachAggregate(world)
    const all = seats(0, 1, 2, 3, 4, 5, 6)
    // quorum 5, t 5: the same hash with another bitmap is another candidate
    await attest(world, players[0]!, { included: seats(0, 1, 2) })
    await service.connect(players[1]!.operator).attest(1, id('lie'), all)
    for (const player of players.slice(2, 6)) await attest(world, player)
    expect(await stateOf(world)).to.equal('Aggregate')
    expect((await service.attestations()).map((candidate) => candidate.supporters)).to.deep.equal([
      seats(0),
      seats(1),
      seats(2, 3, 4, 5),
    ])
    for (const [player, included] of [
      [players[0]!, all],
      [players[1]!, all],
      [players[2]!, all],
    ] as const) {
      await expect(attest(world, player, { included }))
        .to.be.revertedWithCustomError(service, 'AlreadyDone')
        .withArgs(STATE.Aggregate, player.seat)
    }
    await expect(attest(world, players[6]!))
      .to.emit(service, 'MembersDrafted')
      .withArgs(1, seats(2, 3, 4, 5, 6), sumHash(1), all)
    const info = await service.roundInfo()
    expect([info.drafted, info.included, info.attesters, info.attested]).to.deep.equal([
      seats(2, 3, 4, 5, 6),
      all,
      seats(2, 3, 4, 5, 6),
      2n,
    ])
  })

  it('refuses sums that may not be decrypted, and empty hashes', async () => {
    const world = await training()
    const { service, players } = world
    await reachReveal(world)
    for (const player of players.slice(0, 4)) await revealUpdate(world, player)
    await passDeadline(world)
    const by = service.connect(players[0]!.operator)
    await expect(by.attest(1, id('x'), seats(0, 1, 4)))
      .to.be.revertedWithCustomError(service, 'IncludedNotRevealed')
      .withArgs(seats(0, 1, 4), seats(0, 1, 2, 3))
    await expect(by.attest(1, id('x'), seats(0, 1)))
      .to.be.revertedWithCustomError(service, 'TooFewIncluded')
      .withArgs(2, 3)
    await expect(by.attest(1, ZeroHash, seats(0, 1, 2)))
      .to.be.revertedWithCustomError(service, 'ZeroHash')
      .withArgs(field('aggregateHash'))
  })

  it('finds no majority at its deadline and trains again', async () => {
    const world = await training()
    const { service } = world
    await reachAggregate(world)
    await attest(world, world.players[0]!)
    await passDeadline(world)
    await expect(service.poke()).to.emit(service, 'Transitioned')
    expect(await numbers(world)).to.deep.equal({ epoch: 1, round: 2 })
    // What was attested in round 1 counts for nothing in round 2.
    await completeRound(world)
    expect(await stateOf(world)).to.equal('Training')
  })

  it('does not take dissent of one round for dissent of the next', async () => {
    const world = await training()
    const { service, players } = world
    await reachAggregate(world)
    await attest(world, players[0]!)
    await service.connect(players[1]!.operator).attest(1, id('lie'), seats(0, 1, 2))
    await passDeadline(world)
    await service.poke()
    await reachAggregate(world)
    await attest(world, players[1]!)
    await service.connect(players[0]!.operator).attest(2, id('lie'), seats(0, 1, 2))
    for (const player of players.slice(2)) await attest(world, player)
    expect(await stateOf(world)).to.equal('Decrypt')
  })

  it('accepts the winning pair late, and nothing else', async () => {
    const world = await training()
    const { service, players } = world
    await reachDecrypt(world)
    const late = players[4]!
    const { revealed } = await service.roundInfo()
    await expect(service.connect(late.operator).attest(1, id('lie'), revealed)).to.be.revertedWithCustomError(
      service,
      'AgainstOutcome',
    )
    await attest(world, late)
    expect((await service.roundInfo()).attesters).to.equal(seats(0, 1, 2, 3, 4))
    expect((await service.roundInfo()).drafted).to.equal(seats(0, 1, 2))
    await expect(attest(world, late)).to.be.revertedWithCustomError(service, 'AlreadyDone')
  })

  it('accepts a late attestation for a candidate that was not the first', async () => {
    const world = await training()
    const { service, players } = world
    await reachAggregate(world)
    await service.connect(players[0]!.operator).attest(1, id('lie'), seats(0, 1, 2))
    for (const player of players.slice(1)) await attest(world, player)
    expect(await stateOf(world)).to.equal('Decrypt')
    await expect(attest(world, players[0]!)).to.be.revertedWithCustomError(service, 'AlreadyDone')
    await expect(attest(world, players[1]!)).to.be.revertedWithCustomError(service, 'AlreadyDone')
  })
})

describe('Decrypt', () => {
  it('takes one share from each drafted member, and from nobody else', async () => {
    const world = await training()
    const { service, players } = world
    const set = await reachDecrypt(world)
    expect(set).to.deep.equal(players.slice(0, 3))
    await expect(submitShare(world, players[3]!))
      .to.be.revertedWithCustomError(service, 'NotDrafted')
      .withArgs(3, seats(0, 1, 2))
    const by = service.connect(players[0]!.operator)
    await expect(by.submitShare(1, cid('x'), 0)).to.be.revertedWithCustomError(service, 'ZeroSize')
    await expect(by.submitShare(1, '0x', 1)).to.be.revertedWithCustomError(service, 'CidLength')
    await expect(by.submitShare(2, cid('x'), 1)).to.be.revertedWithCustomError(service, 'WrongRound')
    await submitShare(world, players[0]!)
    await expect(submitShare(world, players[0]!))
      .to.be.revertedWithCustomError(service, 'AlreadyDone')
      .withArgs(STATE.Decrypt, 0)
    expect((await service.roundInfo()).shared).to.equal(seats(0))
    await submitShare(world, players[1]!)
    await submitShare(world, players[2]!)
    expect(await stateOf(world)).to.equal('Vote')
  })

  it('penalises the silent of the draft, and never drafts them again in the epoch', async () => {
    const world = await training()
    const { service, registry, players } = world
    await reachDecrypt(world)
    await submitShare(world, players[0]!)
    await submitShare(world, players[1]!)
    await passDeadline(world)
    expect(await stateOf(world)).to.equal('Training')
    await expect(service.poke()).to.emit(service, 'Penalised')
    const stake = async (index: number) => (await registry.keeperOf(players[index]!.owner)).stake
    expect(STAKE - (await stake(2))).to.equal(world.parameters.decryptPenalty)
    expect(await stake(0)).to.equal(STAKE)
    expect((await service.epochInfo()).undraftable).to.equal(seats(2))
    // It attests first now, and is passed over.
    await reachAggregate(world)
    for (const player of [players[2]!, players[0]!, players[1]!, players[3]!]) await attest(world, player)
    expect(await drafted(world)).to.deep.equal([players[0], players[1], players[3]])
  })

  it('waits for members that may be drafted beyond the quorum', async () => {
    const world = await training({ players: 5, parameters: { decryptionBps: 6000 } })
    const { service, players } = world
    expect((await service.epochInfo()).decryptionThreshold).to.equal(4)
    await reachDecrypt(world)
    for (const player of players.slice(0, 3)) await submitShare(world, player)
    await passDeadline(world)
    await service.poke()
    await reachAggregate(world)
    for (const player of [players[3]!, players[0]!, players[1]!, players[2]!]) await attest(world, player)
    expect(await stateOf(world)).to.equal('Aggregate')
    await attest(world, players[4]!)
    expect(await drafted(world)).to.deep.equal([players[0], players[1], players[2], players[4]])
  })

  it('ends the epoch when too few can be drafted', async () => {
    const world = await training({ players: 3, parameters: { decryptionBps: 10_000 } })
    const { service, registry, players } = world
    await reachDecrypt(world)
    await submitShare(world, players[0]!)
    await passDeadline(world)
    expect(await stateOf(world)).to.equal('Registration')
    const tx = service.poke()
    await expect(tx).to.emit(service, 'Transitioned')
    expect(await registry.slashCount()).to.equal(2)
    // No training was possible: nobody has a strike for it.
    expect((await service.seatInfo(0)).strikes).to.equal(0)
  })

  it('takes no stake when the penalty is zero', async () => {
    const world = await training({ players: 3, parameters: { decryptPenalty: 0n } })
    await reachDecrypt(world)
    await passDeadline(world)
    await world.service.poke()
    expect(await world.registry.slashCount()).to.equal(0)
    expect((await world.service.clock()).current).to.equal(0)
  })
})

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

describe('rewards', () => {
  it('go to the members that did every step, and are collected by the owner', async () => {
    const world = await training()
    const { service, registry, players, token } = world
    // 4 does not attest the sum, 3 votes for it without: both miss a step
    await reachVote(world)
    for (const player of players.slice(0, 4)) await vote(world, player)
    await reachReveal(world)
    const each = REWARD / 4n
    expect(await service.earned(0)).to.equal(each)
    expect(await service.earned(4)).to.equal(0)
    await expect(service.collect(0)).to.emit(service, 'RewardCollected').withArgs(0, players[0]!.owner.address, each)
    await expect(service.collect(0)).to.be.revertedWithCustomError(service, 'NothingToCollect').withArgs(0)
    await expect(service.collect(9)).to.be.revertedWithCustomError(service, 'EmptySeat').withArgs(9)
    const before = await token.balanceOf(players[0]!.owner)
    await registry.connect(players[0]!.owner).claimRewards(players[0]!.owner)
    expect(await token.balanceOf(players[0]!.owner)).to.equal(before + each)
  })

  it('add up over rounds without being collected, and skip those a member missed', async () => {
    const world = await training()
    const { service, players, registry } = world
    for (let i = 0; i < 3; i++) await completeRound(world)
    const round = await completeRound(world)
    expect(round).to.equal(4)
    // Round 4 is not final yet.
    expect(await service.earned(0)).to.equal((3n * REWARD) / 5n)
    await reachReveal(world, players.slice(0, 4))
    await passDeadline(world)
    await service.poke()
    expect(await service.earned(0)).to.equal((4n * REWARD) / 5n)
    await service.collect(4)
    expect(await registry.rewardsOf(players[4]!.owner)).to.equal((4n * REWARD) / 5n)
    expect(await registry.poolOf(service)).to.deep.equal([POOL - 4n * REWARD, (16n * REWARD) / 5n])
  })

  it('by samples go in proportion to what was declared, up to the cap', async () => {
    const world = await createWorld({ players: 3 })
    const { service, bySamples } = world
    await service.setParameters({ ...world.parameters, strategy: await bySamples.getAddress() })
    await reachTraining(world)
    await completeRound(world)
    await reachReveal(world)
    const perShare = REWARD / 600n
    for (const player of world.players) {
      expect(await service.earned(player.seat)).to.equal(BigInt(samplesOf(player.seat)) * perShare)
    }
    expect(await bySamples.sharesOf(10_000)).to.equal(10_000)
    expect(await bySamples.sharesOf(10_001)).to.equal(10_000)
    expect(await bySamples.cap()).to.equal(10_000)
    await expect(world.ethers.deployContract('SampleRewards', [0])).to.be.revertedWithCustomError(bySamples, 'ZeroCap')
  })

  it('are what is left when the pool runs dry, and then nothing', async () => {
    const world = await training({ players: 3 })
    const { service, registry } = world
    await registry.withdrawPool(service, POOL - 7n)
    await completeRound(world)
    await completeRound(world)
    await reachReveal(world)
    expect(await registry.poolOf(service)).to.deep.equal([1n, 6n])
    for (const player of world.players) expect(await service.earned(player.seat)).to.equal(2n)
  })

  it('are forfeited by a vote cast before the attestation', async () => {
    const world = await training()
    const { service, players } = world
    await reachVote(world)
    await vote(world, players[4]!)
    await attest(world, players[4]!)
    for (const player of players.slice(0, 3)) await vote(world, player)
    await reachReveal(world)
    expect(await service.earned(4)).to.equal(0)
    expect(await service.earned(0)).to.equal(REWARD / 3n)
  })

  it('of a member that neither trained nor revealed are nothing, though its vote counts', async () => {
    const world = await training()
    const { service, players } = world
    const active = players.slice(0, 4)
    await reachReveal(world, active)
    await passDeadline(world)
    for (const player of active) await revealUpdate(world, player)
    await attest(world, players[4]!)
    for (const player of active.slice(0, 3)) await attest(world, player)
    for (const player of await drafted(world)) await submitShare(world, player)
    for (const player of [players[4]!, ...active.slice(0, 3)]) await vote(world, player)
    expect(await stateOf(world)).to.equal('Training')
    await reachReveal(world)
    expect(await service.earned(4)).to.equal(0)
    expect(await service.earned(0)).to.equal(REWARD / 3n)
  })
})

describe('strikes', () => {
  it('jail a member that reveals nothing for too many rounds in a row', async () => {
    const world = await training({ players: 5, parameters: { maxStrikes: 2, decryptionsPerEpoch: 3 } })
    const { service, registry, players, networkHelpers } = world
    const active = players.slice(0, 4)
    const idle = players[4]!
    const round = async () => {
      await reachReveal(world, active)
      await passDeadline(world)
      for (const player of active) await revealUpdate(world, player)
    }
    await round()
    expect((await service.seatInfo(4)).strikes).to.equal(1)
    for (const player of active) await attest(world, player)
    for (const player of await drafted(world)) await submitShare(world, player)
    for (const player of active) await vote(world, player)
    // one round with all members forgives
    await completeRound(world)
    expect((await service.seatInfo(4)).strikes).to.equal(0)
    await round()
    await passDeadline(world)
    await service.poke()
    await reachReveal(world, active)
    await passDeadline(world)
    for (const player of active.slice(0, 3)) await revealUpdate(world, player)
    await expect(revealUpdate(world, active[3]!)).to.emit(service, 'StruckOut').withArgs(4, idle.owner.address)
    expect(await registry.isJailed(idle.owner)).to.equal(true)
    expect((await service.seats()).leaving).to.equal(seats(4))
    expect((await registry.keeperOf(idle.owner)).stake).to.equal(STAKE)
    for (const player of active) await attest(world, player)
    for (const player of await drafted(world)) await submitShare(world, player)
    for (const player of active) await vote(world, player)
    await passDeadline(world)
    await service.poke()
    expect((await service.seats()).seated).to.equal(seats(0, 1, 2, 3))
    await expect(service.connect(idle.operator).join(idle.owner)).to.be.revertedWithCustomError(
      registry,
      'KeeperJailed',
    )
    await networkHelpers.time.increase(JAIL)
    await registry.connect(idle.owner).unjail()
    await service.connect(idle.operator).join(idle.owner)
  })

  for (const maxStrikes of [1, 3]) {
    it(`take effect at the ${maxStrikes}. idle round when that is the limit`, async () => {
      const world = await training({ players: 4, parameters: { maxStrikes, maxKeepers: 4 } })
      const { service, registry, players } = world
      const active = players.slice(0, 3)
      for (let i = 1; i <= maxStrikes; i++) {
        expect(await registry.isJailed(players[3]!.owner)).to.equal(false)
        await reachReveal(world, active)
        await passDeadline(world)
        for (const player of active) await revealUpdate(world, player)
        await passDeadline(world)
        await service.poke()
      }
      expect(await registry.isJailed(players[3]!.owner)).to.equal(true)
    })
  }

  it('count at a training that times out, too', async () => {
    const world = await training({ players: 4, parameters: { maxStrikes: 1 } })
    await commitUpdate(world, world.players[0]!)
    await passDeadline(world)
    await world.service.poke()
    expect(await world.registry.isJailed(world.players[0]!.owner)).to.equal(false)
    for (const player of world.players.slice(1)) {
      expect(await world.registry.isJailed(player.owner)).to.equal(true)
    }
    expect((await world.service.seats()).seated).to.equal(seats(0))
  })

  it('saturate when the limit is lowered', async () => {
    const world = await training({ players: 4, parameters: { maxStrikes: 3 } })
    const { service, players, registry } = world
    const active = players.slice(0, 3)
    const idleRound = async () => {
      await reachReveal(world, active)
      await passDeadline(world)
      for (const player of active) await revealUpdate(world, player)
      await passDeadline(world)
      await service.poke()
    }
    await idleRound()
    await idleRound()
    expect((await service.seatInfo(3)).strikes).to.equal(2)
    await idleRound()
    expect(await registry.isJailed(players[3]!.owner)).to.equal(true)
    expect((await service.seatInfo(3)).strikes).to.equal(0)
  })
})

describe('the clock', () => {
  it('goes on without transactions, and one transaction records it all', async () => {
    const world = await training()
    const { service, players, networkHelpers } = world
    await reachReveal(world, players.slice(0, 4))
    const { end } = await service.clock()
    const { parameters } = world
    await networkHelpers.time.increaseTo(end)
    expect(await service.clock()).to.deep.equal([5n, 1n, 1n, end + BigInt(parameters.revealWindow)])
    const afterReveal = end + BigInt(parameters.revealWindow)
    await networkHelpers.time.increaseTo(afterReveal)
    expect(await service.clock()).to.deep.equal([4n, 1n, 2n, afterReveal + BigInt(parameters.trainingWindow)])
    await networkHelpers.time.increaseTo(afterReveal + BigInt(parameters.trainingWindow))
    expect(await stateOf(world)).to.equal('Registration')
    const tx = await service.poke()
    const receipt = await tx.wait()
    const names = receipt!.logs
      .map((log) => service.interface.parseLog(log))
      .filter((event) => event?.name === 'Transitioned')
      .map((event) => [event!.args.from, event!.args.to, event!.args.trigger])
    expect(names).to.deep.equal([
      [4n, 5n, 2n],
      [5n, 4n, 5n],
      [4n, 0n, 6n],
    ])
  })

  it('lets a step of the state it has reached settle what came before', async () => {
    const world = await training()
    await reachReveal(world, world.players.slice(0, 4))
    await passDeadline(world)
    await expect(revealUpdate(world, world.players[0]!)).to.emit(world.service, 'Transitioned')
    expect((await world.service.roundInfo()).revealed).to.equal(seats(0))
  })
})

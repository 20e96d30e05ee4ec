// SPDX-License-Identifier: GPL-3.0-or-later

import { expect } from 'chai'
import { encodeBytes32String, id, ZeroHash } from 'ethers'
import { cid, STAKE, seats } from './fixture.ts'
import {
  attest,
  completeRound,
  drafted,
  numbers,
  passDeadline,
  reachAggregate,
  reachDecrypt,
  reachReveal,
  revealUpdate,
  stateOf,
  submitShare,
  sumHash,
  training,
} from './play.ts'

const STATE = { Training: 4, Reveal: 5, Aggregate: 6, Decrypt: 7, Vote: 8 }
const field = encodeBytes32String

describe('Aggregate', () => {
  it('takes a majority on both, hash and bitmap', async () => {
    const world = await training({ players: 7, parameters: { decryptionBps: 6666 } })
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
    const world = await training({ players: 3, parameters: { decryptionBps: 6666 } })
    const { service, registry } = world
    expect((await reachDecrypt(world)).length).to.equal(2)
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

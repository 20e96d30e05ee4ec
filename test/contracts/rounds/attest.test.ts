// SPDX-License-Identifier: GPL-3.0-or-later
// Sealed attestations: who may make one, when, and what a copied one earns.

import { expect } from 'chai'
import { AbiCoder, encodeBytes32String, id, keccak256 } from 'ethers'
import { seats, type World } from './fixture.ts'
import {
  attest,
  draft,
  drafted,
  passAttestations,
  reachAggregate,
  reachReveal,
  sealOf,
  stateOf,
  submitShare,
  sumHash,
  training,
  vote,
} from './play.ts'

const STATE = { Aggregate: 7 }
const EMPTY = `0x${'00'.repeat(26)}`

async function attestAll(world: World, players = world.players): Promise<void> {
  for (const player of players) await attest(world, player)
}

describe('attest', () => {
  it('keeps one seal per member and round, bound to chain, service, round, seat and content', async () => {
    const world = await training()
    const { service, players, ethers } = world
    await reachAggregate(world)
    const [first] = players as [any]
    const seal = await sealOf(world, first)
    const { chainId } = await ethers.provider.getNetwork()
    const coded = AbiCoder.defaultAbiCoder().encode(
      ['uint256', 'address', 'uint32', 'uint8', 'bytes32', 'uint256', 'uint256'],
      [chainId, await service.getAddress(), 1, 0, sumHash(1), seats(0, 1, 2, 3, 4), 0],
    )
    expect(seal).to.equal(keccak256(coded).slice(0, 54))
    await expect(attest(world, first)).to.emit(service, 'AggregateAttested').withArgs(1, 0, seal)
    await expect(attest(world, first, { hash: id('another') }))
      .to.be.revertedWithCustomError(service, 'AlreadyDone')
      .withArgs(STATE.Aggregate, 0)
    expect((await service.roundInfo()).attesters).to.equal(seats(0))
  })

  it('refuses another round, an empty seal, a stranger, and the second half of the window', async () => {
    const world = await training()
    const { service, players, stranger } = world
    await reachAggregate(world)
    const by = service.connect(players[0]!.operator)
    const seal = await sealOf(world, players[0]!)
    await expect(by.attest(2, seal)).to.be.revertedWithCustomError(service, 'WrongRound').withArgs(2, 1)
    await expect(by.attest(1, EMPTY))
      .to.be.revertedWithCustomError(service, 'ZeroHash')
      .withArgs(encodeBytes32String('seal'))
    await expect(service.connect(stranger).attest(1, seal)).to.be.revertedWithCustomError(service, 'NotSeated')
    const { end } = await service.clock()
    await passAttestations(world)
    await expect(by.attest(1, seal))
      .to.be.revertedWithCustomError(service, 'AttestationsClosed')
      .withArgs(end - BigInt(world.parameters.aggregateWindow / 2))
    expect((await service.roundInfo()).attesters).to.equal(0)
  })

  it('is refused once the draft is open: a late attestation does not count', async () => {
    const world = await training()
    const { service, players } = world
    await reachAggregate(world)
    await attestAll(world, players.slice(0, 4))
    await passAttestations(world)
    await draft(world)
    const late = players[4]!
    const seal = await service.attestationSeal(1, 4, sumHash(1), seats(0, 1, 2, 3, 4), 0)
    for (const next of ['Decrypt', 'Vote', 'Training'] as const) {
      expect(await stateOf(world)).to.equal(next)
      await expect(service.connect(late.operator).attest(1, seal)).to.be.revertedWithCustomError(
        service,
        'UnexpectedState',
      )
      if (next === 'Decrypt') for (const player of await drafted(world)) await submitShare(world, player)
      if (next === 'Vote') for (const player of players) await vote(world, player, { round: 1 })
    }
    await reachReveal(world)
    expect(await service.earned(4)).to.equal(0)
    expect(await service.earned(0)).to.be.greaterThan(0)
  })

  it('earns nothing for a copied seal, the seal of an earlier round, or a guess', async () => {
    const world = await training({ players: 7 })
    const { service, players } = world
    await reachAggregate(world)
    const old = await sealOf(world, players[5]!)
    await attestAll(world)
    await draft(world)
    for (const player of await drafted(world)) await submitShare(world, player)
    for (const player of players) await vote(world, player, { round: 1 })
    await reachAggregate(world)
    const earned = async () => await Promise.all(players.map(({ seat }) => service.earned(seat)))
    const before = await earned()
    await attestAll(world, players.slice(0, 5))
    const [copier, replayer] = players.slice(5) as [any, any]
    // Seats 5 and 6 send the seal that seat 0 made for itself, and the one that seat 5 made in round 1.
    await service.connect(replayer.operator).attest(2, await sealOf(world, players[0]!))
    await service.connect(copier.operator).attest(2, old)
    await draft(world)
    expect((await service.roundInfo()).attesters).to.equal(seats(0, 1, 2, 3, 4))
    expect((await service.roundInfo()).drafted & seats(5, 6)).to.equal(0)
    for (const player of await drafted(world)) await submitShare(world, player)
    for (const player of players) await vote(world, player, { round: 2 })
    await reachReveal(world)
    const after = await earned()
    for (const seat of [0, 1, 2, 3, 4]) expect(after[seat]).to.be.greaterThan(before[seat]!)
    for (const seat of [5, 6]) expect(after[seat]).to.equal(before[seat])
  })
})

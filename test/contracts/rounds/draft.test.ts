// SPDX-License-Identifier: GPL-3.0-or-later
// The draft: who is drawn, when it opens, and what it pays.

import { expect } from 'chai'
import { id } from 'ethers'
import { expected, REWARD, seats, type World } from './fixture.ts'
import {
  attest,
  commitUpdate,
  completeRound,
  draft,
  generateKey,
  numbers,
  passAttestations,
  passDeadline,
  reachAggregate,
  reachReveal,
  reachVote,
  revealUpdate,
  sealOf,
  stateOf,
  sumHash,
  training,
  vote,
} from './play.ts'

const setOf = (bits: bigint): number[] => [...Array(256).keys()].filter((seat) => (bits >> BigInt(seat)) & 1n)

async function attestAll(world: World, players = world.players): Promise<void> {
  for (const player of players) await attest(world, player)
}

describe('the draft', () => {
  it('draws t of the members that sealed its opening, by the block of the last attestation, no matter who opens it', async () => {
    const world = await training({ players: 9 })
    const { service, networkHelpers } = world
    await reachAggregate(world)
    await attestAll(world)
    const here = await networkHelpers.takeSnapshot()
    const draws: bigint[] = []
    for (const by of [null, world.players[0]!, world.players[8]!]) {
      await networkHelpers.mine(draws.length)
      await expect(draft(world, {}, by)).to.emit(service, 'MembersDrafted')
      draws.push((await service.roundInfo()).drafted)
      await here.restore()
    }
    expect(new Set(draws).size).to.equal(1)
    expect(setOf(draws[0]!).length).to.equal(5)
    await draft(world)
    expect(await stateOf(world)).to.equal('Decrypt')
    expect((await service.roundInfo()).included).to.equal(seats(...Array(9).keys()))
  })

  it('does not depend on the order of the attestations: every member is drawn in some round', async () => {
    const world = await training({ players: 5 })
    const { service } = world
    let drawn = 0n
    const sets = new Set<bigint>()
    for (let i = 0; i < 10; i++) {
      await completeRound(world)
      const { args } = (await service.queryFilter(service.filters.MembersDrafted())).at(-1)!
      expect(setOf(args.drafted).length).to.equal(3)
      drawn |= args.drafted
      sets.add(args.drafted)
    }
    expect(drawn).to.equal(seats(0, 1, 2, 3, 4))
    expect(sets.size).to.be.greaterThan(2)
  })

  it('opens when all who revealed have attested, or when half of the window is over; never in the same block', async () => {
    const world = await training()
    const { service, players, ethers, networkHelpers, stranger } = world
    await reachReveal(world)
    for (const player of players.slice(0, 4)) await revealUpdate(world, player)
    await passDeadline(world)
    await attestAll(world, players.slice(0, 3))
    const { end } = await service.clock()
    await expect(draft(world))
      .to.be.revertedWithCustomError(service, 'DraftTooEarly')
      .withArgs(seats(3), end - BigInt(world.parameters.aggregateWindow / 2))
    // The last attestation and the draft in one block: nobody can know its hash.
    const opening = [1, sumHash(1), seats(0, 1, 2, 3), 0n] as const
    const { provider } = ethers
    await provider.send('evm_setAutomine', [false])
    const seal = await sealOf(world, players[3]!)
    await service.connect(players[3]!.operator).attest(1, seal, { gasLimit: 300_000 })
    const same = await service.connect(stranger).draft(...opening, { gasLimit: 3_000_000 })
    await networkHelpers.mine()
    await provider.send('evm_setAutomine', [true])
    expect((await provider.getTransactionReceipt(same.hash))!.status).to.equal(0)
    expect(await stateOf(world)).to.equal('Aggregate')
    await service.connect(stranger).draft(...opening)
    expect(await stateOf(world)).to.equal('Decrypt')
  })

  it('is refused with a wrong opening, which changes nothing', async () => {
    const world = await training({ players: 7 })
    const { service } = world
    await expect(draft(world)).to.be.revertedWithCustomError(service, 'UnexpectedState')
    await reachReveal(world)
    for (const player of world.players.slice(0, 6)) await revealUpdate(world, player)
    await passDeadline(world)
    await attestAll(world)
    const all = seats(0, 1, 2, 3, 4, 5)
    const by = service.connect(world.stranger)
    const refused = (args: readonly [number, string, bigint, bigint], name: string, ...found: unknown[]) =>
      expect(by.draft(...args))
        .to.be.revertedWithCustomError(service, name)
        .withArgs(...found)
    await refused([1, id('lie'), all, 0n], 'SealsNotMatched', 0, 5)
    await refused([1, sumHash(1), seats(0, 1, 2, 3, 4), 0n], 'SealsNotMatched', 0, 5)
    await refused([2, sumHash(1), all, 0n], 'WrongRound', 2, 1)
    await refused([1, sumHash(1), all | seats(6), 0n], 'IncludedNotRevealed', all | seats(6), all)
    await refused([1, sumHash(1), all | (1n << 255n), 0n], 'IncludedNotRevealed', all | (1n << 255n), all)
    await refused([1, sumHash(1), seats(0, 1, 2, 3), 0n], 'SealsNotMatched', 0, 5)
    await refused([1, sumHash(1), 0n, 0n], 'SealsNotMatched', 0, 5)
    // Nobody is convicted who was not accused in this round.
    await refused([1, sumHash(1), all & ~1n, 1n], 'ConvictionInvalid', 1, seats(0, 1, 2, 3, 4, 5, 6))
    expect(await stateOf(world)).to.equal('Aggregate')
    expect((await service.roundInfo()).drafted).to.equal(0)
    await draft(world)
    await expect(by.draft(1, sumHash(1), all, 0n))
      .to.be.revertedWithCustomError(service, 'UnexpectedState')
      .withArgs(9, expected('Aggregate'))
  })

  it('needs a quorum of the members for one opening', async () => {
    const world = await training({ players: 7 })
    const { service, players } = world
    await reachAggregate(world)
    // quorum 5
    await attestAll(world, players.slice(0, 4))
    for (const player of players.slice(4)) await attest(world, player, { hash: id('lie') })
    await expect(draft(world)).to.be.revertedWithCustomError(service, 'SealsNotMatched').withArgs(4, 5)
    await expect(draft(world, { hash: id('lie') })).to.be.revertedWithCustomError(service, 'SealsNotMatched')
    await passDeadline(world)
    expect(await stateOf(world)).to.equal('Training')
    await service.poke()
    expect(await numbers(world)).to.deep.equal({ epoch: 1, round: 2 })
    await completeRound(world)
  })

  it('waits for the deadline when too few members with a seal may decrypt', async () => {
    const world = await training({ players: 5, parameters: { decryptionBps: 6000 } })
    const { service, players } = world
    await reachAggregate(world)
    await attestAll(world)
    await service.ban(players[0]!.owner)
    await service.ban(players[1]!.owner)
    await expect(draft(world)).to.be.revertedWithCustomError(service, 'TooFewDraftable').withArgs(3, 4)
  })

  it('prefers members that revealed, so that the others cannot change the draw by attesting last', async () => {
    const world = await training({ players: 7 })
    const { service, players, networkHelpers } = world
    await reachReveal(world, players.slice(0, 5))
    await passDeadline(world)
    for (const player of players.slice(0, 5)) await revealUpdate(world, player)
    await attestAll(world, players.slice(0, 5))
    const here = await networkHelpers.takeSnapshot()
    await draft(world)
    const without = (await service.roundInfo()).drafted
    await here.restore()
    await networkHelpers.mine(3)
    await attestAll(world, players.slice(5))
    await draft(world)
    expect((await service.roundInfo()).drafted).to.equal(without)
    expect((await service.roundInfo()).attesters).to.equal(seats(0, 1, 2, 3, 4, 5, 6))
  })

  it('uses a later block when the chain has forgotten the one of the last attestation, one and the same for 256', async () => {
    const world = await training({ players: 9, parameters: { aggregateWindow: 1_000_000 } })
    const { service, networkHelpers } = world
    await reachAggregate(world)
    await attestAll(world)
    // Blocks last + 1 … last + 256 know the block; the draft's own is one later than what is mined. Snapshots keep the
    // blocks that are mined: mined again, they would have other hashes.
    const drawn = async (): Promise<bigint> => {
      const here = await networkHelpers.takeSnapshot()
      await draft(world)
      const { drafted: found } = await service.roundInfo()
      await here.restore()
      return found
    }
    const found: bigint[] = []
    for (const blocks of [0, 255, 1, 200, 55, 1]) {
      await networkHelpers.mine(blocks)
      found.push(await drawn())
    }
    const [fresh, last, next, later, latest, after] = found
    expect(last).to.equal(fresh)
    expect([later, latest]).to.deep.equal([next, next])
    expect(setOf(after!).length).to.equal(5)
    expect(new Set(found).size).to.be.greaterThan(1)
  })

  it('loses the round at the deadline when nobody opens it, and leaves nothing to the next round', async () => {
    const world = await training()
    const { service } = world
    await reachAggregate(world)
    await attestAll(world)
    const seal = await sealOf(world, world.players[0]!)
    await passDeadline(world)
    expect(await stateOf(world)).to.equal('Training')
    await service.poke()
    await reachAggregate(world)
    expect((await service.roundInfo()).attesters).to.equal(0)
    // Yesterday's seals are still in the seats, and open nothing.
    await passAttestations(world)
    await expect(draft(world, { hash: sumHash(1) })).to.be.revertedWithCustomError(service, 'SealsNotMatched')
    await expect(service.connect(world.players[0]!.operator).attest(1, seal)).to.be.revertedWithCustomError(
      service,
      'WrongRound',
    )
  })

  it('pays members that decrypt half as much again', async () => {
    const world = await training()
    const { service, players } = world
    await completeRound(world)
    const { args } = (await service.queryFilter(service.filters.MembersDrafted()))[0]!
    await reachReveal(world)
    // 3 · 3 + 2 · 2 shares
    const perShare = REWARD / 13n
    for (const { seat } of players) {
      const isDrafted = (args.drafted >> BigInt(seat)) & 1n
      expect(await service.earned(seat)).to.equal(perShare * (isDrafted ? 3n : 2n))
    }
  })

  it('caps a strategy’s answer at a third of the largest number', async () => {
    const world = await training({ players: 3 })
    const { service, ethers, players } = world
    // A strategy that answers 2^40 − 1: PUSH5 ff… PUSH0 MSTORE PUSH1 20 PUSH0 RETURN.
    const greedy = '0x000000000000000000000000000000000000f00d'
    await ethers.provider.send('hardhat_setCode', [greedy, '0x64ffffffffff5f5260205ff3'])
    await passDeadline(world)
    await service.poke()
    await service.setParameters({ ...world.parameters, strategy: greedy })
    await passDeadline(world)
    await service.poke()
    await generateKey(world)
    await reachVote(world)
    for (const player of players) await vote(world, player, { round: 2 })
    expect(await stateOf(world)).to.equal('Training')
    await commitUpdate(world, players[0]!)
    const [{ weight }] = (await service.votes()) as [any]
    const most = (2n ** 40n - 1n) / 3n
    expect(weight).to.equal(most * 8n)
  })
})

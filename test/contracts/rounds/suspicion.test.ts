// SPDX-License-Identifier: GPL-3.0-or-later
// Who is left out after a lost vote: the contract's rule, and how many rounds a spoiler can cost by it.

import { expect } from 'chai'
import { seats, type World } from './fixture.ts'
import {
  attest,
  commitUpdate,
  draft,
  drafted,
  generateKey,
  notLeftOut,
  passDeadline,
  reachAggregate,
  reachReveal,
  revealUpdate,
  stateOf,
  submitShare,
  training,
  vote,
} from './play.ts'
import { countOf, rounds, type Spoiler } from './suspicion-model.ts'

const setOf = (bits: bigint): number[] => [...Array(256).keys()].filter((seat) => (bits >> BigInt(seat)) & 1n)

async function leftOut(world: World): Promise<bigint> {
  return (await world.service.roundInfo()).leftOut
}

/** A round of those that are not left out, up to the vote. @returns S ∪ A. */
async function toVote(world: World): Promise<bigint> {
  await reachAggregate(world, await notLeftOut(world))
  for (const player of world.players) await attest(world, player)
  await draft(world)
  const { included, drafted: set } = await world.service.roundInfo()
  for (const player of await drafted(world)) await submitShare(world, player)
  return included | set
}

async function lose(world: World): Promise<bigint> {
  const took = await toVote(world)
  await passDeadline(world)
  await world.service.poke()
  return took
}

async function win(world: World): Promise<bigint> {
  const took = await toVote(world)
  const { currentRound } = await world.service.clock()
  for (const player of world.players) await vote(world, player, { round: Number(currentRound) })
  return took
}

describe('suspicion', () => {
  it('leaves out, after a lost vote, as many participants as a round can spare', async () => {
    const world = await training({ players: 10 })
    const { service } = world
    const took = await toVote(world)
    expect(took).to.equal(seats(...Array(10).keys()))
    await passDeadline(world)
    await expect(service.poke()).to.emit(service, 'MembersLeftOut')
    for (const { seat } of world.players) expect(await service.suspicionOf(seat)).to.equal(1)
    // n − q = 10 − 7
    expect(countOf(await leftOut(world))).to.equal(3)
    const [out] = setOf(await leftOut(world))
    await expect(commitUpdate(world, world.players[out!]!))
      .to.be.revertedWithCustomError(service, 'LeftOut')
      .withArgs(out, await leftOut(world))
    // Nobody gets a strike for it, and nobody who is left out is drafted or summed.
    const before = await leftOut(world)
    expect((await toVote(world)) & before).to.equal(0)
    for (const seat of setOf(before)) expect((await service.seatInfo(seat)).strikes).to.equal(0)
  })

  it('grows only for participants, up to three', async () => {
    const world = await training({ players: 7 })
    const { service } = world
    const counts = Array(7).fill(0)
    for (let i = 0; i < 5; i++) {
      const took = await lose(world)
      for (const seat of setOf(took)) counts[seat] = Math.min(3, counts[seat] + 1)
      for (const { seat } of world.players) expect(await service.suspicionOf(seat)).to.equal(counts[seat])
      // The most suspect are out: nobody who is in is more suspect than one who is out.
      const out = setOf(await leftOut(world))
      expect(out.length).to.equal(2)
      const least = Math.min(...out.map((seat) => counts[seat]))
      for (const [seat, count] of counts.entries()) if (!out.includes(seat)) expect(count).to.be.lessThanOrEqual(least)
    }
    expect(Math.max(...counts)).to.equal(3)
  })

  it('is cleared for members that did every step of a completed round, which lets the others back in one by one', async () => {
    const world = await training({ players: 10 })
    const { service } = world
    await lose(world)
    let suspects = seats(...Array(10).keys())
    for (let left = 3; left > 0; left--) {
      const out = await leftOut(world)
      expect(countOf(out)).to.equal(left)
      await win(world)
      const after = await leftOut(world)
      expect(countOf(after)).to.equal(left - 1)
      expect(after & ~out).to.equal(0)
      const { args } = (await service.queryFilter(service.filters.MembersDrafted())).at(-1)!
      suspects &= ~(args.drafted & args.included)
      for (const { seat } of world.players) {
        expect(await service.suspicionOf(seat)).to.equal((suspects >> BigInt(seat)) & 1n)
      }
    }
    // All are back; a member that is still suspect is cleared when it is drafted.
    for (let i = 0; i < 12; i++) await win(world)
    for (const { seat } of world.players) expect(await service.suspicionOf(seat)).to.equal(0)
  })

  it('leaves out fewer when others were idle, so that a quorum still can be reached', async () => {
    const world = await training({ players: 10, parameters: { maxStrikes: 3 } })
    const idle = world.players.slice(8)
    const acting = world.players.slice(0, 8)
    await reachReveal(world, acting)
    await passDeadline(world)
    for (const player of acting) await revealUpdate(world, player)
    for (const player of acting) await attest(world, player)
    await draft(world)
    for (const player of await drafted(world)) await submitShare(world, player)
    await passDeadline(world)
    await world.service.poke()
    expect(countOf(await leftOut(world))).to.equal(1)
    expect((await leftOut(world)) & seats(...idle.map(({ seat }) => seat))).to.equal(0)
  })

  it('leaves out one fewer after a round without them that produced no draft', async () => {
    const world = await training({ players: 10 })
    await lose(world)
    for (let left = 3; left > 0; left--) {
      expect(countOf(await leftOut(world))).to.equal(left)
      // One of the members needed now reveals a useless update: nobody attests.
      await reachAggregate(world, await notLeftOut(world))
      await passDeadline(world)
      await world.service.poke()
    }
    expect(await leftOut(world)).to.equal(0)
    // And so it is when the next vote is lost, until a round completes.
    await lose(world)
    expect(await leftOut(world)).to.equal(0)
    await win(world)
    await lose(world)
    expect(countOf(await leftOut(world))).to.equal(3)
  })

  it('of three keeps a member out of every round that others complete, and not of one that may need it', async () => {
    const world = await training({ players: 7 })
    const { service } = world
    const mostSuspect = async (): Promise<number[]> => {
      const out: number[] = []
      for (const seat of setOf(await leftOut(world))) if ((await service.suspicionOf(seat)) === 3n) out.push(seat)
      return out
    }
    for (let i = 0; i < 9 && (await mostSuspect()).length < 2; i++) await lose(world)
    const out = await mostSuspect()
    expect(out.length).to.equal(2)
    for (let i = 0; i < 3; i++) {
      await win(world)
      expect(setOf(await leftOut(world))).to.deep.equal(out)
    }
    // Rounds that come to no draft without them: perhaps one of those that are left in is gone.
    for (let left = 1; left >= 0; left--) {
      await reachAggregate(world, await notLeftOut(world))
      await passDeadline(world)
      await world.service.poke()
      expect(countOf(await leftOut(world))).to.equal(left)
    }
  })

  it('does not depend on who records the failure, or when', async () => {
    const world = await training({ players: 10 })
    const { service, networkHelpers, stranger, players } = world
    await toVote(world)
    await passDeadline(world)
    const here = await networkHelpers.takeSnapshot()
    const seen = new Set<bigint>()
    for (const [blocks, caller] of [
      [0, stranger],
      [1, players[3]!.operator],
      [7, stranger],
    ] as const) {
      await networkHelpers.mine(blocks)
      await service.connect(caller).poke()
      seen.add(await leftOut(world))
      await here.restore()
    }
    expect(seen.size).to.equal(1)
  })

  it('makes room for the convicted: leaves out at most as many as a round can spare', async () => {
    const world = await training({ players: 10 })
    const { service, players } = world
    await lose(world)
    const suspects = await leftOut(world)
    const insiders = await notLeftOut(world)
    const accused = insiders[1]!
    await reachAggregate(world, insiders)
    const { currentRound: round } = await service.clock()
    await service.connect(insiders[0]!.operator).dispute(round, accused.seat)
    for (const { operator } of players) await service.connect(operator).submitCheck(round, `0x${'00'.repeat(16 * 7)}`)
    const convicted = seats(accused.seat)
    for (const player of players) await attest(world, player, { convicted })
    // Seven revealed and one of them is convicted: six are fewer than a quorum, so this round is lost.
    await expect(draft(world, { convicted })).to.emit(service, 'SumFellShort')
    expect(await stateOf(world)).to.equal('Training')
    // One suspect makes room for it, another comes back because the round came to no draft.
    expect(countOf(await leftOut(world))).to.equal(2)
    expect((await leftOut(world)) & convicted).to.equal(convicted)
    expect((await leftOut(world)) & ~suspects).to.equal(convicted)
    const eight = await notLeftOut(world)
    await reachAggregate(world, eight)
    for (const player of players) await attest(world, player)
    await draft(world)
    expect(await stateOf(world)).to.equal('Decrypt')
  })

  it('of an epoch is forgotten in the next', async () => {
    const world = await training({ players: 5, parameters: { decryptionsPerEpoch: 1 } })
    const { service, players } = world
    await lose(world)
    expect(await stateOf(world)).to.equal('Registration')
    await service.poke().catch(() => undefined)
    await passDeadline(world)
    await service.poke()
    await generateKey(world)
    for (const { seat } of players) expect(await service.suspicionOf(seat)).to.equal(0)
    expect(await leftOut(world)).to.equal(0)
  })
})

describe('1,000 services with a persistent spoiler', () => {
  for (const spoiler of ['update', 'share', 'weight'] as Spoiler[]) {
    it(`in its ${spoiler} lose at most four rounds in 95 of 100, and the honest come back`, () => {
      const lost: number[] = []
      let out = 0
      for (let service = 0; service < 1000; service++) {
        const found = rounds({ members: 10 + (service % 55), spoiler, rounds: 100, seed: 1 + service })
        lost.push(found.lost)
        out += found.honestLeftOut / found.honest
      }
      lost.sort((a, b) => a - b)
      expect(lost[949], '95th percentile').to.be.lessThanOrEqual(4)
      expect(lost.reduce((sum, one) => sum + one, 0) / 1000, 'mean').to.be.lessThanOrEqual(3.3)
      expect(lost[0]).to.be.greaterThan(0)
      // Rounds out of 100 that an honest member sits out on average.
      expect(out / 1000).to.be.lessThan(15)
    })
  }
})

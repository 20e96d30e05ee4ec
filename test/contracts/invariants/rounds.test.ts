// SPDX-License-Identifier: GPL-3.0-or-later
// What must hold whatever anyone does. A longer run:
//   COHORT_INVARIANT_CALLS=500000 COHORT_INVARIANT_SEED=7 npx hardhat test test/contracts/invariants/*.test.ts

import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { parse } from 'yaml'
import { booked, createWorld, STATES, type World } from '../rounds/fixture.ts'
import { Driver } from './driver.ts'
import type { Role } from './moves.ts'

const CALLS = Number(process.env.COHORT_INVARIANT_CALLS ?? 6_300)
const SEED = Number(process.env.COHORT_INVARIANT_SEED ?? 20_261_120)
/** Moves between two looks at all the books. */
const EVERY = 40

const { refinement } = parse(
  readFileSync(new URL('../../../keepers/agent/fsm_specification.yaml', import.meta.url), 'utf8'),
) as { refinement: { transitions: { from: string; event: string; to: string }[] } }
const TABLE = new Set(refinement.transitions.map(({ from, event, to }) => `${from} ${event} ${to}`))

/** Which keepers there are, of 8; honest ones are enough for a quorum in the first mixture only. */
const MIXTURES: Record<string, Role[]> = {
  'mostly honest keepers': ['honest', 'honest', 'turncoat', 'honest', 'honest', 'honest', 'silent', 'honest'],
  'as many others as honest keepers': ['honest', 'liar', 'honest', 'silent', 'honest', 'liar', 'honest', 'silent'],
  'hardly an honest keeper': ['liar', 'liar', 'honest', 'silent', 'liar', 'liar', 'silent', 'liar'],
}

/** Nobody is drafted or seated anew while banned, and the registry's history is the service's, whole and in order. */
async function expectBansAndHistory(world: World, driver: Driver): Promise<void> {
  const { service, models } = world
  const [seated, leaving] = await service.seats()
  const { undraftable, members } = await service.epochInfo()
  const { leftOut, included, drafted } = await service.roundInfo()
  if (STATES[Number(await service.state())] === 'Decrypt') {
    expect(leftOut & (included | drafted), 'the left out are neither summed nor drafted').to.equal(0)
  }
  for (const { owner, seat } of driver.actors) {
    if (!driver.witness.banned.has(owner.address) || seat < 0) continue
    const bit = 1n << BigInt(seat)
    expect(leaving & seated & bit, 'a banned keeper is to go').to.equal(bit)
    if ((members & bit) !== 0n) expect(undraftable & bit, 'a banned member is not drafted').to.equal(bit)
  }
  const count = await models.versionCount(service)
  expect(Number(count), 'versions').to.equal(driver.witness.rounds)
  if (count === 0n) return
  const history = await models.listVersions(service, 1, count)
  for (const [index, { round, votes, updatedAt }] of history.entries()) {
    const before = history[index - 1]
    expect(round).to.be.greaterThan(before?.round ?? 0n)
    expect(updatedAt).to.be.greaterThanOrEqual(before?.updatedAt ?? 1n)
    expect(votes).to.be.greaterThan(0n)
  }
}

async function expectBooksToBalance(world: World): Promise<void> {
  const { registry, service, token, players } = world
  expect(await token.balanceOf(registry), 'stake + rewards + slashed').to.equal(await booked(world))
  let earned = 0n
  for (const { seat } of players) if (seat >= 0) earned += await service.earned(seat)
  const [, allocated] = await registry.poolOf(service)
  expect(earned, 'what members have earned is what the registry holds for them').to.equal(allocated)
  let atStake = 0n
  let votes = 0n
  for (const { owner } of players) {
    const { stake, bonded, unbonding, unlocksAt } = await registry.keeperOf(owner)
    atStake += stake + unbonding
    votes += await registry.getVotes(owner)
    const requests = await registry.unbondingOf(owner)
    expect(requests.reduce((sum, { amount }) => sum + amount, 0n)).to.equal(unbonding)
    expect(requests.length).to.be.lessThanOrEqual(4)
    for (const [index, request] of requests.entries()) {
      expect(request.unlocksAt).to.be.within(requests[index - 1]?.unlocksAt ?? 1n, unlocksAt)
    }
    const [bond, until] = await registry.bondOf(service, owner)
    expect(bonded).to.equal(until === 2n ** 64n - 1n ? bond : 0n)
    expect(stake).to.be.greaterThanOrEqual(bonded)
  }
  expect(votes, 'every token at stake votes once, and nothing else does').to.equal(atStake)
}

/** Some permissionless call always leads on: past its deadline, a service can be poked by anyone. */
async function expectNotStuck(world: World): Promise<void> {
  const { service, networkHelpers, stranger } = world
  const snapshot = await networkHelpers.takeSnapshot()
  const { end } = await service.clock()
  const now = await networkHelpers.time.latest()
  expect(Number(end) - now, 'a deadline that never comes').to.be.lessThan(366 * 24 * 3600)
  if (Number(end) > now) await networkHelpers.time.increaseTo(end)
  await service.connect(stranger).poke()
  expect(await service.isDue()).to.equal(false)
  await snapshot.restore()
}

describe('a service among', () => {
  for (const [index, [name, roles]] of Object.entries(MIXTURES).entries()) {
    it(`${name} keeps its books, its table, its pace and the honest harmless`, async function () {
      this.timeout(0)
      const world = await createWorld({
        players: 8,
        parameters: {
          keyWindow: 400,
          revealWindow: 400,
          aggregateWindow: 400,
          decryptWindow: 400,
          voteWindow: 400,
          maxKeepers: 8,
          decryptionsPerEpoch: 4,
        },
      })
      const abis = [world.service.interface, world.registry.interface].map((face) => face.format() as string[])
      const driver = new Driver(world, roles, abis, SEED + index)
      const honest = new Set(world.players.filter((_, i) => roles[i] === 'honest').map(({ owner }) => owner.address))
      let moves = 0
      let checked = 0
      try {
        while (driver.sender.calls < CALLS / 3) {
          await driver.step()
          for (; checked < driver.witness.transitions.length; checked++) {
            const { from, event, to } = driver.witness.transitions[checked]!
            expect(TABLE).to.include(`${from} ${event} ${to}`)
            if (checked > 0) expect(from).to.equal(driver.witness.transitions[checked - 1]!.to)
          }
          for (const owner of driver.witness.slashed.keys())
            expect(honest, 'an honest keeper was slashed').not.to.include(owner)
          for (const owner of driver.witness.jailed) expect(honest, 'an honest keeper was jailed').not.to.include(owner)
          if (moves++ % EVERY === 0) await expectBooksToBalance(world)
          if (moves % (2 * EVERY) === 0) await expectBansAndHistory(world, driver)
          if (moves % (4 * EVERY) === 0) await expectNotStuck(world)
        }
        await expectBooksToBalance(world)
        await expectBansAndHistory(world, driver)
        for (const [who, reasons] of driver.witness.penalties) {
          expect(new Set(reasons).size, `penalties of ${who}`).to.equal(reasons.length)
        }
      } catch (error) {
        throw new Error(`seed ${SEED + index}, call ${driver.sender.calls}: ${(error as Error).message}`, {
          cause: error,
        })
      }
      // The sequences were not idle: all of these were reached, or the test would prove little.
      expect(driver.witness.transitions.length).to.be.greaterThan(CALLS / 200)
      expect(driver.sender.calls - driver.sender.reverted).to.be.greaterThan(driver.sender.calls / 10)
      expect(driver.relays).to.be.greaterThan(CALLS / 300)
      if (index === 0) expect(driver.witness.rounds).to.be.greaterThan(5)
      if (process.env.COHORT_INVARIANT_CALLS) console.log({ name, ...summary(driver) })
    })
  }
})

function summary(driver: Driver): Record<string, unknown> {
  const { calls, reverted, errors } = driver.sender
  const { rounds, transitions, slashed } = driver.witness
  const kinds = new Set(transitions.map(({ from, event, to }) => `${from} ${event} ${to}`)).size
  return {
    calls,
    reverted,
    rounds,
    transitions: transitions.length,
    kinds,
    slashed: slashed.size,
    errors: Object.fromEntries(errors),
  }
}

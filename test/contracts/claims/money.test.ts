// SPDX-License-Identifier: GPL-3.0-or-later
// Random play of claimants, challengers that hit or miss, a signing auditor, closers and the clock: after every step the registry holds the
// bonds of what stands or is open, and what it owes. At the end nothing is stuck.
import { expect } from 'chai'
import { randomFrom } from '../invariants/random.ts'
import { BATCHES, BOND, createClaims, DAY, ELSEWHERE, SOURCE, STATUS } from './claims.ts'

/** A longer run: COHORT_INVARIANT_CALLS=2000 npx hardhat test test/contracts/claims/money.test.ts */
const STEPS = Number(process.env.COHORT_INVARIANT_CALLS ?? 90)
const SEED = 20261130

describe('ClaimRegistry money', () => {
  it('is conserved over random claims, challenges, refutations, settlements, releases and withdrawals', async function () {
    this.timeout(process.env.COHORT_INVARIANT_CALLS ? 0 : 120_000)
    const world = await createClaims()
    const { claims, terms, publish, refutation, tree, pool, drawn, ethers, networkHelpers, auditor } = world
    const { user, stranger, treasury } = world
    const people = [user, stranger, auditor]
    const random = randomFrom(SEED)
    const below = (limit: number) => Math.floor(random() * limit)
    const pick = <T>(list: readonly T[]): T => list[below(list.length)]!
    const poolId = await pool()
    const index = await drawn(poolId)
    const numbers = (count: bigint) => Array.from({ length: Number(count) }, (_, i) => BigInt(i + 1))

    const owed = async () => {
      let sum = await claims.balanceOf(treasury)
      for (const { address } of people) sum += await claims.balanceOf(address)
      for (const id of numbers(await claims.claimCount())) {
        const { status, bond } = await claims.claimOf(id)
        if (status === STATUS.standing) sum += bond
      }
      for (const id of numbers(await claims.challengeCount())) {
        const { settled, bond } = await claims.challengeOf(id)
        if (!settled) sum += bond
      }
      return sum
    }
    /** Most are among the latest. */
    const late = (count: bigint) => count - BigInt(below(Math.min(3, Number(count))))
    const done: Record<string, number> = {}
    const actions: Record<string, () => Promise<unknown>> = {
      publish: async () => {
        // Odd amounts, so that quarters leave something over.
        const bond = pick([0n, 3n, BOND + 1n, BOND / 3n])
        // Below all that has fallen.
        const guarantee = Math.max(0, 60 - 2 * ((done.refute ?? 0) + (done.refuteSigned ?? 0)) - below(2))
        const expiresAt = (await world.now()) + (5 + below(20)) * DAY
        const given = await terms({ source: SOURCE.draw, poolId, auditor: auditor.address, guarantee, expiresAt })
        const evidence = { signature: '0x', path: tree.path(index) }
        return publish(given, { by: pick(people), batch: BATCHES[index]!, evidence, bond })
      },
      challenge: async () => {
        const claimId = late(await claims.claimCount())
        await claims.connect(pick(people)).openChallenge(claimId, { value: await claims.challengeBond(claimId) })
        await networkHelpers.mine(2)
      },
      fix: async () => claims.fixChallenge(late(await claims.challengeCount())),
      refute: async () => {
        const id = late(await claims.challengeCount())
        const { challenger, claimId, indexPlusOne } = await claims.challengeOf(id)
        const by = people.find(({ address }) => address === challenger)!
        const hit = Number(indexPlusOne) - 1
        const proof = await refutation(by, claimId, BATCHES[hit]!, id)
        return claims.connect(by).refute(id, BATCHES[hit]!, tree.path(hit), proof)
      },
      refuteSigned: async () => {
        const [by, claimId] = [pick(people), late(await claims.claimCount())]
        const signature = await world.counterSigned(by, claimId, ELSEWHERE)
        return claims.connect(by).refuteSigned(claimId, ELSEWHERE, signature, await refutation(by, claimId, ELSEWHERE))
      },
      settle: async () => claims.settleChallenge(pick(numbers(await claims.challengeCount()))),
      release: async () => claims.releaseBond(pick(numbers(await claims.claimCount()))),
      withdraw: async () => {
        const { address } = pick(people)
        return claims.withdraw(address, address)
      },
      wait: async () => networkHelpers.time.increase(pick([DAY, 8 * DAY])),
    }
    const often = [
      'publish',
      'challenge',
      'challenge',
      'fix',
      'fix',
      'refute',
      'settle',
      'settle',
      'wait',
      ...Object.keys(actions),
    ]
    for (let step = 0; step < STEPS; step++) {
      const name = step < 2 ? 'publish' : pick(often)
      try {
        await actions[name]!()
        done[name] = (done[name] ?? 0) + 1
      } catch {
        // Refused: then nothing may have moved.
      }
      expect(await ethers.provider.getBalance(claims), `step ${step}, ${name}`).to.equal(await owed())
    }
    for (const name of Object.keys(actions)) expect(done[name] ?? 0, `${name} never worked`).to.be.above(0)

    await networkHelpers.time.increase(400 * DAY)
    for (const id of numbers(await claims.challengeCount()))
      if (!(await claims.challengeOf(id)).settled) await claims.settleChallenge(id)
    for (const id of numbers(await claims.claimCount()))
      if ((await claims.claimOf(id)).status === STATUS.standing) await claims.releaseBond(id)
    for (const { address } of [...people, treasury])
      if ((await claims.balanceOf(address)) > 0n) await claims.withdraw(address, address)
    expect(await ethers.provider.getBalance(claims)).to.equal(0n)
  })
})

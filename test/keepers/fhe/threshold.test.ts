// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import {
  aggregate,
  combine,
  encryptUpdate,
  finishKeyGeneration,
  MemoryOnceGuard,
  openEngine,
  partialDecrypt,
} from '../../../keepers/fhe/index.ts'
import { ceremony, finishRequest, ROUND, startAll, testPlan, vectorOf } from './ceremony.ts'
import { openRound, sharesOf } from './round.ts'

/** Members t, n apart from the first t, so that points of the roster's far end are used too. */
function spread(threshold: number, members: number): number[] {
  return Array.from({ length: threshold }, (_, k) => Math.floor(((k + 1) * members) / threshold) - 1)
}

describe('fhe t of n', () => {
  for (const [threshold, members] of [
    [1, 1],
    [2, 3],
    [3, 5],
    [7, 10],
    [22, 32],
    [43, 64],
  ] as const) {
    it(`(${threshold}, ${members}): the sum of ${members} decrypts within the stated precision`, async function () {
      this.timeout(300_000)
      const options = { scaleBits: 'widest', maxWeight: 100, minTotalWeight: 100, roundsPerKey: 2 } as const
      const plan = testPlan(members, threshold, options)
      const engine = await openEngine(plan)
      try {
        const activeSet = spread(threshold, members)
        const { parties, members: roster } = await startAll(engine)
        const vectors = Array.from({ length: members }, (_, i) => vectorOf(plan.vectorLength, i))
        const weights = vectors.map((_, i) => 1 + ((i * 37) % 100))
        const updates: { sender: number; bytes: Uint8Array }[] = []
        const shares: Uint8Array[] = []
        let keyHash = new Uint8Array()
        // One member after the other, for a member's key has a share of every other. It may even give its decryption share
        // before the updates of the rest exist: that depends on who they are, not on what they send.
        for (const [self, vector] of vectors.entries()) {
          const memberKey = await finishKeyGeneration(engine, finishRequest(parties, roster, self))
          const common = { context: ROUND, memberKey, guard: new MemoryOnceGuard() }
          updates.push({
            sender: self,
            bytes: await encryptUpdate(engine, { ...common, vector, weight: weights[self]! }),
          })
          if (activeSet.includes(self)) {
            const contributors = vectors.map((_, i) => i)
            const policy = { minContributors: members, ownUpdate: 'included' as const }
            shares.push(await partialDecrypt(engine, { ...common, contributors, activeSet, policy }))
          }
          keyHash = memberKey.keyHash as Uint8Array<ArrayBuffer>
          memberKey.material.dispose()
        }
        const sum = await aggregate(engine, { context: ROUND, keyHash, updates })
        expect(sum.contributors.length).to.equal(members)
        const total = weights.reduce((a, b) => a + b, 0)
        const request = { context: ROUND, aggregate: sum, totalWeight: total, activeSet, shares }
        const { mean, weight, report } = await combine(engine, request)
        expect(weight).to.be.closeTo(total, plan.precision.sumError * plan.maxWeight)
        const allowed = (plan.precision.meanError * plan.minTotalWeight) / total
        let worst = 0
        for (let k = 0; k < plan.vectorLength; k++) {
          const wanted = vectors.reduce((sum, vector, i) => sum + vector[k]! * weights[i]!, 0) / total
          worst = Math.max(worst, Math.abs(mean[k]! - wanted))
        }
        expect(worst).to.be.at.most(allowed)
        // Imaginary parts are noise alone. If they were far below the bound, the bound would say nothing (or nobody floods).
        expect(report.maxImaginary).to.be.within(report.noiseLimit / 8, report.noiseLimit)
      } finally {
        await engine.close()
      }
    })
  }

  it('the set "precise" keeps twenty-eight bits after the point, with full flooding', async function () {
    this.timeout(120_000)
    const round = await openRound({ set: 'precise', vectorLength: 9000, minPrecisionBits: 28 })
    expect(round.plan.statisticalBits).to.equal(128)
    const activeSet = [1, 3, 4]
    const shares = await sharesOf(round, activeSet)
    const { mean } = await combine(round.engine, {
      context: ROUND,
      aggregate: round.sum,
      totalWeight: round.sum.contributors.length,
      activeSet,
      shares,
    })
    for (let k = 0; k < 9000; k++) {
      const wanted = round.vectors.reduce((sum, vector) => sum + vector[k]!, 0) / round.vectors.length
      expect(mean[k]).to.be.closeTo(wanted, round.plan.precision.meanError)
    }
    await round.engine.close()
  })

  it('any active set of t or more decrypts to the same mean', async () => {
    const plan = testPlan(5, 3, { scaleBits: 'widest' })
    const engine = await openEngine(plan)
    const keys = await ceremony(engine)
    const { memberKeys, keyHash } = keys
    const vector = vectorOf(plan.vectorLength, 1)
    const encryption = {
      context: ROUND,
      memberKey: memberKeys.get(4)!,
      vector,
      weight: 1,
      guard: new MemoryOnceGuard(),
    }
    const updates = [{ sender: 4, bytes: await encryptUpdate(engine, encryption) }]
    for (const activeSet of [
      [0, 1, 2],
      [4, 2, 3],
      [0, 1, 3, 4],
      [0, 1, 2, 3, 4],
    ]) {
      const sum = await aggregate(engine, { context: ROUND, keyHash, updates })
      const shares = []
      for (const j of activeSet) {
        shares.push(
          await partialDecrypt(engine, {
            context: ROUND,
            contributors: [4],
            activeSet,
            memberKey: memberKeys.get(j)!,
            // Only a test may forget: each set would be refused after the first.
            guard: new MemoryOnceGuard(),
            policy: { minContributors: 1, ownUpdate: 'abstained' },
          }),
        )
      }
      const { mean } = await combine(engine, {
        context: ROUND,
        aggregate: sum,
        totalWeight: sum.contributors.length,
        activeSet,
        shares,
      })
      for (const [k, value] of vector.entries()) expect(mean[k]).to.be.closeTo(value, 2 * plan.precision.meanError)
    }
    await engine.close()
  })
})

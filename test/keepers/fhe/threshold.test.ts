// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import {
  type Aggregate,
  aggregate,
  combine,
  type Engine,
  encryptUpdate,
  MemoryShareGuard,
  openEngine,
  partialDecrypt,
  type SecretShare,
} from '../../../keepers/fhe/index.ts'
import { ceremony, ROUND, testPlan, vectorOf } from './ceremony.ts'
import { openRound, sharesOf } from './round.ts'

/** Members t, n apart from the first t, so that points of the roster's far end are used too. */
function spread(threshold: number, members: number): number[] {
  return Array.from({ length: threshold }, (_, k) => Math.floor(((k + 1) * members) / threshold) - 1)
}

async function shareOf(engine: Engine, sum: Aggregate, activeSet: readonly number[], secretShare: SecretShare) {
  return partialDecrypt(engine, {
    context: ROUND,
    aggregate: sum,
    activeSet,
    secretShare,
    guard: new MemoryShareGuard(),
    policy: { attestedHash: sum.hash, minContributors: 1, ownUpdate: 'included' },
  })
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
      this.timeout(180_000)
      const plan = testPlan(members, threshold, { scaleBits: 'widest', maxWeight: 100, minTotalWeight: 100 })
      const engine = await openEngine(plan)
      try {
        const activeSet = spread(threshold, members)
        const keys = await ceremony(engine, activeSet)
        const vectors = Array.from({ length: members }, (_, i) => vectorOf(plan.vectorLength, i))
        const weights = vectors.map((_, i) => 1 + ((i * 37) % 100))
        const updates = async function* () {
          for (const [sender, vector] of vectors.entries()) {
            const { collectiveKey } = keys
            const request = { context: ROUND, sender, collectiveKey, vector, weight: weights[sender]! }
            yield { sender, bytes: await encryptUpdate(engine, request) }
          }
        }
        const sum = await aggregate(engine, {
          context: ROUND,
          collectiveKeyHash: keys.collectiveKey.hash,
          updates: updates(),
        })
        expect(sum.contributors.length).to.equal(members)
        const shares: Uint8Array[] = []
        for (const j of activeSet) shares.push(await shareOf(engine, sum, activeSet, keys.shares.get(j)!))
        const { mean, weight, report } = await combine(engine, { context: ROUND, aggregate: sum, activeSet, shares })

        const total = weights.reduce((a, b) => a + b, 0)
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

  it('the set "precise" keeps thirty-five bits after the point, with full flooding', async function () {
    this.timeout(120_000)
    const round = await openRound({ set: 'precise', vectorLength: 9000, minPrecisionBits: 35 })
    expect(round.plan.statisticalBits).to.equal(128)
    const activeSet = [1, 3, 4]
    const shares = await sharesOf(round, activeSet)
    const { mean } = await combine(round.engine, { context: ROUND, aggregate: round.sum, activeSet, shares })
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
    const { collectiveKey } = keys
    const vector = vectorOf(plan.vectorLength, 1)
    const bytes = await encryptUpdate(engine, { context: ROUND, sender: 4, collectiveKey, vector, weight: 1 })
    const updates = [{ sender: 4, bytes }]
    for (const activeSet of [
      [0, 1, 2],
      [4, 2, 3],
      [0, 1, 3, 4],
      [0, 1, 2, 3, 4],
    ]) {
      const sum = await aggregate(engine, { context: ROUND, collectiveKeyHash: collectiveKey.hash, updates })
      const shares = []
      for (const j of activeSet) {
        shares.push(
          await partialDecrypt(engine, {
            context: ROUND,
            aggregate: sum,
            activeSet,
            secretShare: keys.shares.get(j)!,
            // Only a test may forget: each set would be refused after the first.
            guard: new MemoryShareGuard(),
            policy: { attestedHash: sum.hash, minContributors: 1, ownUpdate: 'abstained' },
          }),
        )
      }
      const { mean } = await combine(engine, { context: ROUND, aggregate: sum, activeSet, shares })
      for (const [k, value] of vector.entries()) expect(mean[k]).to.be.closeTo(value, 2 * plan.precision.meanError)
    }
    await engine.close()
  })
})

// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import {
  aggregate,
  combine,
  encryptUpdate,
  MemoryOnceGuard,
  openEngine,
  partialDecrypt,
} from '../../../keepers/fhe/index.ts'
import { ceremony, ROUND, testPlan, vectorOf } from './ceremony.ts'
import { openRound, sharesOf } from './round.ts'
import { itDecryptsTheSum } from './t-of-n.ts'

describe('fhe t of n', () => {
  // 32 and 64 members, whose keys take a square of that, are in test/slow.
  for (const [threshold, members] of [
    [1, 1],
    [2, 3],
    [3, 5],
    [7, 10],
    [11, 16],
  ] as const) {
    itDecryptsTheSum(threshold, members)
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
        // Whatever becomes of the bytes afterwards.
        release: (bytes) => bytes.fill(0xff),
      })
      for (const [k, value] of vector.entries()) expect(mean[k]).to.be.closeTo(value, 2 * plan.precision.meanError)
    }
    await engine.close()
  })
})

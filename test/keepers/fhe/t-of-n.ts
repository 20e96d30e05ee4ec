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
import { finishRequest, ROUND, startAll, testPlan, vectorOf } from './ceremony.ts'

/** Members t, n apart from the first t, so that points of the roster's far end are used too. */
function spread(threshold: number, members: number): number[] {
  return Array.from({ length: threshold }, (_, k) => Math.floor(((k + 1) * members) / threshold) - 1)
}

/** A whole epoch of `members`, of which `threshold` decrypt, against the plan's own figures. */
export function itDecryptsTheSum(threshold: number, members: number): void {
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
      // before the updates of the rest exist: that depends on the members, not on their messages.
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
      // Padding is noise alone. If it were far below the bound, the bound would say nothing (or nobody floods).
      expect(report.maxPadding).to.be.within(report.noiseLimit / 8, report.noiseLimit)
    } finally {
      await engine.close()
    }
  })
}

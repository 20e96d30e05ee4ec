// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { Core } from '../../../keepers/fhe/core.ts'
import { combine } from '../../../keepers/fhe/index.ts'
import { pack } from '../../../keepers/fhe/packing.ts'
import { lagrangeAtZero } from '../../../keepers/fhe/shamir.ts'
import { add, bareShare, garbage, valuesOf } from './arithmetic.ts'
import { ROUND } from './ceremony.ts'
import { refuses } from './rejection.ts'
import { ciphertextOf, narrowed, openRound, partOfMessage, polynomialOf, type Round, sharesOf } from './round.ts'

const ACTIVE = [0, 2, 4]

describe('fhe secrecy: t − 1 shares', () => {
  let round: Round
  let core: Core
  /** The true values of the sum. */
  let truth: Float64Array
  before(async () => {
    round = await openRound({ vectorLength: 8191 })
    core = await Core.open(round.plan)
    const packed = round.vectors.map((vector) => pack(round.plan, vector, 1, 0))
    truth = Float64Array.from(packed[0]!, (_, i) => packed.reduce((sum, values) => sum + values[i]!, 0))
  })
  after(async () => {
    core[Symbol.dispose]()
    await round.engine.close()
  })

  /** Values that come within the precision of the honest result, and correlation with it. */
  function compare(m: Uint8Array): { hits: number; correlation: number; typical: number } {
    const real = Float64Array.from(valuesOf(core.kernel, round.plan, m))
    const limit = round.plan.precision.sumError
    const hits = real.filter((value, i) => Math.abs(value - truth[i]!) <= limit).length
    const mean = (values: Float64Array) => values.reduce((a, b) => a + b, 0) / values.length
    const [meanA, meanB] = [mean(real), mean(truth)]
    let [ab, aa, bb] = [0, 0, 0]
    for (const [i, value] of real.entries()) {
      ab += (value - meanA) * (truth[i]! - meanB)
      aa += (value - meanA) ** 2
      bb += (truth[i]! - meanB) ** 2
    }
    return { hits, correlation: ab / Math.sqrt(aa * bb), typical: Math.sqrt(aa / real.length) }
  }

  function expectNothing(m: Uint8Array): void {
    const { hits, correlation, typical } = compare(m)
    expect(hits, 'values recovered').to.equal(0)
    // 8192 values: chance gives correlations of 1/90, six of those are one in 5·10^8.
    expect(Math.abs(correlation)).to.be.below(6 / Math.sqrt(8192))
    // Uniform modulo Q: a value is as large as Q/(2√3)/scale, far above any message.
    const uniform = 2 ** (120 - round.plan.scaleBits) / Math.sqrt(12)
    expect(typical).to.be.within(uniform * 0.9, uniform * 1.1)
  }

  it('t honest shares recover every value: the measure below can detect it', async () => {
    const shares = await sharesOf(round, ACTIVE)
    const m = shares.reduce((sum, share) => add(core.kernel, sum, polynomialOf(round, share)), ciphertextOf(round).c0)
    const { hits, correlation } = compare(m)
    expect(hits).to.equal(truth.length)
    expect(correlation).to.be.above(0.999999)
  })

  it('t − 1 of them recover none', async () => {
    const shares = await sharesOf(round, ACTIVE)
    const two = shares.slice(0, 2)
    expectNothing(two.reduce((sum, share) => add(core.kernel, sum, polynomialOf(round, share)), ciphertextOf(round).c0))
  })

  it('t − 1 and a guessed one recover none, and the combination refuses them', async () => {
    const shares = await sharesOf(round, ACTIVE)
    for (let guess = 0; guess < 5; guess++) {
      const forged = shares[2]!.slice()
      partOfMessage(round, forged).set(narrowed(round, garbage(core.kernel)))
      const three = [shares[0]!, shares[1]!, forged]
      expectNothing(three.reduce((sum, h) => add(core.kernel, sum, polynomialOf(round, h)), ciphertextOf(round).c0))
      const request = {
        context: ROUND,
        aggregate: round.sum,
        totalWeight: round.sum.contributors.length,
        activeSet: ACTIVE,
        shares: three,
      }
      const error = await refuses('integrity-failed', () => combine(round.engine, request))
      expect(error.detail.maxCoefficient).to.be.above(error.detail.coefficientLimit as number)
    }
  })

  it('t − 1 colluders who interpolate their own key shares recover none, even without any noise', () => {
    const { c0, a } = ciphertextOf(round)
    const everyone = round.sum.contributors
    const primes = round.plan.set.primes.slice(0, 2)
    for (const colluders of [
      [0, 2],
      [1, 4],
      [3, 4],
    ]) {
      const m = colluders.reduce((sum, j) => {
        const lambdas = primes.map((p) => lagrangeAtZero(colluders, j, p))
        return add(core.kernel, sum, bareShare(core.kernel, a, round.keys.memberKeys.get(j)!, everyone, lambdas))
      }, c0)
      expectNothing(m)
    }
  })

  it('c0 by itself reveals nothing', () => {
    expectNothing(ciphertextOf(round).c0)
  })
})

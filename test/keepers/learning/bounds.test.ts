// SPDX-License-Identifier: GPL-3.0-or-later
// Bounds on means, the clip of the server step, and the privacy ledger.
import { expect } from 'chai'
import {
  checkMeanNorm,
  clientPrivacySchema,
  clientPrivacySpent,
  gaussianNormBound,
  initialServerState,
  meanNormBound,
  normOf,
  type ServerSettings,
  serverStep,
  serverStepFrom,
  weightedMean,
} from '../../../keepers/learning/index.ts'
import { logErfc } from '../../../keepers/learning/privacy/accountant.ts'
import { SeededRandom } from '../../../keepers/learning/random.ts'
import { refuses } from './refusal.ts'

describe('learning: how long a mean can be', () => {
  it('no weights make a mean of bounded updates longer than the bound', () => {
    const random = new SeededRandom(3)
    const bound = meanNormBound({ clipNorm: 2, length: 50, valueError: 0 })
    for (let run = 0; run < 200; run++) {
      const updates = Array.from({ length: 7 }, () => {
        const weights = Float32Array.from({ length: 50 }, () => random.normal())
        const scale = 2 / normOf(weights)
        return { weights: weights.map((x) => x * scale * (1 - 1e-6)), weight: random.below(1000) + 1 }
      })
      expect(() => checkMeanNorm(weightedMean(updates), bound)).to.not.throw()
    }
    expect(bound).to.equal(2)
  })

  it('one member beyond the bound with 10 of 24,010 samples is refused when it moves each weight by 0.99', async () => {
    // What one member could do before: a share of 10/24,010 of an update of ±2,377 a weight.
    const mean = new Float64Array(44_426).fill(0.99)
    const bound = meanNormBound({ clipNorm: 20, length: mean.length, valueError: 2 ** -12 })
    expect(bound).to.be.within(20, 20.1)
    await refuses(() => checkMeanNorm(mean, bound), 'NORM_EXCEEDED', /norm 208\.7, .* at most 20\.05/)
    mean[7] = Number.NaN
    await refuses(() => checkMeanNorm(mean, Number.MAX_VALUE), 'NORM_EXCEEDED', /norm NaN/)
  })

  it('noise stays below its bound and is not far from it', () => {
    const random = new SeededRandom(8)
    for (const length of [1, 100, 10_000]) {
      const bound = gaussianNormBound(3, length)
      let longest = 0
      for (let run = 0; run < 50; run++) {
        longest = Math.max(longest, normOf(Float64Array.from({ length }, () => 3 * random.normal())))
      }
      expect(longest).to.be.below(bound)
      expect(bound).to.be.below(3 * (Math.sqrt(length) + 7.5))
    }
    expect(gaussianNormBound(0, 100)).to.equal(0)
  })
})

describe('learning: clipping of the mean before the server step', () => {
  const global = Float32Array.of(1, 1)
  const steps: ServerSettings[] = [
    { kind: 'fedavg' },
    { kind: 'fedavg', momentum: 0.5 },
    { kind: 'fedadam', learningRate: 0.1 },
    { kind: 'fedyogi', learningRate: 0.1 },
  ]
  for (const settings of steps) {
    it(`${JSON.stringify(settings)}: as if the mean had been shorter; no effect on one that fits`, () => {
      const from = (update: number[], clip?: number) =>
        serverStepFrom(
          { ...settings, ...(clip === undefined ? {} : { clip }) },
          global,
          Float64Array.from(update),
          initialServerState(settings, 2),
        )
      expect(from([3, 4], 2.5)).to.deep.equal(from([1.5, 2]))
      expect(from([0.3, -0.4], 2.5)).to.deep.equal(from([0.3, -0.4]))
    })
  }

  it('means of weights and of updates lead to the same model', () => {
    const mean = Float32Array.of(1.5, 0.25)
    const update = Float64Array.of(0.5, -0.75)
    for (const settings of steps) {
      const state = initialServerState(settings, 2)
      expect(serverStep(settings, global, mean, state)).to.deep.equal(serverStepFrom(settings, global, update, state))
    }
  })

  it('refuses a clip that is no bound', () =>
    refuses(
      () =>
        serverStepFrom({ kind: 'fedavg', clip: 0 }, global, Float64Array.of(0, 0), initialServerState(steps[0]!, 2)),
      'BAD_PARAMETERS',
      /clip/,
    ))
})

describe('learning: the privacy ledger', () => {
  const settings = clientPrivacySchema.parse({ noiseMultiplier: 2, contributors: 6, delta: 1e-5 })

  /** Φ(x), by the accountant's erfc, which has its own test. */
  const phi = (x: number) => 0.5 * Math.exp(logErfc(-x / Math.SQRT2))
  /** Exact δ(ε) of Gaussian mechanisms of total μ: Balle & Wang 2018, theorem 8; composed by Dong, Roth & Su 2022, cor. 3.3. */
  const exactDelta = (mu: number, epsilon: number) =>
    phi(mu / 2 - epsilon / mu) - Math.exp(epsilon) * phi(-mu / 2 - epsilon / mu)
  const exactEpsilon = (mu: number, delta: number) => {
    let [low, high] = [0, 1000]
    for (let i = 0; i < 200; i++) {
      const middle = (low + high) / 2
      if (exactDelta(mu, middle) > delta) low = middle
      else high = middle
    }
    return high
  }

  it('the exact curve used as reference gives the literature`s values', () => {
    // μ = 1 at ε = 0 is the total variation 2Φ(½) − 1; Balle & Wang's calibration for (1, 10^-5) gives σ = 3.7306.
    expect(exactDelta(1, 0)).to.be.closeTo(0.3829, 5e-5)
    expect(exactEpsilon(1 / 3.7306, 1e-5)).to.be.closeTo(1, 1e-4)
  })

  it('is never below the exact ε of composed Gaussians and at most an eighth above it', () => {
    for (const rounds of [1, 10, 100]) {
      for (const noiseMultiplier of [1, 4, 20]) {
        const spent = clientPrivacySpent({ ...settings, noiseMultiplier, colluders: 0 }, Array(rounds).fill(6))
        const exact = exactEpsilon(Math.sqrt(rounds) / noiseMultiplier, 1e-5)
        expect(spent.epsilon!, `${rounds} rounds, σ ${noiseMultiplier}`).to.be.within(exact, 1.125 * exact)
        expect(spent.outsideEpsilon).to.equal(spent.epsilon)
      }
    }
  })

  it('counts only noise that colluders do not know, and all of it against outsiders', () => {
    const spent = clientPrivacySpent(settings, [7, 7, 7])
    // 7 shares of σC/√6, one of them known: exactly σC.
    expect(spent.epsilon).to.equal(clientPrivacySpent({ ...settings, colluders: 0 }, [6, 6, 6]).epsilon)
    expect(spent.outsideEpsilon!).to.be.below(spent.epsilon!)
    expect(spent).to.include({ rounds: 3, delta: 1e-5, colluders: 1 })
    const worse = clientPrivacySpent({ ...settings, colluders: 4 }, [7, 7, 7])
    expect(worse.epsilon!).to.be.above(spent.epsilon!)
    expect(clientPrivacySpent({ ...settings, colluders: 7 }, [7]).epsilon).to.equal(null)
    expect(clientPrivacySpent(settings, [])).to.include({ epsilon: 0, outsideEpsilon: 0, rounds: 0 })
  })

  it('fewer contributors than agreed cost more, and are charged as such', () => {
    expect(clientPrivacySpent(settings, [7, 3]).epsilon!).to.be.above(clientPrivacySpent(settings, [7, 7]).epsilon!)
  })
})

// SPDX-License-Identifier: GPL-3.0-or-later
// The noise of releases: its exact distribution, what it costs, and that draws follow it.
import { expect } from 'chai'
import {
  DELTA_UNITS,
  deltaOf,
  digitLimits,
  drawNoise,
  expBelow,
  noiseDeviation,
  noiseDistribution,
  UNIT_EPSILON,
} from '../../../../keepers/apps/census/noise.ts'

const distribution = noiseDistribution()
const middle = (distribution.length - 1) / 2
const total = distribution.reduce((sum, probability) => sum + probability, 0n)
const share = (probability: bigint) => Number((probability << 80n) / total) / 2 ** 80

describe('noise of releases', () => {
  it('exp rounds down, and agrees with Math.exp', () => {
    for (const millionths of [0, 1, 99_900, 1_000_000, 12_787_200]) {
      const found = Number(expBelow(millionths)) / 2 ** 192
      const exact = Math.exp(millionths / 1e6)
      expect(Math.abs(found / exact - 1)).to.be.lessThan(1e-13)
    }
    expect(expBelow(1_000_000) < (2718281828459045236n << 192n) / 10n ** 18n).to.equal(true)
  })

  it('is a distribution: symmetric, of mean 0, and nearly discrete Laplace', () => {
    expect(total).to.equal(1n << 512n)
    expect(distribution).to.deep.equal(distribution.toReversed())
    const q = Math.exp(-0.0999)
    for (let d = 0; d < 100; d++) {
      const laplace = ((1 - q) / (1 + q)) * q ** d
      expect(Math.abs(share(distribution[middle + d]!) / laplace - 1), `noise ${d}`).to.be.lessThan(1e-3)
    }
    expect(noiseDeviation(distribution)).to.be.within(14.1, 14.2)
  })

  it('a unit costs epsilon 0.1 and a delta below 10^-10, which it does not cost with less epsilon', () => {
    const delta = deltaOf(UNIT_EPSILON, distribution)
    expect(delta > 0n && delta < DELTA_UNITS / 10n ** 10n, `${delta}`).to.equal(true)
    expect(deltaOf(99_000, distribution) > DELTA_UNITS / 10n ** 4n).to.equal(true)
  })

  it('delta is what the worst event shows: probabilities of neighbours, summed in floats, agree', () => {
    for (const epsilon of [50_000, 90_000]) {
      let excess = 0
      for (let x = 0; x < distribution.length; x++)
        excess += Math.max(0, share(distribution[x]!) - Math.exp(epsilon / 1e6) * share(distribution[x + 1] ?? 0n))
      expect(Number(deltaOf(epsilon, distribution)) / 1e18).to.be.closeTo(excess, 1e-9)
    }
  })

  it('coins of one bit and of few digits show in delta: the accountant reads the limits', () => {
    expect(deltaOf(UNIT_EPSILON, noiseDistribution(digitLimits(99_900, 4))) > DELTA_UNITS / 1000n).to.equal(true)
    const halves = noiseDistribution(new Array(8).fill(1n << 31n))
    expect(deltaOf(UNIT_EPSILON, halves) > 0n).to.equal(true)
  })

  it('draws follow the distribution (chi squared), differ by context, and repeat for the same', () => {
    const buckets = [-20, -10, -5, -1, 0, 4, 9, 19, Number.POSITIVE_INFINITY]
    const counts = new Array<number>(buckets.length).fill(0)
    const CONTEXTS = 40
    const seen = new Set<string>()
    for (let context = 0; context < CONTEXTS; context++) {
      const noise = drawNoise(123456789n, BigInt(context) << 4n)
      seen.add(noise.join())
      for (const value of noise) counts[buckets.findIndex((bound) => value <= bound)]!++
    }
    expect(seen.size).to.equal(CONTEXTS)
    expect(drawNoise(5n, 16n)).to.deep.equal(drawNoise(5n, 16n))
    const draws = 15 * CONTEXTS
    let statistic = 0
    for (const [b, bound] of buckets.entries()) {
      const expected =
        draws *
        distribution.reduce((sum, probability, d) => {
          const value = d - middle
          return value <= bound && value > (buckets[b - 1] ?? Number.NEGATIVE_INFINITY) ? sum + share(probability) : sum
        }, 0)
      statistic += (counts[b]! - expected) ** 2 / expected
    }
    // 99.9 % of chi squared with eight degrees of freedom; the seed is fixed.
    expect(statistic).to.be.lessThan(26.1)
  })
})

// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { Core } from '../../../keepers/fhe/core.ts'
import { lagrangeAtZero } from '../../../keepers/fhe/shamir.ts'
import { add, bareShare, coefficients, ownSecret, polynomialOfCoefficients, product, subtract } from './arithmetic.ts'
import { ROUND } from './ceremony.ts'
import { encoded } from './encoded.ts'
import { masksOf } from './masks.ts'
import { ciphertextOf, openRound, polynomialOf, polynomialOfRound, type Round, sharesOf } from './round.ts'

const ACTIVE = [0, 1, 3]
/** 13 ciphertexts of 8192 coefficients: 106,496 samples. */
const CIPHERTEXTS = 13

/** What the stated distribution, three uniform r-bit integers less their centre, must look like in `samples`. */
function expectFlooding(samples: readonly bigint[], uniformBits: number): void {
  const n = samples.length
  const unit = 2 ** uniformBits
  const scaled = samples.map((sample) => Number(sample) / unit)
  const moment = (power: number) => scaled.reduce((sum, x) => sum + x ** power, 0) / n
  const variance = 3 / 12
  // Standard errors: √(σ²/n), and of the variance √((κ − 1)/n)·σ² with κ = 2.6.
  expect(Math.abs(moment(1)), 'mean').to.be.below(6 * Math.sqrt(variance / n))
  expect(moment(2) / variance, 'variance').to.be.within(1 - 6 * Math.sqrt(1.6 / n), 1 + 6 * Math.sqrt(1.6 / n))
  expect(moment(4) / moment(2) ** 2, 'kurtosis').to.be.closeTo(2.6, 0.06)
  for (const x of scaled) if (Math.abs(x) > 1.5) expect.fail(`a sample of ${x} is outside the support`)
  // The whole range, to the last bit: the low bits are as good as uniform, so nothing of the ciphertext shows below.
  for (const shift of [0n, 20n, 40n, 60n, BigInt(uniformBits - 8)]) {
    const bins = new Array<number>(16).fill(0)
    for (const sample of samples) bins[Number((sample >> shift) & 15n)]!++
    const chi = bins.reduce((sum, count) => sum + (count - n / 16) ** 2 / (n / 16), 0)
    // 15 degrees of freedom: above 60 once in two million.
    expect(chi, `bits from ${shift}`).to.be.below(60)
  }
  const lag = scaled.slice(1).reduce((sum, x, i) => sum + x * scaled[i]!, 0) / n / variance
  expect(Math.abs(lag), 'neighbours').to.be.below(6 / Math.sqrt(n))
}

describe('fhe flooding', () => {
  let round: Round
  let core: Core
  /** e_j of each member of the active set, over all ciphertexts. */
  let noises: bigint[][]
  before(async function () {
    this.timeout(120_000)
    round = await openRound({ vectorLength: CIPHERTEXTS * 8191, wholeWire: true })
    core = await Core.open(round.plan)
    const shares = await sharesOf(round, ACTIVE)
    noises = ACTIVE.map((j, at) => {
      const lambdas = round.plan.set.primes.slice(0, 2).map((p) => lagrangeAtZero(ACTIVE, j, p))
      const key = round.keys.memberKeys.get(j)!
      const { contributors } = round.sum
      const { plan, keys } = round
      const request = { plan, context: ROUND, keyHash: keys.keyHash, contributors, activeSet: ACTIVE }
      const masks = masksOf(core.kernel, key, request)
      return Array.from({ length: round.plan.ciphertexts }, (_, index) => {
        const { a } = ciphertextOf(round, index)
        const masked = add(
          core.kernel,
          bareShare(core.kernel, a, key, contributors, lambdas),
          product(core.kernel, a, masks, [1n, 1n]),
        )
        return coefficients(core.kernel, subtract(core.kernel, polynomialOf(round, shares[at]!, index), masked))
      }).flat()
    })
  })
  after(async () => {
    core[Symbol.dispose]()
    await round.engine.close()
  })

  it('every member’s noise has the stated distribution, over more than 10^5 samples', () => {
    for (const noise of noises) {
      expect(noise.length).to.be.above(1e5)
      expectFlooding(noise, round.plan.flooding.uniformBits)
    }
  })

  it('its width equals the calculator’s figure, and is at least the formula’s', () => {
    const { log2Sigma, log2Required } = round.plan.flooding
    for (const noise of noises) {
      const sigma = Math.sqrt(noise.reduce((sum, e) => sum + Number(e) ** 2, 0) / noise.length)
      expect(Math.log2(sigma)).to.be.closeTo(log2Sigma, 0.02)
      expect(Math.log2(sigma)).to.be.above(log2Required)
    }
  })

  it('the check fails when flooding is off, narrower by half a bit, or has empty low bits', () => {
    const { uniformBits } = round.plan.flooding
    const none = noises[0]!.map(() => 0n)
    const fails = (samples: readonly bigint[]) => expect(() => expectFlooding(samples, uniformBits)).to.throw()
    fails(none)
    fails(noises[0]!.map((e) => (e * 181n) >> 8n))
    fails(noises[0]!.map((e) => (e >> 30n) << 30n))
    fails(noises[0]!.map((e) => (e < 0n ? -e : e)))
  })

  it('members and ciphertexts have noise of their own', () => {
    const [a, b] = [noises[0]!, noises[1]!]
    const scale = Number(2n ** BigInt(round.plan.flooding.uniformBits))
    const correlation = (x: readonly bigint[], y: readonly bigint[]) =>
      x.reduce((sum, value, i) => sum + (Number(value) / scale) * (Number(y[i]!) / scale), 0) / x.length / 0.25
    expect(Math.abs(correlation(a, b))).to.be.below(6 / Math.sqrt(a.length))
    const first = a.slice(0, 8192)
    for (let index = 1; index < CIPHERTEXTS; index++) {
      const other = a.slice(8192 * index, 8192 * (index + 1))
      expect(Math.abs(correlation(first, other))).to.be.below(6 / Math.sqrt(8192))
    }
  })

  /** c0 + a·s − m of one member's ciphertext: the error that it was encrypted with. */
  function errorOf(member: number, index: number): bigint[] {
    const { kernel } = core
    const s = polynomialOfCoefficients(kernel, ownSecret(kernel, round.keys.memberKeys.get(member)!))
    const a = polynomialOfRound(round, index)
    const message = encoded(core, round.vectors[member]!, index)
    const c0 = polynomialOf(round, round.updates[member]!.bytes, index)
    const m = add(kernel, c0, product(kernel, a, s, [1n, 1n]))
    return coefficients(kernel, m).map((value, k) => value - message[k]!)
  }

  it('every update has a fresh error of its own, of the width that ring-LWE is asked for', () => {
    const errors = [errorOf(0, 0), errorOf(0, 1), errorOf(1, 0)]
    for (const error of errors) {
      const values = error.map(Number)
      const mean = values.reduce((sum, e) => sum + e, 0) / values.length
      const variance = values.reduce((sum, e) => sum + e * e, 0) / values.length
      expect(Math.abs(mean)).to.be.below(6 * Math.sqrt(10.5 / values.length))
      // Binomial with 21 pairs of coins: kurtosis just below 3.
      expect(variance / 10.5).to.be.within(1 - 6 * Math.sqrt(2 / values.length), 1 + 6 * Math.sqrt(2 / values.length))
      expect(Math.max(...values.map(Math.abs))).to.be.at.most(21)
    }
    const [first, ...others] = errors.map((error) => error.map(Number))
    for (const other of others) {
      const correlation = first!.reduce((sum, e, i) => sum + e * other[i]!, 0) / first!.length / 10.5
      expect(Math.abs(correlation)).to.be.below(6 / Math.sqrt(first!.length))
    }
  })

  it('the noise of the sum stays within the norm that the flooding is sized for, and not by much', () => {
    const bound = 2 ** round.plan.log2NoiseNorm
    for (let index = 0; index < 3; index++) {
      const noise = round.vectors.map((_, member) => errorOf(member, index))
      const total = noise[0]!.map((_, k) => noise.reduce((sum, error) => sum + Number(error[k]!), 0))
      const norm = Math.sqrt(total.reduce((sum, e) => sum + e ** 2, 0))
      expect(norm).to.be.below(bound)
      expect(norm).to.be.above(bound / 4)
    }
  })
})

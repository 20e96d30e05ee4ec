// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import {
  type FheError,
  PARAMETER_SET_NAMES,
  parameterSet,
  plan,
  validateParameterSet,
} from '../../../keepers/fhe/index.ts'
import { FISHER_FACTOR } from '../../../keepers/fhe/plan.ts'
import { disposing, SealContext, sealModule } from '../../../keepers/fhe/seal.ts'
import { parmsId } from '../../../keepers/fhe/seal-format.ts'
import { testPlan } from './ceremony.ts'
import { refuses } from './rejection.ts'

describe('fhe parameter sets', () => {
  for (const name of PARAMETER_SET_NAMES) {
    it(`${name}: the primes are SEAL's own, and SEAL calls the set secure`, async () => {
      const set = parameterSet(name)
      const seal = await sealModule()
      disposing((keep) => {
        const bits = Int32Array.from(set.primes, () => 60)
        const modulus = keep(seal.CoeffModulus.Create(set.degree, bits))
        expect(Array.from(seal.jsArrayFromVecModulus(modulus) as BigUint64Array)).to.deep.equal(set.primes)
        expect(seal.CoeffModulus.MaxBitCount(set.degree, seal.SecLevelType.tc128)).to.be.at.least(
          60 * set.primes.length,
        )
      })
      const context = await SealContext.open(set)
      expect(context.context.parametersSet()).to.equal(true)
      const ids = (id: { values(): unknown }) =>
        Buffer.from((id.values() as BigUint64Array).slice().buffer).toString('hex')
      const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
      expect(ids(context.context.keyParmsId())).to.equal(hex(parmsId(set.degree, set.primes)))
      expect(ids(context.context.firstParmsId())).to.equal(hex(parmsId(set.degree, set.primes.slice(0, -1))))
      context[Symbol.dispose]()
    })
  }

  it('the default is N = 8192 with three 60-bit primes at scale 2^99, 128 bits by the standard', () => {
    const set = parameterSet('default')
    expect([set.degree, set.primes.length, set.scaleBits, set.securityBits]).to.deep.equal([8192, 3, 99, 128])
  })

  it('refuses sets above the ceiling, with composite, repeated, small or unfitting primes', async () => {
    const set = parameterSet('default')
    const wrong = [
      { ...set, degree: 4096 },
      { ...set, degree: 1000 },
      { ...set, primes: [set.primes[0]!, set.primes[0]!, set.primes[1]!] },
      { ...set, primes: [set.primes[0]!] },
      { ...set, primes: [(1n << 60n) - 16383n * 3n - 32768n, ...set.primes.slice(1)] },
      { ...set, primes: [1125899906826241n, ...set.primes.slice(1)] },
      // 2^60 − 2^14 + 1 is 1 modulo 2N; minus 2N·3 it is composite.
      { ...set, primes: [set.primes[2]! - 16384n * 3n, ...set.primes.slice(1)] },
      { ...set, primes: [set.primes[0]! + 2n, ...set.primes.slice(1)] },
      { ...set, scaleBits: 120 },
    ]
    for (const candidate of wrong) await refuses('invalid-parameters', () => validateParameterSet(candidate))
    await refuses('invalid-parameters', () => parameterSet('no such set'))
  })
})

describe('fhe calculator', () => {
  it('gives flooding by the published formula', () => {
    const agreed = testPlan(5, 3)
    // √(1.15·12·τ)·2^64·B with τ = 1001 ciphertexts and B = 2·√(N·n·(21/2 + 1/12)).
    const noise = 2 * Math.sqrt(8192 * 5 * (21 / 2 + 1 / 12))
    const wanted = Math.log2(Math.sqrt(1.15 * 12 * 1001) * 2 ** 64 * noise)
    expect(agreed.flooding.log2Required).to.be.closeTo(wanted, 1e-6)
    expect(agreed.flooding.log2Sigma).to.be.at.least(wanted)
    expect(agreed.flooding.log2Sigma).to.be.below(wanted + 1)
    expect(agreed.securityBits).to.equal(128)
  })

  it('floods wider for more members, more decryptions and more ciphertexts, and loses precision with it', () => {
    const base = testPlan(5, 3, { scaleBits: 'widest' })
    const more = [
      testPlan(40, 21, { scaleBits: base.scaleBits - 4, minPrecisionBits: 0 }),
      testPlan(5, 3, { decryptionsPerKey: 100_000, scaleBits: 'widest' }),
      testPlan(5, 3, { vectorLength: 1_000_000, scaleBits: 'widest', clipNorm: 60 }),
    ]
    for (const other of more) {
      expect(other.flooding.log2Required).to.be.above(base.flooding.log2Required + 1)
      expect(other.precision.sumError).to.be.above(base.precision.sumError)
    }
    const weaker = testPlan(5, 3, { scaleBits: 'widest', statisticalBits: 40 })
    expect(weaker.flooding.log2Required).to.be.closeTo(base.flooding.log2Required - 44, 1e-6)
    expect(weaker.precision.bits).to.be.above(base.precision.bits + 15)
  })

  it('hashes equal plans equally, and every agreed number into the hash', () => {
    const base = Buffer.from(testPlan(5, 3).hash).toString('hex')
    expect(Buffer.from(testPlan(5, 3).hash).toString('hex')).to.equal(base)
    const others = [
      testPlan(6, 4),
      testPlan(5, 4),
      testPlan(5, 3, { vectorLength: 51 }),
      testPlan(5, 3, { clipBound: 7 }),
      testPlan(5, 3, { clipNorm: 7 }),
      testPlan(5, 3, { roundsPerKey: 17 }),
      testPlan(5, 3, { maxWeight: 2 }),
      testPlan(5, 3, { minTotalWeight: 3 }),
      testPlan(5, 3, { decryptionsPerKey: 1001 }),
      testPlan(5, 3, { statisticalBits: 127 }),
      testPlan(5, 3, { scaleBits: 98 }),
      testPlan(5, 3, { set: 'precise' }),
    ]
    const hashes = others.map((other) => Buffer.from(other.hash).toString('hex'))
    expect(new Set([base, ...hashes]).size).to.equal(others.length + 1)
  })

  it('accounts for the shape of the noise: Fisher information × variance of a sum of three uniforms is below the factor', () => {
    // Density of the sum of three uniforms on [−1/2, 1/2], and its derivative, for 0 ≤ x ≤ 3/2.
    const density = (x: number) => (x <= 0.5 ? 0.75 - x * x : (1.5 - x) ** 2 / 2)
    const slope = (x: number) => (x <= 0.5 ? -2 * x : x - 1.5)
    const steps = 300_000
    let information = 0
    for (let i = 0; i < steps; i++) {
      const x = ((i + 0.5) / steps) * 1.5
      information += (2 * slope(x) ** 2 * 1.5) / density(x) / steps
    }
    expect(information * (3 / 12)).to.be.within(1.14, FISHER_FACTOR)
  })

  const bad: [string, object, 'invalid-parameters' | 'plan-impossible'][] = [
    ['no members', { members: 0, threshold: 0 }, 'invalid-parameters'],
    ['a threshold of half the members', { members: 4, threshold: 2 }, 'invalid-parameters'],
    ['a threshold above the members', { threshold: 6 }, 'invalid-parameters'],
    ['a clip bound that is not a number', { clipBound: Number.NaN }, 'invalid-parameters'],
    ['an empty vector', { vectorLength: 0 }, 'invalid-parameters'],
    ['too few statistical bits', { statisticalBits: 20 }, 'invalid-parameters'],
    ['no decryptions', { decryptionsPerKey: 0 }, 'invalid-parameters'],
    ['a clip norm of nothing', { clipNorm: 0 }, 'invalid-parameters'],
    ['pads for no round', { roundsPerKey: 0 }, 'invalid-parameters'],
    ['pads for more rounds than a dealing can hold', { roundsPerKey: 4097 }, 'invalid-parameters'],
    ['a sum that does not fit', { clipBound: 20_000, scaleBits: 99 }, 'plan-impossible'],
    ['flooding wider than the sampler', { statisticalBits: 160 }, 'plan-impossible'],
    ['flooding that drowns the message', { scaleBits: 86 }, 'plan-impossible'],
    ['precision that is not there', { minPrecisionBits: 30 }, 'plan-impossible'],
  ]
  for (const [what, options, code] of bad) {
    it(`refuses ${what}, naming the field`, async () => {
      const error = await refuses(code, () => testPlan(5, 3, options))
      expect(error.detail.field).to.be.a('string')
    })
  }

  it('says what scale would fit when it refuses one', () => {
    try {
      plan({ members: 5, threshold: 3, vectorLength: 10, clipBound: 4000, decryptionsPerKey: 10, scaleBits: 99 })
      expect.fail('must refuse')
    } catch (error) {
      expect((error as FheError).message).to.match(/scaleBits to \d+/)
    }
  })
})

// SPDX-License-Identifier: GPL-3.0-or-later
import { createCipheriv } from 'node:crypto'
import { expect } from 'chai'
import { aggregateAsSeal, combine, type Plan, parameterSet } from '../../../keepers/fhe/index.ts'
import { Kernel } from '../../../keepers/fhe/kernel/kernel.ts'
import { pack } from '../../../keepers/fhe/packing.ts'
import { roundSeed } from '../../../keepers/fhe/round-polynomial.ts'
import { encodeCiphertext } from '../../../keepers/fhe/seal-format.ts'
import { ownSecret, polynomialOfCoefficients, toWords, valuesOf } from './arithmetic.ts'
import { ROUND, testPlan } from './ceremony.ts'
import { openRound, polynomialOf, polynomialOfRound, type Round, sharesOf } from './round.ts'
import { openSeal, secretKeyBytes } from './seal-objects.ts'

type Seal = Awaited<ReturnType<typeof openSeal>>

/** Where the residues of a saved SEAL Plaintext begin. */
const PLAINTEXT_AT = 88

describe('fhe against SEAL', () => {
  let round: Round
  let plan: Plan
  let seal: Seal
  /** The sum of the members' secrets as a SEAL SecretKey: no member ever has it. */
  let secret: Uint8Array
  before(async () => {
    round = await openRound({ vectorLength: 9000 }, 3, 2)
    plan = round.plan
    seal = await openSeal(plan.set)
    secret = secretKeyOf([0, 1, 2])
  })
  after(() => round.engine.close())

  function secretKeyOf(members: readonly number[]): Uint8Array {
    const { kernel } = round.engine
    const secrets = members.map((member) => ownSecret(kernel, round.keys.memberKeys.get(member)!))
    const total = secrets[0]!.map((_, k) => secrets.reduce((sum, s) => sum + s[k]!, 0n))
    return secretKeyBytes(plan.set, polynomialOfCoefficients(kernel, total, plan.set.primes.length))
  }

  /** Values that SEAL finds with a secret key in a SEAL ciphertext: the coefficients of its plaintext, at the plan's scale. */
  function sealDecrypts(ciphertext: Uint8Array, key: Uint8Array): number[] {
    const decryptor = new seal.seal.Decryptor(seal.context, seal.secretKey(key))
    const plaintext = seal.plaintext()
    decryptor.decrypt(seal.ciphertext(ciphertext), plaintext)
    return valuesOf(round.engine.kernel, plan, seal.save(plaintext).subarray(PLAINTEXT_AT))
  }
  /** Coefficients of ciphertext `index` that travel. */
  const carriedOf = (index: number) => Math.min(8192, plan.carried - 8192 * index)

  it('the inverse transform of SEAL’s secret keys is ternary, modulo every prime, in both rings', async () => {
    for (const name of ['default', 'precise']) {
      const set = parameterSet(name)
      const kernel = await Kernel.open(testPlan(5, 3, { set: name }))
      const own = await openSeal(set)
      const bytes = own.save(new own.seal.KeyGenerator(own.context).secretKey())
      if (name === 'default') expect(bytes.length).to.equal(196_696)
      const block = kernel.allocate(8 * set.degree)
      for (const [l, p] of set.primes.entries()) {
        kernel.write(block, bytes.subarray(88 + 8 * set.degree * l, 88 + 8 * set.degree * (l + 1)))
        kernel.calls.inverse(kernel.records[l]!, block.at, kernel.logDegree)
        const counts = [0, 0, 0]
        for (const value of toWords(kernel.read(block))) {
          const digit = value === 0n ? 0 : value === 1n ? 1 : value === p - 1n ? 2 : -1
          if (digit < 0) expect.fail(`${value} modulo prime ${l} is not ternary`)
          counts[digit]!++
        }
        for (const count of counts) expect(count).to.be.closeTo(set.degree / 3, set.degree / 20)
      }
    }
  })

  it('our secrets are ternary and balanced, each member’s its own', () => {
    const secrets = [0, 1, 2].map((member) => ownSecret(round.engine.kernel, round.keys.memberKeys.get(member)!))
    for (const s of secrets) {
      const counts = new Map<bigint, number>()
      for (const value of s) counts.set(value, (counts.get(value) ?? 0) + 1)
      expect([...counts.keys()].sort()).to.deep.equal([-1n, 0n, 1n])
      for (const count of counts.values()) expect(count).to.be.closeTo(8192 / 3, 300)
    }
    const agreeing = secrets[0]!.filter((value, k) => value === secrets[1]![k]).length
    expect(agreeing).to.be.closeTo(8192 / 3, 300)
    expect(secret.length).to.equal(196_696)
  })

  it('a sum is an ordinary SEAL ciphertext, which the sum of the contributors’ secrets decrypts', () => {
    const ciphertexts = aggregateAsSeal(round.engine, round.sum)
    expect(ciphertexts.length).to.equal(2)
    for (const [index, ciphertext] of ciphertexts.entries()) {
      expect(ciphertext.length).to.equal(262_257)
      const values = sealDecrypts(ciphertext, secret)
      const packed = round.vectors.map((vector) => pack(plan, vector, 1, index))
      for (const [i, value] of values.slice(0, carriedOf(index)).entries()) {
        const wanted = packed.reduce((sum, of) => sum + of[i]!, 0)
        // What does not travel of three updates sets the precision of what SEAL does alone; flooding is wider.
        expect(value).to.be.closeTo(wanted, 3 * 2 ** (plan.wire.droppedBits - 1 - plan.scaleBits))
      }
    }
  })

  it('an update is one, too, under its sender’s secret; any other secret finds nothing', () => {
    const c0 = polynomialOf(round, round.updates[1]!.bytes, 0)
    const ciphertext = encodeCiphertext(plan.set, plan.scaleBits, c0, polynomialOfRound(round, 0))
    const wanted = pack(plan, round.vectors[1]!, 1, 0)
    const precision = 1.01 * 2 ** (plan.wire.droppedBits - 1 - plan.scaleBits)
    for (const [i, value] of sealDecrypts(ciphertext, secretKeyOf([1])).entries()) {
      expect(value).to.be.closeTo(wanted[i]!, precision)
    }
    for (const key of [secretKeyOf([0]), secret]) {
      const nothing = sealDecrypts(ciphertext, key)
      // Uniform over some 2^12 and more: a few come as close as that by chance.
      expect(nothing.filter((value, i) => Math.abs(value - wanted[i]!) < 1).length).to.be.below(20)
    }
  })

  it('the members’ shares find what SEAL’s decryptor finds', async () => {
    const activeSet = [0, 2]
    const shares = await sharesOf(round, activeSet)
    const request = {
      context: ROUND,
      aggregate: round.sum,
      totalWeight: round.sum.contributors.length,
      activeSet,
      shares,
    }
    const { mean, weight } = await combine(round.engine, request)
    expect(weight).to.be.closeTo(3, plan.precision.sumError)
    for (const [index, ciphertext] of aggregateAsSeal(round.engine, round.sum).entries()) {
      const exact = sealDecrypts(ciphertext, secret)
      const values = Math.min(8191, 9000 - 8191 * index)
      for (let i = 0; i < values; i++) {
        expect(mean[8191 * index + i]).to.be.closeTo(exact[1 + i]! / 3, plan.precision.meanError)
      }
    }
  })

  it('the round’s polynomials are AES-256-CTR under the round’s seed, masked and sifted: by the definition', () => {
    const seed = roundSeed(plan.hash, round.keys.keyHash, ROUND)
    const words = 8192 + 128
    const stream = createCipheriv('aes-256-ctr', seed, new Uint8Array(16)).update(new Uint8Array(2 * 2 * words * 8))
    for (const index of [0, 1]) {
      const wanted = [0, 1].flatMap((l) => {
        const from = (2 * index + l) * words
        const candidates = Array.from({ length: words }, (_, i) => stream.readBigUInt64LE(8 * (from + i)) % 2n ** 60n)
        return candidates.filter((word) => word < plan.set.primes[l]!).slice(0, 8192)
      })
      expect(Array.from(toWords(polynomialOfRound(round, index)))).to.deep.equal(wanted)
    }
  })

  it('no two rounds, epochs, services, chains, keys, plans or indices have a polynomial in common', () => {
    const { keyHash } = round.keys
    const seeds = [
      roundSeed(plan.hash, keyHash, ROUND),
      roundSeed(plan.hash, keyHash, { ...ROUND, round: 8 }),
      roundSeed(plan.hash, keyHash, { ...ROUND, epoch: 4 }),
      roundSeed(plan.hash, keyHash, { ...ROUND, service: `0x${'12'.repeat(20)}` }),
      roundSeed(plan.hash, keyHash, { ...ROUND, chainId: 1n }),
      roundSeed(plan.hash, new Uint8Array(32), ROUND),
      roundSeed(new Uint8Array(32), keyHash, ROUND),
    ]
    expect(new Set(seeds.map((seed) => Buffer.from(seed).toString('hex'))).size).to.equal(seeds.length)
    expect(Buffer.compare(polynomialOfRound(round, 0), polynomialOfRound(round, 1))).to.not.equal(0)
  })

  it('adds like SEAL’s Evaluator, to the last residue', () => {
    const total = seal.ciphertext()
    for (const [i, { bytes }] of round.updates.entries()) {
      const c0 = polynomialOf(round, bytes, 0)
      const one = seal.ciphertext(encodeCiphertext(plan.set, plan.scaleBits, c0, polynomialOfRound(round, 0)))
      if (i === 0) total.assign(one)
      else seal.evaluator.addInplace(total, one)
    }
    const { polynomial } = plan.bytes
    const theirs = seal.save(total).subarray(113, 113 + polynomial)
    expect(Buffer.compare(theirs, polynomialOf(round, round.sum.bytes, 0))).to.equal(0)
  })
})

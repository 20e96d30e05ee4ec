// SPDX-License-Identifier: GPL-3.0-or-later
// Sums of the kernel: dealings, inner products, and values put together from their residues.
import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import { type Block, Kernel } from '../../../keepers/fhe/kernel/kernel.ts'
import { deal, lagrangeAtZero, pointOf } from '../../../keepers/fhe/shamir.ts'
import { coefficients, fromWords, inverseMod, residues, toWords } from './arithmetic.ts'
import { testPlan } from './ceremony.ts'

describe('fhe Lagrange coefficients', () => {
  it('recover any polynomial of lower degree at zero, and not one of higher degree', () => {
    const p = testPlan(1, 1).set.primes[0]!
    const S = residues(12, p).slice(5)
    const at = (x: bigint, degree: number) => S.slice(0, degree + 1).reduceRight((sum, c) => (sum * x + c) % p, 0n)
    for (const set of [
      [0, 1, 2, 3],
      [9, 2, 63, 31],
    ]) {
      const interpolate = (degree: number) =>
        set.reduce((sum, j) => (sum + lagrangeAtZero(set, j, p) * at(pointOf(j), degree)) % p, 0n)
      for (let degree = 0; degree < 4; degree++) expect(interpolate(degree)).to.equal(S[0])
      expect(interpolate(4)).to.not.equal(S[0])
    }
    expect((inverseMod(7n, p) * 7n) % p).to.equal(1n)
  })
})

describe('fhe dealing', () => {
  it('gives points of a polynomial of degree t − 1 with the secret at zero, for every prime', async () => {
    const kernel = await Kernel.open(testPlan(7, 4))
    const secret = kernel.allocate(kernel.polynomialBytes)
    const data = kernel.primes.slice(0, kernel.dataPrimeCount)
    const words = data.map((p) => residues(kernel.degree, p))
    kernel.write(secret, fromWords(words.flat()))
    const shares: BigUint64Array[] = []
    const of = { secret, seed: new Uint8Array(32).fill(1), extras: 148, members: 7, threshold: 4 }
    deal(kernel, of, (_, share) => shares.push(toWords(share)))
    expect(shares[0]!.length).to.equal((kernel.degree + 148) * data.length)
    for (const [l, p] of data.entries()) {
      const interpolate = (set: readonly number[], k: number) =>
        set.reduce((sum, j) => (sum + lagrangeAtZero(set, j, p) * shares[j]![l * kernel.degree + k]!) % p, 0n)
      for (let k = 0; k < 64; k++) {
        const s = words[l]![k]!
        expect(interpolate([0, 1, 2, 3], k)).to.equal(s)
        expect(interpolate([6, 4, 1, 3], k)).to.equal(s)
        expect(interpolate([0, 1, 2, 3, 4, 5, 6], k)).to.equal(s)
        expect(interpolate([0, 1, 2], k)).to.not.equal(s)
        expect(shares[0]![l * kernel.degree + k]).to.not.equal(s)
      }
    }
    // The values dealt beside it are uniform, and also a polynomial of that degree.
    for (const [l, p] of data.entries()) {
      const pad = (set: readonly number[], k: number) =>
        set.reduce((sum, j) => {
          const at = data.length * kernel.degree + 148 * l + k
          return (sum + lagrangeAtZero(set, j, p) * shares[j]![at]!) % p
        }, 0n)
      const pads = Array.from({ length: 148 }, (_, k) => pad([0, 1, 2, 3], k))
      for (const k of [0, 1, 146, 147]) expect(pad([6, 4, 1, 3], k)).to.equal(pads[k])
      for (const k of [0, 1, 146, 147]) expect(pad([6, 4, 1], k)).to.not.equal(pads[k])
      expect(new Set(pads).size).to.equal(148)
    }
    // Another dealing of the same secret has nothing in common with this one.
    deal(kernel, { ...of, seed: new Uint8Array(32).fill(2) }, (j, share) => {
      const other = toWords(share)
      expect(other.filter((value, k) => value === shares[j]![k]).length).to.equal(0)
    })
  })
})

describe('fhe inner products', () => {
  it('equal the results of big integers, at the ends of the range too', async () => {
    const kernel = await Kernel.open(testPlan(5, 3))
    const blocks = [0, 1].map(() => kernel.allocate(8 * 148)) as [Block, Block]
    for (const [l, p] of kernel.primes.slice(0, kernel.dataPrimeCount).entries()) {
      for (const fill of [null, p - 1n, 0n]) {
        const vectors = blocks.map((block) => {
          const values = fill === null ? residues(148, p) : new Array<bigint>(148).fill(fill)
          kernel.write(block, fromWords(values))
          return values
        })
        const wanted = vectors[0]!.reduce((sum, x, k) => (sum + x * vectors[1]![k]!) % p, 0n)
        const record = kernel.records[l]!
        expect(BigInt.asUintN(64, kernel.calls.innerProduct(record, blocks[0].at, blocks[1].at, 148))).to.equal(wanted)
        kernel.calls.subtractFrom(record, blocks[0].at, blocks[1].at, 148)
        const rest = toWords(kernel.read(blocks[0]))
        for (const [k, x] of vectors[0]!.entries()) expect(rest[k]).to.equal((x - vectors[1]![k]! + p) % p)
      }
    }
  })
})

describe('fhe composition', () => {
  it('is the Chinese remainder theorem, in both rings', async () => {
    for (const set of ['default', 'precise']) {
      const ring = await Kernel.open(testPlan(5, 3, { set }))
      const count = ring.dataPrimeCount
      const Q = ring.primes.slice(0, count).reduce((a, b) => a * b, 1n)
      const values = Array.from({ length: ring.degree }, (_, i) => {
        const near = [0n, 1n, -1n, 12345n, -12345n, Q / 2n, -(Q / 2n), ring.primes[0]!, -ring.primes[0]!][i]
        return near ?? (BigInt(`0x${randomBytes(24).toString('hex')}`) % Q) - Q / 2n
      })
      const bytes = ring.primes.slice(0, count).map((p) => fromWords(values.map((value) => ((value % p) + p) % p)))
      const [block, out] = [ring.allocate(ring.polynomialBytes), ring.allocate(8 * ring.degree)]
      ring.write(block, Buffer.concat(bytes))
      ring.calls.compose(ring.records[0]!, count, block.at, 8 * ring.degree, out.at, 1, ring.degree)
      const doubles = new Float64Array(ring.read(out).buffer)
      for (const [k, value] of values.entries()) {
        const found = doubles[k]!
        const wanted = Number(value)
        if (Math.abs(found - wanted) > 2 ** -50 * Math.abs(wanted)) expect.fail(`coefficient ${k}: ${found}, ${wanted}`)
      }
      for (let l = 0; l < count; l++) ring.calls.forward(ring.records[l]!, ring.residues(block, l), ring.logDegree)
      expect(coefficients(ring, ring.read(block)).slice(0, 9)).to.deep.equal(values.slice(0, 9))
    }
  })
})

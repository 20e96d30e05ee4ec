// SPDX-License-Identifier: GPL-3.0-or-later
// The foundations of the proof of shortness: the kernel against big integers, the constants against the integrals that they come
// from, and long updates that find no mask.
import { createCipheriv, randomBytes } from 'node:crypto'
import { expect } from 'chai'
import type { Plan } from '../../../keepers/fhe/index.ts'
import { type Kernel, Kernel as KernelClass } from '../../../keepers/fhe/kernel/kernel.ts'
import { ClaimSum, projectColumns, weighShare } from '../../../keepers/fhe/projection.ts'
import { CANDIDATE_BITS, dataModulus, MODULUS_SHARE, rowBound } from '../../../keepers/fhe/proof-budget.ts'
import { RoundPolynomials, roundPolynomial } from '../../../keepers/fhe/round-polynomial.ts'
import { PROJECTION_ROWS } from '../../../keepers/fhe/sizes.ts'
import { Wire } from '../../../keepers/fhe/wire.ts'
import { fromWords, product, residues, toWords } from './arithmetic.ts'
import { testPlan } from './ceremony.ts'

/** J for the columns of one ciphertext, from the stream's bytes: rows × N. */
function challenge(seed: Uint8Array, index: number, degree: number): Int8Array[] {
  const block = 2 * PROJECTION_ROWS
  const length = (degree / 8) * block
  const counter = Buffer.alloc(16)
  counter.writeBigUInt64BE(BigInt((index * length) / 16), 8)
  const bits = createCipheriv('aes-256-ctr', seed, counter).update(Buffer.alloc(length))
  const bit = (row: number, column: number, half: number) =>
    (bits[Math.floor(column / 8) * block + half * PROJECTION_ROWS + row]! >> (column % 8)) & 1
  return Array.from({ length: PROJECTION_ROWS }, (_, row) =>
    Int8Array.from({ length: degree }, (_, column) => bit(row, column, 0) - bit(row, column, 1)),
  )
}

describe('fhe projection in the kernel', () => {
  let plan: Plan
  let kernel: Kernel
  before(async () => {
    plan = testPlan(5, 3)
    kernel = await KernelClass.open(plan)
  })
  const seed = new Uint8Array(32).fill(5)

  it('is J·w, for every prime, with values at the ends of the range', () => {
    const { degree } = kernel
    const J = challenge(seed, 3, degree)
    const entries = [0, 0, 0]
    for (const row of J) for (const entry of row) entries[entry + 1]!++
    for (const [i, share] of [0.25, 0.5, 0.25].entries()) {
      expect(entries[i]! / (degree * PROJECTION_ROWS)).to.be.closeTo(share, 0.005)
    }
    const primes = kernel.primes.slice(0, 2)
    const words = primes.map((p) => residues(degree, p).map((value, k) => (k < 40 ? p - 1n : value)))
    const w = kernel.allocate(kernel.polynomialBytes)
    kernel.write(w, fromWords(words.flat()))
    const found = toWords(projectColumns(kernel, seed, 3, w, degree))
    for (const [l, p] of primes.entries()) {
      for (const [row, entriesOf] of J.entries()) {
        let sum = 0n
        for (let k = 0; k < degree; k++) {
          if (entriesOf[k] === 1) sum += words[l]![k]!
          else if (entriesOf[k] === -1) sum -= words[l]![k]!
        }
        expect(found[PROJECTION_ROWS * l + row]).to.equal(((sum % p) + p) % p)
      }
    }
  }).timeout(120_000)

  it('and the weights take c0 and shares to ⟨ρ, J·(c0 + a·f)⟩', () => {
    const { degree } = kernel
    const primes = kernel.primes.slice(0, 2)
    const round = new Uint8Array(32).fill(9)
    const columns = [0, 1, 2, 3]
    const rho = columns.map((column) => residues(PROJECTION_ROWS, primes[column % 2]!))
    const wire = new Wire(kernel, { droppedBits: 72, width: 6 })
    const claim = new ClaimSum(kernel, wire, new RoundPolynomials(kernel), {
      projection: seed,
      round,
      rho: fromWords(rho.flat()),
    })
    const f = fromWords(primes.flatMap((p) => residues(degree, p)))
    const wanted = [0n, 0n, 0n, 0n]
    // A whole ciphertext, and one of which only the beginning travels: J has columns for what travels alone.
    for (const [index, columnsOf] of [
      [0, degree],
      [2, 1000],
    ] as const) {
      const narrow = new Uint8Array(randomBytes(6 * columnsOf)).map((byte, i) => (i % 6 === 5 ? byte % 255 : byte))
      claim.add(index, narrow)
      const c0 = kernel.borrow([kernel.polynomialBytes], (out) => {
        wire.widen(narrow, out!)
        for (const l of [0, 1]) kernel.calls.forward(kernel.records[l]!, kernel.residues(out!, l), kernel.logDegree)
        return kernel.read(out!)
      })
      const J = challenge(seed, index, degree)
      const af = product(kernel, roundPolynomial(kernel, round, index), f, [1n, 1n])
      for (const [column, weights] of rho.entries()) {
        const [l, p] = [column % 2, primes[column % 2]!]
        const values = [c0, af].map((bytes) => {
          const block = kernel.allocate(kernel.polynomialBytes)
          kernel.write(block, bytes)
          kernel.calls.inverse(kernel.records[l]!, kernel.residues(block, l), kernel.logDegree)
          const out = toWords(kernel.read(block)).slice(l * degree, (l + 1) * degree)
          kernel.release(block)
          return out
        })
        for (const [row, entries] of J.entries()) {
          let sum = 0n
          for (let k = 0; k < columnsOf; k++) {
            if (entries[k] !== 0) sum += BigInt(entries[k]!) * (values[0]![k]! + values[1]![k]!)
          }
          wanted[column] = (((wanted[column]! + weights[row]! * sum) % p) + p) % p
        }
      }
    }
    const sums = claim.close()
    const ofShare = weighShare(kernel, sums, f)
    for (const column of columns) {
      expect((sums.constants[column]! + ofShare[column]!) % primes[column % 2]!).to.equal(wanted[column])
    }
  }).timeout(120_000)

  it('draws masks uniformly from their box, in one word or two', () => {
    for (const span of [(1n << 116n) + (1n << 115n) + 12345n, (1n << 63n) + 5n, (1n << 40n) + 1n, (1n << 127n) - 1n]) {
      const trials = 4096
      const [words, out, at, low] = [16 * trials, 16 * trials, 16, 8 * trials].map((n) => kernel.allocate(n))
      kernel.write(words!, randomBytes(16 * trials))
      kernel.write(at!, fromWords([BigInt.asUintN(64, span), span >> 64n]))
      const bits = span.toString(2).length
      const found = kernel.calls.boxValues(out!.at, words!.at, trials, trials, at!.at, bits, 2)
      const share = Number((span * 10000n) >> BigInt(bits)) / 10000
      expect(found / trials).to.be.closeTo(share, 0.05)
      const values = toWords(kernel.read(out!))
      let mean = 0
      for (let i = 0; i < found; i++) {
        const value = values[2 * i]! + (values[2 * i + 1]! << 64n)
        expect(value < span).to.equal(true)
        mean += Number((value * 10000n) / span) / 10000 / found
      }
      expect(mean).to.be.closeTo(0.5, 0.03)
      for (const [l, p] of kernel.primes.slice(0, 2).entries()) {
        const offset = (span / 2n) % p
        kernel.calls.boxResidues(kernel.records[l]!, low!.at, out!.at, 2, offset, 64)
        const residuesOf = toWords(kernel.read(low!))
        for (let i = 0; i < 64; i++) {
          const value = values[2 * i]! + (values[2 * i + 1]! << 64n)
          expect(residuesOf[i]).to.equal((((value - span / 2n) % p) + p) % p)
        }
      }
      for (const block of [words!, out!, at!, low!]) kernel.release(block)
    }
  })

  it('budgets the modulus so that any n updates that pass, and the flooding, do not wrap', () => {
    for (const options of [{}, { vectorLength: 44_426, clipNorm: 20 }, { set: 'precise' }]) {
      const agreed = testPlan(16, 11, { scaleBits: 'widest', ...options })
      const flooding = 11 * 1.5 * 2 ** agreed.flooding.uniformBits
      const half = dataModulus(agreed.set) / 2
      expect(16 * agreed.proof.entry + flooding).to.be.below(half * MODULUS_SHARE)
      // One bit more would not fit: nothing is given away.
      expect(32 * agreed.proof.entry + flooding).to.be.above(half * MODULUS_SHARE * 0.99)
      expect(agreed.proof.limit).to.equal(agreed.proof.mask - agreed.proof.shift)
    }
  })
})

describe('fhe soundness of the projection', () => {
  let plan: Plan
  let kernel: Kernel
  before(async () => {
    plan = testPlan(5, 3, { scaleBits: 'widest' })
    kernel = await KernelClass.open(plan)
  })

  it('the stated norm makes all rows of some candidate pass with probability below 2^-128, modulo Q as well', () => {
    const log2All = (c: number, share: number) => PROJECTION_ROWS * Math.log2(rowBound(c, share)) + CANDIDATE_BITS
    for (const [members, threshold] of [
      [5, 3],
      [10, 7],
      [64, 33],
    ] as const) {
      const { proof, set } = testPlan(members, threshold, { scaleBits: 'widest' })
      const c = proof.norm / Number(proof.limit)
      const share = Number(proof.limit) / dataModulus(set)
      expect(log2All(c, share)).to.be.below(-128)
      // And it is not larger than it need be.
      expect(log2All(0.97 * c, share)).to.be.above(-128)
    }
    // The fewer the members, the more of Q a member may take.
    const factors = [3, 10, 200].map((members) => {
      const { proof } = testPlan(members, members - 1, { scaleBits: 'widest', minPrecisionBits: 0 })
      return proof.norm / Number(proof.limit)
    })
    expect(factors[2]).to.be.within(4.5, 5)
    expect(factors[1]).to.be.above(factors[2]!)
    expect(factors[0]).to.be.above(factors[1]!)
    // An entry above 2β: a row passes for zero or for ±1, not for both.
    expect(PROJECTION_ROWS * -1 + CANDIDATE_BITS).to.be.below(-128)
  })

  /** Rows of J·w over the integers. */
  function rowsOf(w: readonly bigint[]): bigint[] {
    const block = kernel.allocate(kernel.polynomialBytes)
    const data = kernel.primes.slice(0, 2)
    kernel.write(block, fromWords(data.flatMap((prime) => w.map((value) => ((value % prime) + prime) % prime))))
    const words = toWords(projectColumns(kernel, new Uint8Array(randomBytes(32)), 0, block, kernel.degree))
    kernel.release(block)
    const [p, q] = kernel.primes as [bigint, bigint]
    const Q = p * q
    const lift = p * modInverse(p, q)
    return Array.from({ length: PROJECTION_ROWS }, (_, row) => {
      const [a, b] = [words[row]!, words[PROJECTION_ROWS + row]!]
      const value = (a + lift * (b - a)) % Q
      const positive = (value + Q) % Q
      return positive > Q / 2n ? positive - Q : positive
    })
  }
  function modInverse(a: bigint, p: bigint): bigint {
    let [result, base, exponent] = [1n, a % p, p - 2n]
    for (; exponent > 0n; exponent >>= 1n, base = (base * base) % p) if (exponent & 1n) result = (result * base) % p
    return result
  }
  /** A uniform integer within ±bound. */
  function uniform(bound: bigint): bigint {
    const bytes = BigInt(`0x${randomBytes(24).toString('hex')}`)
    return (bytes % (2n * bound + 1n)) - bound
  }
  /** The most rows that pass under one mask, over so many masks of a cheat's choice. */
  function mostRows(rows: readonly bigint[], masks: number, mask: () => bigint): number {
    const { limit } = plan.proof
    let most = 0
    for (let i = 0; i < masks; i++) {
      const passed = rows.filter((row) => {
        const z = row + mask()
        return z <= limit && z >= -limit
      }).length
      most = Math.max(most, passed)
    }
    return most
  }
  const scaled = (w: readonly number[], norm: number): bigint[] => {
    const length = Math.hypot(...w)
    return w.map((value) => BigInt(Math.round((value / length) * norm)))
  }
  const dense = () => Array.from({ length: 8192 }, () => Math.random() - 0.5)
  const sparse = (at: number) => Array.from({ length: 8192 }, (_, k) => (k === at ? 1 : 0))

  it('updates above the proven norm find no mask, dense or sparse, with the masks that a cheat likes best', () => {
    const beta = Number(plan.proof.limit)
    for (let trial = 0; trial < 12; trial++) {
      const even = Math.random() < 0.5
      const long = [
        scaled(dense(), 1.01 * plan.proof.norm),
        scaled(sparse(trial), 1.01 * plan.proof.entry),
        scaled(
          dense().map((value, k) => (k < 12 ? Math.sign(value) : 0)),
          1.01 * plan.proof.norm,
        ),
      ]
      for (const [kind, w] of long.entries()) {
        const rows = rowsOf(w)
        // Zero is best where J·w is symmetric; half an entry shifts a sparse one so that two values of three come near.
        const masks = [() => 0n, () => BigInt(Math.round((even ? 0.5 : -0.5) * (kind === 1 ? plan.proof.entry : beta)))]
        masks.push(() => uniform(plan.proof.limit))
        for (const mask of masks) {
          expect(mostRows(rows, 20, mask)).to.be.below(0.8 * PROJECTION_ROWS)
        }
      }
    }
  }).timeout(120_000)

  it('updates well within the honest bound find one in 1,024 masks, those at a twentieth of the proven norm may not be told', () => {
    const { honestNorm, mask, limit } = plan.proof
    let tried = 0
    let found = 0
    for (let trial = 0; trial < 4; trial++) {
      const rows = rowsOf(scaled(dense(), honestNorm))
      for (let candidate = 0; candidate < 1024; candidate++) {
        tried++
        if (
          rows.every((row) => {
            const z = row + uniform(mask)
            return z <= limit && z >= -limit
          })
        )
          found++
      }
    }
    // 3 in 1,024 each: 12 expected, Poisson.
    expect(found).to.be.within(1, 34)
    expect(tried).to.equal(4096)
    // With zero masks a cheat gets this far: the slack is real, and the bound is no tighter than stated.
    const cheat = rowsOf(scaled(dense(), 0.05 * plan.proof.norm))
    expect(mostRows(cheat, 1, () => 0n)).to.equal(PROJECTION_ROWS)
  }).timeout(120_000)
})

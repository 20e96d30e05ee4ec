// SPDX-License-Identifier: GPL-3.0-or-later
// What travels of polynomials, against whole numbers of any size.
import { createCipheriv, createHash, randomBytes } from 'node:crypto'
import { expect } from 'chai'
import { Core } from '../../../keepers/fhe/core.ts'
import { combine } from '../../../keepers/fhe/index.ts'
import { Kernel } from '../../../keepers/fhe/kernel/kernel.ts'
import { Wire } from '../../../keepers/fhe/wire.ts'
import { sumWords, wireFormat } from '../../../keepers/fhe/wire-format.ts'
import { coefficients, fromWords, toWords } from './arithmetic.ts'
import { ROUND, testPlan, vectorOf } from './ceremony.ts'
import { encoded } from './encoded.ts'
import { openRound, partOfMessage, sharesOf } from './round.ts'

/** Little-endian integers without gaps. */
function items(bytes: Uint8Array, width: number): bigint[] {
  return Array.from({ length: bytes.length / width }, (_, k) => {
    let value = 0n
    for (let i = width - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[width * k + i]!)
    return value
  })
}

function toItems(values: readonly bigint[], width: number): Uint8Array {
  return Uint8Array.from(
    values.flatMap((value) => Array.from({ length: width }, (_, i) => Number((value >> BigInt(8 * i)) & 255n))),
  )
}

const SEED = Number(process.env.COHORT_FUZZ_SEED ?? (Date.now() & 0x7fffffff) | 1)
const FUZZ_TURNS = Number(process.env.COHORT_FUZZ_TURNS ?? 40)

/** Uniform bytes from a seed. */
function streamOf(seed: number): (length: number) => Uint8Array {
  const key = createHash('sha256').update(String(seed)).digest()
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16))
  return (length) => new Uint8Array(cipher.update(Buffer.alloc(length)))
}

describe('fhe coefficients on the wire', () => {
  for (const [set, formats] of [
    [
      'default',
      [
        { width: 5, droppedBits: 80 },
        { width: 6, droppedBits: 72 },
        { width: 8, droppedBits: 56 },
        { width: 15, droppedBits: 0 },
      ],
    ],
    [
      'precise',
      [
        { width: 12, droppedBits: 84 },
        { width: 16, droppedBits: 52 },
        { width: 23, droppedBits: 0 },
      ],
    ],
  ] as const) {
    for (const format of formats) {
      it(`are the upper bits of an integer modulo Q, and back: ${set}, ${format.width} bytes, ${format.droppedBits} bits less`, async () => {
        const kernel = await Kernel.open(testPlan(5, 3, { set }))
        const wire = new Wire(kernel, format)
        const primes = kernel.primes.slice(0, kernel.dataPrimeCount)
        const Q = primes.reduce((a, b) => a * b, 1n)
        const dropped = BigInt(format.droppedBits)
        const count = 1000
        const corners = [
          0n,
          1n,
          Q - 1n,
          Q / 2n,
          (1n << dropped) - 1n,
          1n << dropped,
          (1n << 64n) - 1n,
          1n << 64n,
          primes[0]!,
        ]
        const values = Array.from(
          { length: kernel.degree },
          (_, k) => corners[k] ?? BigInt(`0x${randomBytes(30).toString('hex')}`) % Q,
        )
        const polynomial = kernel.allocate(kernel.polynomialBytes)
        kernel.write(polynomial, Buffer.concat(primes.map((p) => fromWords(values.map((value) => value % p)))))
        const out = new Uint8Array(format.width * count)
        wire.narrow(polynomial, out)
        const sent = values.slice(0, count).map((value) => value >> dropped)
        expect(items(out, format.width)).to.deep.equal(sent)
        expect(wire.inRange(out)).to.equal(true)

        wire.widen(out, polynomial)
        const half = dropped === 0n ? 0n : 1n << (dropped - 1n)
        const words = toWords(kernel.read(polynomial))
        for (const [l, p] of primes.entries()) {
          const found = words.subarray(l * kernel.degree, (l + 1) * kernel.degree)
          expect(Array.from(found.subarray(0, count))).to.deep.equal(
            sent.map((value) => ((value << dropped) + half) % p),
          )
          expect(found.subarray(count).every((word) => word === 0n)).to.equal(true)
        }

        // Sums of three, one of them of the largest coefficients that there are.
        const largest = (Q - 1n) >> dropped
        const sums = new Uint8Array(8 * sumWords(format) * count)
        for (const term of [out, out, toItems(new Array<bigint>(count).fill(largest), format.width)])
          wire.add(sums, term)
        expect(items(sums, 8 * sumWords(format))).to.deep.equal(sent.map((value) => 2n * value + largest))
        expect(wire.sumsInRange(sums, 3)).to.equal(true)
        wire.widenSum(sums, 3, polynomial)
        const first = toWords(kernel.read(polynomial))[5]
        expect(first).to.equal((((2n * sent[5]! + largest) << dropped) + 3n * half) % primes[0]!)
      })
    }
  }

  it('are refused above the largest that Q allows, at any place, and sums above the largest of so many', async () => {
    const kernel = await Kernel.open(testPlan(5, 3))
    const format = { width: 8, droppedBits: 56 }
    const wire = new Wire(kernel, format)
    const Q = kernel.primes[0]! * kernel.primes[1]!
    const largest = (Q - 1n) >> 56n
    for (const at of [0, 17, 999]) {
      const values = new Array<bigint>(1000).fill(largest)
      expect(wire.inRange(toItems(values, 8))).to.equal(true)
      values[at] = largest + 1n
      expect(wire.inRange(toItems(values, 8)), `${at}`).to.equal(false)
      const sums = new Array<bigint>(1000).fill(4n * largest)
      expect(wire.sumsInRange(toItems(sums, 16), 4)).to.equal(true)
      expect(wire.sumsInRange(toItems(sums, 16), 3)).to.equal(false)
      sums[at] = 4n * largest + 1n
      expect(wire.sumsInRange(toItems(sums, 16), 4), `${at}`).to.equal(false)
    }
  })

  it('cost at most 3.5 % of precision, in the fewest bytes that do', () => {
    const set = testPlan(5, 3).set
    for (let log2Sigma = 30; log2Sigma < 96; log2Sigma++) {
      for (const [members, threshold] of [
        [3, 2],
        [16, 11],
        [256, 129],
      ] as const) {
        const { width, droppedBits } = wireFormat(set, { log2Sigma, members, threshold })
        expect(8 * width + droppedBits).to.equal(120)
        // Deviations: half of what is dropped at most, of each update and share, beside the flooding of the shares.
        const beside = (bits: number) =>
          (2 ** (bits - 1) * Math.sqrt((members + threshold) / threshold)) / 2 ** log2Sigma
        expect(Math.sqrt(1 + beside(droppedBits) ** 2)).to.be.below(1.035)
        expect(beside(droppedBits + 8)).to.be.above(1 / 4)
      }
    }
  })

  it('decrypt as precisely as if all bits had travelled, from updates a sixth as long', async () => {
    const figures: { mean: Float64Array; update: number; meanError: number }[] = []
    for (const wholeWire of [false, true]) {
      const round = await openRound({ vectorLength: 2410, wholeWire })
      const activeSet = [0, 2, 4]
      const request = {
        context: ROUND,
        aggregate: round.sum,
        totalWeight: 5,
        activeSet,
        shares: await sharesOf(round, activeSet),
      }
      const { mean } = await combine(round.engine, request)
      for (const [k, value] of mean.entries()) {
        const wanted = round.vectors.reduce((sum, vector) => sum + vector[k]!, 0) / 5
        expect(value).to.be.closeTo(wanted, round.plan.precision.meanError)
      }
      figures.push({
        mean,
        update: partOfMessage(round, round.updates[0]!.bytes).length,
        meanError: round.plan.precision.meanError,
      })
      await round.engine.close()
    }
    const [narrow, whole] = figures
    expect(narrow!.meanError / whole!.meanError).to.be.below(1.035)
    expect(whole!.update / narrow!.update).to.be.at.least(2.5)
    // The ciphertexts of before: 16 bytes for each of 8,192 coefficients, whatever they carry.
    expect(narrow!.update).to.be.below((16 * 8192) / 6)
  })
})

describe(`fhe coefficients that somebody else made (COHORT_FUZZ_SEED=${SEED})`, () => {
  for (const set of ['default', 'precise'] as const) {
    it(`are read as the integers that they are, whatever their bytes, and nothing beyond them: ${set}`, async () => {
      const kernel = await Kernel.open(testPlan(5, 3, { set }))
      const primes = kernel.primes.slice(0, kernel.dataPrimeCount)
      const Q = primes.reduce((a, b) => a * b, 1n)
      const polynomial = kernel.allocate(kernel.polynomialBytes)
      const random = streamOf(SEED)
      for (let turn = 0; turn < FUZZ_TURNS; turn++) {
        const width = 1 + (random(1)[0]! % Math.ceil((60 * primes.length) / 8))
        const droppedBits = Math.max(0, 60 * primes.length - 8 * width)
        const wire = new Wire(kernel, { width, droppedBits })
        const [dropped, count] = [BigInt(droppedBits), 1 + (random(1)[0]! % 64)]
        const most = (Q - 1n) >> dropped
        // Bytes of any kind, of the largest there are, and close to the bound from both sides.
        const bytes = random(width * count)
        if (turn % 4 === 1) bytes.fill(255)
        if (turn % 4 >= 2) {
          const near = Array.from({ length: count }, () => {
            const value = most + BigInt(random(1)[0]! % 5) - (turn % 4 === 2 ? 4n : 2n)
            return value < 0n ? 0n : BigInt.asUintN(8 * width, value)
          })
          bytes.set(toItems(near, width))
        }
        const values = items(bytes, width)
        expect(wire.inRange(bytes), `${turn}`).to.equal(values.every((value) => value <= most))

        kernel.write(polynomial, random(kernel.polynomialBytes))
        wire.widen(bytes, polynomial)
        const half = droppedBits === 0 ? 0n : 1n << (dropped - 1n)
        const words = toWords(kernel.read(polynomial))
        for (const [l, p] of primes.entries()) {
          const found = words.subarray(l * kernel.degree, (l + 1) * kernel.degree)
          expect(Array.from(found.subarray(0, count)), `${turn}`).to.deep.equal(
            values.map((value) => ((value << dropped) + half) % p),
          )
          expect(found.subarray(count).every((word) => word === 0n)).to.equal(true)
        }

        const sumWidth = 8 * sumWords(wire.format)
        const sums = random(sumWidth * count)
        const before = items(sums, sumWidth)
        const terms = 1 + random(1)[0]!
        expect(wire.sumsInRange(sums, terms)).to.equal(before.every((value) => value <= most * BigInt(terms)))
        wire.add(sums, bytes)
        expect(items(sums, sumWidth)).to.deep.equal(
          before.map((value, k) => BigInt.asUintN(8 * sumWidth, value + values[k]!)),
        )
      }
    })
  }
})

describe('fhe values as coefficients', () => {
  for (const scaleBits of [50, 61, 62, 90, 'widest'] as const) {
    it(`are the nearest integers at a scale of 2^${scaleBits}, or near enough`, async () => {
      const plan = testPlan(5, 3, {
        scaleBits,
        vectorLength: 8191,
        statisticalBits: scaleBits === 'widest' ? 128 : 30,
        minPrecisionBits: -99,
      })
      const core = await Core.open(plan)
      const vector = vectorOf(8191, 3, 8)
      vector.set([8, -8, 0, -0, 2 ** -40, -(2 ** -90), Number.MIN_VALUE, 8 - 2 ** -50])
      for (const [k, value] of encoded(core, vector, 0).entries()) {
        const wanted = k === 0 ? plan.weightAmplitude : vector[k - 1]!
        // A double is a whole number of 2^-1074.
        const exact = wanted * 2 ** plan.scaleBits
        const error = Math.abs(Number(value - BigInt(Math.round(exact))))
        expect(error, `${wanted}`).to.be.at.most(Math.max(1, Math.abs(exact) * 2 ** -60))
      }
      core[Symbol.dispose]()
    })
  }

  it('come back from the kernel as they went in, whichever sign', async () => {
    const plan = testPlan(5, 3, { scaleBits: 'widest' })
    const core = await Core.open(plan)
    const values = new Float64Array(8192)
    values.set([-8, 8, 0.5, -(2 ** -30)])
    const { kernel } = core
    const block = kernel.allocate(kernel.polynomialBytes)
    core.encode(values, block)
    for (const l of [0, 1]) kernel.calls.forward(kernel.records[l]!, kernel.residues(block, l), kernel.logDegree)
    const found = coefficients(kernel, kernel.read(block)).slice(0, 5)
    expect(found.map((value) => Number(value) / 2 ** plan.scaleBits)).to.deep.equal([-8, 8, 0.5, -(2 ** -30), 0])
    core[Symbol.dispose]()
  })
})

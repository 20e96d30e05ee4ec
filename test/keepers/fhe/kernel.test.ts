// SPDX-License-Identifier: GPL-3.0-or-later
import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import { Kernel } from '../../../keepers/fhe/kernel/kernel.ts'
import { minimalRoot } from '../../../keepers/fhe/kernel/layout.ts'
import { powMod } from '../../../keepers/fhe/parameters.ts'
import { bitReverse, fromWords, place, residues, toWords } from './arithmetic.ts'
import { testPlan } from './ceremony.ts'

describe('fhe kernel', () => {
  let kernel: Kernel
  let precise: Kernel
  before(async () => {
    kernel = await Kernel.open(testPlan(5, 3))
    precise = await Kernel.open(testPlan(5, 3, { set: 'precise' }))
  })

  it('transforms like the definition: value i is the polynomial at ψ^(2·bitrev(i) + 1), for both degrees', () => {
    for (const ring of [kernel, precise]) {
      for (const [l, p] of ring.primes.entries()) {
        const psi = minimalRoot(p, ring.degree)
        expect(powMod(psi, BigInt(ring.degree), p)).to.equal(p - 1n)
        const values = residues(ring.degree, p)
        const block = place(ring, values)
        ring.calls.forward(ring.records[l]!, block.at, ring.logDegree)
        const out = toWords(ring.read(block))
        for (const i of [0, 1, 2, 3, 777, ring.degree - 1]) {
          const x = powMod(psi, BigInt(2 * bitReverse(i, ring.logDegree) + 1), p)
          const wanted = values.reduceRight((sum, value) => (sum * x + value) % p, 0n)
          expect(out[i], `prime ${l}, value ${i}`).to.equal(wanted)
        }
        ring.calls.inverse(ring.records[l]!, block.at, ring.logDegree)
        expect(Buffer.compare(ring.read(block), fromWords(values))).to.equal(0)
        ring.release(block)
      }
    }
  })

  it('takes lazy inputs up to 12p', () => {
    const p = kernel.primes[0]!
    const values = residues(kernel.degree, p)
    const plain = place(kernel, values)
    const lazy = place(
      kernel,
      values.map((value, i) => value + p * BigInt(i % 12)),
    )
    for (const block of [plain, lazy]) kernel.calls.forward(kernel.records[0]!, block.at, kernel.logDegree)
    expect(Buffer.compare(kernel.read(plain), kernel.read(lazy))).to.equal(0)
  })

  it('multiplies, adds and evaluates like big integers, corners included', () => {
    const { degree, calls } = kernel
    for (const [l, p] of kernel.primes.entries()) {
      const record = kernel.records[l]!
      // Corners against corners: the reversed list meets the plain one.
      const a = residues(degree, p)
      const s = [...residues(8, p).reverse(), ...residues(degree, p).slice(8)]
      const e = residues(degree, p)
      const [blockA, blockS, blockE, out] = [place(kernel, a), place(kernel, s), place(kernel, e), place(kernel, e)]
      calls.addInto(record, out.at, blockS.at, degree)
      expect(Array.from(toWords(kernel.read(out)))).to.deep.equal(e.map((value, i) => (value + s[i]!) % p))

      const pairs = kernel.allocate(16 * degree)
      const lambda = residues(20, p)[13]!
      calls.preparePairs(record, pairs.at, blockS.at, lambda, degree)
      const prepared = toWords(kernel.read(pairs))
      for (let i = 0; i < degree; i++) {
        const w = (s[i]! * lambda) % p
        if (prepared[2 * i] !== w || prepared[2 * i + 1] !== (w << 64n) / p) expect.fail(`pair ${i} of prime ${l}`)
      }
      kernel.write(out, fromWords(e.map((value, i) => value + p * BigInt(i % 9))))
      calls.maskedProduct(record, out.at, blockA.at, pairs.at, out.at, degree)
      expect(Array.from(toWords(kernel.read(out)))).to.deep.equal(
        a.map((_, i) => (((a[i]! * s[i]!) % p) * lambda + e[i]!) % p),
      )
      for (const block of [blockA, blockS, blockE, out, pairs]) kernel.release(block)
    }
  })

  it('adds residues below p and reports any others, at every position', () => {
    const { degree, calls } = kernel
    const p = kernel.primes[0]!
    const [a, b] = [residues(degree, p), residues(degree, p).reverse()]
    const [sum, input] = [place(kernel, a), place(kernel, b)]
    expect(calls.allBelow(kernel.records[0]!, input.at, degree)).to.equal(1)
    expect(calls.addChecked(kernel.records[0]!, sum.at, input.at, degree)).to.equal(1)
    expect(Array.from(toWords(kernel.read(sum)))).to.deep.equal(a.map((value, i) => (value + b[i]!) % p))
    for (const [at, value] of [
      [0, p],
      [1, p + 1n],
      [degree - 1, 1n << 63n],
      [degree - 2, (1n << 64n) - 1n],
    ] as const) {
      const spoilt = [...b]
      spoilt[at] = value
      kernel.write(input, fromWords(spoilt))
      expect(calls.allBelow(kernel.records[0]!, input.at, degree)).to.equal(0)
      expect(calls.addChecked(kernel.records[0]!, sum.at, input.at, degree)).to.equal(0)
    }
  })

  it('scales by a constant like big integers', () => {
    const { degree, calls } = kernel
    for (const [l, p] of kernel.primes.entries()) {
      const values = residues(degree, p)
      for (const factor of [0n, 1n, p - 1n, residues(9, p)[8]!]) {
        const block = place(kernel, values)
        calls.scale(kernel.records[l]!, block.at, factor, degree)
        expect(Array.from(toWords(kernel.read(block)))).to.deep.equal(values.map((value) => (value * factor) % p))
        kernel.release(block)
      }
    }
  })

  it('adds and subtracts uniform residues from a stream of words, and leaves the sum alone when they run out', () => {
    const { degree, calls } = kernel
    const count = degree + 3
    for (const [l, p] of kernel.primes.entries()) {
      const values = residues(degree, p)
      const clean = [0n, p - 1n, 1n, ...residues(count, p).slice(3)]
      // High bits are not looked at; words from p to 2^60 are dropped, and those after them move up.
      const dropped = clean.map(
        (word, i) => (i === 4 || i === 777 ? p + 5n : word | (0xabn << 60n)) & ((1n << 64n) - 1n),
      )
      const fewer = clean.map((word, i) => (i % 2000 === 9 ? (1n << 60n) - 1n : word))
      for (const [words, enough] of [
        [clean, true],
        [dropped, true],
        [fewer, false],
      ] as const) {
        const kept = words.map((word) => word & ((1n << 60n) - 1n)).filter((word) => word < p)
        for (const negative of [0, 1]) {
          const [sum, stream] = [place(kernel, values), place(kernel, words)]
          const done = calls.addUniform(kernel.records[l]!, sum.at, stream.at, count, negative, degree)
          expect(done).to.equal(enough ? 1 : 0)
          const wanted = enough
            ? values.map((value, i) => (negative ? value - kept[i]! + p : value + kept[i]!) % p)
            : values
          expect(Array.from(toWords(kernel.read(sum)))).to.deep.equal(wanted)
          kernel.release(sum)
          kernel.release(stream)
        }
      }
    }
  })

  it('sums three uniform words for the flooding, and centres them', () => {
    const { degree, calls, primes } = kernel
    const random = kernel.allocate(36 * degree)
    const sums = kernel.allocate(16 * degree)
    const out = kernel.allocate(8 * degree)
    const bytes = randomBytes(36 * degree)
    bytes.fill(0xff, 0, 24)
    bytes.fill(0xff, 24 * degree, 24 * degree + 12)
    kernel.write(random, bytes)
    const bits = kernel.uniformBits
    expect(bits).to.be.within(65, 96)
    calls.floodingSums(sums.at, random.at, bits, degree)
    const wide = Array.from({ length: degree }, (_, i) => {
      let sum = 0n
      for (let term = 0; term < 3; term++) {
        const low = bytes.readBigUInt64LE(24 * i + 8 * term)
        const high = BigInt(bytes.readUInt32LE(24 * degree + 12 * i + 4 * term))
        sum += ((high << 64n) | low) & ((1n << BigInt(bits)) - 1n)
      }
      return sum
    })
    const words = toWords(kernel.read(sums))
    for (const [i, sum] of wide.entries()) {
      if ((words[2 * i + 1]! << 64n) + words[2 * i]! !== sum) expect.fail(`sum ${i}`)
    }
    for (const [l, p] of primes.entries()) {
      calls.floodingResidues(kernel.records[l]!, out.at, sums.at, degree)
      const found = toWords(kernel.read(out))
      for (const [i, sum] of wide.entries()) {
        const wanted = (((sum - 3n * (1n << BigInt(bits - 1)) + 1n) % p) + p) % p
        if (found[i]! % p !== wanted || found[i]! >= 4n * p) expect.fail(`residue ${i} of prime ${l}`)
      }
    }
    for (const block of [random, sums, out]) kernel.release(block)
  })

  it('rejects words outside the prime, and keeps the order of the rest', () => {
    const { degree, calls } = kernel
    const p = kernel.primes[0]!
    const words = residues(degree + 4, p)
    words[2] = (1n << 60n) - 1n
    words[5] = p
    // The top four bits are not looked at.
    words[7] = words[7]! | (15n << 60n)
    const [input, out] = [place(kernel, words), kernel.allocate(8 * degree)]
    expect(calls.uniformResidues(kernel.records[0]!, out.at, input.at, degree + 4, degree)).to.equal(degree)
    const kept = words.filter((_, i) => i !== 2 && i !== 5).map((word) => word & ((1n << 60n) - 1n))
    expect(Array.from(toWords(kernel.read(out)))).to.deep.equal(kept.slice(0, degree))
    expect(calls.uniformResidues(kernel.records[0]!, out.at, input.at, 6, degree)).to.equal(4)
  })

  it('maps each byte below 255 to a ternary digit, and 21 pairs of coins to their difference', () => {
    const { degree, calls } = kernel
    const p = kernel.primes[1]!
    const [input, digits, out] = [kernel.allocate(degree), kernel.allocate(degree), kernel.allocate(8 * degree)]
    kernel.write(
      input,
      Uint8Array.from({ length: degree }, (_, i) => i % 256),
    )
    const found = calls.ternary(digits.at, input.at, degree, degree)
    expect(found).to.equal(degree - degree / 256)
    expect(Array.from(kernel.read(digits, 255))).to.deep.equal(Array.from({ length: 255 }, (_, i) => i % 3))
    calls.ternaryResidues(kernel.records[1]!, out.at, digits.at, degree)
    expect(Array.from(toWords(kernel.read(out)).slice(0, 3))).to.deep.equal([0n, 1n, p - 1n])

    const coins = kernel.allocate(6 * degree)
    const bytes = randomBytes(6 * degree)
    kernel.write(coins, bytes)
    calls.binomialResidues(kernel.records[1]!, out.at, coins.at, degree)
    const errors = toWords(kernel.read(out))
    const ones = (value: number) => value.toString(2).replaceAll('0', '').length
    for (let i = 0; i < degree; i++) {
      const word = bytes.readUIntLE(6 * i, 6) % 2 ** 42
      const error = ones(word % 2 ** 21) - ones(Math.floor(word / 2 ** 21))
      if (errors[i] !== (BigInt(error) + p) % p) expect.fail(`error ${i}`)
    }
  })

  it('wipes lent memory when it comes back', () => {
    let at = 0
    kernel.borrow([4096], (block) => {
      at = block!.at
      kernel.view(block!).fill(0xee)
    })
    expect(new Uint8Array(kernel.calls.memory.buffer, at, 4096).every((byte) => byte === 0)).to.equal(true)
  })
})

// SPDX-License-Identifier: GPL-3.0-or-later
// Sets of countries as bitmaps, and the angle between two embeddings.
import { expect } from 'chai'
import { countrySet, inCountrySet } from '../../keepers/apps/identity/countries.ts'
import { CircuitError } from '../../keepers/zkml/circuit/errors.ts'
import { seeded } from '../keepers/zkml/circuit/programs.ts'
import { Circuit, expectMutationsRefused, fields, INSTANCES, P } from './gadget.ts'

const random = seeded(13)

describe('InBitmap', function () {
  this.timeout(120_000)
  let circuit: Circuit
  before(async () => {
    circuit = await Circuit.instance('in-bitmap-4')
  })
  const accepts = (index: bigint, word: readonly bigint[]): boolean => {
    try {
      return circuit.system.firstViolation(circuit.witness({ index, word: [...word] })) === null
    } catch (error) {
      expect(error).to.be.instanceOf(CircuitError)
      return false
    }
  }

  it('costs what is stated; index and bitmap determine every signal', () => {
    expect(circuit.system.header.constraints).to.equal(INSTANCES['in-bitmap-4']!.constraints)
    // Quotient and remainder are the digits of the index: each is one of finitely many, and no two pairs have the same sum.
    const sums = new Set<number>()
    for (let quotient = 0; quotient < 4; quotient++)
      for (let rest = 0; rest < 250; rest++) sums.add(250 * quotient + rest)
    expect(sums.size).to.equal(1000)
    const bits = Array.from({ length: 250 }, (_, i) => `where.bit[${i}]`)
    expect(circuit.open('quotient', 'which.bit[0]', 'which.bit[1]', 'which.bit[2]', ...bits)).to.deep.equal([])
  })

  it('accepts the elements of a set, at the borders of its words too', () => {
    const codes = [1, 249, 250, 276, 499, 500, 749, 750, 894, 999]
    const set = countrySet(codes)
    for (let code = 1; code < 1000; code += codes.includes(code + 1) || codes.includes(code) ? 1 : 17) {
      expect(accepts(BigInt(code), set), `${code}`).to.equal(codes.includes(code))
      expect(inCountrySet(set, code)).to.equal(codes.includes(code))
    }
    const others = countrySet([408, 364], true)
    expect([accepts(408n, others), accepts(364n, others), accepts(276n, others)]).to.deep.equal([false, false, true])
  })

  it('refuses an index outside the bitmap, and a word of more than 250 bits', () => {
    const all = countrySet([], true)
    for (const index of [1000n, 1250n, P - 1n, P - 250n, P - 749n])
      expect(accepts(index, all), `${index}`).to.equal(false)
    expect(accepts(1n, [(1n << 250n) | 2n, 0n, 0n, 0n])).to.equal(false)
    expect(accepts(1n, [P - 1n, 0n, 0n, 0n])).to.equal(false)
  })

  it('refuses every mutation of its signals', () => {
    const witness = circuit.witness({ index: 276n, word: [...countrySet([276, 250])] })
    expectMutationsRefused(circuit, witness, circuit.derivedWires, 500, random)
  })
})

describe('CosineAtLeast', function () {
  this.timeout(120_000)
  let circuit: Circuit
  before(async () => {
    circuit = await Circuit.instance('cosine-4')
  })
  const accepts = (a: readonly number[], b: readonly number[]): boolean => {
    try {
      return circuit.system.firstViolation(circuit.witness({ a: fields(a), b: fields(b) })) === null
    } catch (error) {
      expect(error).to.be.instanceOf(CircuitError)
      return false
    }
  }

  it('costs what is stated, and leaves no signal open', () => {
    expect(circuit.system.header.constraints).to.equal(INSTANCES['cosine-4']!.constraints)
    expect(circuit.open()).to.deep.equal([])
  })

  it('accepts just the vectors within 45 degrees', () => {
    const draw = () => Array.from({ length: 4 }, () => Math.floor(200 * random()) - 100)
    let near = 0
    for (let k = 0; k < 200; k++) {
      const a = draw()
      const b = k % 2 === 0 ? draw() : a.map((value) => value + Math.floor(60 * random()) - 30)
      const dot = a.reduce((sum, value, i) => sum + value * b[i]!, 0)
      const square = (v: number[]) => v.reduce((sum, value) => sum + value * value, 0)
      const expected = dot > 0 && 2 * dot * dot >= square(a) * square(b)
      near += Number(expected)
      expect(accepts(a, b), `${a} ${b}`).to.equal(expected)
    }
    expect(near).to.be.within(50, 150)
    expect(accepts([1, 0, 0, 0], [1, 1, 0, 0]), 'exactly 45 degrees').to.equal(true)
    expect(accepts([1000, 0, 0, 0], [1000, 1001, 0, 0]), 'a little more').to.equal(false)
  })

  it('refuses the opposite direction, whose square is as large, and the vector of zeros, which is near nothing', () => {
    expect(accepts([3, 4, 0, 0], [-3, -4, 0, 0])).to.equal(false)
    expect(accepts([0, 0, 0, 0], [3, 4, 0, 0])).to.equal(false)
    expect(accepts([3, 4, 0, 0], [0, 0, 0, 0])).to.equal(false)
  })

  it('refuses a sum above its bound', () => {
    expect(accepts([1024, 0, 0, 0], [1024, 0, 0, 0]), '2^20, the bound itself').to.equal(true)
    expect(accepts([1024, 1, 0, 0], [1024, 1, 0, 0])).to.equal(false)
  })

  it('refuses every mutation of its signals', () => {
    const witness = circuit.witness({ a: fields([5, -3, 2, 9]), b: fields([4, -4, 1, 8]) })
    expectMutationsRefused(circuit, witness, circuit.derivedWires, 1000, random)
  })
})

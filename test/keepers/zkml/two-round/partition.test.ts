// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { checkPartition } from '../../../../keepers/zkml/setup/partition.ts'
import { parseR1cs } from '../../../../keepers/zkml/setup/r1cs.ts'
import { build, moved, type NamedCircuit, type NamedTerms, rangeCircuit } from './range-circuit.ts'

const check = (circuit: NamedCircuit) => {
  const { r1cs, shape } = build(circuit)
  return checkPartition(parseR1cs(r1cs), shape)
}
const wire = (circuit: NamedCircuit, name: string) => build(circuit).indexOf(name)

/** A circuit of one public signal around constraints that a test is about. */
const around = (
  first: string[],
  second: string[],
  constraints: readonly (readonly [NamedTerms, NamedTerms, NamedTerms])[],
  challenges = ['x'],
): NamedCircuit => ({ publicSignals: ['p'], challenges, first, second, constraints })

describe('the partition of a circuit into two rounds', () => {
  it('accepts a table of one column and one of two, with the identity and its degree', () => {
    for (const challenges of [1, 2] as const) {
      const circuit = rangeCircuit(challenges)
      const { definitions, identities, soundnessBits } = check(circuit)
      expect(identities).to.deep.equal([circuit.constraints.length - 1])
      expect(definitions.filter(({ kind }) => kind === 'quotient')).to.have.length(18)
      expect(definitions.filter(({ kind }) => kind === 'polynomial')).to.have.length(challenges === 2 ? 2 : 0)
      // 18 denominators of degree 1, and a sum over all of them.
      expect(soundnessBits).to.be.closeTo(248 - Math.log2(18 + 18), 1e-9)
    }
  })

  it('refuses limbs in the second round by name', () => {
    const circuit = moved(rangeCircuit(), 'low', 'high', 'low²', 'high²')
    expect(() => check(circuit)).to.throw(/wire \d+ of the second round is not determined/)
  })

  it('accepts a single limb in the second round: the other and the secret determine it', () => {
    expect(check(moved(rangeCircuit(2), 'low')).definitions.at(-1)!.kind).to.equal('polynomial')
  })

  it('refuses any one multiplicity in the second round, which the sum would otherwise determine', () => {
    for (let t = 0; t < 16; t++) {
      const circuit = moved(rangeCircuit(), `m${t}`)
      expect(() => check(circuit), `m${t}`).to.throw(
        `wire ${wire(circuit, `m${t}`)} of the second round is not determined`,
      )
    }
  })

  it('refuses a free wire, one that no constraint names included', () => {
    const circuit = rangeCircuit()
    const free = { ...circuit, second: [...circuit.second, 'free'] }
    expect(() => check(free)).to.throw(/no constraint names it/)
    const one = around(['v'], ['u'], [[{ u: 1 }, { v: 1 }, { p: 1 }]])
    // v may be zero: then u is free.
    expect(() => check(one)).to.throw(/not determined/)
  })

  it('refuses a lookup that no sum takes in', () => {
    const circuit = rangeCircuit()
    const constraints = [...circuit.constraints]
    const [a, b, c] = constraints.pop()!
    const { '1/(x−low)': _, ...rest } = a as Record<string, number>
    expect(() => check({ ...circuit, constraints: [...constraints, [rest, b, c]] })).to.throw(
      `wire ${wire(circuit, '1/(x−low)')} of the second round bears on no identity`,
    )
    // The whole sum as a wire of its own: it takes any value.
    const summed = { ...circuit, second: [...circuit.second, 's'] }
    expect(() => check({ ...summed, constraints: [...constraints, [a, b, { s: 1 }]] })).to.throw(/bears on no identity/)
    // As the sum of the limbs and the sum of the rows, tied to each other, it is an identity again.
    const { '1/(x−low)': low, '1/(x−high)': high, ...rows } = a as Record<string, number>
    const tied: NamedCircuit = {
      ...circuit,
      second: [...circuit.second, 's', 't'],
      constraints: [
        ...constraints,
        [{ '1/(x−low)': low!, '1/(x−high)': high! }, b, { s: 1 }],
        [rows, b, { t: 1 }],
        [{ s: 1, t: 1 }, b, {}],
      ],
    }
    const { definitions, identities } = check(tied)
    expect(definitions.slice(-2).map(({ kind }) => kind)).to.deep.equal(['sum', 'sum'])
    expect(identities).to.have.length(1)
  })

  it('refuses rows of a table that occur twice, under any scale', () => {
    const circuit = rangeCircuit()
    for (const [scale, other] of [
      [1, 5],
      [3, 0],
    ] as const) {
      const constraints = circuit.constraints.map((row) =>
        'm9/(x−9)' in row[0] && 'm9' in row[2] ? ([row[0], { x: scale, one: -other * scale }, row[2]] as const) : row,
      )
      expect(() => check({ ...circuit, constraints })).to.throw(
        `wire ${wire(circuit, 'm9/(x−9)')} of the second round stand for the same row`,
      )
    }
  })

  it('knows when a denominator is never the zero polynomial', () => {
    const divide = (
      denominator: NamedTerms,
      second: string[] = [],
      more: (readonly [NamedTerms, NamedTerms, NamedTerms])[] = [],
    ) =>
      around(
        ['v', 'w'],
        ['u', 'other', ...second],
        [
          [{ u: 1 }, denominator, { one: 1 }],
          [{ other: 1 }, { x: 1, w: -1 }, { one: 1 }],
          [{ u: 1, other: -1 }, { one: 1 }, { p: 1 }],
          ...more,
        ],
        ['x', 'y'],
      )
    expect(check(divide({ x: 1, v: -1 })).identities).to.have.length(1)
    expect(check(divide({ x: 3, y: 5, v: -1 })).identities).to.have.length(1)
    // A product of two such ones: of degree 2, with the leading coefficient 1/2.
    const squared = divide({ d: 1, v: 1 }, ['d'], [[{ x: 1, v: -1 }, { x: 1, w: -1 }, { d: 2 }]])
    expect(check(squared).definitions.map(({ kind }) => kind)).to.deep.equal(['quotient', 'quotient', 'polynomial'])
    // What is no quotient may still follow from the sum, and is then multiplied.
    const refused = /not determined|multiplies wire 6/
    // v·x may vanish; x − d vanishes for d = x; x² − 2d vanishes for d = x²/2.
    expect(() => check(divide({ d: 1 }, ['d'], [[{ x: 1 }, { v: 1 }, { d: 1 }]]))).to.throw(refused)
    expect(() => check(divide({ x: 1, d: -1 }, ['d'], [[{ x: 1 }, { one: 1 }, { d: 1 }]]))).to.throw(refused)
    const cancels = divide(
      { d: 2, e: -1 },
      ['d', 'e'],
      [
        [{ x: 1 }, { x: 1 }, { d: 2 }],
        [{ x: 1 }, { x: 1 }, { e: 1 }],
      ],
    )
    expect(() => check(cancels)).to.throw(refused)
  })

  it('takes products of polynomials at a challenge, as a convolution is proven', () => {
    // (a0 + a1 x)(b0 + b1 x) = c0 + c1 x + c2 x²
    const circuit = around(
      ['a0', 'a1', 'b0', 'b1', 'c0', 'c1', 'c2'],
      ['a1x', 'b1x', 'c1x', 'x²', 'c2x²'],
      [
        [{ a1: 1 }, { x: 1 }, { a1x: 1 }],
        [{ b1: 1 }, { x: 1 }, { b1x: 1 }],
        [{ c1: 1 }, { x: 1 }, { c1x: 1 }],
        [{ x: 1 }, { x: 1 }, { 'x²': 1 }],
        [{ c2: 1 }, { 'x²': 1 }, { 'c2x²': 1 }],
        [
          { a0: 1, a1x: 1 },
          { b0: 1, b1x: 1 },
          { c0: 1, c1x: 1, 'c2x²': 1 },
        ],
        [{ a0: 1 }, { one: 1 }, { p: 1 }],
      ],
    )
    const { identities, soundnessBits } = check(circuit)
    expect(identities).to.deep.equal([5])
    expect(soundnessBits).to.equal(247)
  })

  it('refuses to multiply a quotient', () => {
    const circuit = around(
      ['v', 'w'],
      ['u'],
      [
        [{ u: 1 }, { x: 1, v: -1 }, { one: 1 }],
        [{ u: 1 }, { w: 1 }, { p: 1 }],
      ],
    )
    expect(() => check(circuit)).to.throw(/multiplies wire 5 of the second round, which is a quotient/)
  })

  it('refuses degrees that leave fewer than 128 bits', () => {
    const sums = Array.from({ length: 200 }, (_, i) => `s${i}`)
    const circuit = around(
      ['v'],
      ['u', ...sums],
      [
        [{ u: 1 }, { x: 1, v: -1 }, { one: 1 }],
        // Each is the sum of the two before: degrees are Fibonacci's numbers.
        ...sums.map((wire, i) => {
          const [last, before] = [sums[i - 1] ?? 'u', sums[i - 2] ?? 'u']
          const sum = last === before ? { [last]: 2 } : { [last]: 1, [before]: 1 }
          return [{ ...sum, [wire]: -1 }, { one: 1 }, {}] as const
        }),
        [{ [sums.at(-1)!]: 1, v: -1 }, { one: 1 }, {}],
      ],
    )
    expect(() => check(circuit)).to.throw(/128 bits of soundness/)
  })

  it('refuses degrees that a double cannot hold: a denominator that is zero would pass for one that is not', () => {
    const powers = Array.from({ length: 53 }, (_, i) => `x${i + 1}`)
    // x^(2^53) · x · x and x^(2^53) · x² are the same polynomial; as doubles their degrees are 2^53 and 2^53 + 2.
    const circuit = around(
      ['v'],
      [...powers, 'step', 'twice', 'atOnce', 'u', 'w'],
      [
        ...powers.map((wire, i) => {
          const before = powers[i - 1] ?? 'x'
          return [{ [before]: 1 }, { [before]: 1 }, { [wire]: 1 }] as const
        }),
        [{ x53: 1 }, { x: 1 }, { step: 1 }],
        [{ step: 1 }, { x: 1 }, { twice: 1 }],
        [{ x53: 1 }, { x1: 1 }, { atOnce: 1 }],
        // u · 0 = 0 and w · 0 = 0: the prover may add any u to a sum.
        [{ u: 1 }, { twice: 1, atOnce: -1 }, {}],
        [{ w: 1 }, { twice: 1, atOnce: -1 }, {}],
        [{ u: 1, w: -1 }, { one: 1 }, {}],
      ],
    )
    expect(() => check(circuit)).to.throw(/of degree above 2\^50/)
  })

  it('refuses a shape that is impossible, or not that of the circuit', () => {
    const { r1cs, shape } = build(rangeCircuit())
    for (const [change, message] of [
      [{ challenges: 3 }, /3 challenges/],
      [{ challenges: 0, publicSignals: 5 }, /0 challenges/],
      [{ publicSignals: 3 }, /5 public wires/],
      [{ firstRound: 1000 }, /names 1006 wires/],
      [{ firstRound: -1 }, /firstRound is -1/],
      [{ firstRound: 0 }, /commits to no wire/],
      [{ publicSignals: 0, challenges: 1 }, /no public signal/],
    ] as const) {
      expect(() => checkPartition(parseR1cs(r1cs), { ...shape, ...change })).to.throw(message)
    }
  })
})

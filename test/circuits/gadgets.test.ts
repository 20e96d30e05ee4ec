// SPDX-License-Identifier: GPL-3.0-or-later
// Every gadget: equal to its plain meaning, without freedom, and deaf to forged witnesses.
import { createHash } from 'node:crypto'
import { expect } from 'chai'
import { packSegments } from '../../keepers/zkml/circuit/commitment.ts'
import { CircuitError } from '../../keepers/zkml/circuit/errors.ts'
import { poseidon, poseidonChain } from '../../keepers/zkml/circuit/poseidon.ts'
import { randomIntegers, seeded } from '../keepers/zkml/circuit/programs.ts'
import { Circuit, expectMutationsRefused, field, fields, INSTANCES, type InstanceName, P } from './gadget.ts'

/** Inputs that cover a gadget, and what it must answer. */
type Case = { inputs: Record<string, bigint | bigint[]>; outputs: Record<string, bigint | bigint[]> }
type Suite = {
  instance: InstanceName
  cases: () => Case[]
  /** Inputs that no witness may exist for. */
  refused?: Record<string, bigint | bigint[]>[]
  /** Signals that inputs alone do not determine by the analyser's rules; the suite shows otherwise that they are bound. */
  assumed?: string[]
}

const span = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)
const unary = (values: readonly number[], outputs: (value: number) => Record<string, bigint>): Case[] =>
  values.map((value) => ({ inputs: { in: field(value) }, outputs: outputs(value) }))
const out = (f: (value: number) => number) => (value: number) => ({ out: field(f(value)) })
const relu = (shift: number) => (value: number) => Math.max(0, Math.floor(value / 2 ** shift))
const leaky = (shift: number, numerator: number, log2: number) => (value: number) =>
  Math.floor(value / 2 ** shift) * (value >= 0 ? 2 ** log2 : numerator)
const outside = (...values: (number | bigint)[]) => values.map((value) => ({ in: field(value) }))
const argmax = (scores: readonly number[]) => scores.indexOf(Math.max(...scores))

const random = seeded(7)
const ofThreeBits = (f: (a: number, b: number, c: number) => number): Case[] =>
  span(0, 7).map((bits) => {
    const [a, b, c] = [bits & 1, (bits >> 1) & 1, bits >> 2] as const
    return { inputs: { a: BigInt(a), b: BigInt(b), c: BigInt(c) }, outputs: { out: BigInt(f(a, b, c)) } }
  })
const randomBytes = (count: number) => Buffer.from(randomIntegers(count, 0, 255, random))
/** By Node's OpenSSL, highest bit first. */
const digestBits = (message: Uint8Array): bigint[] =>
  [...createHash('sha256').update(message).digest()].flatMap((byte) =>
    span(0, 7).map((i) => BigInt((byte >> (7 - i)) & 1)),
  )
const scoreLists = [
  [0, 0, 0, 0],
  [-30, -30, 1, 1],
  [5, 4, 5, -20],
  [-3, -2, -1, 0],
  [63, 0, 63, 63],
  ...Array.from({ length: 40 }, () => [...randomIntegers(4, -31, 31, random)]),
]

const SUITES: Suite[] = [
  {
    instance: 'range-6',
    cases: () => unary(span(0, 63), () => ({})),
    refused: outside(-1, 64, 65, 128, -63, 1n << 200n, P - 64n),
  },
  { instance: 'range-signed-6', cases: () => unary(span(-32, 31), () => ({})), refused: outside(-33, 32, 64, -64) },
  {
    instance: 'range-252',
    cases: () => [0n, 1n, (1n << 252n) - 1n].map((value) => ({ inputs: { in: value }, outputs: {} })),
    refused: outside(-1, 1n << 252n, (1n << 252n) + 5n),
  },
  {
    instance: 'rescale-10-4',
    cases: () =>
      unary(
        span(-512, 511),
        out((value) => Math.floor(value / 16)),
      ),
    refused: outside(-513, 512),
  },
  {
    instance: 'rescale-unsigned-10-4',
    cases: () =>
      unary(
        span(0, 1023),
        out((value) => Math.floor(value / 16)),
      ),
    refused: outside(-1, 1024),
  },
  { instance: 'relu-10-4', cases: () => unary(span(-512, 511), out(relu(4))), refused: outside(-513, 512, 1n << 100n) },
  { instance: 'relu-8-0', cases: () => unary(span(-128, 127), out(relu(0))), refused: outside(-129, 128) },
  {
    instance: 'relu-20-8',
    cases: () =>
      unary([...randomIntegers(200, -(2 ** 19), 2 ** 19 - 1, random), -(2 ** 19), 2 ** 19 - 1, 0, -1], out(relu(8))),
    refused: outside(2 ** 19, -(2 ** 19) - 1),
  },
  { instance: 'leaky-10-4', cases: () => unary(span(-512, 511), out(leaky(4, 3, 5))), refused: outside(-513, 512) },
  { instance: 'leaky-8-0', cases: () => unary(span(-128, 127), out(leaky(0, -3, 4))), refused: outside(-129, 128) },
  {
    instance: 'maximum-4-6',
    cases: () =>
      scoreLists.map((list) => ({ inputs: { in: fields(list) }, outputs: { out: field(Math.max(...list)) } })),
    refused: [{ in: fields([64, 0, 0, 0]) }, { in: fields([0, 65, 0, 0]) }],
  },
  { instance: 'maximum-1-6', cases: () => unary([-5, 77], (value) => ({ out: field(value) })) },
  {
    instance: 'piecewise-3',
    cases: () =>
      unary(
        span(-108, 107),
        out((value) => (value < -20 ? -40 : value < 5 ? 2 * value : value < 17 ? 5 * value - 15 : 87 - value)),
      ),
    refused: outside(108, -112),
  },
  {
    instance: 'spline-7-1-3',
    cases: () =>
      unary(
        span(-40, 87),
        out((value) => {
          const v = Math.floor((value + 40) / 2)
          const line = Math.floor(v / 8)
          return [0, 2, 5, -1, 7, 0, -3, 1][line]! * v + [-40, 0, -15, 87, 3, 1, 0, 200][line]!
        }),
      ),
    refused: outside(-41, 88, 128, P - 100n),
  },
  {
    instance: 'spline-5-0-1',
    cases: () =>
      unary(
        span(0, 31),
        out((value) => (value < 16 ? 2 * value - 3 : 45 - value)),
      ),
    refused: outside(-1, 32),
  },
  {
    instance: 'tailed-spline-9-6-1-2',
    cases: () =>
      unary(
        span(-276, 235),
        out((value) => {
          const v = Math.floor((value + 20) / 2)
          const u = Math.min(31, Math.max(0, v))
          const line = Math.floor(u / 8)
          return [0, 2, 5, -1][line]! * u + [-40, 0, -15, 87][line]! + (v < u ? -3 : 2) * (v - u)
        }),
      ),
    refused: outside(-277, 236, P - 300n),
  },
  {
    instance: 'tailed-spline-held',
    cases: () =>
      unary(
        span(-148, 11),
        out((value) => {
          const u = Math.max(0, value + 20)
          return (u < 16 ? 2 * u : 5 * u - 15) + 4 * (value + 20 - u)
        }),
      ),
    refused: outside(-149, 12, 13, 107, 108),
  },
  {
    instance: 'tailed-spline-held-below',
    cases: () =>
      unary(
        span(-20, 107),
        out((value) => {
          const u = Math.min(31, value + 20)
          return u < 16 ? 2 * u : 5 * u - 15
        }),
      ),
    refused: outside(-21, -22, -148, 108),
  },
  {
    instance: 'onehot-5',
    cases: () =>
      unary(span(0, 4), (value) => Object.fromEntries(span(0, 4).map((v) => [`bit[${v}]`, v === value ? 1n : 0n]))),
    refused: outside(5, -1),
  },
  {
    instance: 'paths-6',
    cases: () =>
      span(0, 63).map((bits) => {
        const decision = span(0, 5).map((v) => (bits >> v) & 1)
        const [a, b, c, d, e, f] = decision as [number, number, number, number, number, number]
        // 1 hangs on the 0 of 0, 2 on its 1, 3 on the 1 of 1; 4 is a root, and 5 hangs on its 0.
        const one = [a, (1 - a) * b, a * c, (1 - a) * b * d, e, (1 - e) * f]
        return { inputs: { decision: fields(decision) }, outputs: { one: fields(one) } }
      }),
  },
  {
    instance: 'argmax-4-6',
    assumed: ['index'],
    cases: () =>
      scoreLists.map((list) => ({
        inputs: { score: fields(list) },
        outputs: { index: BigInt(argmax(list)), best: field(Math.max(...list)) },
      })),
  },
  {
    instance: 'margin-4-6',
    assumed: ['index', 'second.index'],
    cases: () =>
      scoreLists.map((list) => {
        const label = argmax(list)
        const others = list.filter((_, i) => i !== label)
        return {
          inputs: { score: fields(list) },
          outputs: { index: BigInt(label), margin: BigInt(list[label]! - Math.max(...others)) },
        }
      }),
  },
  {
    instance: 'atleast-8',
    cases: () => unary(span(-135, 120), (value) => ({ out: value >= -7 ? 1n : 0n })),
    refused: outside(-136, 121),
  },
  {
    instance: 'equal',
    cases: () =>
      [
        [3n, 3n],
        [3n, 4n],
        [0n, P - 1n],
        [0n, 0n],
      ].map(([a, b]) => ({ inputs: { a: a!, b: b! }, outputs: { out: a === b ? 1n : 0n } })),
  },
  {
    instance: 'packing-70-8',
    cases: () =>
      Array.from({ length: 3 }, () => {
        const values = randomIntegers(70, 0, 255, random)
        return { inputs: { in: fields(values) }, outputs: { out: packSegments([{ values, bits: 8, min: 0 }]) } }
      }),
    refused: [{ in: fields([256, ...new Array(69).fill(0)]) }, { in: fields([...new Array(69).fill(0), -1]) }],
  },
  ...([1, 5, 16] as const).map(
    (n): Suite => ({
      instance: `poseidon-${n}`,
      cases: () =>
        Array.from({ length: 5 }, (_, k) => {
          const inputs = Array.from({ length: n }, () =>
            k === 0 ? 0n : field(BigInt(Math.floor(random() * 2 ** 53)) ** 6n),
          )
          return { inputs: { in: inputs }, outputs: { out: poseidon(inputs) } }
        }),
    }),
  ),
  {
    instance: 'commitment-40',
    cases: () =>
      Array.from({ length: 3 }, (_, k) => {
        const inputs = Array.from({ length: 40 }, () => field(BigInt(Math.floor(random() * 2 ** 53)) ** 6n))
        return {
          inputs: { salt: BigInt(k), in: inputs },
          outputs: { out: poseidonChain(123456789n, [BigInt(k), ...inputs]) },
        }
      }),
  },
  { instance: 'xor3', cases: () => ofThreeBits((a, b, c) => a ^ b ^ c), assumed: ['out'] },
  { instance: 'majority', cases: () => ofThreeBits((a, b, c) => (a + b + c) >> 1), assumed: ['out'] },
  {
    instance: 'bits-3',
    cases: () => [{ inputs: { in: [0n, 1n, 1n] }, outputs: {} }],
    refused: [{ in: [0n, 2n, 1n] }, { in: [0n, 0n, P - 1n] }, { in: [P - 1n, 2n, 0n] }],
  },
  {
    instance: 'sha256-3',
    cases: () =>
      [Buffer.from('abc'), Buffer.alloc(3), Buffer.alloc(3, 0xff), ...span(1, 20).map(() => randomBytes(3))].map(
        (message) => ({ inputs: { in: Array.from(message, BigInt) }, outputs: { digest: digestBits(message) } }),
      ),
    refused: [{ in: [256n, 0n, 0n] }, { in: [0n, 0n, P - 1n] }, { in: [0n, 97n + (1n << 64n), 0n] }],
  },
]

describe('gadgets', () => {
  for (const { instance, cases, refused = [], assumed = [] } of SUITES) {
    describe(instance, () => {
      let circuit: Circuit
      before(async function () {
        this.timeout(120_000)
        circuit = await Circuit.instance(instance)
      })

      it('has the stated cost', () => {
        expect(circuit.system.header.constraints).to.equal(INSTANCES[instance]!.constraints)
      })

      it('computes its function', () => {
        for (const { inputs, outputs } of cases()) {
          const witness = circuit.witness(inputs)
          expect(circuit.system.firstViolation(witness)).to.equal(null)
          for (const [name, expected] of Object.entries(outputs)) {
            const found = Array.isArray(expected)
              ? circuit.values(witness, name, expected.length)
              : circuit.value(witness, name)
            expect(found, `${name} of ${Object.values(inputs)}`).to.deep.equal(expected)
          }
        }
      })

      it('leaves no signal open', () => {
        expect(circuit.open(...assumed)).to.deep.equal([])
      })

      it('refuses every mutation of its signals', () => {
        const all = cases()
        for (const { inputs } of [all[0]!, all[Math.floor(all.length / 2)]!, all.at(-1)!]) {
          const witness = circuit.witness(inputs)
          expectMutationsRefused(circuit, witness, circuit.derivedWires, 400, random)
        }
      })

      if (refused.length > 0) {
        it('has no witness for inputs outside its range', () => {
          for (const inputs of refused) expect(() => circuit.witness(inputs)).to.throw(CircuitError, /constraint/)
        })
      }
    })
  }
})

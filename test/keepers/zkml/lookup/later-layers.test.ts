// SPDX-License-Identifier: GPL-3.0-or-later
// Layers that random networks do not have: curves with every kind of end, trees, places of the largest, bits, held windows. The
// circuit says what the interpreter says at every value of the input, and no change of round 1 passes.
import { expect } from 'chai'
import type { IntegerLayer, SplineLayer } from '../../../../keepers/zkml/graph/layers.ts'
import type { IntegerProgram, Mode, OutputSpec } from '../../../../keepers/zkml/graph/program.ts'
import { checkPartition } from '../../../../keepers/zkml/setup/partition.ts'
import { parseR1cs } from '../../../../keepers/zkml/setup/r1cs.ts'
import { randomInput } from '../circuit/forgery.ts'
import { ProgramBuilder, randomIntegers, seeded } from '../circuit/programs.ts'
import { Adversary, expectForgeriesRefused } from './adversary.ts'
import { Direct } from './direct.ts'

const SIZE = 32
const [LEAST, BITS] = [-16, 5]

type Curve = Pick<SplineLayer, 'low' | 'bits' | 'tails'>
/** Inputs are −16 … 15; a closed end lies where they end. */
const CURVES: Readonly<Record<string, Curve>> = {
  whole: { low: LEAST, bits: BITS },
  open: { low: -8, bits: 6, tails: { width: 4, below: 2, above: -1 } },
  closedBelow: { low: LEAST, bits: 6, tails: { width: 4, below: null, above: 3 } },
  closedAbove: { low: 0, bits: 6, tails: { width: 4, below: -2, above: null } },
}

function laterLayers(mode: Mode, output: OutputSpec): IntegerProgram {
  const random = seeded(41)
  const builder = new ProgramBuilder(mode, [SIZE], BITS, LEAST)
  const made: { readonly id: string; readonly size: number }[] = []
  const add = (
    layer: IntegerLayer extends infer Each
      ? Each extends IntegerLayer
        ? Omit<Each, 'output' | 'sources'>
        : never
      : never,
    size: number,
    min: number,
    max: number,
  ) => {
    const id = `${layer.name}_t`
    builder.push({ ...layer, output: id, sources: [] } as IntegerLayer, [size], min, max)
    made.push({ id, size })
    return id
  }
  for (const [name, curve] of Object.entries(CURVES)) {
    const [slopes, intercepts] = [randomIntegers(4, -9, 9, random), randomIntegers(4, -99, 99, random)]
    add(
      {
        kind: 'spline',
        name,
        inputs: ['image'],
        ...curve,
        shift: 1,
        select: 2,
        slopes: [...slopes],
        intercepts: [...intercepts],
      },
      SIZE,
      -400,
      400,
    )
  }
  const windows = [0, 8, 16, 24].map((from) => Int32Array.from({ length: 8 }, (_, i) => from + i))
  add({ kind: 'argmax', name: 'place', inputs: ['image'], windows, bits: 5 }, 4, 0, 7)
  const positions = Int32Array.from({ length: 7 }, (_, i) => 3 * i)
  const compare = (name: string, relation: 'at-least' | 'equal', fixed: boolean) =>
    add(
      {
        kind: 'compare',
        name,
        inputs: ['image'],
        positions,
        relation,
        thresholds: { values: randomIntegers(7, -4, 3, random), bits: 5 },
        fixed,
        bits: 7,
      },
      7,
      0,
      1,
    )
  const decisions = compare('decisions', 'at-least', false)
  compare('fixed', 'at-least', true)
  compare('same', 'equal', false)
  add(
    {
      kind: 'paths',
      name: 'trees',
      inputs: [decisions],
      parents: Int32Array.from([-1, 0, 1, -1, 6, 7, 8]),
      leaves: Int32Array.from([2, 3, 4, 5, 12, 13, 9, 10, 11]),
    },
    9,
    0,
    1,
  )
  const offsets = Int32Array.from({ length: SIZE + 1 }, (_, i) => i)
  const each = Int32Array.from({ length: SIZE }, (_, i) => i)
  const raised = add(
    {
      kind: 'sparse',
      name: 'raised',
      inputs: ['image'],
      offsets,
      indices: each,
      coefficients: new Float64Array(SIZE).fill(1),
      bias: new Float64Array(SIZE).fill(16),
    },
    SIZE,
    0,
    31,
  )
  add({ kind: 'bits', name: 'digits', inputs: [raised], width: 5 }, 5 * SIZE, 0, 1)
  for (const [name, kind] of [
    ['heldIdentity', 'identity'],
    ['heldRelu', 'relu'],
  ] as const)
    add(
      {
        kind: 'rescale',
        name,
        inputs: [name === 'heldRelu' ? 'image' : raised],
        shift: 2,
        bits: 5,
        unsigned: name === 'heldIdentity',
        held: true,
        activation: { kind },
      },
      SIZE,
      0,
      7,
    )
  const total = made.reduce((sum, { size }) => sum + size, 0)
  const sums = 4
  add(
    {
      kind: 'sparse',
      name: 'scores',
      inputs: made.map(({ id }) => id),
      offsets: Int32Array.from({ length: sums + 1 }, (_, i) => i * total),
      indices: Int32Array.from({ length: sums * total }, (_, i) => i % total),
      coefficients: randomIntegers(sums * total, -9, 9, random),
      bias: new Float64Array(sums),
    },
    sums,
    -(2 ** 22),
    2 ** 22,
  )
  return builder.build('later', output)
}

describe('later layers in circuits with lookups', function () {
  this.timeout(60_000)

  for (const mode of ['released', 'committed'] as const)
    it(`are the interpreter, and not to be forged: ${mode}`, () => {
      const random = seeded(42)
      const direct = new Direct(laterLayers(mode, { kind: 'logits-commitment' }))
      const every = Array.from({ length: SIZE }, (_, i) => LEAST + i)
      const ties = Array.from({ length: SIZE }, (_, i) => (i % 3) - 1)
      for (const input of [every, ties, every.map(() => 0), every.map(() => -16), every.map(() => 15)])
        direct.honest(input)
      for (let i = 0; i < 5; i++) direct.honest(randomInput(direct.program, random))
      checkPartition(parseR1cs(direct.circuit.r1cs()), direct.circuit.shape)
      const adversary = new Adversary(direct.system, direct.circuit.shape)
      expect(adversary.lookups).to.be.above(50)
      for (const input of [every, ties])
        expect(expectForgeriesRefused(adversary, direct.system, direct.honest(input), 80, random)).to.be.above(40)
    })
})

// SPDX-License-Identifier: GPL-3.0-or-later
// Every kind of layer, in both modes, with every kind of statement: the circuit is the reference interpreter, nothing in
// it is open, and the r1cs refuses mutations.
import { expect } from 'chai'
import { CircuitError } from '../../../../keepers/zkml/circuit/errors.ts'
import { witnessInputs } from '../../../../keepers/zkml/circuit/prepare.ts'
import { writeCircuit } from '../../../../keepers/zkml/circuit/write/main.ts'
import type { CircuitOptions } from '../../../../keepers/zkml/circuit/write/statement.ts'
import type { IntegerProgram, Mode, OutputSpec } from '../../../../keepers/zkml/graph/program.ts'
import { expectMutationsRefused } from '../../../circuits/gadget.ts'
import { build, honest, randomInput, SALTS } from './forgery.ts'
import { ProgramBuilder, parameter, randomIntegers, seeded } from './programs.ts'

/** Convolutions of every form, a residual sum, a tournament, a table, a square: seven by six pixels down to a few scores. */
function everyLayer(mode: Mode, output: OutputSpec): IntegerProgram {
  const random = seeded(23)
  const builder = new ProgramBuilder(mode, [7, 6, 2], 4, -8)
  builder.conv('strided', 3, 4, parameter(36, 3, 4, random), parameter(4, 20, 8, random), {
    strides: [2, 1],
    padding: { top: 1, left: 1, bottom: 1, right: 1 },
    groups: 2,
  })
  builder.relu('relu1', 4)
  const [h, w, c] = builder.current.shape as [number, number, number]
  builder.conv('dilated', 2, 3, parameter(4 * c * 3, 3, 4, random), parameter(3, 20, 8, random), { dilations: [2, 1] })
  const bits = 14
  builder.push(
    {
      kind: 'rescale',
      name: 'leaky',
      inputs: [builder.current.id],
      output: 'leaky_t',
      sources: [],
      shift: 5,
      bits,
      unsigned: false,
      activation: { kind: 'leaky', numerator: 1, log2Denominator: 2 },
    },
    [h - 2, w - 1, 3],
    -(2 ** 8),
    2 ** 10,
  )
  const windows = Array.from({ length: 3 }, (_, o) => Int32Array.from(o === 0 ? [0, 3] : [o, o + 3, o + 6, o + 9]))
  builder.push(
    { kind: 'maxpool', name: 'pool', inputs: ['leaky_t'], output: 'pool_t', sources: [], windows, bits: 11 },
    [3],
    -(2 ** 8),
    2 ** 10,
  )
  builder.push(
    {
      kind: 'rescale',
      name: 'floor',
      inputs: ['pool_t'],
      output: 'floor_t',
      sources: [],
      shift: 4,
      bits: 12,
      unsigned: false,
      activation: { kind: 'identity' },
    },
    [3],
    -16,
    64,
  )
  builder.push(
    {
      kind: 'scale',
      name: 'scaled',
      inputs: ['floor_t'],
      output: 'scaled_t',
      sources: [],
      scale: parameter(3, 3, 4, random),
      bias: parameter(3, 9, 6, random),
    },
    [3],
    -600,
    600,
  )
  builder.push(
    { kind: 'multiply', name: 'square', inputs: ['scaled_t', 'scaled_t'], output: 'square_t', sources: [] },
    [3],
    0,
    360000,
  )
  builder.push(
    {
      kind: 'rescale',
      name: 'shrink',
      inputs: ['square_t'],
      output: 'shrink_t',
      sources: [],
      shift: 13,
      bits: 19,
      unsigned: true,
      activation: { kind: 'identity' },
    },
    [3],
    0,
    63,
  )
  builder.push(
    {
      kind: 'piecewise',
      name: 'hard',
      inputs: ['floor_t'],
      output: 'hard_t',
      sources: [],
      breakpoints: [-4, 4],
      slopes: [0, 1, 0],
      intercepts: [0, 4, 8],
      bits: 8,
    },
    [3],
    0,
    8,
  )
  builder.push(
    {
      kind: 'select',
      name: 'mixed',
      inputs: ['hard_t', 'shrink_t'],
      output: 'mixed_t',
      sources: [],
      map: Int32Array.from([5, 0, -1, 1, 2, 4]),
      fill: -3,
    },
    [6],
    -3,
    63,
  )
  builder.push(
    {
      kind: 'lookup',
      name: 'table',
      inputs: ['hard_t'],
      output: 'table_t',
      sources: [],
      rows: 9,
      width: 2,
      table: { values: randomIntegers(18, -8, 7, random), bits: 4 },
    },
    [6],
    -8,
    7,
  )
  builder.push(
    {
      kind: 'sparse',
      name: 'sum',
      inputs: ['mixed_t', 'table_t'],
      output: 'sum_t',
      sources: [],
      offsets: Int32Array.from([0, 2, 4, 7]),
      indices: Int32Array.from([0, 6, 1, 7, 2, 3, 11]),
      coefficients: Float64Array.from([1, 1, 2, -3, 1, 1, 5]),
      bias: Float64Array.from([1, -1, 0]),
    },
    [3],
    -500,
    500,
  )
  const last = output.kind === 'value' ? 1 : 4
  builder.dense('dense', last, parameter(3 * last, 5, 4, random), parameter(last, 20, 8, random))
  return builder.build(`every-layer-${mode}-${output.kind}`, output)
}

type Statement = { modes: Mode[]; output: OutputSpec; options: CircuitOptions; assumed: string[] }

const BOTH: Mode[] = ['released', 'committed']
const STATEMENTS: Statement[] = [
  { modes: BOTH, output: { kind: 'label' }, options: {}, assumed: ['result'] },
  { modes: ['committed'], output: { kind: 'label' }, options: { output: 'committed' }, assumed: ['answer.index'] },
  {
    modes: ['released'],
    output: { kind: 'margin' },
    options: { input: 'public' },
    assumed: ['answer.index', 'answer.second.index'],
  },
  {
    modes: ['committed'],
    output: { kind: 'score', index: 2, threshold: -40 },
    options: { input: 'private' },
    assumed: [],
  },
  { modes: ['released'], output: { kind: 'value' }, options: {}, assumed: [] },
  { modes: ['released'], output: { kind: 'logits-commitment' }, options: { output: 'committed' }, assumed: [] },
  { modes: ['released'], output: { kind: 'logits-commitment' }, options: { output: 'public' }, assumed: [] },
  { modes: ['released'], output: { kind: 'label' }, options: { output: 'private' }, assumed: [] },
]

describe('circuits of every layer and statement', function () {
  this.timeout(120_000)

  for (const { modes, output, options, assumed } of STATEMENTS) {
    for (const mode of modes) {
      it(`${mode}, ${output.kind} ${JSON.stringify(options)}`, async () => {
        const random = seeded(3)
        const built = await build(everyLayer(mode, output), options)
        for (let run = 0; run < 20; run++) honest(built, randomInput(built.program, random))
        expect(built.circuit.open(...assumed)).to.deep.equal([])
        const witness = honest(built, randomInput(built.program, random))
        expectMutationsRefused(built.circuit, witness, built.circuit.derivedWires, 300, random)
      })
    }
  }

  it('is the same function after full simplification', async () => {
    const random = seeded(4)
    const built = await build(everyLayer('released', { kind: 'margin' }), {}, 'O2')
    for (let run = 0; run < 20; run++) honest(built, randomInput(built.program, random))
    const plain = await build(everyLayer('released', { kind: 'margin' }))
    expect(built.circuit.system.header.constraints).to.be.below(plain.circuit.system.header.constraints)
  })

  describe('bad input', () => {
    const program = everyLayer('committed', { kind: 'label' })
    const sample = { input: new Float64Array(84), context: 1n, salts: SALTS }

    it('names a value outside its range, a wrong count and a missing salt', () => {
      const over = sample.input.slice()
      over[83] = 8
      expect(() => witnessInputs(program, { ...sample, input: over })).to.throw(
        CircuitError,
        /input\[83\] is 8.*\[-8, 7\]/,
      )
      expect(() => witnessInputs(program, { ...sample, input: new Float64Array(83) })).to.throw(
        CircuitError,
        /83 values/,
      )
      expect(() => witnessInputs(program, { ...sample, salts: { model: 1n } })).to.throw(
        CircuitError,
        /input salt is missing/,
      )
      expect(() => witnessInputs(program, { ...sample, context: -1n })).to.throw(CircuitError, /context/)
    })

    it('names a weight that does not fit its bits', () => {
      const broken = structuredClone(program)
      const [layer] = broken.layers
      if (layer?.kind !== 'conv2d') throw new TypeError('the first layer is a convolution')
      layer.weights.values[5] = 8
      expect(() => witnessInputs(broken, sample)).to.throw(CircuitError, /strided\$weights\[5\] is 8/)
    })

    it('refuses statements that the scores cannot give, and sums that could wrap around the field', () => {
      const lone = everyLayer('released', { kind: 'value' })
      expect(() => writeCircuit({ ...lone, output: { kind: 'margin' } })).to.throw(CircuitError, /two scores/)
      expect(() => writeCircuit({ ...program, output: { kind: 'value' } })).to.throw(CircuitError, /must be one/)
      expect(() => writeCircuit({ ...program, output: { kind: 'score', index: 4, threshold: 0 } })).to.throw(
        CircuitError,
        /index 4/,
      )
      const builder = new ProgramBuilder('released', [2], 40)
      for (let i = 0; i < 3; i++) {
        builder.push(
          {
            kind: 'multiply',
            name: `m${i}`,
            inputs: [builder.current.id, builder.current.id],
            output: `m${i}_t`,
            sources: [],
          },
          [2],
          0,
          1,
        )
      }
      expect(() => writeCircuit(builder.build('tower', { kind: 'label' }))).to.throw(CircuitError, /m2.*2\^3\d\d/)
    })
  })
})

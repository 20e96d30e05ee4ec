// SPDX-License-Identifier: GPL-3.0-or-later
// Every kind of layer, in both modes, with every kind of statement: the circuit is the reference interpreter, nothing in
// it is open, and the r1cs refuses mutations.
import { expect } from 'chai'
import { CircuitError } from '../../../../keepers/zkml/circuit/errors.ts'
import { witnessInputs } from '../../../../keepers/zkml/circuit/prepare.ts'
import { writeCircuit } from '../../../../keepers/zkml/circuit/write/main.ts'
import type { CircuitOptions } from '../../../../keepers/zkml/circuit/write/statement.ts'
import type { Mode, OutputSpec } from '../../../../keepers/zkml/graph/program.ts'
import { expectMutationsRefused } from '../../../circuits/gadget.ts'
import { everyLayer } from './every-layer.ts'
import { build, honest, randomInput, SALTS } from './forgery.ts'
import { ProgramBuilder, seeded } from './programs.ts'

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

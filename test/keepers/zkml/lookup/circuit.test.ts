// SPDX-License-Identifier: GPL-3.0-or-later
// Circuits with lookups are the reference interpreter, on every layer, on random networks, in both modes, with every statement.
import { expect } from 'chai'
import { CircuitError } from '../../../../keepers/zkml/circuit/errors.ts'
import { witnessInputs } from '../../../../keepers/zkml/circuit/prepare.ts'
import type { CircuitOptions } from '../../../../keepers/zkml/circuit/write/statement.ts'
import type { IntegerProgram, Mode, OutputSpec } from '../../../../keepers/zkml/graph/program.ts'
import { LookupCircuit } from '../../../../keepers/zkml/lookup/circuit.ts'
import { everyLayer } from '../circuit/every-layer.ts'
import { randomInput, SALTS } from '../circuit/forgery.ts'
import { articleCnn, seeded, smallClassifier, smallCommittedCnn } from '../circuit/programs.ts'
import { randomProgram } from '../circuit/random-program.ts'
import { Random } from '../random.ts'
import { Direct } from './direct.ts'

const STATEMENTS: readonly (readonly [Mode, OutputSpec, CircuitOptions])[] = [
  ['released', { kind: 'label' }, {}],
  ['committed', { kind: 'label' }, { output: 'committed' }],
  ['released', { kind: 'margin' }, { input: 'public' }],
  ['committed', { kind: 'margin' }, {}],
  ['committed', { kind: 'score', index: 2, threshold: -40 }, { input: 'private' }],
  ['released', { kind: 'value' }, {}],
  ['released', { kind: 'logits-commitment' }, { output: 'committed' }],
  ['committed', { kind: 'logits-commitment' }, { output: 'public' }],
  ['released', { kind: 'label' }, { output: 'private' }],
]

describe('circuits with lookups', function () {
  this.timeout(120_000)

  for (const [mode, output, options] of STATEMENTS) {
    it(`are the interpreter: every layer, ${mode}, ${output.kind} ${JSON.stringify(options)}`, () => {
      const random = seeded(5)
      for (const system of ['groth16-lookup', 'groth16'] as const) {
        const direct = new Direct(everyLayer(mode, output), { ...options, system })
        expect(direct.circuit.shape.challenges).to.equal(system === 'groth16' ? 0 : 1)
        for (let run = 0; run < 10; run++) direct.honest(randomInput(direct.program, random))
      }
    })
  }

  it('are the interpreter on random networks', () => {
    let built = 0
    for (let seed = 1; seed <= 20; seed++) {
      for (const mode of ['released', 'committed'] as const) {
        const program = randomProgram(seed, mode)
        if (program === null) continue
        const direct = new Direct(program)
        const random = new Random(seed)
        for (let run = 0; run < 4; run++) direct.honest(randomInput(program, () => random.next()))
        built++
      }
    }
    expect(built).to.be.above(30)
  })

  for (const [program, most] of [
    [articleCnn('before'), 8_192 - 6],
    [smallCommittedCnn(), 20_000],
    [smallClassifier(), 1_400],
  ] as const) {
    it(`${program.name}: at most ${most} constraints`, () => {
      const direct = new Direct(program)
      direct.honest(randomInput(program, seeded(6)))
      expect(direct.circuit.constraints).to.be.at.most(most)
    })
  }

  describe('bad input', () => {
    const program = everyLayer('committed', { kind: 'label' })
    const circuit = new LookupCircuit(program)
    const inputs = witnessInputs(program, { input: new Float64Array(84), context: 1n, salts: SALTS })

    it('is refused by name', () => {
      const { inputSalt, ...without } = inputs
      expect(() => circuit.witness(without)).to.throw(CircuitError, /input inputSalt is missing/)
      expect(() => circuit.witness({ ...inputs, y: 1n })).to.throw(CircuitError, /no input y/)
      expect(() => circuit.witness({ ...inputs, x: [1n] })).to.throw(CircuitError, /x: 1 values, the circuit takes 84/)
      expect(() => circuit.witness(inputs).finish([])).to.throw(CircuitError, /0 challenges, the circuit takes 1/)
    })

    it('out of its range has no witness', () => {
      const x = [...(inputs.x as bigint[])]
      x[3] = 16n
      expect(() => circuit.witness({ ...inputs, x })).to.throw(CircuitError, /not in \[0/)
    })

    it('of a kind that needs bits is left to plain Groth16', () => {
      const bytes: IntegerProgram = smallClassifier()
      expect(() => new LookupCircuit(bytes, { input: 'sha256' })).to.throw(CircuitError, /--system groth16/)
    })
  })
})

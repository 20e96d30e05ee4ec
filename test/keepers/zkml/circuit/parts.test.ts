// SPDX-License-Identifier: GPL-3.0-or-later
// Inputs and outputs that are shown one by one: what is committed to stays hidden, what is public can be recomputed, and nothing
// but the honest commitments fits the signal.
import { expect } from 'chai'
import { commitSegments } from '../../../../keepers/zkml/circuit/commitment.ts'
import { CircuitError } from '../../../../keepers/zkml/circuit/errors.ts'
import { partsFault, partsSignal, placedParts } from '../../../../keepers/zkml/circuit/parts.ts'
import { expectedSignals, inputParts, outputParts, witnessInputs } from '../../../../keepers/zkml/circuit/prepare.ts'
import { writeCircuit } from '../../../../keepers/zkml/circuit/write/main.ts'
import { type CircuitOptions, inputLayout, scoresLayout } from '../../../../keepers/zkml/circuit/write/statement.ts'
import { programFromJson, programToJson } from '../../../../keepers/zkml/graph/serialise.ts'
import {
  CompileError,
  calibrate,
  encodeInput,
  type IntegerProgram,
  importOnnx,
  interpret,
  programCost,
  splitProgram,
} from '../../../../keepers/zkml/index.ts'
import { expectMutationsRefused, field } from '../../../circuits/gadget.ts'
import { onnxFile } from '../import/onnx-file.ts'
import { Random } from '../random.ts'
import { type Built, build } from './forgery.ts'
import { seeded } from './programs.ts'

const FILE = onnxFile({
  opset: 13,
  input: { name: 'a', shape: [1, 2, 3] },
  inputs: [
    { name: 'b', shape: [1, 1, 3] },
    { name: 'c:c', shape: [2] },
  ],
  output: 'sum',
  outputs: ['sum', 'scores'],
  nodes: [
    { op: 'Mul', inputs: ['a', 'b'], outputs: ['sum'] },
    { op: 'MatMul', inputs: ['sum', 'w'], outputs: ['m'] },
    { op: 'Flatten', inputs: ['m'], outputs: ['flat'] },
    { op: 'Add', inputs: ['flat', 'c:c'], outputs: ['scores'] },
  ],
  constants: { w: { shape: [3, 1], data: [1, -0.5, 0.25] } },
})
const SHOWN = { input: ['public', 'committed', 'private'], output: ['committed', 'public'] } as const
const SALTS = {
  model: 2n ** 200n + 3n,
  inputs: new Map([
    ['a', 2n ** 203n + 1n],
    ['b', 2n ** 203n + 7n],
    ['c:c', 2n ** 203n + 9n],
  ]),
  outputs: new Map([['sum', 2n ** 204n + 7n]]),
}
const LENGTH = 11

function several(mode: 'released' | 'committed'): IntegerProgram {
  const graph = importOnnx(FILE, { output: 'sum,scores' })
  const { program } = calibrate(graph, [new Random(4).list(LENGTH, -2, 2)], {
    mode,
    output: { kind: 'logits-commitment' },
    inputRange: { min: -2, max: 2 },
  })
  return { ...program, name: `several_${mode}` }
}

describe('inputs and outputs that are shown one by one', function () {
  this.timeout(120_000)
  const program = several('released')
  const input = encodeInput(program, new Random(5).list(LENGTH, -2, 2))
  const { scores } = interpret(program, input)
  const sample = { input, context: 9n, salts: SALTS }
  let built: Built
  before(async () => {
    built = await build(program, SHOWN)
  })

  for (const mode of ['released', 'committed'] as const)
    it(`give the signals that the interpreter leads to, for the constraints that are counted but two, ${mode}`, async () => {
      const each = several(mode)
      for (const shown of [
        SHOWN,
        { input: ['committed', 'committed', 'committed'], output: 'committed' },
        { input: 'committed', output: ['private', 'committed'] },
        { input: ['private', 'public', 'public'] },
      ] satisfies CircuitOptions[]) {
        const circuit = await build(each, shown)
        const salts = { ...SALTS, input: 5n, output: 6n, outputs: new Map([...SALTS.outputs, ['scores', 8n]]) }
        const one = { ...sample, salts }
        const witness = circuit.circuit.witness(witnessInputs(each, one, shown))
        expect(witness.slice(1, 5)).to.deep.equal(expectedSignals(each, one, scores, shown))
        // The compiler merges a sum or two of the output with their readers.
        expect(circuit.circuit.system.header.constraints).to.be.closeTo(programCost(each, shown).total, 2)
      }
    })

  it('let anyone with the commitments check each part alone, and hide the committed values', () => {
    const signals = expectedSignals(program, sample, scores, SHOWN)
    const inputs = inputParts(program, sample, SHOWN)!
    const outputs = outputParts(program, scores, SALTS, SHOWN)!
    expect(inputs.map(({ name, shown }) => `${name} ${shown}`)).to.deep.equal([
      'a public',
      'b committed',
      'c:c private',
    ])
    const { bits, min } = program.input
    const part = (from: number, to: number, salt: bigint) =>
      commitSegments('input', [{ values: input.slice(from, to), bits, min }], salt)
    expect(inputs.map(({ commitment }) => commitment)).to.deep.equal([
      part(0, 6, 0n),
      part(6, 9, SALTS.inputs.get('b')!),
      0n,
    ])
    expect(inputs[0]!.values).to.deep.equal([...input.slice(0, 6)])
    for (const hidden of [...inputs.slice(1), outputs[0]!]) expect(hidden.values).to.equal(undefined)
    for (const [domain, shown, said, layout, signal] of [
      ['inputs', SHOWN.input, inputs, inputLayout(program), signals[1]],
      ['outputs', SHOWN.output, outputs, scoresLayout(program), signals[2]],
    ] as const) {
      const parts = placedParts(program, domain, shown)
      expect(
        partsSignal(
          domain,
          parts,
          layout,
          said.map(({ commitment }) => commitment),
        ),
      ).to.equal(signal)
      expect(partsFault(domain, parts, layout, said, signal)).to.equal(null)
      // Another number in a public part, another commitment, another name, another visibility, a part less.
      const at = said.findIndex(({ values }) => values !== undefined)
      const changed = (i: number, more: object) => said.map((each, k) => (k === i ? { ...each, ...more } : each))
      const [one, ...rest] = said[at]!.values!
      for (const lie of [
        changed(at, { values: [one! + 1, ...rest] }),
        changed(at, { values: rest }),
        changed(at, { values: undefined }),
        changed(at, { values: [layout.min + 2 ** layout.bits, ...rest] }),
        changed(at, { commitment: said[at]!.commitment + 1n }),
        changed(1 - at, { commitment: said[1 - at]!.commitment + 1n }),
        changed(at, { name: 'another' }),
        changed(at, { shown: 'committed' }),
        said.slice(1),
      ])
        expect(partsFault(domain, parts, layout, lie, signal)).to.be.a('string')
    }
  })

  it('have a different signal for every choice of visible parts, and for every order of parts', () => {
    const choices: CircuitOptions['input'][] = ['public', 'committed', ['public', 'public', 'public']]
    for (const first of ['public', 'committed', 'private'] as const)
      choices.push([first, 'public', 'private'], [first, 'committed', 'public'])
    const salts = { ...SALTS, input: 3n }
    const signals = choices.map((shown) => expectedSignals(program, { ...sample, salts }, scores, { input: shown! })[1])
    expect(new Set(signals).size).to.equal(signals.length)
    const swapped = { ...program, input: { ...program.input, parts: [...program.input.parts!].reverse() } }
    const shown = ['public', 'public', 'public'] as const
    expect(expectedSignals(swapped, sample, scores, { input: shown })[1]).not.to.equal(signals[2])
  })

  it('refuse another signal, another salt and another value of any part, and thousands of mutations', () => {
    const { circuit } = built
    const witness = circuit.witness(witnessInputs(program, sample, SHOWN))
    const probe = circuit.system.probe(witness)
    for (const name of ['inputCommitment', 'result', 'inputsShown[0]', 'inputsShown[1]', 'outputsShown[0]'])
      if (circuit.symbols.has(`main.${name}`))
        circuit.expectRefused(probe, { [name]: field(circuit.value(witness, name) + 1n) }, name)
    for (let i = 0; i < LENGTH; i++)
      circuit.expectRefused(probe, { [`x[${i}]`]: field(circuit.value(witness, `x[${i}]`) + 1n) }, `x[${i}]`)
    circuit.expectRefused(probe, { 'inputsSalt[0]': 1n }, 'the salt of b')
    circuit.expectRefused(probe, { 'outputsSalt[0]': 1n }, 'the salt of sum')
    const context = circuit.symbols.wire('main.context')
    const wires = [...circuit.inputWires.filter((wire) => wire !== context), ...circuit.derivedWires]
    const count = expectMutationsRefused(circuit, witness, wires, 2000, seeded(3))
    expect(count.single).to.be.above(1000)
  })

  it('range every part, private ones too: its numbers, and nothing else, are what the network reads', () => {
    const { count } = inputLayout(program)
    for (let i = 0; i < count; i++) {
      const outside = Float64Array.from(input, (value, k) =>
        k === i ? program.input.min + 2 ** program.input.bits : value,
      )
      const one = { ...sample, input: outside }
      expect(() => witnessInputs(program, one, SHOWN)).to.throw(CircuitError, /out|integer in/)
      const inputs = witnessInputs(program, sample, SHOWN)
      const x = (inputs.x as readonly bigint[]).map((value, k) => (k === i ? 2n ** BigInt(program.input.bits) : value))
      expect(() => built.circuit.witness({ ...inputs, x }), `x[${i}]`).to.throw()
    }
  })

  it('are refused where the option is ambiguous, where nothing would be shown, and where a salt is missing', () => {
    const label = calibrate(importOnnx(FILE, { output: 'scores' }), [new Random(4).list(LENGTH, -2, 2)], {
      mode: 'released',
    })
    for (const [each, options, message] of [
      [program, { input: ['public', 'public'] }, /visibilities of 2 inputs, of which it has 3/],
      [program, { input: ['private', 'private', 'private'] }, /every one of its inputs is private/],
      [program, { output: ['private', 'private'] }, /every one of its outputs is private/],
      [label.program, { output: ['public', 'public'] }, /under logits-commitment alone; its output is label/],
      [{ ...program, input: { ...program.input, parts: undefined } }, { input: ['public'] }, /of which it has 1/],
    ] as [IntegerProgram, CircuitOptions, RegExp][])
      expect(() => writeCircuit(each, options)).to.throw(CircuitError, message)
    for (const salts of [{ ...SALTS, inputs: new Map() }, { ...SALTS, outputs: new Map() }, {}])
      expect(() => witnessInputs(program, { ...sample, salts }, SHOWN)).to.throw(
        CircuitError,
        /the salt of (b|sum) is missing/,
      )
    expect(() => splitProgram(program, 2, SHOWN)).to.throw(CompileError, /segments show all inputs alike/)
  })

  it('are kept in the program’s file, which must add up', () => {
    const read = programFromJson(programToJson(program))
    expect(read.input.parts).to.deep.equal([
      { name: 'a', count: 6 },
      { name: 'b', count: 3 },
      { name: 'c:c', count: 2 },
    ])
    expect(read.outputs).to.deep.equal([
      { name: 'sum', count: 6 },
      { name: 'scores', count: 2 },
    ])
    const changed = (from: string, to: string) => programToJson(program).replace(from, to)
    for (const [from, to, message] of [
      ['{"name":"b","count":3}', '{"name":"b","count":4}', /inputs do not add up to 11/],
      ['{"name":"scores","count":2}', '{"name":"scores","count":1}', /outputs do not add up to 8/],
      ['{"name":"b","count":3}', '{"name":"a","count":3}', /two parts have one name/],
      ['{"name":"b","count":3}', '{"name":"b","count":0}', /parts/],
    ] as const)
      expect(() => programFromJson(changed(from, to))).to.throw(CompileError, message)
  })
})

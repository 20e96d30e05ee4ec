// SPDX-License-Identifier: GPL-3.0-or-later
// Quantised programs as compiled circuits: they cost what the table says, to the last constraint, and they compute what the
// interpreter computes, at extreme inputs and at extreme private weights too.

import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import {
  compileCircuit,
  expectedSignals,
  WitnessProgram,
  witnessInputs,
  writeCircuit,
} from '../../../../keepers/zkml/circuit/index.ts'
import { GraphBuilder } from '../../../../keepers/zkml/graph/builder.ts'
import { simplify } from '../../../../keepers/zkml/graph/simplify.ts'
import { softmax, standardised } from '../../../../keepers/zkml/import/compose.ts'
import {
  calibrate,
  formatProgramTable,
  type Graph,
  type IntegerProgram,
  interpret,
  type OutputSpec,
  programCost,
  programParameters,
  programTable,
  tensorOf,
  type Visibility,
} from '../../../../keepers/zkml/index.ts'
import { Random } from '../random.ts'
import { everything, matrix, samples } from './networks.ts'
import { readR1csHeader } from './r1cs.ts'

/** Indices looked up in a table, then a matrix. */
function embedding(random: Random): Graph {
  const g = new GraphBuilder('embedding', 'x', [3])
  const rows = g.unary('table', g.input, { op: 'embedding', table: matrix(random, 5, 2) })
  return g.build(
    g.dense('dense', g.activation('relu', g.reshape('flat', rows, [6]), { kind: 'relu' }), matrix(random, 6, 2)),
  )
}

/** Every smooth function that takes another way: cut at both ends, held, by construction, of ratios, beside a normalisation. */
function curves(random: Random): Graph {
  const g = new GraphBuilder('curves', 'x', [2, 4])
  const first = g.dense('first', g.input, matrix(random, 4, 4))
  const shares = softmax(g, 'softmax', 'softmax', first, [1])
  const gelu = g.activation('gelu', first, { kind: 'gelu' })
  const erf = g.activation('erf', first, { kind: 'erf' })
  const root = g.activation('root', g.affineScalar('up', shares, 1, 0.5), { kind: 'power', exponent: -0.5 })
  const { value } = standardised(g, 'norm', first, [1], 0.1)
  const sine = g.activation('sine', g.nary('both', [gelu, erf], { op: 'binary', kind: 'add' }), { kind: 'sin' })
  const parts = [shares, root, value, sine]
  const sum = parts.reduce((left, right) => g.nary('sum', [left, right], { op: 'binary', kind: 'add' }))
  return simplify(g.build(g.dense('last', g.reshape('flat', sum, [8]), matrix(random, 8, 3))))
}

const INPUTS = 12
const SALTS = { model: 12_345n, input: 67_890n }

/** A whole number in [min, max]; most often at one of the ends, where gadgets break. */
function extreme(random: Random, min: number, max: number): number {
  const choice = random.next()
  return choice < 0.4 ? min : choice < 0.8 ? max : random.int(min, max)
}

function admissibleInput(program: IntegerProgram, random: Random, rows: number | null): number[] {
  const { tensor, min, bits } = program.input
  const size = tensorOf(program, tensor).shape.reduce((a, b) => a * b, 1)
  // A lookup admits only the rows of its table.
  const max = rows === null ? min + 2 ** bits - 1 : rows - 1
  return Array.from({ length: size }, () => extreme(random, min, max))
}

/** Any weights that the committed circuit admits, most at the ends of their range. */
function spreadWeights(program: IntegerProgram, random: Random): void {
  for (const { parameter } of programParameters(program))
    for (const i of parameter.values.keys())
      parameter.values[i] = extreme(random, -(2 ** (parameter.bits - 1)), 2 ** (parameter.bits - 1) - 1)
}

/** The first `count` field elements after the constant 1: the public signals. */
function publicSignals(witness: Uint8Array, count: number): bigint[] {
  const view = new DataView(witness.buffer, witness.byteOffset, witness.byteLength)
  return Array.from({ length: count }, (_, i) => {
    let value = 0n
    for (let word = 3; word >= 0; word--) value = (value << 64n) | view.getBigUint64(32 * (i + 1) + 8 * word, true)
    return value
  })
}

describe('programs as circuits', function () {
  this.timeout(120_000)
  let directory = ''
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'cohort-programs-'))
  })
  after(() => rm(directory, { recursive: true }))

  const random = new Random(31)
  const picture = () => samples(random, 4, 36)
  const cases: [string, Graph, number[][], 'released' | 'committed', OutputSpec, Visibility][] = [
    ['one of everything', everything(random), picture(), 'released', { kind: 'logits-commitment' }, 'committed'],
    ['one of everything, private weights', everything(random), picture(), 'committed', { kind: 'margin' }, 'private'],
    ['curves', curves(random), samples(random, 60, 8, -1, 1), 'released', { kind: 'logits-commitment' }, 'committed'],
    [
      'curves, private weights',
      curves(random),
      samples(random, 60, 8, -1, 1),
      'committed',
      { kind: 'label' },
      'private',
    ],
    [
      'an embedding, private weights',
      embedding(random),
      [[0, 4, 2]],
      'committed',
      { kind: 'score', index: 1, threshold: 0 },
      'public',
    ],
  ]
  for (const [what, graph, data, mode, output, input] of cases)
    it(`match the cost table and the interpreter: ${what}, ${output.kind}, ${input} input`, async () => {
      const { program } = calibrate(graph, data, {
        mode,
        output,
        knobs: { inputBits: 5, weightBits: { default: 5 }, activationBits: { default: 4 } },
      })
      const name = what.replaceAll(/[^a-z]/g, '_') + mode
      const circuit = await compileCircuit(writeCircuit(program, { input }), { directory, name })
      expect(programCost(program, { input }).total).to.equal(await readR1csHeader(circuit.r1cs))

      const witness = await WitnessProgram.load(await readFile(circuit.wasm))
      const lookup = program.layers.find((layer) => layer.kind === 'lookup')
      let refused = 0
      for (let i = 0; i < INPUTS; i++) {
        if (mode === 'committed' && i > 0) spreadWeights(program, random)
        const sample = {
          input: admissibleInput(program, random, lookup === undefined ? null : lookup.rows),
          context: BigInt(i),
          salts: SALTS,
        }
        let scores: Float64Array
        try {
          scores = interpret(program, sample.input).scores
        } catch {
          // What leaves a window has no proof, and then the circuit has no witness either.
          refused++
          expect(() => witness.calculate(witnessInputs(program, sample, { input }))).to.throw()
          continue
        }
        const found = publicSignals(witness.calculate(witnessInputs(program, sample, { input })), 4)
        expect(found).to.deep.equal([...expectedSignals(program, sample, scores, { input })])
      }
      expect(refused, 'inputs without a proof').to.be.at.most(what.startsWith('curves') ? INPUTS - 1 : 0)
    })

  it('have a table that adds up and shows range, bits and cost of every layer', () => {
    const { program } = calibrate(everything(random), samples(random, 4, 36), { mode: 'committed' })
    const { rows, total } = programTable(program)
    expect(rows.reduce((sum, row) => sum + row.constraints, 0)).to.equal(total)
    expect(rows.map((row) => row.layer)).to.deep.equal([
      'input',
      'model',
      ...program.layers.map((layer) => layer.name),
      'output',
    ])
    const text = formatProgramTable(program)
    expect(text.split('\n')).to.have.length(rows.length + 2)
    expect(text).to.match(/conv +conv2d 3×3 +6×5×2 +\[-\d+, \d+\] +\d+ +8 bits/)
  })
})

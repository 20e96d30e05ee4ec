// SPDX-License-Identifier: GPL-3.0-or-later
// The table's constraint counts are those of the compiled circuits, to the last one.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { compileCircuit, writeCircuit } from '../../../../keepers/zkml/circuit/index.ts'
import { GraphBuilder } from '../../../../keepers/zkml/graph/builder.ts'
import {
  calibrate,
  formatProgramTable,
  type Graph,
  type IntegerProgram,
  type OutputSpec,
  programCost,
  programTable,
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

describe('constraint counts', function () {
  this.timeout(120_000)
  let directory = ''
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'cohort-cost-'))
  })
  after(() => rm(directory, { recursive: true }))

  async function compiled(program: IntegerProgram, input: Visibility, name: string): Promise<number> {
    const { r1cs } = await compileCircuit(writeCircuit(program, { input }), { directory, name })
    return readR1csHeader(r1cs)
  }

  const random = new Random(31)
  const picture = () => samples(random, 4, 36)
  const cases: [string, Graph, number[][], 'released' | 'committed', OutputSpec, Visibility][] = [
    ['one of everything', everything(random), picture(), 'released', { kind: 'margin' }, 'committed'],
    ['one of everything, private weights', everything(random), picture(), 'committed', { kind: 'label' }, 'private'],
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
    it(`are those of the compiled circuit: ${what}, ${output.kind}, ${input} input`, async () => {
      const { program } = calibrate(graph, data, {
        mode,
        output,
        knobs: { inputBits: 5, weightBits: { default: 5 }, activationBits: { default: 4 } },
      })
      const { total } = programCost(program, { input })
      expect(total).to.equal(await compiled(program, input, what.replaceAll(/[^a-z]/g, '_') + mode))
    })

  it('add up in the table, which shows range, bits and cost of every layer', () => {
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

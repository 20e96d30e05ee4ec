// SPDX-License-Identifier: GPL-3.0-or-later
// Decision trees as circuits: comparisons with thresholds, public and private, and the leaves that they lead to.
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { GraphBuilder } from '../../../../keepers/zkml/graph/builder.ts'
import { tensor } from '../../../../keepers/zkml/graph/tensor.ts'
import {
  buildWithPlan,
  calibrate,
  encodeInput,
  evaluate,
  type Graph,
  importOnnx,
  interpret,
  planFromJson,
  planToJson,
  programCost,
  programFromJson,
  programParameters,
  programToJson,
  proveBounds,
} from '../../../../keepers/zkml/index.ts'
import { expectMutationsRefused } from '../../../circuits/gadget.ts'
import { Random } from '../random.ts'
import { build, honest, randomInput } from './forgery.ts'
import { seeded } from './programs.ts'

const FEATURES = 3
const INPUTS = 30
/** What the features span. */
const SAMPLES = [
  [-3, -3, -3],
  [7, 7, 7],
]

/** Two grown trees and their leaves' votes for two classes; thresholds repeat, and some lie at or beyond the input's range. */
function forest(random: Random): Graph {
  const parents: number[] = []
  const leaves: number[] = []
  const grow = (from: number, depth: number): void => {
    if (depth > 0 && (depth > 2 || random.next() < 0.3)) {
      leaves.push(from)
      return
    }
    const node = parents.length
    parents.push(from)
    grow(2 * node, depth + 1)
    grow(2 * node + 1, depth + 1)
  }
  grow(-1, 0)
  grow(-1, 0)
  const count = parents.length
  const g = new GraphBuilder('forest', 'x', [FEATURES])
  const decisions = g.unary('questions', g.input, {
    op: 'compare',
    relation: 'at-least',
    fixed: false,
    positions: Int32Array.from({ length: count }, () => random.int(0, FEATURES - 1)),
    thresholds: tensor(
      [count],
      Array.from({ length: count }, () => random.pick([-3, -1, -0.5, 0, 0.25, 0.25, 1, 7])),
    ),
    strict: Uint8Array.from({ length: count }, () => random.int(0, 1)),
  })
  const reached = g.unary('leaves', decisions, {
    op: 'paths',
    parents: Int32Array.from(parents),
    leaves: Int32Array.from(leaves),
  })
  return g.build(g.dense('votes', reached, tensor([leaves.length, 2], random.list(2 * leaves.length, -1, 1))))
}

describe('decision trees as circuits', function () {
  this.timeout(120_000)

  for (const mode of ['released', 'committed'] as const)
    it(`agree with the interpreter and the cost table, and determine every signal: ${mode}`, async () => {
      const random = new Random(mode === 'released' ? 5 : 6)
      const graph = forest(random)
      const { program } = calibrate(graph, [[-1, 1, 0.5]], {
        mode,
        knobs: { inputBits: 5, weightBits: { default: 6 } },
      })
      proveBounds(program)
      const back = programFromJson(programToJson(program))
      expect(interpret(back, [1, 2, 3]).scores).to.deep.equal(interpret(program, [1, 2, 3]).scores)
      const built = await build({ ...program, name: `forest_${mode}` })
      expect(built.circuit.system.header.constraints).to.equal(programCost(program).total)
      const draw = seeded(9)
      for (let i = 0; i < INPUTS; i++) honest(built, randomInput(program, draw))
      expect(built.circuit.open('result')).to.deep.equal([])
      const witness = honest(built, randomInput(program, draw))
      expectMutationsRefused(built.circuit, witness, built.circuit.derivedWires, 300, draw)
    })

  it('give every feature its own scale', () => {
    const g = new GraphBuilder('tabular', 'x', [2])
    const decisions = g.unary('questions', g.input, {
      op: 'compare',
      relation: 'at-least',
      fixed: false,
      positions: Int32Array.of(0, 1),
      thresholds: tensor([2], [61_250.5, 0.375]),
      strict: Uint8Array.of(1, 0),
    })
    const graph = g.build(g.dense('sum', decisions, tensor([2, 1], [1, 2])))
    const samples = [
      [12_000, 0.1],
      [250_000, 0.6],
    ]
    const { program } = calibrate(graph, samples, {
      mode: 'released',
      output: { kind: 'value' },
      knobs: { inputBits: 12 },
    })
    const unit = program.tensors.at(-1)!.scale
    for (const [income, share, expected] of [
      [61_000, 0.37, 0],
      [61_500, 0.374, 1],
      [61_000, 0.375, 2],
      [250_000, 0.6, 3],
      [12_000, 0.1, 0],
    ] as const) {
      const input = [income, share]
      expect(evaluate(graph, input).data[0]).to.equal(expected)
      expect(interpret(program, encodeInput(program, input)).scores[0]! * unit).to.be.closeTo(expected, 0.05)
    }
    expect(() => encodeInput(program, [300_000, 0.3])).to.throw(/position 0 lies outside the calibrated range/)
    const again = buildWithPlan(
      graph,
      planFromJson(planToJson(calibrate(graph, samples, { mode: 'committed', output: { kind: 'value' } }).plan)),
    )
    expect(again.clipping).to.deep.equal([])
  })

  for (const [file, inner] of [
    ['forest3-zip.onnx', 31],
    ['xgb3.onnx', 17],
    ['lgb2.onnx', 20],
  ] as const)
    it(`made by others become circuits that give their labels: ${file}`, async () => {
      const graph = importOnnx(readFileSync(new URL(`../import/fixtures/ml/${file}`, import.meta.url)))
      const knobs = { inputBits: 12, weightBits: { default: 12 } }
      const random = new Random(8)
      const flower = (): number[] =>
        [random.list(1, 4, 8), random.list(1, 2, 4.5), random.list(1, 1, 7), random.list(1, 0, 2.5)].flat()
      const flowers = Array.from({ length: 20 }, flower)
      const { program } = calibrate(graph, flowers, { mode: 'released', knobs })
      const paths = program.layers.find((layer) => layer.kind === 'paths')!
      expect(paths.parents.length).to.equal(inner)
      const built = await build({ ...program, name: file.replaceAll(/\W/g, '_') })
      expect(built.circuit.system.header.constraints).to.equal(programCost(program).total)
      for (const each of flowers) {
        const encoded = encodeInput(program, each)
        const { scores } = interpret(program, encoded)
        const label = (list: ArrayLike<number>): number => Array.from(list).indexOf(Math.max(...Array.from(list)))
        // The third public signal is the label.
        expect(honest(built, encoded)[3]).to.equal(BigInt(label(scores)))
        expect(label(scores)).to.equal(label(evaluate(graph, each).data))
      }
    })

  it('hold for every private threshold that the circuit admits', async () => {
    const random = new Random(6)
    const { program } = calibrate(forest(random), SAMPLES, {
      mode: 'committed',
      knobs: { inputBits: 5, weightBits: { default: 6 } },
    })
    const draw = seeded(10)
    for (let i = 0; i < 5; i++) {
      for (const { parameter } of programParameters(program))
        for (const at of parameter.values.keys())
          parameter.values[at] =
            draw() < 0.5 ? -(2 ** (parameter.bits - 1)) : Math.floor(draw() * 2 ** (parameter.bits - 1))
      const built = await build({ ...program, name: 'forest_spread' })
      honest(built, randomInput(program, draw))
    }
  })

  it('decide as the numbers do that are equal to a threshold or more than half a step away', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = new Random(seed)
      const graph = forest(random)
      const { program } = calibrate(graph, SAMPLES, {
        mode: 'released',
        knobs: { inputBits: 7, weightBits: { default: 20 } },
      })
      const unit = program.tensors.at(-1)!.scale
      for (let i = 0; i < INPUTS; i++) {
        const input = Array.from({ length: FEATURES }, () => random.pick([-3, -2, -1, -0.5, 0, 0.25, 0.7, 1, 7]))
        const float = evaluate(graph, input).data
        const { scores } = interpret(program, encodeInput(program, input))
        for (const [k, score] of scores.entries()) expect(score * unit).to.be.closeTo(float[k]!, 1e-3, `seed ${seed}`)
      }
    }
  })
})

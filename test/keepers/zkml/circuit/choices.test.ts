// SPDX-License-Identifier: GPL-3.0-or-later
// Comparisons, logic and choices from ONNX to circuits: exact on inputs that are whole steps, ties included.
import { expect } from 'chai'
import {
  CompileError,
  calibrate,
  encodeInput,
  evaluate,
  type Graph,
  importOnnx,
  interpret,
  programCost,
  proveBounds,
  tensorOf,
} from '../../../../keepers/zkml/index.ts'
import { expectMutationsRefused } from '../../../circuits/gadget.ts'
import { type Constant, type Node, onnxFile } from '../import/onnx-file.ts'
import { Random } from '../random.ts'
import { build, honest, randomInput } from './forgery.ts'
import { seeded } from './programs.ts'

/** Steps of an eighth from −2 to 1.875: five bits hold them all. */
const RANGE = { min: -2, max: 1.875 }
const STEP = 0.125
const INPUTS = 40
const KNOBS = { inputBits: 5, weightBits: { default: 6 }, activationBits: { default: 12 } }

const number = (value: number): Constant => ({ shape: [], data: [value] })
const places = (...data: number[]): Constant => ({ shape: [data.length], data, type: 'int64' })

function network(nodes: readonly Node[], constants: Record<string, Constant> = {}): Graph {
  return importOnnx(
    onnxFile({ opset: 17, input: { name: 'x', shape: [1, 4] }, nodes, constants, output: nodes.at(-1)!.outputs[0]! }),
  )
}

const node = (op: string, inputs: string, outputs: string, attributes: Node['attributes'] = {}): Node => ({
  op,
  inputs: inputs.split(' '),
  outputs: outputs.split(' '),
  attributes,
})
const toFloat = (input: string, output: string): Node => node('Cast', input, output, { to: 1 })
const firstTwo = node('Split', 'x', 'a b', { axis: 1 })

const CASES: Record<string, () => Graph> = {
  'Less and Not': () =>
    network([node('Less', 'x half', 'b'), node('Not', 'b', 'n'), toFloat('n', 'y')], { half: number(0.5) }),
  'Greater of two values, And, Or, Xor': () =>
    network([
      firstTwo,
      node('Greater', 'a b', 'p'),
      node('LessOrEqual', 'b a', 'q'),
      node('And', 'p q', 'r'),
      node('Or', 'p r', 's'),
      node('Xor', 's q', 't'),
      toFloat('t', 'y'),
    ]),
  'Where by a comparison': () =>
    network([firstTwo, node('GreaterOrEqual', 'a zero', 'p'), node('Where', 'p b a', 'y')], { zero: number(0) }),
  Sign: () => network([node('Sign', 'x', 'y')]),
  'ArgMin over an axis, the last one of a tie': () =>
    network(
      [node('Reshape', 'x shape', 'm'), node('ArgMin', 'm', 'i', { axis: 1, select_last_index: 1 }), toFloat('i', 'y')],
      { shape: places(2, 2) },
    ),
  'TopK of both kinds': () =>
    network(
      [
        node('TopK', 'x three', 'v i'),
        node('TopK', 'x three', 'w j', { largest: 0 }),
        toFloat('j', 'f'),
        node('Concat', 'v w f', 'y', { axis: 1 }),
      ],
      { three: places(3) },
    ),
  'OneHot and Gather by the place of the largest': () =>
    network(
      [
        node('ArgMax', 'x', 'i', { axis: 1 }),
        node('OneHot', 'i depth values', 'h'),
        node('Gather', 'x i', 'g', { axis: 1 }),
        node('Gather', 'table i', 't'),
        node('Reshape', 'h flat', 'r'),
        node('Reshape', 'g flat', 's'),
        node('Reshape', 't flat', 'u'),
        node('Concat', 'r s u', 'y', { axis: 0 }),
      ],
      {
        depth: places(4),
        values: { shape: [2], data: [0, 1] },
        table: { shape: [4, 2], data: [1, -1, 0.5, 2, 0, 0.25, -2, 1] },
        flat: places(-1),
      },
    ),
  'GatherElements by a TopK, CumSum': () =>
    network(
      [
        node('TopK', 'x two', 'v i', { largest: 0 }),
        node('GatherElements', 'x i', 'g', { axis: 1 }),
        node('CumSum', 'g one', 'y', { reverse: 1 }),
      ],
      { two: places(2), one: { shape: [], data: [1], type: 'int64' } },
    ),
}

describe('comparisons and choices', function () {
  this.timeout(120_000)

  for (const [what, make] of Object.entries(CASES))
    it(`are exact in integers: ${what}`, () => {
      const graph = make()
      const random = new Random(3)
      const draw = (): number[] => Array.from({ length: 4 }, () => random.int(-4, 4) * STEP)
      for (const mode of ['released', 'committed'] as const) {
        const options = { mode, knobs: KNOBS, inputRange: RANGE, output: { kind: 'logits-commitment' } } as const
        const { program } = calibrate(graph, [draw()], options)
        proveBounds(program)
        const { scale } = tensorOf(program, program.scores)
        for (let i = 0; i < INPUTS; i++) {
          const input = draw()
          const found = Array.from(interpret(program, encodeInput(program, input)).scores, (score) => score * scale)
          expect(found, `${mode} ${input}`).to.deep.equal(Array.from(evaluate(graph, input).data, (value) => value + 0))
        }
      }
    })

  it('are refused where they would make more terms than any model has, before anything is made', () => {
    const depth = places(2 ** 40)
    const values = { shape: [2], data: [0, 1] }
    const nodes = [node('ArgMax', 'x', 'i', { axis: 1 }), node('OneHot', 'i depth values', 'y')]
    const start = process.cpuUsage()
    expect(() => network(nodes, { depth, values })).to.throw(CompileError, /OneHot_1: 1099511627776 terms/)
    const scales = { shape: [2], data: [1, 2 ** 50] }
    expect(() => network([node('Resize', 'x  scales', 'y')], { scales })).to.throw(CompileError, /terms; up to 4194304/)
    expect(process.cpuUsage(start).user).to.be.below(1_000_000)
  })

  for (const [mode, names] of [
    ['released', Object.keys(CASES)],
    ['committed', ['OneHot and Gather by the place of the largest', 'TopK of both kinds']],
  ] as const)
    for (const name of names)
      it(`are circuits of that cost without freedom: ${name}, ${mode}`, async () => {
        const graph = CASES[name]!()
        const output = { kind: 'logits-commitment' } as const
        const { program } = calibrate(graph, [[1, 0.5, 0, -1]], { mode, knobs: KNOBS, inputRange: RANGE, output })
        const built = await build({ ...program, name: `choice_${mode}` })
        const draw = seeded(11)
        for (let i = 0; i < 15; i++) honest(built, randomInput(program, draw))
        expect(built.circuit.system.header.constraints).to.equal(programCost(program).total)
        // Of an ArgMax the place is a witness that the comparisons hold, which no rule of the analyser closes.
        const assumed = program.layers.flatMap((layer) =>
          layer.kind === 'argmax' ? layer.windows.map((_, i) => `network.${layer.name}$unit[${i}].index`) : [],
        )
        expect(built.circuit.open('result', ...assumed)).to.deep.equal([])
        const witness = honest(built, randomInput(program, draw))
        expectMutationsRefused(built.circuit, witness, built.circuit.derivedWires, 200, draw)
      })
})

// SPDX-License-Identifier: GPL-3.0-or-later
// Softmax inside a network, normalisation, products and quotients of computed tensors: float as onnxruntime, integers near it,
// and no honest input of a Softmax without a proof.
import { expect } from 'chai'
import * as ort from 'onnxruntime-web'
import {
  calibrate,
  encodeInput,
  evaluate,
  importOnnx,
  interpret,
  proveBounds,
  tensorOf,
} from '../../../../keepers/zkml/index.ts'
import { Random } from '../random.ts'
import { type Model, type Node, onnxFile } from './onnx-file.ts'

const KNOBS = { inputBits: 10, weightBits: { default: 12 }, activationBits: { default: 10 } }

type Case = {
  readonly what: string
  readonly shape: readonly number[]
  readonly nodes: readonly Node[]
  readonly constants?: Model['constants']
  readonly opset?: number
  readonly from?: number
  readonly to?: number
  /** Not in this onnxruntime: worked out here instead. */
  readonly expected?: (x: readonly number[]) => number[]
}

const list = (data: readonly number[]) => ({ shape: [data.length], data })
const node = (op: string, inputs: string[], attributes: Node['attributes'] = {}, output = 'y'): Node => ({
  op,
  inputs,
  outputs: [output],
  attributes,
  name: `${op}_${output}`,
})
// A node after it, so that a last Softmax is none.
const twice = node('Mul', ['s', 's'])

const CASES: readonly Case[] = [
  ...(
    [
      [13, -1],
      [13, 1],
      [11, 1],
      [11, 2],
    ] as const
  ).flatMap(([opset, axis]) =>
    (['Softmax', 'LogSoftmax'] as const).map((op) => ({
      what: `${op} over axis ${axis} of opset ${opset}`,
      shape: [1, 3, 4],
      opset,
      nodes: [node(op, ['x'], { axis }, 's'), twice],
    })),
  ),
  {
    what: 'a Softmax at the end over one of two axes',
    shape: [1, 3, 4],
    nodes: [node('Softmax', ['x'], { axis: 2 })],
  },
  {
    what: 'LayerNormalization',
    opset: 17,
    shape: [1, 3, 8],
    constants: { g: list([1, 2, 0.5, -1, 1, 1, 2, 1]), b: list([0, 1, 0, 0.5, 0, -1, 0, 0]) },
    nodes: [node('LayerNormalization', ['x', 'g', 'b'], { axis: -1, epsilon: { float: 1e-3 } })],
  },
  {
    what: 'LayerNormalization without a bias over two axes',
    opset: 17,
    shape: [1, 2, 4],
    constants: { g: { shape: [2, 4], data: [1, 2, 0.5, -1, 1, 1, 2, 1] } },
    nodes: [node('LayerNormalization', ['x', 'g'], { axis: 1 })],
  },
  {
    what: 'LayerNorm as torch.onnx.export writes it before opset 17',
    shape: [1, 3, 8],
    constants: {
      two: { shape: [], data: [2] },
      eps: { shape: [], data: [1e-5] },
      g: list([1, 2, 0.5, -1, 1, 1, 2, 1]),
      b: list([0, 1, 0, 0.5, 0, -1, 0, 0]),
    },
    nodes: [
      node('ReduceMean', ['x'], { axes: [-1] }, 'm'),
      node('Sub', ['x', 'm'], {}, 'd'),
      node('Pow', ['d', 'two'], {}, 'q'),
      node('ReduceMean', ['q'], { axes: [-1] }, 'v'),
      node('Add', ['v', 'eps'], {}, 'e'),
      node('Sqrt', ['e'], {}, 'r'),
      node('Div', ['d', 'r'], {}, 'n'),
      node('Mul', ['n', 'g'], {}, 'k'),
      node('Add', ['k', 'b']),
    ],
  },
  {
    what: 'RMSNorm as it is written out',
    shape: [1, 3, 8],
    constants: {
      two: { shape: [], data: [2] },
      eps: { shape: [], data: [1e-6] },
      g: list([1, 2, 0.5, -1, 1, 1, 2, 1]),
    },
    nodes: [
      node('Pow', ['x', 'two'], {}, 'q'),
      node('ReduceMean', ['q'], { axes: [-1] }, 'v'),
      node('Add', ['v', 'eps'], {}, 'e'),
      node('Sqrt', ['e'], {}, 'r'),
      node('Reciprocal', ['r'], {}, 'i'),
      node('Mul', ['x', 'i'], {}, 'n'),
      node('Mul', ['g', 'n']),
    ],
  },
  {
    what: 'RMSNormalization',
    opset: 23,
    shape: [1, 1, 4],
    constants: { g: list([1, 2, 0.5, -1]) },
    nodes: [node('RMSNormalization', ['x', 'g'], { epsilon: { float: 0.25 } })],
    expected: (x) => {
      const root = Math.sqrt(x.reduce((sum, v) => sum + v * v, 0) / 4 + 0.25)
      return x.map((v, i) => (v / root) * [1, 2, 0.5, -1][i]!)
    },
  },
  {
    what: 'InstanceNormalization',
    shape: [1, 2, 2, 4],
    constants: { g: list([2, -1]), b: list([0.5, 1]) },
    nodes: [node('InstanceNormalization', ['x', 'g', 'b'], { epsilon: { float: 1e-2 } })],
  },
  {
    what: 'GroupNormalization, a scale for each channel',
    opset: 21,
    shape: [1, 4, 3],
    constants: { g: list([2, -1, 1, 0.5]), b: list([0.5, 1, 0, 0]) },
    nodes: [node('GroupNormalization', ['x', 'g', 'b'], { num_groups: 2 })],
    expected: (x) =>
      [0, 1].flatMap((group) => {
        const part = x.slice(group * 6, group * 6 + 6)
        const mean = part.reduce((a, b) => a + b) / 6
        const variance = part.reduce((sum, v) => sum + (v - mean) ** 2, 0) / 6
        return part.map((v, i) => {
          const channel = group * 2 + Math.floor(i / 3)
          return ((v - mean) / Math.sqrt(variance + 1e-5)) * [2, -1, 1, 0.5][channel]! + [0.5, 1, 0, 0][channel]!
        })
      }),
  },
  {
    what: 'a quotient of two computed tensors',
    shape: [1, 6],
    from: 1,
    to: 3,
    constants: { one: { shape: [], data: [1] } },
    nodes: [node('Add', ['x', 'one'], {}, 'p'), node('Div', ['x', 'p'])],
  },
  ...(['ReduceSumSquare', 'ReduceL2'] as const).map((op) => ({
    what: `${op} over one axis`,
    shape: [1, 3, 4],
    nodes: [node(op, ['x'], { axes: [2], keepdims: 0 })],
  })),
  ...[0, 1].flatMap((keepdims) =>
    (['ReduceL1', 'ReduceLogSumExp'] as const).map((op) => ({
      what: `${op} over one of three axes, keepdims ${keepdims}`,
      shape: [1, 3, 4],
      opset: 13,
      nodes: [node(op, ['x'], { axes: [1], keepdims })],
    })),
  ),
  {
    what: 'ReduceLogSumExp over all axes',
    shape: [1, 3, 4],
    opset: 13,
    from: -6,
    to: 6,
    nodes: [node('ReduceLogSumExp', ['x'], { keepdims: 0 })],
  },
  {
    what: 'PRelu of one slope below 0, and of one above 1',
    shape: [1, 3, 4],
    opset: 13,
    constants: { down: list([-0.25]), up: list([1.5]) },
    nodes: [node('PRelu', ['x', 'down'], {}, 'a'), node('PRelu', ['a', 'up'])],
  },
  {
    what: 'ReduceLogSum over all axes, which opset 18 takes from an input',
    opset: 18,
    shape: [1, 2, 3],
    from: 0.5,
    to: 2,
    constants: { axes: { shape: [2], data: [1, 2], type: 'int64' } },
    nodes: [node('ReduceLogSum', ['x', 'axes'])],
  },
  {
    what: 'a Softmax under a causal mask that is added',
    shape: [1, 3, 3],
    constants: { mask: { shape: [3, 3], data: [0, -Infinity, -Infinity, 0.5, 0, -Infinity, 0, 0, 1] } },
    nodes: [node('Add', ['x', 'mask'], {}, 'm'), node('Softmax', ['m'], { axis: -1 }, 's'), twice],
  },
  {
    what: 'a Softmax at the end whose largest score is masked',
    shape: [1, 4],
    constants: { mask: list([0, 0, 0, -Infinity]) },
    nodes: [node('Add', ['x', 'mask'], {}, 'm'), node('Softmax', ['m'], { axis: -1 })],
  },
  {
    what: 'a Softmax under a causal mask by Where',
    shape: [1, 2, 3, 3],
    constants: {
      keep: { shape: [1, 1, 3, 3], data: [1, 0, 0, 1, 1, 0, 1, 1, 1], type: 'bool' },
      none: { shape: [], data: [-Infinity] },
    },
    nodes: [node('Where', ['keep', 'x', 'none'], {}, 'm'), node('Softmax', ['m'], { axis: -1 }, 's'), twice],
  },
  {
    what: 'a product of a matrix with its own transpose',
    shape: [1, 3, 4],
    nodes: [node('Transpose', ['x'], { perm: [0, 2, 1] }, 't'), node('MatMul', ['x', 't'])],
  },
]

async function runtime(file: Uint8Array, input: readonly number[], shape: readonly number[]): Promise<number[]> {
  ort.env.wasm.numThreads = 1
  const session = await ort.InferenceSession.create(file, { logSeverityLevel: 3, graphOptimizationLevel: 'disabled' })
  const { y } = await session.run({ x: new ort.Tensor('float32', Float32Array.from(input), shape) })
  await session.release()
  return Array.from(y!.data as Float32Array)
}

describe('normalisation and products of computed tensors', function () {
  this.timeout(60_000)

  for (const { what, shape, nodes, constants = {}, opset = 13, from = -2, to = 2, expected } of CASES)
    it(`${what}: float as onnxruntime, integers near it`, async () => {
      const file = onnxFile({ opset, input: { name: 'x', shape }, output: 'y', constants, nodes })
      const graph = importOnnx(file)
      expect(graph.dropped).to.equal(undefined)
      const random = new Random(5)
      const size = shape.reduce((a, b) => a * b, 1)
      const inputs = Array.from({ length: 12 }, () => random.list(size, from, to))
      for (const input of inputs) {
        const right = expected?.(input) ?? (await runtime(file, input, shape))
        const found = evaluate(graph, input).data
        for (const [i, value] of right.entries())
          expect(found[i]!).to.be.closeTo(value, 1e-4 * Math.max(1, Math.abs(value)))
      }
      for (const mode of ['released', 'committed'] as const) {
        const options = { mode, knobs: KNOBS, output: { kind: 'logits-commitment' } as const }
        const { program } = calibrate(graph, inputs, options)
        proveBounds(program)
        const { scale } = tensorOf(program, program.scores)
        for (const input of inputs) {
          const float = evaluate(graph, input).data
          const peak = Math.max(1, ...float.map(Math.abs))
          const { scores } = interpret(program, encodeInput(program, input))
          for (const [i, score] of scores.entries())
            expect(score * scale, `${mode} ${i}`).to.be.closeTo(float[i]!, 0.02 * peak)
        }
      }
    })

  it('refuses −∞ for every reader but a Softmax, and a list without a remaining element', () => {
    const refusal = (data: readonly number[], ...nodes: Node[]): string => {
      const constants = { mask: { shape: [2, 2], data } }
      const first = node('Add', ['x', 'mask'], {}, 'm')
      try {
        importOnnx(
          onnxFile({
            opset: 13,
            input: { name: 'x', shape: [1, 2, 2] },
            output: 'y',
            constants,
            nodes: [first, ...nodes],
          }),
        )
      } catch (error) {
        return (error as Error).message
      }
      return 'imported'
    }
    const causal = [0, -Infinity, 0, 0]
    expect(refusal(causal, node('Relu', ['m']))).to.match(/Relu_y.*m, which holds −∞.*only a Softmax/)
    expect(refusal(causal, node('Transpose', ['m'], { perm: [0, 2, 1] }))).to.match(/Transpose_y.*only a Softmax/)
    expect(refusal(causal, node('LogSoftmax', ['m'], { axis: -1 }), node('Neg', ['y'], {}, 'z'))).to.match(
      /only a Softmax/,
    )
    expect(refusal([0, 0, -Infinity, -Infinity], node('Softmax', ['m'], { axis: -1 }))).to.match(/all .* is masked/)
    expect(refusal([0, Infinity, 0, 0], node('Softmax', ['m'], { axis: -1 }))).to.match(/holds Infinity at position 1/)
    expect(refusal(causal, node('Softmax', ['m'], { axis: -1 }))).to.equal('imported')
  })

  it('takes every input of a Softmax, however far from what calibration saw', () => {
    for (const op of ['Softmax', 'LogSoftmax']) {
      const nodes = [node(op, ['x'], { axis: -1 }, 's'), node('Neg', ['s'])]
      const graph = importOnnx(onnxFile({ opset: 13, input: { name: 'x', shape: [1, 5] }, output: 'y', nodes }))
      const options = {
        mode: 'released',
        knobs: KNOBS,
        inputRange: { min: -40, max: 40 },
        output: { kind: 'logits-commitment' },
      } as const
      const { program } = calibrate(graph, [[0.1, -0.2, 0.3, 0, 0]], options)
      proveBounds(program)
      const random = new Random(8)
      const { scale } = tensorOf(program, program.scores)
      for (let i = 0; i < 300; i++) {
        const reach = random.pick([0.5, 3, 12, 40])
        const input = Array.from({ length: 5 }, () =>
          random.next() < 0.3 ? reach : random.next() < 0.3 ? -reach : random.next() * reach,
        )
        const found = interpret(program, encodeInput(program, input)).scores
        const float = evaluate(graph, input).data
        for (const [j, value] of float.entries())
          expect(found[j]! * scale, `${op} of ${input}`).to.be.closeTo(value, op === 'Softmax' ? 0.02 : 0.15)
      }
    }
  })
})

// SPDX-License-Identifier: GPL-3.0-or-later
// Whole numbers that the network computes: exact as onnxruntime's where nothing can wrap or leave an axis, refused by name elsewhere.
import { expect } from 'chai'
import * as ort from 'onnxruntime-web'
import {
  CompileError,
  calibrate,
  encodeInput,
  evaluate,
  importOnnx,
  interpret,
  proveBounds,
  tensorOf,
} from '../../../../keepers/zkml/index.ts'
import { Random } from '../random.ts'
import { type Constant, type Model, type Node, onnxFile } from './onnx-file.ts'

const node = (op: string, inputs: string[], output: string, attributes: Node['attributes'] = {}): Node => ({
  op,
  inputs,
  outputs: [output],
  attributes,
  name: output,
})
const whole = (shape: readonly number[], data: readonly number[], type: Constant['type'] = 'int64'): Constant => ({
  shape,
  data,
  type,
})
const real = (shape: readonly number[], data: readonly number[]): Constant => ({ shape, data })

/** Two trees of two levels, as a converter writes them: the place of a node is twice that of its parent, plus a comparison. */
const TREES: Pick<Model, 'nodes' | 'constants'> = {
  nodes: [
    node('Gather', ['x', 'roots'], 'first', { axis: 1 }),
    node('Less', ['first', 'thresholds'], 'left'),
    node('Cast', ['left'], 'step', { to: 7 }),
    node('Add', ['step', 'offsets'], 'level1'),
    node('Reshape', ['level1', 'flat'], 'place1'),
    node('Gather', ['features', 'place1'], 'which'),
    node('Reshape', ['which', 'row'], 'where'),
    node('GatherElements', ['x', 'where'], 'asked', { axis: 1 }),
    node('Reshape', ['asked', 'flat'], 'second'),
    node('Gather', ['limits', 'place1'], 'limit'),
    node('Less', ['second', 'limit'], 'left2'),
    node('Cast', ['left2'], 'step2', { to: 7 }),
    node('Mul', ['place1', 'two'], 'doubled'),
    node('Add', ['doubled', 'step2'], 'place2'),
    node('Gather', ['leaves', 'place2'], 'leaf'),
    node('ReduceSum', ['leaf', 'axes'], 'y', { keepdims: 0 }),
  ],
  constants: {
    roots: whole([2], [2, 0]),
    thresholds: real([2], [0.3, -0.4]),
    offsets: whole([2], [0, 2]),
    flat: whole([1], [-1]),
    row: whole([2], [1, 2]),
    features: whole([4], [0, 1, 2, 1]),
    limits: real([4], [0.5, -0.5, 0.25, 0]),
    two: whole([1], [2]),
    leaves: real([8, 1], [1, -1, 0.5, 0.25, -2, 3, 0.125, 4]),
    axes: whole([1], [0]),
  },
}

function file(
  model: Pick<Model, 'nodes' | 'constants'>,
  shape: readonly number[],
  rest: Partial<Model> = {},
): Uint8Array {
  return onnxFile({ opset: 17, input: { name: 'x', shape }, output: 'y', ...model, ...rest })
}

function refusal(model: Uint8Array): string {
  try {
    importOnnx(model)
  } catch (error) {
    if (error instanceof CompileError) return error.message
    throw error
  }
  return 'imported'
}

describe('whole numbers that an ONNX network computes', function () {
  this.timeout(60_000)

  it('follows trees by places that are computed, float as onnxruntime, integers exactly on the same leaves', async () => {
    const bytes = file(TREES, [1, 3])
    const graph = importOnnx(bytes)
    const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 3 })
    const random = new Random(3)
    // Multiples of 1/16, off the thresholds: quantised inputs stand on the same side of them.
    const inputs = Array.from({ length: 60 }, () => Array.from({ length: 3 }, () => (2 * random.int(-8, 7) + 1) / 16))
    const seen = new Set<number>()
    for (const input of inputs) {
      const { y } = await session.run({ x: new ort.Tensor('float32', Float32Array.from(input), [1, 3]) })
      const [right] = y!.data as Float32Array
      expect(evaluate(graph, input).data[0]).to.be.closeTo(right!, 1e-6)
      seen.add(right!)
    }
    expect(seen.size).to.be.greaterThan(6)
    await session.release()
    for (const mode of ['released', 'committed'] as const) {
      const { program } = calibrate(graph, inputs, { mode, output: { kind: 'logits-commitment' } })
      proveBounds(program)
      const { scale } = tensorOf(program, program.scores)
      for (const input of inputs) {
        const { scores } = interpret(program, encodeInput(program, input))
        expect(scores[0]! * scale, mode).to.be.closeTo(evaluate(graph, input).data[0]!, 0.05)
      }
    }
  })

  it('keeps sums and multiples exact in the integer program', () => {
    const nodes = [
      node('Greater', ['x', 'zero'], 'bit'),
      node('Cast', ['bit'], 'count', { to: 6 }),
      node('Mul', ['count', 'factors'], 'many'),
      node('Sub', ['ten', 'many'], 'left'),
      node('ReduceSum', ['left', 'axes'], 'y', { keepdims: 0 }),
    ]
    const constants = {
      zero: real([], [0]),
      factors: whole([4], [1, -20, 300, 4000], 'int32'),
      ten: whole([1], [10], 'int32'),
      axes: whole([1], [1]),
    }
    const graph = importOnnx(file({ nodes, constants }, [1, 4]))
    const inputs = Array.from({ length: 16 }, (_, k) => [0, 1, 2, 3].map((i) => ((k >> i) & 1 ? 1 : -1)))
    const { program } = calibrate(graph, inputs, { mode: 'released', output: { kind: 'logits-commitment' } })
    expect(tensorOf(program, program.scores).scale).to.equal(1)
    for (const input of inputs) {
      const sum = [1, -20, 300, 4000].reduce((left, factor, i) => left - (input[i]! > 0 ? factor : 0), 40)
      expect(interpret(program, encodeInput(program, input)).scores[0]).to.equal(sum)
    }
  })

  it('refuses an index that may leave its axis, at either end', () => {
    const bits = [node('Greater', ['x', 'zero'], 'bit'), node('Cast', ['bit'], 'count', { to: 7 })]
    const at = (shift: number): Uint8Array =>
      file(
        {
          nodes: [...bits, node('Add', ['count', 'shift'], 'index'), node('Gather', ['table', 'index'], 'y')],
          constants: { zero: real([], [0]), shift: whole([1], [shift]), table: real([3], [5, 6, 7]) },
        },
        [1, 4],
      )
    expect(refusal(at(1))).to.equal('imported')
    expect(refusal(at(2))).to.match(/Gather y: its indices are computed and may lie outside an axis of 3/)
    expect(refusal(at(-1))).to.match(/may lie outside an axis of 3/)
  })

  it('refuses sums that may wrap, and arithmetic on whole numbers without known bounds', () => {
    const nodes = [
      node('Greater', ['x', 'zero'], 'bit'),
      node('Cast', ['bit'], 'count', { to: 6 }),
      node('Mul', ['count', 'factor'], 'y'),
    ]
    const times = (factor: number): Uint8Array =>
      file({ nodes, constants: { zero: real([], [0]), factor: whole([1], [factor], 'int32') } }, [1, 4])
    expect(refusal(times(2 ** 31 - 1))).to.equal('imported')
    const twice = [...nodes.slice(0, 2), node('Mul', ['count', 'factor'], 'm'), node('Add', ['m', 'm'], 'y')]
    const constants = { zero: real([], [0]), factor: whole([1], [2 ** 30], 'int32') }
    expect(refusal(file({ nodes: twice, constants }, [1, 4]))).to.match(
      /Add y: it computes with m of int32, which would wrap/,
    )
    const input = { name: 'x', shape: [1, 4], type: 'int64' } as const
    const one = { one: whole([1], [1]) }
    expect(refusal(file({ nodes: [node('Add', ['x', 'one'], 'y')], constants: one }, [], { input }))).to.match(
      /Add y: it computes with x of int64/,
    )
  })

  it('does not take for a bit what somebody gives as one', () => {
    const nodes = [
      node('Not', ['x'], 'n'),
      node('Cast', ['n'], 'index', { to: 7 }),
      node('Gather', ['table', 'index'], 'y'),
    ]
    const input = { name: 'x', shape: [1, 4], type: 'bool' } as const
    expect(refusal(file({ nodes, constants: { table: real([2], [5, 6]) } }, [], { input }))).to.match(
      /may lie outside an axis of 2/,
    )
  })

  it('narrows a type only where all values fit', () => {
    const nodes = (to: number): Node[] => [
      node('Greater', ['x', 'zero'], 'bit'),
      node('Cast', ['bit'], 'count', { to: 7 }),
      node('Mul', ['count', 'factor'], 'many'),
      node('Cast', ['many'], 'narrow', { to }),
      node('Cast', ['narrow'], 'y', { to: 1 }),
    ]
    const constants = { zero: real([], [0]), factor: whole([1], [200]) }
    expect(refusal(file({ nodes: nodes(2), constants }, [1, 4]))).to.equal('imported')
    expect(refusal(file({ nodes: nodes(3), constants }, [1, 4]))).to.match(/Cast narrow: to = int8/)
  })
})

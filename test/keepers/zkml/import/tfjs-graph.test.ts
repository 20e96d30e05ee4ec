// SPDX-License-Identifier: GPL-3.0-or-later
// tfjs graph models: built node by node, run by tfjs itself, and imported.
import * as tf from '@tensorflow/tfjs'
import { expect } from 'chai'
import { CompileError, evaluate, type Graph, importTfjs } from '../../../../keepers/zkml/index.ts'
import { Random } from '../random.ts'

type Json = Record<string, unknown>
type Node = { name: string; op: string; input: string[]; attr: Json }

const text = (value: string): Json => ({ s: btoa(value) })
const ints = (...values: number[]): Json => ({ list: { i: values.map(String) } })
const texts = (...values: string[]): Json => ({ list: { s: values.map((value) => btoa(value)) } })
const dims = (shape: readonly number[]): Json => ({ dim: shape.map((size) => ({ size: String(size) })) })
const FLOAT = { type: 'DT_FLOAT' }
const NHWC = { data_format: text('NHWC') }

/** A graph model while it is built; each step reads the one before unless it says otherwise. */
class Model {
  readonly nodes: Node[] = []
  readonly specs: Json[] = []
  readonly data: number[] = []
  readonly random = new Random(17)
  readonly shape: readonly number[]
  last = 'x'

  constructor(shape: readonly number[]) {
    this.shape = shape
    this.nodes.push({
      name: 'x',
      op: 'Placeholder',
      input: [],
      attr: { dtype: FLOAT, shape: { shape: dims([-1, ...shape]) } },
    })
  }

  constant(shape: readonly number[], values?: readonly number[], dtype = 'float32'): string {
    const name = `const${this.specs.length}`
    const data =
      values ??
      this.random.list(
        shape.reduce((a, b) => a * b, 1),
        0.2,
        0.9,
      )
    const type = dtype === 'int32' ? 'DT_INT32' : 'DT_FLOAT'
    this.nodes.push({
      name,
      op: 'Const',
      input: [],
      attr: { dtype: { type }, value: { tensor: { dtype: type, tensorShape: dims(shape) } } },
    })
    this.specs.push({ name, shape, dtype })
    this.data.push(...data)
    return name
  }

  integers(...values: number[]): string {
    return this.constant([values.length], values, 'int32')
  }

  step(op: string, more: readonly string[] = [], attr: Json = {}, first = this.last): this {
    const name = `${op}_${this.nodes.length}`
    this.nodes.push({ name, op, input: [first, ...more].filter((each) => each !== ''), attr: { T: FLOAT, ...attr } })
    this.last = name
    return this
  }

  get topology(): Json {
    return { node: this.nodes, versions: { producer: 1 } }
  }

  get bytes(): Uint8Array {
    const view = new DataView(new ArrayBuffer(4 * this.data.length))
    let at = 0
    for (const { shape, dtype } of this.specs as { shape: number[]; dtype: string }[])
      for (let i = shape.reduce((a, b) => a * b, 1); i > 0; i--, at++)
        dtype === 'int32' ? view.setInt32(4 * at, this.data[at]!, true) : view.setFloat32(4 * at, this.data[at]!, true)
    return new Uint8Array(view.buffer)
  }

  import(changes: Json = {}): Graph {
    const file = {
      format: 'graph-model',
      modelTopology: this.topology,
      weightsManifest: [{ paths: ['shard'], weights: this.specs }],
      ...changes,
    }
    return importTfjs(JSON.stringify(file), () => this.bytes)
  }

  async predict(input: readonly number[]): Promise<number[]> {
    const artifacts = { modelTopology: this.topology, weightSpecs: this.specs, weightData: this.bytes.buffer }
    const model = await tf.loadGraphModel({ load: async () => artifacts as unknown as tf.io.ModelArtifacts })
    const x = tf.tensor(input as number[], [1, ...this.shape])
    const output = model.execute({ x }, this.last) as tf.Tensor
    return Array.from(output.dataSync())
  }
}

const dense = (m: Model, rows: number, columns: number): Model =>
  m.step('_FusedMatMul', [m.constant([rows, columns]), m.constant([columns])], {
    transpose_a: { b: false },
    transpose_b: { b: false },
    num_args: { i: '1' },
    fused_ops: texts('BiasAdd', 'Relu'),
    epsilon: { f: 0 },
  })
const window = (size: number, stride: number, padding: string): Json => ({
  ksize: ints(1, size, size, 1),
  strides: ints(1, stride, stride, 1),
  padding: text(padding),
  ...NHWC,
})
const sliding = (stride: number, padding: string, dilation = 1): Json => ({
  strides: ints(1, stride, stride, 1),
  dilations: ints(1, dilation, dilation, 1),
  padding: text(padding),
  ...NHWC,
})

const MODELS: Record<string, () => Model> = {
  'fused matrices and a Softmax': () => {
    const m = dense(new Model([5]), 5, 4)
    return m
      .step('MatMul', [m.constant([3, 4])], { transpose_a: { b: false }, transpose_b: { b: true } })
      .step('BiasAdd', [m.constant([3])], NHWC)
      .step('Softmax')
      .step('Identity')
  },
  'a Softmax inside, over rows': () => {
    const m = dense(new Model([3, 5]), 5, 4)
    return m
      .step('Softmax')
      .step('Identity')
      .step('MatMul', [m.constant([4, 2])])
  },
  'a Softmax over rows at the end': () => new Model([3, 5]).step('Softmax').step('Identity'),
  'a Softmax that is read twice': () => new Model([5]).step('Softmax').step('Relu'),
  'convolutions, pools and a batch norm': () => {
    const m = new Model([7, 6, 2])
    m.step('_FusedConv2D', [m.constant([3, 3, 2, 4]), m.constant([4])], {
      ...sliding(2, 'SAME'),
      num_args: { i: '1' },
      fused_ops: texts('BiasAdd', 'Relu6'),
      epsilon: { f: 0 },
    })
    m.step('DepthwiseConv2dNative', [m.constant([2, 2, 4, 2])], sliding(1, 'VALID'))
    const parts = [m.constant([8]), m.constant([8]), m.constant([8]), m.constant([8])]
    m.step('FusedBatchNormV3', parts, { epsilon: { f: 0.001 }, is_training: { b: false }, U: FLOAT, ...NHWC })
    m.step('Pad', [m.constant([4, 2], [0, 0, 1, 0, 0, 1, 0, 0], 'int32')], { Tpaddings: { type: 'DT_INT32' } })
    m.step('MaxPool', [], window(2, 1, 'SAME'))
    m.step('AvgPool', [], window(2, 2, 'VALID'))
    m.step('Mean', [m.integers(1, 2)], { keep_dims: { b: false } })
    return dense(m, 8, 3)
  },
  'arithmetic and movement': () => {
    const m = new Model([4, 3])
    m.step('Sub', [m.constant([3])])
    const before = m.last
    m.step('Mul', [m.constant([4, 1])]).step('LeakyRelu', [], { alpha: { f: 0.1 } })
    m.step('AddV2', [before]).step('RealDiv', [m.constant([], [2])])
    m.step('Maximum', [m.constant([], [-0.5])]).step('Minimum', [m.constant([], [0.75])])
    const axis = m.constant([], [1], 'int32')
    m.step('ExpandDims', [axis]).step('Squeeze', [], { squeeze_dims: ints(1) })
    m.step('Transpose', [m.integers(0, 2, 1)])
    m.step('Reshape', [m.integers(-1, 12)])
    const flat = m.last
    const last = m.constant([], [1], 'int32')
    m.step('Tanh').step('ConcatV2', [flat, last], { N: { i: '2' } })
    return m.step('Sum', [m.integers(1)], { keep_dims: { b: true } })
  },
}

describe('tfjs graph models', function () {
  this.timeout(60_000)
  before(() => tf.setBackend('cpu'))

  for (const [what, make] of Object.entries(MODELS))
    it(`compute what tfjs computes: ${what}`, async () => {
      const model = make()
      const graph = model.import()
      for (let i = 0; i < 3; i++) {
        const input = model.random.list(
          model.shape.reduce((a, b) => a * b, 1),
          -1,
          1,
        )
        const expected = await model.predict(input)
        const { data } = evaluate(graph, input)
        const found = graph.dropped === 'softmax' ? softmax(data) : Array.from(data)
        expect(found).to.have.length(expected.length)
        for (const [k, value] of expected.entries()) expect(found[k]).to.be.closeTo(value, 1e-5)
      }
    })

  it('are refused by operator, node and value where they are not supported', () => {
    const wrong: [() => Graph, RegExp][] = [
      [() => new Model([3]).step('Erf').step('Atan2').import(), /operators not supported: Atan2, Erf/],
      [() => new Model([3]).step('Relu', [], {}, 'nothing').import(), /no node computes nothing/],
      [() => dense(new Model([3]), 3, 2).import({ weightsManifest: [] }), /weights hold no const\d/],
      [
        () => new Model([4, 4, 1]).step('MaxPool', [], { ...window(2, 1, 'SAME'), data_format: text('NCHW') }).import(),
        /data_format NCHW/,
      ],
      [() => new Model([-1, 4]).step('Relu').import(), /dimension 1 is -1; only the batch may vary/],
      [() => new Model([3]).step('Relu').step('Tanh', [], {}, 'x').import(), /has 2 outputs \(Relu_1,Tanh_2\)/],
      [
        () =>
          new Model([3])
            .step('Relu', [], {}, 'Tanh_2')
            .step('Tanh', [], {}, 'Relu_1')
            .import({
              signature: { outputs: { y: { name: 'Tanh_2:0' } } },
            }),
        /reads what needs it/,
      ],
    ]
    for (const [make, message] of wrong) expect(make).to.throw(CompileError, message)
  })
})

function softmax(scores: Float64Array): number[] {
  const powers = Array.from(scores, (score) => Math.exp(score - Math.max(...scores)))
  return powers.map((power) => power / powers.reduce((a, b) => a + b))
}

// SPDX-License-Identifier: GPL-3.0-or-later
// What reads a classifier's probabilities gets probabilities: the Softmax or logistic that is left out where only the order counts
// is computed where more is asked for.
import { expect } from 'chai'
import * as ort from 'onnxruntime-web'
import { CompileError, evaluate, importOnnx } from '../../../../keepers/zkml/index.ts'
import { outputs } from '../../../../scripts/bench/import/verdict.ts'
import { Random } from '../random.ts'
import { type Model, type Node, onnxFile } from './onnx-file.ts'

const body = (inputs: string[]) => ({
  outputs: ['made'],
  nodes: [{ op: 'Neg', inputs, outputs: ['made'] }],
})
const READERS: Record<string, readonly Node[]> = {
  'a product': [{ op: 'Mul', inputs: ['p', 'c'], outputs: ['y'] }],
  'what is left to 1': [{ op: 'Sub', inputs: ['one', 'p'], outputs: ['y'] }],
  'a curve': [{ op: 'Relu', inputs: ['p'], outputs: ['y'] }],
  'a comparison': [
    { op: 'Greater', inputs: ['p', 'c'], outputs: ['q'] },
    { op: 'Cast', inputs: ['q'], outputs: ['y'], attributes: { to: 1 } },
  ],
  'the largest, behind an identity': [
    { op: 'Identity', inputs: ['p'], outputs: ['q'] },
    { op: 'ReduceMax', inputs: ['q'], outputs: ['y'] },
  ],
  'one of them': [{ op: 'Gather', inputs: ['p', 'place'], outputs: ['y'], attributes: { axis: 1 } }],
  'a function': [{ op: 'Twice', domain: 'local', inputs: ['p'], outputs: ['y'] }],
  'a branch that captures them': [
    {
      op: 'If',
      inputs: ['yes'],
      outputs: ['y'],
      attributes: { then_branch: { graph: body(['p']) }, else_branch: { graph: body(['p']) } },
    },
  ],
  'two readers': [
    { op: 'Identity', inputs: ['p'], outputs: ['q'] },
    { op: 'Add', inputs: ['p', 'q'], outputs: ['y'] },
  ],
  'a reader in another shape': [
    { op: 'Reshape', inputs: ['p', 'column'], outputs: ['q'] },
    { op: 'MatMul', inputs: ['c', 'q'], outputs: ['y'] },
  ],
  nobody: [{ op: 'Identity', inputs: ['p'], outputs: ['y'] }],
}

function model(post: string, readers: readonly Node[], inFunction = false): Model {
  const classifier: Node = {
    ...{ op: 'LinearClassifier', domain: 'ai.onnx.ml', inputs: ['x'], outputs: ['l', 'p'] },
    attributes: {
      coefficients: { floats: [1, -0.5, 0.3, 0.2, -1, 0.7] },
      intercepts: { floats: [0.1, 0.2, -0.3] },
      classlabels_ints: [0, 1, 2],
      post_transform: post,
    },
  }
  return {
    ...{ opset: 17, ml: 1, input: { name: 'x', shape: [1, 2] }, output: 'y', nodes: [classifier, ...readers] },
    constants: {
      c: { shape: [1, 3], data: [0.3, 0.4, 0.5] },
      one: { shape: [1], data: [1] },
      yes: { shape: [], data: [1], type: 'bool' },
      place: { shape: [1], data: [1], type: 'int64' },
      column: { shape: [2], data: [3, 1], type: 'int64' },
    },
    ...(inFunction
      ? {
          functions: [
            {
              name: 'Twice',
              inputs: ['a'],
              outputs: ['b'],
              nodes: [{ op: 'Add', inputs: ['a', 'a'], outputs: ['b'] }],
            },
          ],
        }
      : {}),
  }
}

describe('probabilities of a classifier in an ONNX file', function () {
  this.timeout(60_000)

  for (const post of ['SOFTMAX', 'LOGISTIC'])
    for (const [what, readers] of Object.entries(READERS))
      it(`${post}: ${what} gets what onnxruntime gives it`, async () => {
        ort.env.wasm.numThreads = 1
        const file = onnxFile(model(post, readers, what === 'a function'))
        const session = await ort.InferenceSession.create(file, { logSeverityLevel: 4 })
        const graph = importOnnx(file)
        expect(graph.dropped !== undefined).to.equal(what === 'nobody')
        const random = new Random(3)
        for (let i = 0; i < 3; i++) {
          const input = random.list(2, -2, 2)
          const results = await session.run({ x: new ort.Tensor('float32', Float32Array.from(input), [1, 2]) })
          const expected = Array.from(results.y!.data as Float32Array, Number)
          const found = outputs(graph, evaluate(graph, input).data)
          expect(found).to.have.length(expected.length)
          for (const [k, value] of expected.entries()) expect(found[k]).to.be.closeTo(value, 1e-5)
        }
        await session.release()
      })

  it('are refused where they have been divided by their sum, which is not computed', () => {
    const divided: Node[] = [
      { op: 'Normalizer', domain: 'ai.onnx.ml', inputs: ['p'], outputs: ['n'], attributes: { norm: 'L1' } },
      { op: 'Mul', inputs: ['n', 'c'], outputs: ['y'] },
    ]
    expect(() => importOnnx(onnxFile(model('LOGISTIC', divided)))).to.throw(
      CompileError,
      /Mul_2: it computes with n, probabilities divided/,
    )
  })
})

// SPDX-License-Identifier: GPL-3.0-or-later
// ONNX files of several inputs and outputs: one list of each, beside onnxruntime.
import { expect } from 'chai'
import * as ort from 'onnxruntime-web'
import {
  CompileError,
  calibrate,
  encodeInput,
  evaluate,
  importOnnx,
  interpret,
} from '../../../../keepers/zkml/index.ts'
import { build, honest } from '../circuit/forgery.ts'
import { Random } from '../random.ts'
import { type Model, onnxFile } from './onnx-file.ts'

/** Two images and a bias: products, a sum that broadcasts, and the place of the largest. */
const MODEL: Model = {
  opset: 13,
  input: { name: 'a', shape: [1, 2, 3] },
  inputs: [
    { name: 'b', shape: [1, 1, 3] },
    { name: 'c', shape: [2] },
  ],
  output: 'scores',
  outputs: ['sum', 'scores', 'place', 'unknown'],
  nodes: [
    { op: 'Mul', inputs: ['a', 'b'], outputs: ['sum'] },
    { op: 'MatMul', inputs: ['sum', 'w'], outputs: ['m'] },
    { op: 'Flatten', inputs: ['m'], outputs: ['flat'] },
    { op: 'Add', inputs: ['flat', 'c'], outputs: ['scores'] },
    { op: 'ArgMax', inputs: ['scores'], outputs: ['place'], attributes: { axis: 1 } },
    { op: 'Shrink', inputs: ['c'], outputs: ['unknown'] },
  ],
  constants: { w: { shape: [3, 1], data: [1, -0.5, 0.25] } },
}
const file = onnxFile(MODEL)

describe('ONNX files of several inputs and outputs', function () {
  this.timeout(60_000)

  it('take their inputs and give their outputs one after the other, as onnxruntime computes them', async () => {
    ort.env.wasm.numThreads = 1
    const graph = importOnnx(file, { output: 'scores,place,sum' })
    const parts = [
      { name: 'a', count: 6 },
      { name: 'b', count: 3 },
      { name: 'c', count: 2 },
    ]
    expect(graph.input).to.deep.equal({ name: 'a, b, c', shape: [11], parts })
    expect(graph.outputs!.map(({ name, count }) => `${name} ${count}`)).to.deep.equal(['scores 2', 'place 1', 'sum 6'])
    expect(graph.notes.join()).to.contain('a [1,2,3], b [1,1,3], c [2], one after the other')
    expect(graph.notes.join()).to.contain('scores (2), place (1), sum (6), one after the other')
    const session = await ort.InferenceSession.create(file, { logSeverityLevel: 4 })
    const random = new Random(3)
    for (let i = 0; i < 10; i++) {
      const input = random.list(11, -2, 2)
      const part = (from: number, to: number, shape: number[]) =>
        new ort.Tensor('float32', Float32Array.from(input.slice(from, to)), shape)
      const results = await session.run({ a: part(0, 6, [1, 2, 3]), b: part(6, 9, [1, 1, 3]), c: part(9, 11, [2]) })
      const expected = ['scores', 'place', 'sum'].flatMap((name) =>
        Array.from(results[name]!.data as Float32Array, Number),
      )
      const found = evaluate(graph, input).data
      for (const [k, value] of expected.entries()) expect(found[k]).to.be.closeTo(value, 1e-5)
    }
  })

  it('are circuits like any other, which speak of all their outputs', async () => {
    const graph = importOnnx(file, { output: 'place,scores' })
    const input = new Random(4).list(11, -2, 2)
    const { program } = calibrate(graph, [input], {
      mode: 'committed',
      output: { kind: 'logits-commitment' },
      inputRange: { min: -2, max: 2 },
    })
    const encoded = encodeInput(program, input)
    honest(await build({ ...program, name: 'several' }), encoded)
    const { scores } = interpret(program, encoded)
    const float = evaluate(graph, input).data
    const unit = program.tensors.at(-1)!.scale
    expect(scores[0]! * unit).to.equal(float[0])
    for (const k of [1, 2]) expect(scores[k]! * unit).to.be.closeTo(float[k]!, 0.2)
    for (const kind of ['label', 'margin'] as const)
      expect(() => calibrate(graph, [input], { mode: 'released', output: { kind } })).to.throw(
        CompileError,
        /several outputs of the model/,
      )
  })

  it('read only the nodes that the chosen outputs need', () => {
    expect(importOnnx(file, { output: 'sum' }).input.name).to.equal('a, b')
    expect(() => importOnnx(file)).to.throw(CompileError, /not supported: Shrink/)
    expect(() => importOnnx(file, { output: 'unknown,sum' })).to.throw(CompileError, /not supported: Shrink/)
  })

  it('are refused where the choice is ambiguous', () => {
    const { nodes } = MODEL
    const all = onnxFile({ ...MODEL, nodes: nodes.slice(0, -1), outputs: ['sum', 'scores', 'place'] })
    expect(() => importOnnx(all)).to.throw(CompileError, /has 3 outputs \(sum, scores, place\), not 1; name the one/)
    expect(() => importOnnx(all, { output: 'none' })).to.throw(CompileError, /no output none; its outputs are sum/)
    expect(() => importOnnx(all, { output: 'sum,sum' })).to.throw(CompileError, /output sum is named twice/)
    const mixed = onnxFile({
      ...MODEL,
      nodes: nodes.slice(0, -1),
      inputs: [{ name: 'b', shape: [1, 1, 3], type: 'int64' }, MODEL.inputs![1]!],
    })
    expect(() => importOnnx(mixed)).to.throw(CompileError, /input a is of float, input b of int64/)
    const softmax = [...nodes.slice(0, -1), { op: 'Softmax', inputs: ['scores'], outputs: ['p'] }]
    const dropped = onnxFile({ ...MODEL, nodes: softmax, outputs: ['p', 'sum'] })
    expect(() => importOnnx(dropped, { output: 'p,sum' })).to.throw(CompileError, /output p ends in a Softmax/)
  })
})

// SPDX-License-Identifier: GPL-3.0-or-later
// ONNX files that others exported: PyTorch and tf2onnx, opsets 9 to 20.

import { readdirSync, readFileSync } from 'node:fs'
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

const directory = new URL('./fixtures/', import.meta.url)
const { inputs, outputs } = JSON.parse(readFileSync(new URL('cases.json', directory), 'utf8')) as {
  inputs: Record<string, number[]>
  outputs: Record<string, number[]>
}
const load = (file: string): Uint8Array => readFileSync(new URL(file, directory))
const networkOf = (file: string): string => file.replace(/-opset\d+\.onnx$/, '')

describe('ONNX files from other exporters', () => {
  it('has a case for every file except two that are compared with onnxruntime', () => {
    const files = readdirSync(directory).filter((file) => file.endsWith('.onnx'))
    const refused = files.filter((file) => outputs[file] === undefined)
    expect(refused.sort()).to.deep.equal(['torch-attention-opset17.onnx', 'torch-lstm-opset14.onnx'])
  })

  for (const [file, expected] of Object.entries(outputs)) {
    it(`agrees with its framework: ${file}`, () => {
      const graph = importOnnx(load(file))
      const { data } = evaluate(graph, inputs[networkOf(file)]!)
      const scores = graph.notes.some((note) => note.includes('Softmax')) ? softmax(data) : Array.from(data)
      expect(scores).to.have.length(expected.length)
      for (const [i, score] of scores.entries()) expect(score).to.be.closeTo(expected[i]!, 2e-6)
    })
  }

  it('gives the same graph for the same network at every opset', () => {
    const forms = new Map<string, Set<string>>()
    for (const file of Object.keys(outputs)) {
      const operators = importOnnx(load(file))
        .nodes.map((node) => node.op)
        .join(' ')
      forms.set(networkOf(file), (forms.get(networkOf(file)) ?? new Set()).add(operators))
    }
    for (const [network, found] of forms) expect([...found], network).to.have.length(1)
  })

  it('folds BatchNorm away and leaves no transposition between convolutions', () => {
    const graph = importOnnx(load('torch-residual-opset13.onnx'))
    expect(graph.nodes.map((node) => node.op)).to.deep.equal([
      'select',
      'conv2d',
      'activation',
      'conv2d',
      'activation',
      'conv2d',
      'binary',
      'pool',
      'activation',
      'select',
      'dense',
    ])
  })

  it('quantises every one of them close to the float network, with bounds that prove', () => {
    for (const file of Object.keys(outputs)) {
      const graph = importOnnx(load(file))
      const input = inputs[networkOf(file)]!
      const bits = { inputBits: 12, weightBits: { default: 12 }, activationBits: { default: 12 } }
      for (const mode of ['released', 'committed'] as const) {
        const { program } = calibrate(graph, [input], { mode, knobs: bits })
        proveBounds(program)
        const { scale } = tensorOf(program, program.scores)
        const scores = interpret(program, encodeInput(program, input)).scores
        const float = evaluate(graph, input).data
        // Curves by pieces are what is coarse here; everything else is at 12 bits.
        const tolerance = graph.nodes.some(
          (node) => node.op === 'activation' && ['sigmoid', 'tanh'].includes(node.fn.kind),
        )
          ? 0.03
          : 0.01
        for (const [i, score] of scores.entries())
          expect(score * scale, `${file} ${mode}`).to.be.closeTo(float[i]!, tolerance)
      }
    }
  })

  it('computes attention and LayerNorm as onnxruntime does, and as integers', async () => {
    const file = load('torch-attention-opset17.onnx')
    const graph = importOnnx(file)
    ort.env.wasm.numThreads = 1
    const session = await ort.InferenceSession.create(file, { logSeverityLevel: 3 })
    const random = new Random(17)
    const samples = Array.from({ length: 40 }, () => random.list(20, -1.5, 1.5))
    const knobs = { inputBits: 12, weightBits: { default: 12 }, activationBits: { default: 11 } }
    const { program } = calibrate(graph, samples, { mode: 'released', knobs, output: { kind: 'logits-commitment' } })
    proveBounds(program)
    const { scale } = tensorOf(program, program.scores)
    for (const sample of samples) {
      const feeds = { [session.inputNames[0]!]: new ort.Tensor('float32', Float32Array.from(sample), [1, 5, 4]) }
      const expected = (await session.run(feeds))[session.outputNames[0]!]!.data as Float32Array
      const float = evaluate(graph, sample).data
      const { scores } = interpret(program, encodeInput(program, sample))
      for (const [i, value] of expected.entries()) {
        expect(float[i]!).to.be.closeTo(value, 2e-5)
        expect(scores[i]! * scale).to.be.closeTo(value, 0.05)
      }
    }
    await session.release()
  })
})

function softmax(scores: Float64Array): number[] {
  const top = Math.max(...scores)
  const powers = Array.from(scores, (score) => Math.exp(score - top))
  const sum = powers.reduce((total, power) => total + power, 0)
  return powers.map((power) => power / sum)
}

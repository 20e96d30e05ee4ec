// SPDX-License-Identifier: GPL-3.0-or-later
// Random networks: the imported graph against onnxruntime, the integer program against the graph.
import { expect } from 'chai'
import * as ort from 'onnxruntime-web'
import {
  calibrate,
  encodeInput,
  evaluate,
  type Graph,
  type IntegerProgram,
  importOnnx,
  interpret,
  proveBounds,
  tensorOf,
} from '../../../../keepers/zkml/index.ts'
import { fuzzOperators } from '../../../../scripts/bench/import/fuzz.ts'
import { Random } from '../random.ts'
import { onnxFile } from './onnx-file.ts'
import { randomOnnx } from './random-onnx.ts'

const NETWORKS = 60
const INPUTS = 3

const GRAPHS = 150

describe('random ONNX graphs of every operator', function () {
  this.timeout(120_000)

  it(`compute what onnxruntime computes or are refused by name (${GRAPHS} graphs; 5,000 in the bench)`, async () => {
    const counts = { equal: 0, refused: 0, wrong: 0, unclear: 0, 'only-we': 0 }
    const seen = new Set<string>()
    for await (const { seed, verdict, why, model } of fuzzOperators(20_001, 20_000 + GRAPHS)) {
      counts[verdict]++
      expect(verdict, `seed ${seed}: ${why} in ${JSON.stringify(model.nodes)}`).to.be.oneOf([
        'equal',
        'refused',
        'only-we',
      ])
      if (verdict === 'equal') for (const { op } of model.nodes) seen.add(op)
    }
    expect(counts.equal).to.be.greaterThan(GRAPHS / 2)
    expect(counts['only-we']).to.be.lessThan(GRAPHS / 50)
    expect(seen.size).to.be.greaterThan(45)
  })
})

describe('random ONNX networks', function () {
  this.timeout(120_000)

  it(`agree with onnxruntime, and their integer programs with them (${NETWORKS} networks)`, async () => {
    ort.env.wasm.numThreads = 1
    let compared = 0
    for (let seed = 1; seed <= NETWORKS; seed++) {
      const random = new Random(seed)
      const model = randomOnnx(random)
      const file = onnxFile(model)
      const graph = importOnnx(file)
      // Without its optimiser: it fuses a Pad with zeros into a MaxPool, which pads with minus infinity.
      const session = await ort.InferenceSession.create(file, {
        logSeverityLevel: 3,
        graphOptimizationLevel: 'disabled',
      })
      const shape = model.input.shape.map((dimension) => (typeof dimension === 'number' ? dimension : 1))
      const inputs = Array.from({ length: INPUTS }, () =>
        random.list(
          shape.reduce((a, b) => a * b, 1),
          -1,
          1,
        ),
      )
      for (const input of inputs) {
        const results = await session.run({ x: new ort.Tensor('float32', Float32Array.from(input), shape) })
        const expected = Array.from(results[model.output]!.data as Float32Array)
        const found = Array.from(evaluate(graph, input).data)
        expect(found, `seed ${seed}`).to.have.length(expected.length)
        const size = Math.max(1, ...expected.map(Math.abs))
        for (const [i, value] of found.entries()) expect(value, `seed ${seed}`).to.be.closeTo(expected[i]!, 2e-4 * size)
        compared++
      }
      await session.release()
      requireFaithful(graph, inputs, `seed ${seed}`)
    }
    expect(compared).to.equal(NETWORKS * INPUTS)
  })
})

/** At many bits, the program of either mode follows the graph, stays inside its proven bounds, and proves them anew. */
function requireFaithful(graph: Graph, inputs: readonly number[][], what: string): void {
  const knobs = { inputBits: 14, weightBits: { default: 14 }, activationBits: { default: 13 } }
  const curved = graph.nodes.some(
    (node) => node.op === 'activation' && ['sigmoid', 'tanh', 'leaky-relu'].includes(node.fn.kind),
  )
  for (const mode of ['released', 'committed'] as const) {
    let program: IntegerProgram
    try {
      program = calibrate(graph, inputs, { mode, knobs, inputRange: { min: -1, max: 1 } }).program
    } catch (error) {
      // Deep products of unknown weights may have no bound below 2^52; then, and only then, a refusal is right.
      expect((error as { code: string }).code, what).to.equal('bound-exceeded')
      continue
    }
    proveBounds(program)
    for (const input of inputs) {
      const { tensors, scores } = interpret(program, encodeInput(program, input))
      for (const [id, values] of tensors) {
        const { min, max } = tensorOf(program, id).bounds
        for (const value of values)
          expect(value >= min && value <= max, `${what} ${mode} ${id}: ${value}`).to.equal(true)
      }
      const { scale } = tensorOf(program, program.scores)
      const float = evaluate(graph, input).data
      const size = Math.max(1, ...float.map(Math.abs))
      for (const [i, score] of scores.entries())
        expect(score * scale, `${what} ${mode}`).to.be.closeTo(float[i]!, (curved ? 0.1 : 0.01) * size)
    }
  }
}

// SPDX-License-Identifier: GPL-3.0-or-later
// Larger images and sequences from ONNX to circuits: integers near the float network, circuits equal to the integers.
import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import * as ort from 'onnxruntime-web'
import {
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
import { type Constant, type Node, onnxFile } from '../import/onnx-file.ts'
import { Random } from '../random.ts'
import { build, honest, randomInput } from './forgery.ts'
import { seeded } from './programs.ts'

function network(shape: readonly number[], nodes: readonly Node[], constants: Record<string, Constant>): Graph {
  return importOnnx(
    onnxFile({ opset: 19, input: { name: 'x', shape }, nodes, constants, output: nodes.at(-1)!.outputs[0]! }),
  )
}

function weights(random: Random, shape: readonly number[], reach = 0.7): Constant {
  return {
    shape,
    data: random.list(
      shape.reduce((a, b) => a * b, 1),
      -reach,
      reach,
    ),
  }
}

function recurrent(op: string, gates: number, attributes: Node['attributes'] = {}): Graph {
  const random = new Random(gates)
  const directions = attributes.direction === 'bidirectional' ? 2 : 1
  return network(
    [3, 1, 2],
    [
      { op, inputs: ['x', 'w', 'r', 'b'], outputs: ['y', 'h'], attributes: { hidden_size: 2, ...attributes } },
      { op: 'Squeeze', inputs: ['h', 'one'], outputs: ['z'] },
    ],
    {
      w: weights(random, [directions, gates * 2, 2]),
      r: weights(random, [directions, gates * 2, 2]),
      b: weights(random, [directions, gates * 4], 0.3),
      one: { shape: [1], data: [1], type: 'int64' },
    },
  )
}

const CASES: Record<string, { make: () => Graph; tolerance: number }> = {
  RNN: { make: () => recurrent('RNN', 1, { direction: 'bidirectional' }), tolerance: 0.1 },
  GRU: { make: () => recurrent('GRU', 3), tolerance: 0.1 },
  'GRU, linear before reset': { make: () => recurrent('GRU', 3, { linear_before_reset: 1 }), tolerance: 0.1 },
  LSTM: { make: () => recurrent('LSTM', 4, { direction: 'reverse' }), tolerance: 0.1 },
  ConvTranspose: {
    make: () =>
      network(
        [1, 2, 3, 2],
        [
          {
            op: 'ConvTranspose',
            inputs: ['x', 'w', 'b'],
            outputs: ['y'],
            attributes: { strides: [2, 1], pads: [1, 0, 0, 1], output_padding: [1, 0] },
          },
        ],
        { w: weights(new Random(8), [2, 2, 3, 2]), b: weights(new Random(9), [2]) },
      ),
    tolerance: 0.02,
  },
  'QuantizeLinear and back, saturating': {
    make: () =>
      network(
        [1, 4],
        [
          { op: 'QuantizeLinear', inputs: ['x', 's', 'z'], outputs: ['q'] },
          { op: 'DequantizeLinear', inputs: ['q', 's', 'z'], outputs: ['y'] },
        ],
        { s: { shape: [], data: [0.005] }, z: { shape: [], data: [100], type: 'uint8' } },
      ),
    tolerance: 0.0051,
  },
  QLinearMatMul: {
    make: () =>
      network(
        [1, 4],
        [
          { op: 'QuantizeLinear', inputs: ['x', 's', 'z'], outputs: ['q'] },
          { op: 'QLinearMatMul', inputs: ['q', 's', 'z', 'w', 's', 'v', 't', 'z'], outputs: ['m'] },
          { op: 'DequantizeLinear', inputs: ['m', 't', 'z'], outputs: ['y'] },
        ],
        {
          s: { shape: [], data: [0.01] },
          z: { shape: [], data: [-5], type: 'int8' },
          w: { shape: [4, 2], data: [100, -50, 25, 127, -128, 3, 77, -9], type: 'int8' },
          v: { shape: [], data: [0], type: 'int8' },
          t: { shape: [], data: [0.02] },
        },
      ),
    // A step of the output: what was rounded before may fall on the other side.
    tolerance: 0.0401,
  },
  'Resize, linear': {
    make: () =>
      network(
        [1, 1, 3, 4],
        [{ op: 'Resize', inputs: ['x', '', 'scales'], outputs: ['y'], attributes: { mode: 'linear' } }],
        { scales: { shape: [4], data: [1, 1, 2, 1.5] } },
      ),
    tolerance: 0.02,
  },
}

describe('larger images and sequences', function () {
  this.timeout(180_000)
  const knobs = { inputBits: 10, weightBits: { default: 10 }, activationBits: { default: 10 } }

  for (const [what, { make, tolerance }] of Object.entries(CASES))
    for (const mode of ['released', 'committed'] as const)
      it(`are near the float network as integers, and circuits are the integers: ${what}, ${mode}`, async () => {
        const graph = make()
        const random = new Random(5)
        const size = graph.input.shape.reduce((a, b) => a * b, 1)
        const samples = Array.from({ length: 6 }, () => random.list(size, -1, 1))
        const output = { kind: 'logits-commitment' } as const
        const { program } = calibrate(graph, samples, { mode, knobs, output, inputRange: { min: -1, max: 1 } })
        proveBounds(program)
        const { scale } = tensorOf(program, program.scores)
        for (const sample of samples) {
          const float = evaluate(graph, sample).data
          for (const [i, score] of interpret(program, encodeInput(program, sample)).scores.entries())
            expect(score * scale).to.be.closeTo(float[i]!, tolerance)
        }
        const built = await build({ ...program, name: `larger_${mode}` })
        // The table counts zeros between elements, and states of which one gate is read, as any input; the compiler drops them.
        const [found, estimated] = [built.circuit.system.header.constraints, programCost(program).total]
        expect(found).to.be.within(0.97 * estimated, estimated)
        const draw = seeded(3)
        for (let i = 0; i < 5; i++) honest(built, randomInput(program, draw))
      })

  it("compute PyTorch's LSTM as onnxruntime does", async () => {
    ort.env.wasm.numThreads = 1
    const file = readFileSync(new URL('../import/fixtures/torch-lstm-opset14.onnx', import.meta.url))
    const graph = importOnnx(file)
    const session = await ort.InferenceSession.create(file, { logSeverityLevel: 4 })
    const [name] = session.inputNames
    const input = new Random(2).list(
      graph.input.shape.reduce((a, b) => a * b, 1),
      -1,
      1,
    )
    const feeds = { [name!]: new ort.Tensor('float32', Float32Array.from(input), [1, ...graph.input.shape]) }
    const expected = (await session.run(feeds))[session.outputNames[0]!]!.data as Float32Array
    const found = evaluate(graph, input).data
    expect(found).to.have.length(expected.length)
    for (const [i, value] of expected.entries()) expect(found[i]).to.be.closeTo(value, 1e-5)
  })
})

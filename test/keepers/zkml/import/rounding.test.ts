// SPDX-License-Identifier: GPL-3.0-or-later
// Floor, Ceil and Round of what the network computes: float as onnxruntime, integers on the same side wherever the plan's unit tells.
import { expect } from 'chai'
import * as ort from 'onnxruntime-web'
import {
  calibrate,
  encodeInput,
  evaluate,
  type Graph,
  importOnnx,
  interpret,
  proveBounds,
  tensorOf,
} from '../../../../keepers/zkml/index.ts'
import { build, honest } from '../circuit/forgery.ts'
import { Random } from '../random.ts'
import { onnxFile } from './onnx-file.ts'

const SIZE = 16
const file = (op: string, scale = 1) =>
  onnxFile({
    opset: 13,
    input: { name: 'x', shape: [1, SIZE] },
    output: 'y',
    nodes: [
      { op: 'Mul', inputs: ['x', 's'], outputs: ['t'] },
      { op, inputs: ['t'], outputs: ['y'] },
    ],
    constants: { s: { shape: [1], data: [scale] } },
  })
const EXACT = { Floor: Math.floor, Ceil: Math.ceil, Round: (x: number) => Math.floor(x + 0.5) } as const

function integers(graph: Graph, range: number) {
  return calibrate(graph, [new Array<number>(SIZE).fill(range)], {
    ...{ mode: 'released', knobs: { inputBits: 12, activationBits: { default: 12 } } },
    ...{ output: { kind: 'logits-commitment' }, inputRange: { min: -range, max: range } },
  }).program
}

describe('rounding of computed values of an ONNX network', function () {
  this.timeout(60_000)

  it('is onnxruntime’s in the float network, halves and whole numbers included', async () => {
    ort.env.wasm.numThreads = 1
    const random = new Random(2)
    const input = [0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 0.499, -0.501, 3, -3, ...random.list(4, -5, 5)]
    for (const op of Object.keys(EXACT)) {
      const session = await ort.InferenceSession.create(file(op), { logSeverityLevel: 4 })
      const results = await session.run({ x: new ort.Tensor('float32', Float32Array.from(input), [1, SIZE]) })
      const graph = importOnnx(file(op))
      const expected = Array.from(results.y!.data as Float32Array, (value) => value + 0)
      expect(Array.from(evaluate(graph, input).data, (value) => value + 0)).to.deep.equal(expected)
      expect(graph.notes.join()).to.match(/rounds to whole numbers/)
    }
  })

  it('falls on the right side for whole numbers, and for all that is further from a jump than the input’s unit', () => {
    const random = new Random(9)
    for (const op of ['Floor', 'Ceil', 'Round'] as const)
      for (const [range, scale] of [
        [8, 1],
        [10, 0.75],
        [100, 1],
        [3, 40],
        [0.3, 1],
      ] as const) {
        const program = integers(importOnnx(file(op, scale)), range)
        proveBounds(program)
        const unit = tensorOf(program, program.input.tensor).scale * scale
        let told = 0
        for (let i = 0; i < 40; i++) {
          const input = random.list(SIZE, -range, range)
          if (scale === 1 && range >= 1) for (let k = 0; k < 6; k++) input[k] = Math.round(input[k]!)
          const { scores } = interpret(program, encodeInput(program, input))
          for (const [k, value] of input.entries()) {
            const real = value * scale
            const jump = op === 'Round' ? Math.abs(real - Math.floor(real) - 0.5) : Math.abs(real - Math.round(real))
            const exact = EXACT[op](real)
            const whole = op !== 'Round' && Number.isInteger(real)
            if (!whole && jump <= 1.01 * unit) continue
            told++
            expect(scores[k], `${op} of ${real}`).to.equal(exact + 0)
          }
        }
        if (unit < 0.2) expect(told).to.be.above(200)
      }
  })

  it('is a circuit that agrees with the interpreter', async () => {
    for (const op of ['Floor', 'Ceil'] as const) {
      const program = { ...integers(importOnnx(file(op)), 8), name: `rounds_${op}` }
      const built = await build(program)
      honest(built, encodeInput(program, new Random(4).list(SIZE, -8, 8)))
      honest(built, encodeInput(program, [...new Array<number>(8).fill(-8), ...new Array<number>(8).fill(8)]))
    }
  })
})

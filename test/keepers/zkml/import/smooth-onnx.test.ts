// SPDX-License-Identifier: GPL-3.0-or-later
// Smooth functions of ONNX: the graph against onnxruntime and values worked out by hand, the integer program against the graph
// within the error that it states.
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
import { type Attribute, type Constant, onnxFile } from './onnx-file.ts'

const SIZE = 24
const KNOBS = { inputBits: 12, weightBits: { default: 10 }, activationBits: { default: 8 } }

type Case = {
  readonly op: string
  readonly opset?: number
  readonly attributes?: Record<string, Attribute>
  readonly constants?: Record<string, Constant>
  readonly inputs?: readonly string[]
  /** What samples span. */
  readonly from: number
  readonly to: number
  /** x and f(x), from a table or by hand. */
  readonly known?: readonly [number, number]
  /** Not in this onnxruntime. */
  readonly untold?: true
}

const CASES: readonly Case[] = [
  { op: 'Exp', from: -3, to: 1, known: [1, Math.E] },
  { op: 'Log', from: 0.5, to: 6, known: [2, Math.LN2] },
  { op: 'Sqrt', from: 0.1, to: 9, known: [2.25, 1.5] },
  { op: 'Reciprocal', from: 0.5, to: 4, known: [4, 0.25] },
  { op: 'Reciprocal', from: -4, to: -0.5, known: [-0.5, -2] },
  // 7.1 of Abramowitz and Stegun's tables.
  { op: 'Erf', from: -3, to: 3, known: [0.5, 0.5204998778] },
  { op: 'Gelu', opset: 20, from: -5, to: 5, known: [1, 0.8413447461], untold: true },
  {
    op: 'Gelu',
    opset: 20,
    attributes: { approximate: 'tanh' },
    from: -5,
    to: 5,
    known: [1, 0.8411919906],
    untold: true,
  },
  { op: 'Softplus', from: -9, to: 9, known: [0, Math.LN2] },
  { op: 'Elu', attributes: { alpha: { float: 0.5 } }, from: -4, to: 3, known: [-1, -0.3160602794] },
  { op: 'Selu', from: -4, to: 3, known: [2, 2.1014020443] },
  { op: 'Celu', opset: 12, attributes: { alpha: { float: 2 } }, from: -8, to: 3, known: [-2, -1.2642411177] },
  { op: 'HardSwish', opset: 14, from: -5, to: 5, known: [1, 2 / 3] },
  { op: 'HardSigmoid', from: -5, to: 5, known: [1, 0.7] },
  { op: 'Mish', opset: 18, from: -8, to: 8, known: [1, 0.8650983883], untold: true },
  { op: 'Softsign', from: -4, to: 4, known: [-3, -0.75] },
  { op: 'Sin', from: -4, to: 4, known: [Math.PI / 2, 1] },
  { op: 'Cos', from: -4, to: 4, known: [Math.PI, -1] },
  { op: 'Atan', from: -4, to: 4, known: [1, Math.PI / 4] },
  { op: 'Sinh', opset: 9, from: -2, to: 2, known: [1, 1.1752011936] },
  { op: 'Cosh', opset: 9, from: -2, to: 2, known: [1, 1.5430806348] },
  { op: 'Asinh', opset: 9, from: -3, to: 3, known: [1, 0.881373587] },
  { op: 'Tan', from: -1, to: 1, known: [Math.PI / 4, 1] },
  { op: 'Asin', from: -0.9, to: 0.9, known: [0.5, Math.PI / 6] },
  { op: 'Acos', from: -0.9, to: 0.9, known: [0.5, Math.PI / 3] },
  { op: 'Acosh', opset: 9, from: 3, to: 5, known: [2, 1.3169578969] },
  { op: 'Atanh', opset: 9, from: -0.6, to: 0.6, known: [0.5, 0.5493061443] },
  ...([0.5, -1, -0.5, 1.5, -2, 3] as const).map((exponent) => ({
    op: 'Pow',
    inputs: ['x', 'e'],
    constants: { e: { shape: [], data: [exponent] } },
    from: 0.5,
    to: 3,
    known: [2, 2 ** exponent] as const,
  })),
  {
    op: 'Pow',
    inputs: ['b', 'x'],
    constants: { b: { shape: [], data: [3] } },
    from: -2,
    to: 1,
    known: [-1, 1 / 3],
  },
  {
    op: 'Div',
    inputs: ['c', 'x'],
    constants: { c: { shape: [], data: [6] } },
    from: 1,
    to: 5,
    known: [4, 1.5],
  },
]

function fileOf({ op, opset = 13, attributes = {}, constants = {}, inputs = ['x'] }: Case): Uint8Array {
  return onnxFile({
    opset,
    input: { name: 'x', shape: [1, SIZE] },
    output: 'y',
    constants,
    nodes: [{ op, inputs, outputs: ['y'], attributes, name: 'curve' }],
  })
}

async function runtime(file: Uint8Array, input: readonly number[]): Promise<number[]> {
  ort.env.wasm.numThreads = 1
  const session = await ort.InferenceSession.create(file, { logSeverityLevel: 3, graphOptimizationLevel: 'disabled' })
  const { y } = await session.run({ x: new ort.Tensor('float32', Float32Array.from(input), [1, SIZE]) })
  await session.release()
  return Array.from(y!.data as Float32Array)
}

describe('smooth functions of ONNX', function () {
  this.timeout(60_000)

  for (const each of CASES) {
    const { op, from, to, known, untold } = each
    const detail = JSON.stringify(each.attributes ?? each.constants ?? {})
    it(`${op} ${detail}: float as onnxruntime, integers within the error stated`, async () => {
      const random = new Random(11)
      const file = fileOf(each)
      const graph = importOnnx(file)
      const inputs = Array.from({ length: 6 }, () => random.list(SIZE, from, to))
      for (const input of inputs) {
        input[0] = from
        input[1] = to
      }
      if (known !== undefined) {
        const at = [known[0], ...inputs[0]!.slice(1)]
        expect(evaluate(graph, at).data[0]).to.be.closeTo(known[1], 2e-7 * Math.max(1, Math.abs(known[1])))
      }
      if (untold !== true)
        for (const input of inputs) {
          const found = evaluate(graph, input).data
          for (const [i, value] of (await runtime(file, input)).entries())
            expect(found[i]!, `${op} of ${input[i]}`).to.be.closeTo(value, 2e-6 * Math.max(1, Math.abs(value)))
        }
      for (const mode of ['released', 'committed'] as const) {
        const options = { mode, knobs: KNOBS, output: { kind: 'logits-commitment' } as const }
        const { program } = calibrate(graph, inputs, options)
        proveBounds(program)
        const alone = graph.nodes.filter((node) => node.op !== 'select').length === 1
        const note = program.notes.find((text) => alone && text.includes('straight lines'))
        const stated = note === undefined ? 0 : Number(/wrong by at most ([-+.e\d]+)/.exec(note)![1])
        const { scale } = tensorOf(program, program.scores)
        for (const input of inputs) {
          const encoded = encodeInput(program, input)
          const step = tensorOf(program, program.input.tensor).scale
          const { scores } = interpret(program, encoded)
          for (const [i, score] of scores.entries()) {
            // The input's own rounding is no part of the table's error.
            const exact = evaluate(
              graph,
              Array.from(encoded, (v) => v * step),
            ).data[i]!
            const allowed = note === undefined ? 0.05 * Math.max(1, Math.abs(exact)) : 1.05 * stated + 1e-6
            expect(score * scale, `${op} of ${input[i]}, ${note}`).to.be.closeTo(exact, allowed)
          }
        }
        if (note !== undefined) {
          const peak = Math.max(...inputs.flatMap((input) => Array.from(evaluate(graph, input).data, Math.abs)))
          expect(stated, note).to.be.lessThan(0.02 * peak)
        }
      }
    })
  }

  it("refuses what reaches a place without a value, by the node's name", () => {
    const refusal = (each: Case, low: number, high: number): string => {
      const sample = Array.from({ length: SIZE }, (_, i) => low + ((high - low) * i) / (SIZE - 1))
      try {
        calibrate(importOnnx(fileOf(each)), [sample], { mode: 'released', knobs: KNOBS })
      } catch (error) {
        expect(error).to.be.instanceOf(CompileError)
        return (error as CompileError).message
      }
      return 'it was taken'
    }
    const of = (op: string): Case => ({ op, from: 0, to: 1 })
    expect(refusal(of('Log'), 0, 4)).to.match(/curve: log of 0 is -Infinity/)
    expect(refusal(of('Reciprocal'), -1.5, 2)).to.match(/curve.*1 \/ 0 has no value.*epsilon/)
    expect(refusal(of('Sqrt'), -1, 4)).to.match(/curve: sqrt of -1 is NaN/)
    expect(refusal(of('Tan'), 1, 2)).to.match(/the tangent has no value at π\/2/)
    expect(refusal(of('Tan'), -5, 5)).to.match(/the tangent has no value at π\/2/)
    expect(refusal(of('Asin'), 0, 1.2)).to.match(/asin of 1.04\d+ is NaN/)
    expect(refusal({ ...of('Acosh'), opset: 9 }, 0.5, 3)).to.match(/acosh of 0.5 is NaN/)
    expect(refusal({ ...of('Atanh'), opset: 9 }, 0, 1)).to.match(/atanh of 1 is Infinity/)
    expect(refusal(CASES.find(({ op }) => op === 'Pow')!, 0.5, 3)).to.equal('it was taken')
  })

  it('holds a curve that no line continues to its calibrated window: an input beyond has no proof, and is named', () => {
    const graph = importOnnx(fileOf({ op: 'Reciprocal', from: 1, to: 2 }))
    const sample = Array.from({ length: SIZE }, (_, i) => 1 + i / (SIZE - 1))
    const { program } = calibrate(graph, [sample], {
      mode: 'released',
      knobs: KNOBS,
      inputRange: { min: -8, max: 8 },
      output: { kind: 'logits-commitment' },
    })
    proveBounds(program)
    const of = (value: number) => encodeInput(program, [value, ...sample.slice(1)])
    const { scale } = tensorOf(program, program.scores)
    expect(interpret(program, of(0.6)).scores[0]! * scale).to.be.closeTo(1 / 0.6, 0.02)
    expect(() => interpret(program, of(0.3))).to.throw(
      CompileError,
      /curve: its input is 0.3.* outside \[0\.49.*calibrated/,
    )
    expect(() => interpret(program, of(-4))).to.throw(CompileError, /curve/)
    expect(interpret(program, of(0.3), { outside: 'clamp' }).scores[0]! * scale).to.be.closeTo(2, 0.05)
  })

  it('goes on as the straight line that a curve becomes: no input is refused', () => {
    for (const [op, opset, at] of [
      ['Gelu', 20, (x: number) => Math.max(x, 0)],
      ['Softplus', 13, (x: number) => Math.max(x, 0)],
      ['Erf', 13, Math.sign],
    ] as const) {
      const graph = importOnnx(fileOf({ op, opset, from: -1, to: 1 }))
      const sample = Array.from({ length: SIZE }, (_, i) => -1 + (2 * i) / (SIZE - 1))
      const { program } = calibrate(graph, [sample], {
        mode: 'released',
        knobs: KNOBS,
        inputRange: { min: -300, max: 300 },
        output: { kind: 'logits-commitment' },
      })
      proveBounds(program)
      const layers = program.layers.map((layer) =>
        layer.kind === 'spline' ? { ...layer, bits: layer.bits - 1 } : layer,
      )
      expect(() => proveBounds({ ...program, layers })).to.throw(CompileError, /bits do not hold values/)
      const { scale } = tensorOf(program, program.scores)
      for (const x of [-300, -71.3, -20, 20, 150, 300]) {
        const { scores } = interpret(program, encodeInput(program, new Array(SIZE).fill(x)))
        expect(scores[0]! * scale, `${op} of ${x}`).to.be.closeTo(at(x), 0.16)
      }
    }
  })
})

// SPDX-License-Identifier: GPL-3.0-or-later
// What goes into a program and what is said of what comes out: columns of several meanings, values that calibration never
// saw, thresholds of a Softmax that was dropped, networks without weights.
import { expect } from 'chai'
import {
  buildWithPlan,
  CompileError,
  calibrate,
  encodeInput,
  evaluate,
  importOnnx,
  interpret,
  type Mode,
  planFromJson,
  planToJson,
  programFromJson,
  programToJson,
  proveBounds,
  tensorOf,
} from '../../../../keepers/zkml/index.ts'
import { build, honest } from '../circuit/forgery.ts'
import { type Constant, type Node, onnxFile } from '../import/onnx-file.ts'
import { Random } from '../random.ts'

const int64 = (...data: number[]): Constant => ({ shape: [data.length], data, type: 'int64' })

function network(nodes: readonly Node[], columns: number, constants: Record<string, Constant> = {}) {
  const output = nodes.at(-1)!.outputs[0]!
  return importOnnx(onnxFile({ opset: 17, input: { name: 'x', shape: [1, columns] }, output, nodes, constants }))
}

/** One column looked up in a table of five rows, three numeric ones beside it. */
function tabular() {
  const random = new Random(3)
  return network(
    [
      { op: 'Slice', inputs: ['x', 'one', 'two', 'axis'], outputs: ['code'] },
      { op: 'Cast', inputs: ['code'], outputs: ['index'], attributes: { to: 7 } },
      { op: 'Gather', inputs: ['table', 'index'], outputs: ['rows'] },
      { op: 'Reshape', inputs: ['rows', 'flat'], outputs: ['embedded'] },
      { op: 'Gather', inputs: ['x', 'others'], outputs: ['numbers'], attributes: { axis: 1 } },
      { op: 'Concat', inputs: ['embedded', 'numbers'], outputs: ['all'], attributes: { axis: 1 } },
      { op: 'Gemm', inputs: ['all', 'w', 'b'], outputs: ['h'] },
      { op: 'Relu', inputs: ['h'], outputs: ['r'] },
      { op: 'Gemm', inputs: ['r', 'v'], outputs: ['y'] },
    ],
    4,
    {
      one: int64(1),
      two: int64(2),
      axis: int64(1),
      flat: int64(1, 2),
      others: int64(0, 2, 3),
      table: { shape: [5, 2], data: random.list(10, -1, 1) },
      w: { shape: [5, 6], data: random.list(30, -1, 1) },
      b: { shape: [6], data: random.list(6, -0.5, 0.5) },
      v: { shape: [6, 2], data: random.list(12, -1, 1) },
    },
  )
}

describe('inputs of several meanings', function () {
  this.timeout(120_000)
  const graph = tabular()
  const random = new Random(8)
  const samples = Array.from({ length: 20 }, (_, i) => [
    random.next() * 2 - 1,
    i % 5,
    random.next() * 2 - 1,
    i === 0 ? -1 : random.next(),
  ])
  samples[1]![0] = 1
  samples[2]![0] = -1

  for (const mode of ['released', 'committed'] as const satisfies Mode[])
    it(`give numbers their own scale among indices (${mode})`, async () => {
      const knobs = { inputBits: 10, weightBits: { default: 10 }, activationBits: { default: 10 } }
      const { program, plan } = calibrate(graph, samples, { mode, knobs, output: { kind: 'logits-commitment' } })
      proveBounds(program)
      const again = buildWithPlan(graph, planFromJson(planToJson(plan)))
      expect(programToJson(again.program)).to.equal(programToJson(program))
      const { scale } = tensorOf(program, program.scores)
      for (const sample of samples) {
        const found = interpret(programFromJson(programToJson(program)), encodeInput(program, sample)).scores
        for (const [i, value] of evaluate(graph, sample).data.entries())
          expect(found[i]! * scale).to.be.closeTo(value, 0.03)
      }
      const built = await build({ ...program, name: `tabular_${mode}` })
      const witness = honest(built, encodeInput(program, samples[4]!))
      expect(built.circuit.system.firstViolation(witness)).to.equal(null)
    })

  it('refuse invalid indices, clamped or not, and name the numbers outside the range', () => {
    const { program } = calibrate(graph, samples, { mode: 'released' })
    for (const clamp of [false, true]) {
      expect(() => encodeInput(program, [0, 1.5, 0, 0], { clamp })).to.throw(
        CompileError,
        /1.5 at position 1 is not a whole/,
      )
      expect(() => encodeInput(program, [0, 5, 0, 0], { clamp })).to.throw(
        CompileError,
        /5 at position 1 lies outside \[0, 4\]/,
      )
      expect(() => encodeInput(program, [0, -1, 0, 0], { clamp })).to.throw(CompileError, /-1 at position 1/)
    }
    expect(() => encodeInput(program, [3, 1, 0, 0])).to.throw(
      CompileError,
      /3 at position 0 lies outside the calibrated/,
    )
    expect(encodeInput(program, [3, 1, 0, 0], { clamp: true })[1]).to.equal(1)
  })

  it('are whole numbers at scale 1 where the file says so', () => {
    const file = onnxFile({
      opset: 17,
      input: { name: 'x', shape: [1, 2], type: 'int32' },
      output: 'y',
      nodes: [
        { op: 'Cast', inputs: ['x'], outputs: ['f'], attributes: { to: 1 } },
        { op: 'MatMul', inputs: ['f', 'w'], outputs: ['y'] },
      ],
      constants: { w: { shape: [2, 2], data: [1, 0, 0, 1] } },
    })
    const { program } = calibrate(importOnnx(file), [[-3, 900]], { mode: 'released' })
    expect(Array.from(encodeInput(program, [-3, 517]))).to.deep.equal([-3, 517])
    expect(() => encodeInput(program, [0.5, 1], { clamp: true })).to.throw(CompileError, /not a whole number/)
  })
})

describe('a threshold on a dropped Softmax', () => {
  const scores = (classes: number, last: Node): ReturnType<typeof network> =>
    network([{ op: 'MatMul', inputs: ['x', 'w'], outputs: ['s'] }, last], 2, {
      w: { shape: [2, classes], data: new Random(classes).list(2 * classes, -2, 2) },
    })
  const samples = Array.from({ length: 60 }, (_, i) => [((i * 7) % 20) / 10 - 1, ((i * 3) % 20) / 10 - 1])
  const knobs = { inputBits: 14, weightBits: { default: 16 } }

  for (const [op, threshold] of [
    ['Softmax', 0.6],
    ['Softmax', 0.3],
    ['LogSoftmax', Math.log(0.7)],
  ] as const)
    for (const index of [0, 1])
      it(`is exact for two classes: ${op} ${index} ≥ ${threshold.toFixed(2)}`, () => {
        const graph = scores(2, { op, inputs: ['s'], outputs: ['p'] })
        const output = { kind: 'score', index, threshold } as const
        const { program, plan } = calibrate(graph, samples, { mode: 'released', knobs, output })
        const built = buildWithPlan(graph, planFromJson(planToJson(plan))).program
        expect(programToJson(built)).to.equal(programToJson(program))
        if (program.output.kind !== 'score') throw new Error('not a score')
        const outcomes = new Set<boolean>()
        for (const sample of samples) {
          const [a, b] = evaluate(graph, sample).data as unknown as [number, number]
          const p = 1 / (1 + Math.exp(index === 0 ? b - a : a - b))
          const right = op === 'Softmax' ? p : Math.log(p)
          if (Math.abs(right - threshold) < 0.002) continue
          const said =
            interpret(program, encodeInput(program, sample)).scores[program.output.index]! >= program.output.threshold
          expect(said, String(sample)).to.equal(right >= threshold)
          outcomes.add(said)
        }
        expect(outcomes.size).to.equal(2)
      })

  it('is refused for more classes, for thresholds that no probability has, and after an ArgMax', () => {
    const three = scores(3, { op: 'Softmax', inputs: ['s'], outputs: ['p'] })
    const options = (threshold: number) => ({
      mode: 'released' as const,
      output: { kind: 'score', index: 0, threshold } as const,
    })
    expect(() => calibrate(three, samples, options(0.9))).to.throw(
      CompileError,
      /softmax over 3 scores, which is dropped/,
    )
    const two = scores(2, { op: 'Softmax', inputs: ['s'], outputs: ['p'] })
    for (const threshold of [0, 1, 1.5, -1])
      expect(() => calibrate(two, samples, options(threshold))).to.throw(CompileError, /between 0 and 1/)
    const ranked = scores(2, { op: 'ArgMax', inputs: ['s'], outputs: ['p'], attributes: { axis: 1 } })
    expect(() => calibrate(ranked, samples, options(0.9))).to.throw(CompileError, /ArgMax, which gives only a label/)
    const computed = network(
      [
        { op: 'ArgMax', inputs: ['x'], outputs: ['i'], attributes: { axis: 1 } },
        { op: 'Cast', inputs: ['i'], outputs: ['f'], attributes: { to: 1 } },
        { op: 'Mul', inputs: ['f', 'two'], outputs: ['y'] },
      ],
      2,
      { two: { shape: [], data: [2] } },
    )
    // An index that is computed with is a number like any other.
    const exact = { mode: 'released', output: { kind: 'value' } } as const
    const { program } = calibrate(computed, samples, exact)
    for (const sample of samples) {
      const [score] = interpret(program, encodeInput(program, sample)).scores
      expect(score! * program.tensors.at(-1)!.scale).to.equal(sample[1]! > sample[0]! ? 2 : 0)
    }
    const plain = scores(2, { op: 'Identity', inputs: ['s'], outputs: ['p'] })
    const { plan } = calibrate(plain, samples, options(0.5))
    expect(() => buildWithPlan(two, plan)).to.throw(CompileError, /calibrate again/)
  })
})

describe('a network without weights', function () {
  this.timeout(120_000)
  for (const mode of ['released', 'committed'] as const satisfies Mode[])
    it(`becomes a circuit with a model commitment that covers no weights (${mode})`, async () => {
      const graph = network([{ op: 'Tanh', inputs: ['x'], outputs: ['y'] }], 3)
      const { program } = calibrate(graph, [[-1, 0.5, 1]], { mode, output: { kind: 'label' } })
      const built = await build({ ...program, name: `weightless_${mode}` })
      const witness = honest(built, encodeInput(program, [-1, 0.25, 1]))
      expect(built.circuit.system.firstViolation(witness)).to.equal(null)
    })
})

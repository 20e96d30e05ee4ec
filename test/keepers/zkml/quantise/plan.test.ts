// SPDX-License-Identifier: GPL-3.0-or-later
// Plans repeat, later versions keep the circuit, and what does not fit is clipped and said.
import { expect } from 'chai'
import { tensor } from '../../../../keepers/zkml/graph/tensor.ts'
import {
  buildWithPlan,
  CompileError,
  calibrate,
  encodeInput,
  evaluate,
  type Graph,
  interpret,
  planFromJson,
  planToJson,
  programFromJson,
  programParameters,
  programToJson,
  proveBounds,
  tensorOf,
} from '../../../../keepers/zkml/index.ts'
import { Random } from '../random.ts'
import { everything, samples, smallCnn, twoLayers } from './networks.ts'

/** The same architecture with all weights multiplied. */
function grown(graph: Graph, factor: number): Graph {
  return {
    ...graph,
    nodes: graph.nodes.map((node) =>
      node.op === 'conv2d' || node.op === 'dense'
        ? {
            ...node,
            weights: tensor(
              node.weights.shape,
              node.weights.data.map((value) => value * factor),
            ),
          }
        : node,
    ),
  }
}

describe('quantisation plans', () => {
  it('give the same program again, through a file', () => {
    const random = new Random(20)
    const graph = everything(random)
    for (const mode of ['released', 'committed'] as const) {
      const { program, plan } = calibrate(graph, samples(random, 8, 36), { mode, output: { kind: 'margin' } })
      const again = buildWithPlan(graph, planFromJson(planToJson(plan))).program
      expect(programToJson(again)).to.equal(programToJson(program))
    }
  })

  it('of committed mode keep every number but the weights for a later version', () => {
    const random = new Random(21)
    const graph = smallCnn(random)
    const { program, plan } = calibrate(graph, samples(random, 8, 64), { mode: 'committed' })
    const { program: later, clipping } = buildWithPlan(smallCnn(new Random(99)), plan)
    const skeleton = (p: typeof program) =>
      JSON.stringify(p, (key, value) =>
        key === 'values' ? value.length : ArrayBuffer.isView(value) ? Array.from(value as Float64Array) : value,
      )
    expect(skeleton(later)).to.equal(skeleton(program))
    expect(clipping).to.deep.equal([])
    proveBounds(later)
  })

  it('of committed mode clip weights that outgrow them, and say how many', () => {
    const random = new Random(22)
    const graph = smallCnn(random)
    const { plan } = calibrate(graph, samples(random, 8, 64), { mode: 'committed', knobs: { headroom: 1.5 } })
    expect(buildWithPlan(grown(graph, 1.4), plan).clipping).to.deep.equal([])
    const { program, clipping } = buildWithPlan(grown(graph, 8), plan)
    const conv = clipping.find(({ layer, role }) => layer === 'conv' && role === 'weights')!
    expect(conv.of).to.equal(18)
    expect(conv.clipped).to.be.greaterThan(0)
    expect(program.notes.join()).to.contain(`conv: ${conv.clipped} of 18 weights did not fit`)
    for (const { parameter } of programParameters(program))
      for (const value of parameter.values) expect(Math.abs(value)).to.be.at.most(2 ** (parameter.bits - 1) - 1)
    proveBounds(program)
  })

  it('refuse another architecture', () => {
    const random = new Random(23)
    const { plan } = calibrate(smallCnn(random), samples(random, 3, 64), { mode: 'committed' })
    expect(() => buildWithPlan(everything(random), plan)).to.throw(CompileError, /another architecture/)
  })

  it('refuse knobs, outputs, ranges and calibrations that mean nothing', () => {
    const random = new Random(24)
    const graph = twoLayers(random, 3, 4, 2, { kind: 'relu' })
    const data = samples(random, 3, 3)
    const released = { mode: 'released' } as const
    for (const [options, inputs, pattern] of [
      [{ ...released, knobs: { inputBits: 0 } }, data, /inputBits = 0/],
      [{ ...released, knobs: { weightBits: { default: 8, layers: { first: 1 } } } }, data, /weightBits of first = 1/],
      [{ ...released, knobs: { activationBits: { default: 40 } } }, data, /activationBits = 40/],
      [{ ...released, knobs: { headroom: 0.5 } }, data, /headroom = 0.5/],
      [
        { ...released, output: { kind: 'score', index: 2, threshold: 0 } as const },
        data,
        /index 2 is outside the 2 scores/,
      ],
      [{ ...released, output: { kind: 'value' } as const }, data, /needs a single score/],
      [{ ...released, inputRange: { min: 0, max: 0 } }, data, /input range/],
      [released, [], /at least one input sample/],
      [released, [[1, 2]], /takes 3 numbers, found 2/],
    ] as const)
      expect(() => calibrate(graph, inputs, options)).to.throw(CompileError, pattern)
  })

  it('turn a score’s real threshold into the integer that says the same', () => {
    const random = new Random(25)
    const graph = twoLayers(random, 3, 4, 2, { kind: 'relu' })
    const data = samples(random, 40, 3)
    const { program, plan } = calibrate(graph, data, {
      mode: 'released',
      output: { kind: 'score', index: 1, threshold: 0.2 },
    })
    if (program.output.kind !== 'score') throw new Error('not a score')
    const { scale } = tensorOf(program, program.scores)
    expect(program.output.threshold * scale).to.be.within(0.2, 0.2 + scale)
    expect(plan.output).to.deep.equal(program.output)
  })

  it('follow the float network closer with every bit', () => {
    const random = new Random(26)
    const graph = smallCnn(random)
    const data = samples(random, 30, 64)
    const errors = [3, 6, 9, 12].map((bits) => {
      const knobs = { inputBits: bits, weightBits: { default: bits + 1 }, activationBits: { default: bits } }
      const { program } = calibrate(graph, data, { mode: 'released', knobs })
      const { scale } = tensorOf(program, program.scores)
      let worst = 0
      for (const sample of data) {
        const float = evaluate(graph, sample).data
        for (const [i, score] of interpret(program, encodeInput(program, sample)).scores.entries())
          worst = Math.max(worst, Math.abs(score * scale - float[i]!))
      }
      return worst
    })
    for (let i = 1; i < errors.length; i++) expect(errors[i]!).to.be.lessThan(errors[i - 1]! / 3)
    expect(errors.at(-1)!).to.be.lessThan(0.005)
  })

  it('encode inputs with an exact zero, rounding and clamping', () => {
    const random = new Random(27)
    const graph = twoLayers(random, 3, 4, 2, { kind: 'relu' })
    const { program } = calibrate(graph, [[-0.5, 0, 1]], { mode: 'released', knobs: { inputBits: 4 } })
    expect(program.input.min).to.equal(-5)
    expect(Array.from(encodeInput(program, [0, 0.049, 1]))).to.deep.equal([0, 0, 10])
    expect(Array.from(encodeInput(program, [0, 0.049, 7], { clamp: true }))).to.deep.equal([0, 0, 10])
    expect(Array.from(encodeInput(program, [-9, 0.06, 0.1], { clamp: true }))).to.deep.equal([-5, 1, 1])
    expect(() => encodeInput(program, [0, 0.049, 7])).to.throw(
      CompileError,
      /input value 7 at position 2 lies outside the calibrated range \[-0.5, 1\]/,
    )
    expect(() => encodeInput(program, [0, Number.NaN, 0])).to.throw(CompileError, /position 1/)
    expect(() => encodeInput(program, [0])).to.throw(CompileError, /takes 3/)
  })
})

describe('program files', () => {
  const random = new Random(30)
  const { program } = calibrate(everything(random), samples(random, 4, 36), { mode: 'committed' })
  const text = programToJson(program)

  it('come back as they went, and compute the same', () => {
    const again = programFromJson(text)
    expect(programToJson(again)).to.equal(text)
    const input = new Float64Array(36).fill(3)
    expect(Array.from(interpret(again, input).scores)).to.deep.equal(Array.from(interpret(program, input).scores))
    proveBounds(again)
  })

  it('are refused when a field is wrong, a list too short, or a layer hangs in the air', () => {
    const spoil = (change: (json: any) => void): string => {
      const json = JSON.parse(text)
      change(json)
      return JSON.stringify(json)
    }
    const of = (json: any, kind: string) => json.layers.find((layer: any) => layer.kind === kind)
    const cases: [(json: any) => void, RegExp][] = [
      [(json) => Object.assign(json, { version: 2 }), /field version/],
      [(json) => json.layers[0].weights.values.pop(), /weights has 17 entries where 18/],
      [(json) => Object.assign(json.layers[0].bias.values, { 0: 0.5 }), /layers.0.bias.values.0/],
      [(json) => Object.assign(json.layers[0].weights.values, { 0: 2 ** 53 }), /layers.0.weights/],
      [(json) => Object.assign(json.layers[1], { inputs: ['elsewhere'] }), /reads elsewhere/],
      [(json) => Object.assign(json.layers[0], { name: 'a; signal output x' }), /layers.0.name/],
      [(json) => Object.assign(json, { scores: 'nowhere' }), /no layer writes the scores/],
      [(json) => json.layers.push(json.layers[0]), /two layers have the name conv/],
      [(json) => json.layers.push({ ...json.layers[0], name: 'again' }), /written before/],
      [(json) => Object.assign(json.layers[0], { inShape: [6, 7, 1] }), /inShape has 42 entries where 36/],
      [(json) => Object.assign(json.layers[0], { strides: [0, 1] }), /do not fit its channels/],
      [(json) => Object.assign(of(json, 'sparse').indices, { 0: 999 }), /index lies outside/],
      [(json) => Object.assign(of(json, 'sparse').offsets, { 1: 999 }), /offsets do not run/],
      [(json) => Object.assign(of(json, 'maxpool').windows, { 0: [] }), /window is empty/],
      [(json) => Object.assign(of(json, 'rescale'), { shift: 50 }), /shift 50 of only/],
      [(json) => of(json, 'multiply').inputs.pop(), /inputs has 1 entries where 2/],
      [(json) => of(json, 'piecewise').slopes.pop(), /slopes has/],
    ]
    expect(() => programFromJson('{')).to.throw(CompileError, /not JSON/)
    for (const [change, pattern] of cases) expect(() => programFromJson(spoil(change))).to.throw(CompileError, pattern)
  })

  it('refuse malformed plans', () => {
    expect(() => planFromJson('[]')).to.throw(CompileError, /plan field/)
    expect(() => planFromJson('nothing')).to.throw(CompileError, /not JSON/)
  })
})

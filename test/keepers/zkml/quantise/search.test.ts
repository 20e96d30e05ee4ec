// SPDX-License-Identifier: GPL-3.0-or-later
// The bit search saves constraints, keeps to its budget, reaches its target or says that it cannot, and can be stopped.
import { expect } from 'chai'
import {
  accuracyOf,
  CompileError,
  calibrate,
  floatScores,
  type Graph,
  programCost,
  programScores,
  proveBounds,
  searchBits,
} from '../../../../keepers/zkml/index.ts'
import { fitPiecewise } from '../../../../keepers/zkml/quantise/piecewise.ts'
import { Random } from '../random.ts'
import { samples, twoLayers } from './networks.ts'

/** Inputs with the network's own answers as labels, but for the close calls. */
function separable(
  graph: Graph,
  random: Random,
  count: number,
  size: number,
): { inputs: number[][]; labels: number[] } {
  const inputs: number[][] = []
  const labels: number[] = []
  for (const input of samples(random, count * 4, size, -1, 1)) {
    const [scores] = floatScores(graph, [input]) as [Float64Array]
    const ordered = Array.from(scores).sort((a, b) => b - a)
    if (ordered[0]! - ordered[1]! < 0.2) continue
    inputs.push(input)
    labels.push(scores.indexOf(ordered[0]!))
  }
  return { inputs: inputs.slice(0, count), labels: labels.slice(0, count) }
}

describe('the bit search', () => {
  const random = new Random(40)
  const graph = twoLayers(random, 12, 16, 4, { kind: 'relu' })
  const data = samples(random, 40, 12, -1, 1)
  const heldOut = separable(graph, random, 300, 12)
  const start = calibrate(graph, data, {
    mode: 'released',
    knobs: { weightBits: { default: 9 }, activationBits: { default: 9 } },
  }).program

  it('saves constraints within the accuracy budget, keeps the input as it is, and its program proves', () => {
    const result = searchBits(graph, data, heldOut, { mode: 'released', maxLoss: 0.02 })
    expect(result.constraints).to.equal(programCost(result.program).total)
    expect(result.constraints).to.be.lessThan(programCost(start).total * 0.9)
    expect(result.floatAccuracy).to.equal(1)
    expect(result.accuracy).to.be.at.least(0.98)
    expect(accuracyOf(programScores(result.program, heldOut.inputs), heldOut.labels)).to.equal(result.accuracy)
    expect(result.knobs.inputBits).to.equal(8)
    proveBounds(result.program)
    const kept = result.steps.filter((step) => step.kept)
    for (let i = 1; i < kept.length; i++) expect(kept[i]!.constraints).to.be.lessThan(kept[i - 1]!.constraints)
  })

  it('stops as soon as a target is reached, and takes input bits when it may', () => {
    const target = programCost(start).total - 60
    const result = searchBits(graph, data, heldOut, { mode: 'released', maxLoss: 0.05, target, minInputBits: 4 })
    expect(result.constraints).to.be.at.most(target)
    expect(result.steps.at(-1)!.kept).to.equal(true)
    expect(result.steps.some((step) => step.change.startsWith('input bits'))).to.equal(true)
  })

  it('uses the float network’s answers where labels are missing', () => {
    const result = searchBits(graph, data, { inputs: heldOut.inputs }, { mode: 'committed', maxLoss: 0.05 })
    expect(result.floatAccuracy).to.equal(1)
    expect(result.accuracy).to.be.at.least(0.95)
  })

  it('refuses a target out of reach, a start that loses too much, and nothing to judge by', () => {
    const search = (options: object, judged: { inputs: number[][] } = heldOut) =>
      searchBits(graph, data, judged, { mode: 'released', maxLoss: 0.01, ...options })
    expect(() => search({ target: 100 }))
      .to.throw(CompileError, /fewest found/)
      .with.property('code', 'accuracy-loss')
    const coarse = { inputBits: 1, weightBits: { default: 2 }, activationBits: { default: 1 } }
    expect(() => search({ knobs: coarse })).to.throw(CompileError, /before any bit is taken/)
    expect(() => search({}, { inputs: [] })).to.throw(CompileError, /held-out samples/)
  })

  it('stops when it is told to, and reports each step', () => {
    const controller = new AbortController()
    let steps = 0
    const run = () =>
      searchBits(graph, data, heldOut, {
        mode: 'released',
        maxLoss: 0.05,
        signal: controller.signal,
        onStep: () => {
          if (++steps === 3) controller.abort(new Error('enough'))
        },
      })
    expect(run).to.throw('enough')
    expect(steps).to.equal(3)
  })
})

describe('piecewise linear curves', () => {
  const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))

  it('state an error that no input of their range exceeds, and more pieces make it smaller', () => {
    let previous = 1
    for (const segments of [2, 4, 8, 16]) {
      const range = { min: -700, max: 900 }
      const fit = fitPiecewise(sigmoid, { from: -8, to: 8 }, 2 ** -6, range, 10, segments)
      expect(fit.slopes.length).to.be.at.most(segments + 2)
      let worst = 0
      for (let v = range.min; v <= range.max; v++) {
        const j = fit.breakpoints.filter((t) => t <= v).length
        const value = (fit.slopes[j]! * v + fit.intercepts[j]!) * 2 ** -16
        worst = Math.max(worst, Math.abs(value - sigmoid(v * 2 ** -6)))
      }
      // Between looked-at points a curve of slope ≤ ¼ moves by less than a unit.
      expect(worst).to.be.within(fit.error * 0.98, fit.error + 2 ** -8)
      expect(fit.error).to.be.lessThan(previous)
      previous = fit.error
    }
    expect(previous).to.be.lessThan(0.004)
  })

  it('are flat beyond their reach and exact for what is piecewise already', () => {
    const hard = (x: number) => Math.min(1, Math.max(0, 0.25 * x + 0.5))
    const fit = fitPiecewise(hard, { from: -2, to: 2 }, 2 ** -4, { min: -10_000, max: 10_000 }, 4, 1)
    expect(fit).to.deep.equal({ breakpoints: [-32, 33], slopes: [0, 4, 0], intercepts: [0, 128, 256], error: 0 })
  })

  it('need no breakpoint when the range lies within one piece', () => {
    const fit = fitPiecewise(sigmoid, { from: -8, to: 8 }, 1, { min: 50, max: 60 }, 6, 7)
    expect(fit.breakpoints).to.have.length(0)
    expect(fit.error).to.be.lessThan(0.001)
  })
})

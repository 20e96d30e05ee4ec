// SPDX-License-Identifier: GPL-3.0-or-later
// Bounds hold for every admissible input, are not much wider than they must be, and no tampered program passes.
import { expect } from 'chai'
import {
  CompileError,
  calibrate,
  type IntegerLayer,
  type IntegerProgram,
  interpret,
  programParameters,
  proveBounds,
  tensorOf,
} from '../../../../keepers/zkml/index.ts'
import { BoundsTracker } from '../../../../keepers/zkml/quantise/bounds.ts'
import { Random } from '../random.ts'
import { everything, samples, smallCnn, twoLayers } from './networks.ts'

function requireInside(program: IntegerProgram, input: ArrayLike<number>): void {
  for (const [id, values] of interpret(program, input).tensors) {
    const { min, max } = tensorOf(program, id).bounds
    for (const value of values)
      if (value < min || value > max) throw new Error(`${id}: ${value} outside [${min}, ${max}]`)
  }
}

/** Inputs at the ends of their range, in every mixture of the two. */
function extremeInput(program: IntegerProgram, random: Random): Float64Array {
  const { tensor, min, bits } = program.input
  const size = tensorOf(program, tensor).shape.reduce((a, b) => a * b, 1)
  const share = random.next()
  return Float64Array.from({ length: size }, () => (random.next() < share ? min : min + 2 ** bits - 1))
}

describe('proven bounds', () => {
  it('hold for every input of small networks, all of them tried', () => {
    for (const fn of [
      { kind: 'relu' },
      { kind: 'leaky-relu', slope: 0.25 },
      { kind: 'tanh' },
      { kind: 'clip', min: -0.4, max: 0.7 },
      { kind: 'polynomial', coefficients: [0.5, 0, 1] },
    ] as const) {
      const random = new Random(4)
      const graph = twoLayers(random, 3, 5, 2, fn)
      const knobs = { inputBits: 3, weightBits: { default: 6 }, activationBits: { default: 4 } }
      const { program } = calibrate(graph, samples(random, 10, 3, -1, 1), { mode: 'released', knobs })
      proveBounds(program)
      const { min } = program.input
      for (let a = 0; a < 8; a++)
        for (let b = 0; b < 8; b++) for (let c = 0; c < 8; c++) requireInside(program, [min + a, min + b, min + c])
    }
  })

  it('of chained sums are not taken from numbers that a double has rounded', () => {
    // a = 5, whatever the input is; b = 1 + 5C − C·a = 1; out = F·b = F. Multiplied out, F·(5C + 1) and F·C exceed 2^53.
    const [C, F] = [2 ** 48 - 1, 3 * 2 ** 20 + 1]
    const dense = (name: string, input: string, weight: number, bias: number): IntegerLayer => ({
      kind: 'dense',
      name,
      inputs: [input],
      output: name,
      sources: [name],
      inputSize: 1,
      outputSize: 1,
      weights: { values: Float64Array.of(weight), bits: 53 },
      bias: { values: Float64Array.of(bias), bits: 53 },
    })
    const tracker = new BoundsTracker('released', { tensor: 'x', min: 0, bits: 1 }, 1)
    tracker.add(dense('five', 'x', 0, 5), 1)
    const activation = { kind: 'identity' } as const
    const held = { inputs: ['five'], output: 'a', sources: ['a'], shift: 0, bits: 5, unsigned: false, activation }
    tracker.add({ kind: 'rescale', name: 'a', ...held }, 1)
    tracker.add(dense('b', 'a', -C, 5 * C + 1), 1)
    tracker.add(dense('out', 'b', F, 0), 1)
    expect(tracker.overall('b')).to.deep.equal({ min: 1, max: 1 })
    expect(tracker.overall('out')).to.deep.equal({ min: F, max: F })
  })

  it('hold at extreme inputs of a network with one of everything, in both modes', () => {
    const random = new Random(6)
    const graph = everything(random)
    for (const mode of ['released', 'committed'] as const) {
      const { program } = calibrate(graph, samples(random, 8, 36), { mode, knobs: { inputBits: 6 } })
      proveBounds(program)
      for (let i = 0; i < 200; i++) requireInside(program, extremeInput(program, random))
    }
  })

  it('hold in committed mode for every weight that the circuit admits, not only for today’s', () => {
    const random = new Random(7)
    const graph = everything(random)
    const { program } = calibrate(graph, samples(random, 8, 36), {
      mode: 'committed',
      knobs: { inputBits: 6, weightBits: { default: 6 } },
    })
    for (let i = 0; i < 200; i++) {
      const share = random.next()
      for (const { parameter } of programParameters(program))
        for (const k of parameter.values.keys())
          parameter.values[k] = random.next() < share ? -(2 ** (parameter.bits - 1)) : 2 ** (parameter.bits - 1) - 1
      requireInside(program, extremeInput(program, random))
      proveBounds(program)
    }
  })

  it('are reached exactly by the worst input of a linear layer', () => {
    const random = new Random(9)
    const graph = twoLayers(random, 6, 4, 3, { kind: 'relu' })
    const { program } = calibrate(graph, samples(random, 5, 6), { mode: 'released', knobs: { inputBits: 5 } })
    const first = program.layers[0]!
    if (first.kind !== 'dense') throw new Error('the first layer is not dense')
    let highest = Number.NEGATIVE_INFINITY
    for (let o = 0; o < 4; o++) {
      const worst = Float64Array.from({ length: 6 }, (_, i) => (first.weights.values[i * 4 + o]! > 0 ? 31 : 0))
      highest = Math.max(highest, interpret(program, worst).tensors.get(first.output)![o]!)
    }
    expect(highest).to.equal(tensorOf(program, first.output).bounds.max)
  })

  it('of a pool over a convolution are those of their product, tighter than bounds of bounds', () => {
    const random = new Random(10)
    const { program } = calibrate(smallCnn(random), samples(random, 5, 64), { mode: 'released' })
    const [conv, pool] = program.layers as [IntegerLayer, IntegerLayer]
    const loose = tensorOf(program, conv.output).bounds.max * 4
    expect(tensorOf(program, pool.output).bounds.max).to.be.lessThan(loose * 0.97)
  })

  it('refuse a program with numbers that were changed afterwards', () => {
    const random = new Random(12)
    const graph = everything(random)
    const { program } = calibrate(graph, samples(random, 8, 36), { mode: 'released', knobs: { inputBits: 6 } })
    const replaced = (kind: IntegerLayer['kind'], change: (layer: any) => object): IntegerProgram => {
      const at = program.layers.findIndex((layer) => layer.kind === kind)
      expect(at, kind).to.be.at.least(0)
      return {
        ...program,
        layers: program.layers.map((layer, i) => (i === at ? ({ ...layer, ...change(layer) } as IntegerLayer) : layer)),
      }
    }
    const larger = (parameter: { values: Float64Array; bits: number }) => ({
      ...parameter,
      values: parameter.values.map((value) => value * 2),
    })
    const spoiled: IntegerProgram[] = [
      replaced('rescale', ({ bits }) => ({ bits: bits - 1 })),
      replaced('maxpool', ({ bits }) => ({ bits: bits - 1 })),
      replaced('piecewise', ({ bits }) => ({ bits: bits - 1 })),
      replaced('piecewise', ({ breakpoints }) => ({ breakpoints: [...breakpoints].reverse() })),
      replaced('conv2d', ({ weights }) => ({ weights: larger(weights) })),
      replaced('dense', ({ weights }) => ({ weights: larger(weights) })),
      replaced('sparse', ({ coefficients }) => ({ coefficients: coefficients.map((c: number) => c * 4) })),
      { ...program, input: { ...program.input, bits: program.input.bits + 1 } },
      {
        ...program,
        tensors: program.tensors.map((each) =>
          each.id === program.scores ? { ...each, bounds: { ...each.bounds, max: each.bounds.max - 1 } } : each,
        ),
      },
    ]
    for (const [i, bad] of spoiled.entries())
      expect(() => proveBounds(bad), `change ${i}`)
        .to.throw(CompileError)
        .with.property('code', 'bound-exceeded')
    proveBounds(program)
  })

  it('refuse what could pass 2^52, naming the layer and the knob', () => {
    const random = new Random(13)
    const graph = twoLayers(random, 64, 64, 2, { kind: 'relu' })
    const knobs = { inputBits: 24, weightBits: { default: 24 }, activationBits: { default: 24 } }
    expect(() => calibrate(graph, samples(random, 2, 64), { mode: 'committed', knobs }))
      .to.throw(CompileError, /layer (first|second).*lower its weight bits or the activation bits before it/)
      .with.property('code', 'bound-exceeded')
  })

  it('know that a square is never negative', () => {
    const tracker = new BoundsTracker('released', { tensor: 'x', min: -8, bits: 4 }, 1)
    const base = { name: 'l', sources: [], kind: 'multiply' } as const
    tracker.add({ ...base, inputs: ['x', 'x'], output: 'square' }, 1)
    expect(tracker.overall('square')).to.deep.equal({ min: 0, max: 64 })
    tracker.add({ ...base, inputs: ['x', 'square'], output: 'cube' }, 1)
    expect(tracker.overall('cube')).to.deep.equal({ min: -512, max: 448 })
  })
})

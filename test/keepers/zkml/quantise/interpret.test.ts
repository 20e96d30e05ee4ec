// SPDX-License-Identifier: GPL-3.0-or-later
// The interpreter against what the layers' definitions say in bits, computed here with big integers.
import { expect } from 'chai'
import {
  CompileError,
  calibrate,
  interpret,
  type PiecewiseLayer,
  type RescaleLayer,
} from '../../../../keepers/zkml/index.ts'
import { runLayer } from '../../../../keepers/zkml/quantise/interpret.ts'
import { Random } from '../random.ts'
import { samples, twoLayers } from './networks.ts'

const base = { name: 'l', inputs: ['a'], output: 'b', sources: [] }

/** What the circuit does: decompose in + 2^(B−1) into bits, take the top one as sign and those from `shift` as value. */
function byBits(layer: RescaleLayer, value: number): bigint {
  const bits = BigInt(layer.bits)
  const shift = BigInt(layer.shift)
  const offset = layer.unsigned ? 0n : 1n << (bits - 1n)
  const raised = BigInt(value) + offset
  if (raised < 0n || raised >= 1n << bits) throw new Error('not in range')
  const list = Array.from({ length: layer.bits }, (_, i) => (raised >> BigInt(i)) & 1n)
  const sign = list.at(-1)!
  let v = layer.unsigned ? 0n : -(1n << (bits - 1n - shift))
  for (let i = layer.shift; i < layer.bits; i++) v += list[i]! << BigInt(i - layer.shift)
  const { activation } = layer
  if (activation.kind === 'identity') return v
  if (activation.kind === 'relu') return sign * v
  const denominator = 1n << BigInt(activation.log2Denominator)
  return BigInt(activation.numerator) * v + (denominator - BigInt(activation.numerator)) * sign * v
}

describe('the integer interpreter', () => {
  it('rescales exactly as a decomposition into bits does, at every value of small widths', () => {
    const activations: RescaleLayer['activation'][] = [
      { kind: 'identity' },
      { kind: 'relu' },
      { kind: 'leaky', numerator: 3, log2Denominator: 4 },
    ]
    let compared = 0
    for (const activation of activations)
      for (const unsigned of activation.kind === 'identity' ? [false, true] : [false])
        for (let bits = 2; bits <= 7; bits++)
          for (let shift = 0; shift < bits; shift++) {
            const layer: RescaleLayer = { ...base, kind: 'rescale', bits, shift, unsigned, activation }
            const low = unsigned ? 0 : -(2 ** (bits - 1))
            const values = Float64Array.from({ length: 2 ** bits }, (_, i) => low + i)
            for (const [i, found] of runLayer(layer, [values], values.length).entries()) {
              expect(BigInt(found)).to.equal(byBits(layer, values[i]!))
              compared++
            }
          }
    expect(compared).to.be.greaterThan(4000)
  })

  it('rescales exactly near the largest values it may hold', () => {
    const random = new Random(5)
    for (let i = 0; i < 500; i++) {
      const bits = random.int(40, 52)
      const value = Math.floor((random.next() - 0.5) * 2 ** bits)
      const layer: RescaleLayer = {
        ...base,
        kind: 'rescale',
        bits,
        shift: random.int(0, bits - 1),
        unsigned: false,
        activation: { kind: 'relu' },
      }
      expect(BigInt(runLayer(layer, [Float64Array.of(value)], 1)[0]!)).to.equal(byBits(layer, value))
    }
  })

  it('never yields a negative zero', () => {
    const layer: RescaleLayer = {
      ...base,
      kind: 'rescale',
      bits: 4,
      shift: 0,
      unsigned: false,
      activation: { kind: 'leaky', numerator: 0, log2Denominator: 2 },
    }
    for (const value of runLayer(layer, [Float64Array.of(-3, -1, 0)], 3)) expect(Object.is(value, -0)).to.equal(false)
  })

  it('convolves with padding, stride, dilation and groups as the definition says', () => {
    const random = new Random(8)
    for (let round = 0; round < 30; round++) {
      const groups = random.int(1, 2)
      const [cg, og] = [random.int(1, 2), random.int(1, 2)]
      const [h, w] = [random.int(3, 6), random.int(3, 6)]
      const [kh, kw] = [random.int(1, 3), random.int(1, 3)]
      const [sy, sx, dy, dx] = [1, 2, 3, 4].map(() => random.int(1, 2)) as [number, number, number, number]
      const padding = { top: random.int(0, 2), left: random.int(0, 2), bottom: 2, right: 2 }
      const oh = Math.floor((h + padding.top + 2 - (kh - 1) * dy - 1) / sy) + 1
      const ow = Math.floor((w + padding.left + 2 - (kw - 1) * dx - 1) / sx) + 1
      const cin = cg * groups
      const cout = og * groups
      const list = (n: number) => Float64Array.from({ length: n }, () => random.int(-50, 50))
      const input = list(h * w * cin)
      const weights = list(kh * kw * cg * cout)
      const bias = list(cout)
      const found = runLayer(
        {
          ...base,
          kind: 'conv2d',
          inShape: [h, w, cin],
          outShape: [oh, ow, cout],
          kernel: [kh, kw],
          strides: [sy, sx],
          dilations: [dy, dx],
          padding,
          groups,
          weights: { values: weights, bits: 8 },
          bias: { values: bias, bits: 8 },
        },
        [input],
        oh * ow * cout,
      )
      for (let y = 0; y < oh; y++)
        for (let x = 0; x < ow; x++)
          for (let o = 0; o < cout; o++) {
            let sum = bias[o]!
            for (let i = 0; i < kh; i++)
              for (let j = 0; j < kw; j++)
                for (let c = 0; c < cg; c++) {
                  const row = y * sy + i * dy - padding.top
                  const column = x * sx + j * dx - padding.left
                  if (row < 0 || row >= h || column < 0 || column >= w) continue
                  const g = Math.floor(o / (cout / groups))
                  sum += input[(row * w + column) * cin + g * cg + c]! * weights[((i * kw + j) * cg + c) * cout + o]!
                }
            expect(found[(y * ow + x) * cout + o]).to.equal(sum)
          }
    }
  })

  it('takes the piece that begins at a breakpoint', () => {
    const layer: PiecewiseLayer = {
      ...base,
      kind: 'piecewise',
      breakpoints: [-2, 3],
      slopes: [0, 2, -1],
      intercepts: [7, 0, 100],
      bits: 5,
    }
    expect(Array.from(runLayer(layer, [Float64Array.of(-3, -2, 2, 3, 4)], 5))).to.deep.equal([7, -4, 4, 97, 96])
  })

  it('refuses inputs of the wrong number, fractions, and values outside their range', () => {
    const random = new Random(1)
    const graph = twoLayers(random, 3, 4, 2, { kind: 'relu' })
    const { program } = calibrate(graph, samples(random, 5, 3), { mode: 'released', knobs: { inputBits: 4 } })
    for (const [input, pattern] of [
      [[1, 2], /takes 3 input values, found 2/],
      [[1, 2, 3, 4], /found 4/],
      [[1, 2, 16], /16 at position 2 is not a whole number in \[0, 15\]/],
      [[1, -1, 2], /-1 at position 1/],
      [[0.5, 1, 1], /0.5 at position 0/],
    ] as const)
      expect(() => interpret(program, input)).to.throw(CompileError, pattern)
  })
})

// SPDX-License-Identifier: GPL-3.0-or-later
// Layers with private weights: exact for any values of inputs and weights, strided, padded, grouped, in tiles of any size.
import { expect } from 'chai'
import { randomIntegers, seeded } from '../keepers/zkml/circuit/programs.ts'
import { Circuit, expectMutationsRefused, field, fields, INSTANCES, mainOf } from './gadget.ts'

const W_MIN = -8
const B_MIN = -32
const random = seeded(11)

type Convolution = {
  h: number
  w: number
  cin: number
  oh: number
  ow: number
  cout: number
  kh: number
  kw: number
  sy: number
  sx: number
  top: number
  left: number
  groups: number
}

/** The definition, in the order of the template's parameters. */
function convolve(c: Convolution, x: Float64Array, weights: Float64Array, bias: Float64Array): number[] {
  const [cg, og] = [c.cin / c.groups, c.cout / c.groups]
  const out: number[] = []
  for (let y = 0; y < c.oh; y++) {
    for (let z = 0; z < c.ow; z++) {
      for (let o = 0; o < c.cout; o++) {
        let sum = bias[o]!
        for (let i = 0; i < c.kh; i++) {
          for (let j = 0; j < c.kw; j++) {
            const [row, column] = [y * c.sy + i - c.top, z * c.sx + j - c.left]
            if (row < 0 || row >= c.h || column < 0 || column >= c.w) continue
            for (let k = 0; k < cg; k++) {
              const input = x[(row * c.w + column) * c.cin + Math.floor(o / og) * cg + k]!
              sum += input * weights[((i * c.kw + j) * cg + k) * c.cout + o]!
            }
          }
        }
        out.push(sum)
      }
    }
  }
  return out
}

function draw(c: Convolution) {
  const weights = randomIntegers(c.kh * c.kw * (c.cin / c.groups) * c.cout, W_MIN, -W_MIN - 1, random)
  const bias = randomIntegers(c.cout, B_MIN, -B_MIN - 1, random)
  const x = randomIntegers(c.h * c.w * c.cin, -40, 40, random)
  const inputs = {
    x: fields(x),
    weight: fields(weights.map((v) => v - W_MIN)),
    bias: fields(bias.map((v) => v - B_MIN)),
  }
  return { inputs, expected: convolve(c, x, weights, bias) }
}

const convolutionOf = (numbers: readonly number[]): Convolution => {
  const [h, w, cin, oh, ow, cout, kh, kw, sy, sx, top, left, groups] = numbers as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  return { h, w, cin, oh, ow, cout, kh, kw, sy, sx, top, left, groups }
}

describe('layers with private weights', function () {
  this.timeout(120_000)

  for (const name of ['private-conv2d-plain', 'private-conv2d-strided'] as const) {
    it(`${name}: equals the definition, leaves nothing open, refuses mutations`, async () => {
      const circuit = await Circuit.instance(name)
      expect(circuit.system.header.constraints).to.equal(INSTANCES[name]!.constraints)
      expect(circuit.open()).to.deep.equal([])
      const convolution = convolutionOf(INSTANCES[name]!.parameters as number[])
      for (let run = 0; run < 5; run++) {
        const { inputs, expected } = draw(convolution)
        const witness = circuit.witness(inputs)
        expect(circuit.values(witness, 'out', expected.length)).to.deep.equal(fields(expected))
        if (run === 0) expectMutationsRefused(circuit, witness, circuit.derivedWires, 500, random)
      }
    })
  }

  it('equals the definition for every tile size, down to one product a tap', async () => {
    const shape = [6, 6, 1, 4, 4, 2, 3, 3, 1, 1, 0, 0, 1]
    const constraints: number[] = []
    for (const tile of [1, 2, 3, 4]) {
      const source = mainOf('private_conv2d', 'PrivateConv2d', [...shape, W_MIN, B_MIN, tile], ['x'])
      const circuit = await Circuit.compile(source, { name: `conv-tile-${tile}` })
      const { inputs, expected } = draw(convolutionOf(shape))
      expect(circuit.values(circuit.witness(inputs), 'out', expected.length)).to.deep.equal(fields(expected))
      constraints.push(circuit.system.header.constraints)
    }
    // Per tile (m + 2)² products for each of two output channels, and (m + 2)² points, fewer where a point is an input
    // itself (once in a tile with odd m + 2); then an output each.
    expect(constraints).to.deep.equal([
      16 * (9 * 3 - 1) + 32,
      4 * 16 * 3 + 32,
      25 * 3 - 1 + 2 * 15 * 3 + 9 * 3 + 32,
      36 * 3 + 32,
    ])
  })

  it('dense: equals the definition, leaves nothing open, refuses mutations', async () => {
    const circuit = await Circuit.instance('private-dense-4-3')
    expect(circuit.system.header.constraints).to.equal(15)
    expect(circuit.open()).to.deep.equal([])
    const x = [5, -3, 100, 0]
    const weights = randomIntegers(12, -8, 7, random)
    const bias = [-32, 0, 31]
    const witness = circuit.witness({
      x: fields(x),
      weight: fields(weights.map((v) => v + 8)),
      bias: fields(bias.map((v) => v + 32)),
    })
    for (let o = 0; o < 3; o++) {
      const expected = bias[o]! + x.reduce((sum, value, i) => sum + value * weights[i * 3 + o]!, 0)
      expect(circuit.value(witness, `out[${o}]`)).to.equal(field(expected))
    }
    expectMutationsRefused(circuit, witness, circuit.derivedWires, 500, random)
  })
})

// SPDX-License-Identifier: GPL-3.0-or-later
// Programs at the edges of what the writers meet: elements that are constants, convolutions with phases that read nothing. The
// circuit says what the interpreter says, and its second round passes the check of the set-up.
import { expect } from 'chai'
import { CircuitError } from '../../../../keepers/zkml/circuit/errors.ts'
import { CompileError } from '../../../../keepers/zkml/graph/errors.ts'
import type { SelectLayer } from '../../../../keepers/zkml/graph/layers.ts'
import type { IntegerProgram } from '../../../../keepers/zkml/graph/program.ts'
import { programFromJson, programToJson } from '../../../../keepers/zkml/graph/serialise.ts'
import { LookupCircuit } from '../../../../keepers/zkml/lookup/circuit.ts'
import type { DirectOptions } from '../../../../keepers/zkml/lookup/statement.ts'
import { checkPartition } from '../../../../keepers/zkml/setup/partition.ts'
import { parseR1cs } from '../../../../keepers/zkml/setup/r1cs.ts'
import { randomInput, SALTS } from '../circuit/forgery.ts'
import { ProgramBuilder, parameter, randomIntegers, seeded } from '../circuit/programs.ts'
import { Adversary, expectForgeriesRefused } from './adversary.ts'
import { Direct } from './direct.ts'

/** Rows and columns of `fill` around a picture, and channels of it behind its own. */
function padded(
  builder: ProgramBuilder,
  { fill, edge, channels }: { readonly fill: number; readonly edge: number; readonly channels: number },
): void {
  const { id, shape, bounds } = builder.current
  const [h, w, c] = shape as [number, number, number]
  const [rows, columns, depth] = [h + 2 * edge, w + 2 * edge, c + channels]
  const map = Int32Array.from({ length: rows * columns * depth }, (_, at) => {
    const [row, column, channel] = [
      Math.floor(at / depth / columns) - edge,
      (Math.floor(at / depth) % columns) - edge,
      at % depth,
    ]
    const inside = row >= 0 && row < h && column >= 0 && column < w && channel < c
    return inside ? (row * w + column) * c + channel : -1
  })
  const layer: SelectLayer = { kind: 'select', name: 'pad', inputs: [id], output: 'pad_t', sources: [], map, fill }
  builder.push(layer, [rows, columns, depth], Math.min(bounds.min, fill), Math.max(bounds.max, fill))
}

function convolution(
  kernel: number,
  stride: number,
  padding: Parameters<typeof padded>[1] | null,
  random: () => number,
): IntegerProgram {
  const builder = new ProgramBuilder('committed', [6, 6, 2], 4, -8)
  if (padding !== null) padded(builder, padding)
  const cin = builder.current.shape[2]!
  builder.conv('conv', kernel, 12, parameter(kernel * kernel * cin * 12, 7, 4, random), parameter(12, 9, 6, random), {
    strides: [stride, stride],
  })
  builder.relu('relu', 4)
  return builder.build('edges', { kind: 'label' })
}

/** x · 2^40 in a window of `bits` bits, halved and then squared `squares` times; its bounds say that anything fits. */
function boundless(bits: number, squares: number): IntegerProgram {
  const builder = new ProgramBuilder('released', [4], 8, 0)
  const wide = 2 ** 50
  builder.push(
    {
      kind: 'sparse',
      name: 'grow',
      inputs: ['image'],
      output: 'grow_t',
      sources: [],
      offsets: Int32Array.from([0, 1]),
      indices: Int32Array.from([0]),
      coefficients: Float64Array.from([2 ** 40]),
      bias: new Float64Array(1),
    },
    [1],
    0,
    wide,
  )
  builder.push(
    {
      kind: 'rescale',
      name: 'halve',
      inputs: ['grow_t'],
      output: 'halve_t',
      sources: [],
      shift: 1,
      bits,
      unsigned: false,
      activation: { kind: 'identity' },
    },
    [1],
    0,
    wide,
  )
  for (let i = 0; i < squares; i++) {
    const { id } = builder.current
    builder.push(
      { kind: 'multiply', name: `square${i}`, inputs: [id, id], output: `square${i}_t`, sources: [] },
      [1],
      0,
      wide,
    )
  }
  return builder.build('boundless', { kind: 'value' })
}

function expectRight(program: IntegerProgram, random: () => number): void {
  const direct = new Direct(program)
  for (let i = 0; i < 3; i++) direct.honest(randomInput(program, random))
  if (direct.circuit.shape.challenges > 0) checkPartition(parseR1cs(direct.circuit.r1cs()), direct.circuit.shape)
}

describe('circuits with lookups at the edges', () => {
  for (const [name, kernel, stride, padding] of [
    ['a kernel smaller than its stride', 1, 2, null],
    ['a kernel of two by stride three', 2, 3, null],
    ['zeros around the picture', 3, 1, { fill: 0, edge: 1, channels: 0 }],
    ['a constant around the picture', 3, 1, { fill: 5, edge: 1, channels: 0 }],
    ['a constant around the picture, stride two', 3, 2, { fill: 5, edge: 1, channels: 0 }],
    ['a constant edge as wide as the kernel', 2, 2, { fill: -3, edge: 3, channels: 0 }],
    ['channels of zeros', 3, 1, { fill: 0, edge: 0, channels: 2 }],
    ['channels of a constant', 3, 1, { fill: 7, edge: 0, channels: 2 }],
  ] as const)
    it(`convolution: ${name}`, () => {
      const random = seeded(31)
      expectRight(convolution(kernel, stride, padding, random), random)
    })

  it('ranges of constants', () => {
    const random = seeded(32)
    const builder = new ProgramBuilder('released', [6, 6, 2], 8, -128)
    padded(builder, { fill: 5, edge: 2, channels: 0 })
    const { id, shape } = builder.current
    builder.push(
      {
        kind: 'rescale',
        name: 'held',
        inputs: [id],
        output: 'held_t',
        sources: [],
        shift: 0,
        bits: 8,
        unsigned: false,
        held: true,
        activation: { kind: 'identity' },
      },
      shape,
      -128,
      127,
    )
    builder.relu('relu', 6)
    const program = builder.build('constants', { kind: 'logits-commitment' })
    expect(new Direct(program).circuit.shape.challenges).to.equal(1)
    expectRight(program, random)
  })

  // Products of such values pass the size of the field, and then mean something else than the program's.
  it('a rescale lets no value pass that is outside its window, whatever bounds say', () => {
    const direct = new Direct(boundless(8, 0))
    expect(() => direct.honest([255, 0, 0, 0])).to.throw(CircuitError, /is not in \[0/)
    expect(() => new LookupCircuit(boundless(8, 4))).to.throw(CircuitError, /square3: sums could reach/)
    new Direct(boundless(53, 0)).honest([255, 0, 0, 0])
  })

  it('a curve whose lines lie far apart: sums of them pass 53 bits', () => {
    const random = seeded(33)
    const builder = new ProgramBuilder('released', [1], 8, 0)
    builder.push(
      {
        kind: 'spline',
        name: 'curve',
        inputs: ['image'],
        output: 'curve_t',
        sources: [],
        low: 0,
        bits: 8,
        shift: 1,
        select: 6,
        slopes: [...randomIntegers(64, -9, 9, random)],
        intercepts: [...randomIntegers(64, -(2 ** 51), 2 ** 51, random)],
      },
      [1],
      -(2 ** 52),
      2 ** 52 - 1,
    )
    const direct = new Direct(builder.build('far', { kind: 'value' }))
    for (let x = 0; x < 256; x += 5) direct.honest([x])
  })

  it('two layers of one name are no program: both would have the weights of one', () => {
    const random = seeded(34)
    const builder = new ProgramBuilder('released', [2], 4, 0)
    for (let i = 0; i < 2; i++) builder.dense(`dense${i}`, 2, parameter(4, 7, 4, random), parameter(2, 7, 4, random))
    const program = builder.build('names', { kind: 'label' })
    programFromJson(programToJson(program))
    const layers = program.layers.map((layer) => ({ ...layer, name: 'dense' }))
    expect(() => programFromJson(programToJson({ ...program, layers }))).to.throw(
      CompileError,
      /two layers have the name/,
    )
  })

  for (const mode of ['released', 'committed'] as const)
    it(`inputs and outputs that are shown one by one, ${mode}`, () => {
      const random = seeded(35)
      const builder = new ProgramBuilder(mode, [40], 6, -32)
      builder.relu('relu', 4)
      const parts = (...counts: number[]) => counts.map((count, i) => ({ name: `part${i}`, count }))
      const whole = builder.build('parts', { kind: 'logits-commitment' })
      const program = { ...whole, input: { ...whole.input, parts: parts(7, 30, 3) }, outputs: parts(1, 39) }
      const salts = (from: bigint) => new Map(['part0', 'part1', 'part2'].map((name, i) => [name, from + BigInt(i)]))
      for (const options of [
        { input: ['public', 'committed', 'private'], output: ['committed', 'public'] },
        { input: ['committed', 'committed', 'committed'], output: 'committed' },
        { input: 'private', output: ['private', 'committed'] },
      ] satisfies DirectOptions[]) {
        const direct = new Direct(program, options, { ...SALTS, inputs: salts(70n), outputs: salts(80n) })
        const witness = direct.honest(randomInput(program, random))
        checkPartition(parseR1cs(direct.circuit.r1cs()), direct.circuit.shape)
        const adversary = new Adversary(direct.system, direct.circuit.shape)
        expect(expectForgeriesRefused(adversary, direct.system, witness, 60, random)).to.be.above(15)
      }
    })
})

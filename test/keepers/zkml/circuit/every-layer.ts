// SPDX-License-Identifier: GPL-3.0-or-later
// A network with every kind of layer that the oldest circuits had, for tests of whole circuits.
import type { IntegerProgram, Mode, OutputSpec } from '../../../../keepers/zkml/graph/program.ts'
import { ProgramBuilder, parameter, randomIntegers, seeded } from './programs.ts'

/** Convolutions of every form, a residual sum, a tournament, a table, a square: seven by six pixels down to a few scores. */
export function everyLayer(mode: Mode, output: OutputSpec): IntegerProgram {
  const random = seeded(23)
  const builder = new ProgramBuilder(mode, [7, 6, 2], 4, -8)
  builder.conv('strided', 3, 4, parameter(36, 3, 4, random), parameter(4, 20, 8, random), {
    strides: [2, 1],
    padding: { top: 1, left: 1, bottom: 1, right: 1 },
    groups: 2,
  })
  builder.relu('relu1', 4)
  const [h, w, c] = builder.current.shape as [number, number, number]
  builder.conv('dilated', 2, 3, parameter(4 * c * 3, 3, 4, random), parameter(3, 20, 8, random), { dilations: [2, 1] })
  const bits = 14
  builder.push(
    {
      kind: 'rescale',
      name: 'leaky',
      inputs: [builder.current.id],
      output: 'leaky_t',
      sources: [],
      shift: 5,
      bits,
      unsigned: false,
      activation: { kind: 'leaky', numerator: 1, log2Denominator: 2 },
    },
    [h - 2, w - 1, 3],
    -(2 ** 8),
    2 ** 10,
  )
  const windows = Array.from({ length: 3 }, (_, o) => Int32Array.from(o === 0 ? [0, 3] : [o, o + 3, o + 6, o + 9]))
  builder.push(
    { kind: 'maxpool', name: 'pool', inputs: ['leaky_t'], output: 'pool_t', sources: [], windows, bits: 11 },
    [3],
    -(2 ** 8),
    2 ** 10,
  )
  builder.push(
    {
      kind: 'rescale',
      name: 'floor',
      inputs: ['pool_t'],
      output: 'floor_t',
      sources: [],
      shift: 4,
      bits: 12,
      unsigned: false,
      activation: { kind: 'identity' },
    },
    [3],
    -16,
    64,
  )
  builder.push(
    {
      kind: 'scale',
      name: 'scaled',
      inputs: ['floor_t'],
      output: 'scaled_t',
      sources: [],
      scale: parameter(3, 3, 4, random),
      bias: parameter(3, 9, 6, random),
    },
    [3],
    -600,
    600,
  )
  builder.push(
    { kind: 'multiply', name: 'square', inputs: ['scaled_t', 'scaled_t'], output: 'square_t', sources: [] },
    [3],
    0,
    360000,
  )
  builder.push(
    {
      kind: 'rescale',
      name: 'shrink',
      inputs: ['square_t'],
      output: 'shrink_t',
      sources: [],
      shift: 13,
      bits: 19,
      unsigned: true,
      activation: { kind: 'identity' },
    },
    [3],
    0,
    63,
  )
  builder.push(
    {
      kind: 'piecewise',
      name: 'hard',
      inputs: ['floor_t'],
      output: 'hard_t',
      sources: [],
      breakpoints: [-4, 4],
      slopes: [0, 1, 0],
      intercepts: [0, 4, 8],
      bits: 8,
    },
    [3],
    0,
    8,
  )
  builder.push(
    {
      kind: 'select',
      name: 'mixed',
      inputs: ['hard_t', 'shrink_t'],
      output: 'mixed_t',
      sources: [],
      map: Int32Array.from([5, 0, -1, 1, 2, 4]),
      fill: -3,
    },
    [6],
    -3,
    63,
  )
  builder.push(
    {
      kind: 'lookup',
      name: 'table',
      inputs: ['hard_t'],
      output: 'table_t',
      sources: [],
      rows: 9,
      width: 2,
      table: { values: randomIntegers(18, -8, 7, random), bits: 4 },
    },
    [6],
    -8,
    7,
  )
  builder.push(
    {
      kind: 'sparse',
      name: 'sum',
      inputs: ['mixed_t', 'table_t'],
      output: 'sum_t',
      sources: [],
      offsets: Int32Array.from([0, 2, 4, 7]),
      indices: Int32Array.from([0, 6, 1, 7, 2, 3, 11]),
      coefficients: Float64Array.from([1, 1, 2, -3, 1, 1, 5]),
      bias: Float64Array.from([1, -1, 0]),
    },
    [3],
    -500,
    500,
  )
  const last = output.kind === 'value' ? 1 : 4
  builder.dense('dense', last, parameter(3 * last, 5, 4, random), parameter(last, 20, 8, random))
  return builder.build(`every-layer-${mode}-${output.kind}`, output)
}

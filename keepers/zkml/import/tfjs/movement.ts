// SPDX-License-Identifier: GPL-3.0-or-later
// Layers that only move values, and those that do nothing outside training.
import { z } from 'zod'
import { elementCount } from '../../graph/program.ts'
import { normaliseAxis, stridedMap, stridesOf } from '../../graph/tensor.ts'
import type { ValueName } from '../../graph/types.ts'
import type { LayerCall } from './call.ts'
import { type LayerHandler, requireChannelsLast } from './layers.ts'

const unchanged: LayerHandler = (call) => call.input

export const MOVEMENT_HANDLERS: Readonly<Record<string, LayerHandler>> = {
  Dropout: unchanged,
  SpatialDropout1D: unchanged,
  SpatialDropout2D: unchanged,
  GaussianDropout: unchanged,
  GaussianNoise: unchanged,
  AlphaDropout: unchanged,
  ActivityRegularization: unchanged,
  Softmax: unchanged,
  Flatten: (call) => {
    if (call.text('data_format', 'channels_last') !== 'channels_last')
      call.fail('unsupported-attribute', 'data_format channels_first; save the model with channels last')
    return call.builder.reshape(call.name, call.input, [elementCount(call.shape)])
  },
  Reshape: (call) => {
    const wanted = call.numbers('target_shape') ?? call.fail('malformed-file', 'config.target_shape is missing')
    const total = elementCount(call.shape)
    const shape = wanted.map((dimension) => (dimension === -1 ? total / -elementCount(wanted) : dimension))
    if (elementCount(shape) !== total || shape.some((dimension) => !Number.isInteger(dimension) || dimension < 1))
      call.fail('shape-mismatch', `[${call.shape}] cannot be reshaped to [${wanted}]`)
    return call.builder.reshape(call.name, call.input, shape)
  },
  Permute: (call) => {
    const dims = call.numbers('dims') ?? call.fail('malformed-file', 'config.dims is missing')
    const rank = call.shape.length
    const permutation = dims.map((dimension) => dimension - 1)
    if (permutation.length !== rank || [...permutation].sort((a, b) => a - b).some((axis, i) => axis !== i))
      call.fail('malformed-file', `dims [${dims}] are not a permutation of 1 to ${rank}`)
    return call.builder.transpose(call.name, call.input, permutation)
  },
  RepeatVector: (call) => {
    const n = call.number('n', 1)
    return call.builder.select(call.name, call.input, stridedMap([n, ...call.shape], [0, 1], 0), [n, ...call.shape])
  },
  Concatenate: (call) => {
    const rank = call.builder.shape(call.inputs[0]!).length
    // Keras counts the batch axis, which the graph does not have.
    const axis = normaliseAxis(call.number('axis', -1), rank + 1, call.name) - 1
    if (axis < 0) call.fail('unsupported-attribute', 'joining along the batch')
    return call.builder.nary(call.name, call.inputs, { op: 'concat', axis })
  },
  ZeroPadding1D: (call) => padded(call, [sides(call, 'padding')]),
  ZeroPadding2D: (call) => padded(call, twoSides(call, 'padding')),
  Cropping1D: (call) => padded(call, [negated(sides(call, 'cropping'))]),
  Cropping2D: (call) => padded(call, twoSides(call, 'cropping').map(negated)),
  UpSampling2D: (call) => {
    requireChannelsLast(call)
    if (call.text('interpolation', 'nearest') !== 'nearest')
      call.fail('unsupported-attribute', 'only interpolation nearest is supported')
    const [down, across] = call.pair('size', [2, 2], false)
    const [height, width, channels] = call.shape as [number, number, number]
    const [row, column] = stridesOf(call.shape) as [number, number, number]
    const map = stridedMap([height, down, width, across, channels], [row, 0, column, 0, 1], 0)
    return call.builder.select(call.name, call.input, map, [height * down, width * across, channels])
  },
}

type Sides = readonly [number, number]
const sidesSchema = z.union([z.number().transform((n): Sides => [n, n]), z.tuple([z.number(), z.number()])])

function sides(call: LayerCall, key: string): Sides {
  return parse(call, key, sidesSchema, 1)
}

/** 2, [1, 2] (symmetric rows and columns) or [[1, 2], [3, 4]]. */
function twoSides(call: LayerCall, key: string): Sides[] {
  const schema = z.union([
    z.number().transform((n): Sides[] => [
      [n, n],
      [n, n],
    ]),
    z
      .tuple([sidesSchema, sidesSchema])
      .transform((both): Sides[] => both.map(([before, after]): Sides => [before, after])),
  ])
  return parse(call, key, schema, 1)
}

function parse<T>(call: LayerCall, key: string, schema: z.ZodType<T>, fallback: number): T {
  const parsed = schema.safeParse(call.layer.config[key] ?? fallback)
  if (parsed.success) return parsed.data
  return call.fail('malformed-file', `config.${key} is ${JSON.stringify(call.layer.config[key])}`)
}

function negated([before, after]: Sides): Sides {
  return [-before, -after]
}

function padded(call: LayerCall, spatial: readonly Sides[]): ValueName {
  requireChannelsLast(call)
  if (call.shape.length !== spatial.length + 1)
    call.fail('shape-mismatch', `input [${call.shape}] where ${spatial.length + 1} axes are needed`)
  const before = [...spatial.map(([first]) => first), 0]
  const after = [...spatial.map(([, last]) => last), 0]
  return call.builder.pad(call.name, call.input, before, after, 0)
}

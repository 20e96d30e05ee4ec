// SPDX-License-Identifier: GPL-3.0-or-later
// ConvTranspose: a convolution with the kernel turned round, over the image with zeros between its elements and around it.
import { checkedCount, filled, sameShape, tensor } from '../../graph/tensor.ts'
import type { Tensor, ValueName } from '../../graph/types.ts'
import type { Handler, Invocation } from './invocation.ts'
import { values } from './operand.ts'
import { asPair, channelsFirst, channelsLast, spatialList } from './windows.ts'

export const TRANSPOSED_HANDLERS: Readonly<Record<string, Handler>> = {
  ConvTranspose: (call) => {
    const weights = call.constant(1, 'weights')
    if (weights.shape.length !== 3 && weights.shape.length !== 4)
      call.fail('unsupported-attribute', `weights [${weights.shape}]; only one- and two-dimensional ones are supported`)
    const [cin, perGroup, ...kernel] = weights.shape as [number, number, ...number[]]
    const given = call.ints('kernel_shape')
    if (given !== null && !sameShape(given, kernel))
      call.fail('malformed-file', `kernel_shape [${given}] of weights [${weights.shape}]`)
    const groups = call.int('group', 1)
    const x = channelsLast(call, kernel.length)
    const channels = call.builder.shape(x)[2]
    if (channels !== cin || groups < 1 || cin % groups !== 0)
      call.fail('malformed-file', `weights [${weights.shape}] in ${groups} group(s) for ${channels} channels`)
    const cout = perGroup * groups
    const bias = call.has(2) ? call.constant(2, 'bias') : filled([cout], 0)
    if (!sameShape(bias.shape, [cout])) call.fail('malformed-file', `bias [${bias.shape}] where [${cout}] is needed`)
    const [kh, kw] = asPair(kernel)
    const dilations = asPair(spatialList(call, 'dilations', kernel.length, 1))
    const output = call.builder.unary(call.name, stuffed(call, x, kernel), {
      op: 'conv2d',
      weights: turned(weights, [kh, kw, cin / groups, cout], groups),
      bias,
      strides: [1, 1],
      dilations,
      padding: { top: 0, left: 0, bottom: 0, right: 0 },
      groups,
    })
    return values(channelsFirst(call, output, kernel.length))
  },
}

/** [cin, cout / groups, (kh,) kw] → [kh, kw, cin / groups, cout], each kernel upside down and back to front. */
function turned({ data }: Tensor, shape: readonly [number, number, number, number], groups: number): Tensor {
  const [kh, kw, depth, cout] = shape
  const perGroup = cout / groups
  const moved = new Float64Array(data.length)
  for (let o = 0; o < cout; o++)
    for (let c = 0; c < depth; c++)
      for (let k = 0; k < kh * kw; k++) {
        const from = (Math.floor(o / perGroup) * depth + c) * perGroup + (o % perGroup)
        moved[(k * depth + c) * cout + o] = data[from * kh * kw + (kh * kw - 1 - k)]!
      }
  return tensor(shape, moved)
}

/** The image with zeros between its elements (for the strides) and around them (where the kernel reaches beyond the edge, less the pads). */
function stuffed(call: Invocation, x: ValueName, kernel: readonly number[]): ValueName {
  const { builder, name } = call
  const shape = builder.shape(x) as [number, number, number]
  const spatial = kernel.length
  const strides = asPair(spatialList(call, 'strides', spatial, 1))
  const dilations = asPair(spatialList(call, 'dilations', spatial, 1))
  const added = asPair(spatialList(call, 'output_padding', spatial, 0), 0)
  const extents = asPair(kernel).map((length, axis) => (length - 1) * dilations[axis]!)
  const pads = padsOf(call, shape, strides, added, extents, spatial)
  const [before, lengths] = [
    [0, 0],
    [0, 0],
  ] as [number[], number[]]
  for (const axis of [0, 1]) {
    const [start, end] = pads[axis]!
    if (added[axis]! >= Math.max(strides[axis]!, dilations[axis]!))
      call.fail('malformed-file', `output_padding [${added}] must be smaller than strides [${strides}] or dilations`)
    before[axis] = extents[axis]! - start
    lengths[axis] = (shape[axis]! - 1) * strides[axis]! + 1 + before[axis]! + extents[axis]! - end + added[axis]!
    if (lengths[axis]! <= extents[axis]!)
      call.fail('shape-mismatch', `pads [${pads.flat()}] leave nothing of an image [${shape}]`)
  }
  const [height, width, channels] = shape
  const to = [lengths[0]!, lengths[1]!, channels]
  const map = new Int32Array(checkedCount(to, name)).fill(-1)
  for (let y = 0; y < height; y++)
    for (let z = 0; z < width; z++) {
      const [row, column] = [y * strides[0] + before[0]!, z * strides[1] + before[1]!]
      if (row < 0 || row >= to[0]! || column < 0 || column >= to[1]!) continue
      for (let c = 0; c < channels; c++) map[(row * to[1]! + column) * channels + c] = (y * width + z) * channels + c
    }
  return builder.select(`${name}.zeros`, x, map, to)
}

/** Pads before and after of both axes. Where only their sum is given it must be even: runtimes disagree about the longer side. */
function padsOf(
  call: Invocation,
  shape: readonly number[],
  strides: readonly number[],
  added: readonly number[],
  extents: readonly number[],
  spatial: number,
): [number, number][] {
  const auto = call.string('auto_pad', 'NOTSET')
  const pads = spatialList(call, 'pads', 2 * spatial, 0)
  const wanted = call.ints('output_shape')
  if (auto !== 'NOTSET' && pads.some((pad) => pad !== 0))
    call.fail('malformed-file', `auto_pad ${auto} together with pads [${pads}]; give one of them`)
  if (!['NOTSET', 'VALID', 'SAME_UPPER', 'SAME_LOWER'].includes(auto))
    call.fail('malformed-file', `auto_pad ${auto}; NOTSET, SAME_UPPER, SAME_LOWER or VALID is needed`)
  if (wanted === null && !auto.startsWith('SAME')) {
    const [starts, ends] = [asPair(pads.slice(0, spatial), 0), asPair(pads.slice(spatial), 0)]
    return [0, 1].map((axis) => [starts[axis]!, ends[axis]!])
  }
  if (wanted !== null && wanted.length !== spatial)
    call.fail('malformed-file', `output_shape [${wanted}] where ${spatial} numbers are needed`)
  const lengths = wanted === null ? strides.map((stride, axis) => stride * shape[axis]!) : asPair(wanted)
  return [0, 1].map((axis) => {
    const whole = strides[axis]! * (shape[axis]! - 1) + added[axis]! + extents[axis]! + 1
    const total = whole - lengths[axis]!
    if (total < 0 || total % 2 !== 0)
      call.fail(
        'unsupported-attribute',
        `an output of ${lengths[axis]} along axis ${axis} leaves ${total} elements to cut; an even number from 0 is supported: write the pads out`,
      )
    return [total / 2, total / 2]
  })
}

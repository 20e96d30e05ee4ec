// SPDX-License-Identifier: GPL-3.0-or-later
// Operators that slide a window: Conv and the pools. ONNX keeps channels first, the graph keeps them last.
import { dilatedExtent, samePadding, slidingLength } from '../../graph/shapes.ts'
import { filled, sameShape, tensor } from '../../graph/tensor.ts'
import type { Padding, Pair, Tensor, ValueName } from '../../graph/types.ts'
import type { Handler, Invocation } from './invocation.ts'
import { type Result, values } from './operand.ts'

export const WINDOW_HANDLERS: Readonly<Record<string, Handler>> = {
  Conv: (call) => {
    const weights = call.constant(1, 'weights')
    if (weights.shape.length !== 3 && weights.shape.length !== 4)
      call.fail('unsupported-attribute', `weights [${weights.shape}]; only one- and two-dimensional ones are supported`)
    const spatial = weights.shape.length - 2
    const [cout, depth, ...kernel] = weights.shape as [number, number, ...number[]]
    const given = call.ints('kernel_shape')
    if (given !== null && !sameShape(given, kernel))
      call.fail('malformed-file', `kernel_shape [${given}] of weights [${weights.shape}]`)
    const x = channelsLast(call, spatial)
    const slide = slideOf(call, call.builder.shape(x), kernel)
    const moved = outputsLast(weights, [...slide.window, depth, cout])
    const bias = call.has(2) ? call.constant(2, 'bias') : filled([cout], 0)
    if (!sameShape(bias.shape, [cout])) call.fail('malformed-file', `bias [${bias.shape}] where [${cout}] is needed`)
    const output = call.builder.unary(call.name, x, {
      op: 'conv2d',
      weights: moved,
      bias,
      strides: slide.strides,
      dilations: slide.dilations,
      padding: slide.padding,
      groups: call.int('group', 1),
    })
    return values(channelsFirst(call, output, spatial))
  },
  AveragePool: (call) => pool(call, 'average'),
  MaxPool: (call) => pool(call, 'max'),
  GlobalAveragePool: (call) => {
    const shape = call.shape(0)
    if (shape.length < 3) call.fail('malformed-file', `input [${shape}]; batch, channels and spatial axes are needed`)
    const axes = shape.slice(2).map((_, i) => i + 2)
    return values(call.builder.unary(call.name, call.value(0), { op: 'reduce', kind: 'mean', axes, keepDims: true }))
  },
  GlobalMaxPool: (call) => {
    const spatial = call.shape(0).length - 2
    const x = channelsLast(call, spatial)
    const [height, width] = call.builder.shape(x) as [number, number]
    const output = call.builder.unary(call.name, x, {
      op: 'pool',
      kind: 'max',
      window: [height, width],
      strides: [1, 1],
      dilations: [1, 1],
      padding: NO_PADDING,
    })
    return values(channelsFirst(call, output, spatial))
  },
}

const NO_PADDING: Padding = { top: 0, left: 0, bottom: 0, right: 0 }

/** [cout, depth, (kh,) kw] → [kh, kw, depth, cout], without an index for each of what may be millions of weights. */
function outputsLast({ data }: Tensor, shape: readonly [number, number, number, number]): Tensor {
  const [kh, kw, depth, cout] = shape
  const window = kh * kw
  const moved = new Float64Array(data.length)
  let from = 0
  for (let o = 0; o < cout; o++)
    for (let c = 0; c < depth; c++) for (let k = 0; k < window; k++) moved[(k * depth + c) * cout + o] = data[from++]!
  return tensor(shape, moved)
}

/** [1, c, (h,) w] → [h, w, c]. */
export function channelsLast(call: Invocation, spatial: number): ValueName {
  const { builder, name } = call
  const x = call.value(0)
  const shape = builder.shape(x)
  if ((spatial !== 1 && spatial !== 2) || shape.length !== spatial + 2)
    call.fail('unsupported-attribute', `input [${shape}]; batch, channels and one or two spatial axes are supported`)
  if (shape[0] !== 1)
    call.fail('dynamic-shape', `the batch is fixed at ${shape[0]}; export with a batch of 1 or a symbolic one`)
  const last = builder.transpose(`${name}.channelsLast`, x, spatial === 1 ? [0, 2, 1] : [0, 2, 3, 1])
  const [, ...rest] = builder.shape(last)
  return builder.reshape(`${name}.image`, last, spatial === 1 ? [1, ...rest] : rest)
}

/** [h, w, c] → [1, c, (h,) w]. */
export function channelsFirst(call: Invocation, value: ValueName, spatial: number): ValueName {
  const { builder, name } = call
  const [height, width, channels] = builder.shape(value) as [number, number, number]
  const first = builder.transpose(`${name}.channelsFirst`, value, [2, 0, 1])
  return builder.reshape(`${name}.batch`, first, spatial === 1 ? [1, channels, width] : [1, channels, height, width])
}

type Slide = { readonly window: Pair; readonly strides: Pair; readonly dilations: Pair; readonly padding: Padding }

/** A list for one or two axes as a pair; a one-dimensional window gets `lacking` for the axis that it does not have. */
export function asPair(list: readonly number[], lacking = 1): Pair {
  return list.length === 1 ? [lacking, list[0]!] : [list[0]!, list[1]!]
}

/** A list of one whole number for each spatial axis, as ONNX's checker demands. */
export function spatialList(call: Invocation, name: string, count: number, fallback: number): number[] {
  const list = call.ints(name)
  if (list === null) return new Array<number>(count).fill(fallback)
  if (list.length !== count) call.fail('malformed-file', `${name} [${list}] where ${count} numbers are needed`)
  const wrong = list.find((value) => value < 0 || value > 2 ** 31)
  if (wrong !== undefined) call.fail('shape-mismatch', `${name} [${list}] holds ${wrong}`)
  return list
}

/** Window, strides, dilations and padding of a node over an image of shape `input` (channels last). */
function slideOf(call: Invocation, input: readonly number[], kernel: readonly number[]): Slide {
  const spatial = kernel.length
  const wrong = kernel.find((length) => length < 1)
  if (wrong !== undefined) call.fail('malformed-file', `kernel [${kernel}] holds ${wrong}; at least 1 is needed`)
  const window = asPair(kernel)
  const strides = asPair(spatialList(call, 'strides', spatial, 1))
  const dilations = asPair(spatialList(call, 'dilations', spatial, 1))
  const auto = call.string('auto_pad', 'NOTSET')
  const pads = spatialList(call, 'pads', 2 * spatial, 0)
  if (auto !== 'NOTSET' && pads.some((pad) => pad !== 0))
    call.fail('malformed-file', `auto_pad ${auto} together with pads [${pads}]; give one of them`)
  switch (auto) {
    case 'NOTSET': {
      const [top, left] = asPair(pads.slice(0, spatial), 0)
      const [bottom, right] = asPair(pads.slice(spatial), 0)
      return { window, strides, dilations, padding: { top, left, bottom, right } }
    }
    case 'VALID':
      return { window, strides, dilations, padding: NO_PADDING }
    case 'SAME_UPPER':
    case 'SAME_LOWER': {
      if (dilations.some((dilation) => dilation !== 1))
        call.fail('unsupported-attribute', `auto_pad ${auto} with dilations [${dilations}]; write the pads out`)
      const both = [0, 1].map((axis) => samePadding(input[axis]!, window[axis]!, strides[axis]!, 1))
      const [[top, bottom], [left, right]] = both as [[number, number], [number, number]]
      const upper = { top, left, bottom, right }
      const padding = auto === 'SAME_UPPER' ? upper : { top: bottom, left: right, bottom: top, right: left }
      return { window, strides, dilations, padding }
    }
    default:
      return call.fail('malformed-file', `auto_pad ${auto}; NOTSET, SAME_UPPER, SAME_LOWER or VALID is needed`)
  }
}

function pool(call: Invocation, kind: 'max' | 'average'): Result[] {
  if ((call.node.output[1] ?? '') !== '')
    call.fail('unsupported-attribute', 'the second output (Indices) is not supported')
  const kernel = call.ints('kernel_shape')!
  const spatial = kernel.length
  const { builder, name } = call
  const x = channelsLast(call, spatial)
  const input = builder.shape(x)
  const { window, strides, dilations, padding } = slideOf(call, input, kernel)
  const auto = call.string('auto_pad', 'NOTSET')
  if (auto.startsWith('SAME') && window.some((length, axis) => strides[axis]! > length))
    call.fail(
      'unsupported-attribute',
      `auto_pad ${auto} with strides [${strides}] that are longer than the window [${window}]; write the pads out`,
    )
  for (const axis of [0, 1]) {
    const [before, after] = sidesOf(padding, axis)
    // Beyond these a window would hold nothing but padding: 0 / 0, or the largest of none.
    if (Math.max(before, after) >= dilatedExtent(window[axis]!, dilations[axis]!))
      call.fail(
        'unsupported-attribute',
        `pads ${before} and ${after} must be smaller than the window of ${window[axis]}`,
      )
  }
  const ceil = call.flag('ceil_mode', false)
  const counted = kind === 'average' && call.flag('count_include_pad', false)
  const reached = ceil ? withOverhang(input, window, strides, dilations, padding) : padding
  const padded = padding.top + padding.left + padding.bottom + padding.right > 0
  const draft = { op: 'pool', kind, window, strides, dilations } as const
  if (!counted || !padded) {
    const output = builder.unary(name, x, { ...draft, padding: reached })
    return values(channelsFirst(call, output, spatial))
  }
  // Padding that counts becomes real zeros; the padding that ceil_mode adds after it does not count.
  const { top, left, bottom, right } = padding
  const zeros = builder.pad(`${name}.padding`, x, [top, left, 0], [bottom, right, 0], 0)
  const overhang = { top: 0, left: 0, bottom: reached.bottom - bottom, right: reached.right - right }
  if (call.schema.since < 19 && overhang.bottom + overhang.right > 0)
    call.fail(
      'unsupported-attribute',
      `ceil_mode with count_include_pad and a last window that overhangs: runtimes divide by different numbers`,
    )
  return values(channelsFirst(call, builder.unary(name, zeros, { ...draft, padding: overhang }), spatial))
}

function sidesOf({ top, left, bottom, right }: Padding, axis: number): [number, number] {
  return axis === 0 ? [top, bottom] : [left, right]
}

/** ceil_mode: one more window when elements are left over, unless it would start in the padding after. */
function withOverhang(
  input: readonly number[],
  window: Pair,
  strides: Pair,
  dilations: Pair,
  padding: Padding,
): Padding {
  const [bottom, right] = [0, 1].map((axis) => {
    const [before, after] = sidesOf(padding, axis)
    const n = input[axis]!
    const outputs = slidingLength(n, before + after, window[axis]!, strides[axis]!, dilations[axis]!)
    const needed = outputs * strides[axis]! + dilatedExtent(window[axis]!, dilations[axis]!) - n - before
    const leftOver = needed - after < strides[axis]!
    return leftOver && outputs * strides[axis]! < n + before ? needed : after
  })
  return { ...padding, bottom: bottom!, right: right! }
}

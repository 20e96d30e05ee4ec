// SPDX-License-Identifier: GPL-3.0-or-later
// Operators that slide a window: Conv and the pools. ONNX keeps channels first, the graph keeps them last.
import { dilatedExtent, samePadding, slidingLength } from '../../graph/shapes.ts'
import { filled, take, transposeMap } from '../../graph/tensor.ts'
import type { Padding, Pair, ValueName } from '../../graph/types.ts'
import { type Handler, type Invocation, values } from './scope.ts'

export const WINDOW_HANDLERS: Readonly<Record<string, Handler>> = {
  Conv: (call) => {
    const weights = call.constant(1, 'weights')
    if (weights.shape.length !== 3 && weights.shape.length !== 4)
      call.fail('unsupported-attribute', `weights [${weights.shape}]; only one- and two-dimensional ones are supported`)
    const spatial = weights.shape.length - 2
    const [cout, depth, ...kernel] = weights.shape as [number, number, ...number[]]
    const window = asPair(kernel)
    const toLast = spatial === 1 ? [2, 1, 0] : [2, 3, 1, 0]
    const moved = take(weights, transposeMap(weights.shape, toLast), [...window, depth, cout])
    const x = channelsLast(call, spatial)
    const strides = asPair(call.ints('strides') ?? kernel.map(() => 1))
    const dilations = asPair(call.ints('dilations') ?? kernel.map(() => 1))
    const padding = paddingOf(call, call.builder.shape(x), window, strides, dilations, spatial)
    const output = call.builder.unary(call.name, x, {
      op: 'conv2d',
      weights: moved,
      bias: call.has(2) ? call.constant(2, 'bias') : filled([cout], 0),
      strides,
      dilations,
      padding,
      groups: call.int('group', 1),
    })
    return values(channelsFirst(call, output, spatial))
  },
  AveragePool: (call) => pool(call, 'average'),
  MaxPool: (call) => pool(call, 'max'),
  GlobalAveragePool: (call) => {
    const shape = call.builder.shape(call.value(0))
    const axes = shape.slice(2).map((_, i) => i + 2)
    return values(call.builder.unary(call.name, call.value(0), { op: 'reduce', kind: 'mean', axes, keepDims: true }))
  },
  GlobalMaxPool: (call) => {
    const spatial = call.builder.shape(call.value(0)).length - 2
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

/** [1, c, (h,) w] → [h, w, c]. */
function channelsLast(call: Invocation, spatial: number): ValueName {
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
function channelsFirst(call: Invocation, value: ValueName, spatial: number): ValueName {
  const { builder, name } = call
  const [height, width, channels] = builder.shape(value) as [number, number, number]
  const first = builder.transpose(`${name}.channelsFirst`, value, [2, 0, 1])
  return builder.reshape(`${name}.batch`, first, spatial === 1 ? [1, channels, width] : [1, channels, height, width])
}

function asPair(list: readonly number[]): Pair {
  return list.length === 1 ? [1, list[0]!] : [list[0]!, list[1]!]
}

/** Explicit `pads` or the rule of `auto_pad`; the padding that one-dimensional windows lack is zero. */
function paddingOf(
  call: Invocation,
  input: readonly number[],
  window: Pair,
  strides: Pair,
  dilations: Pair,
  spatial: number,
): Padding {
  const auto = call.string('auto_pad', 'NOTSET')
  if (auto === 'VALID') return NO_PADDING
  if (auto === 'SAME_UPPER' || auto === 'SAME_LOWER') {
    const pads = [0, 1].map((axis) => samePadding(input[axis]!, window[axis]!, strides[axis]!, dilations[axis]!))
    const [[top, bottom], [left, right]] = pads as [[number, number], [number, number]]
    return auto === 'SAME_UPPER' ? { top, left, bottom, right } : { top: bottom, left: right, bottom: top, right: left }
  }
  if (auto !== 'NOTSET') call.fail('unsupported-attribute', `auto_pad ${auto}`)
  const pads = call.ints('pads') ?? new Array<number>(spatial * 2).fill(0)
  if (pads.length !== spatial * 2) call.fail('malformed-file', `pads [${pads}] where ${spatial * 2} numbers are needed`)
  if (spatial === 1) return { top: 0, left: pads[0]!, bottom: 0, right: pads[1]! }
  return { top: pads[0]!, left: pads[1]!, bottom: pads[2]!, right: pads[3]! }
}

function pool(call: Invocation, kind: 'max' | 'average') {
  if (call.node.output.length > 1 && call.node.output[1] !== '')
    call.fail('unsupported-attribute', 'the second output (Indices) is not supported')
  const kernel = call.ints('kernel_shape')
  if (kernel === null) call.fail('malformed-file', 'kernel_shape is missing')
  const spatial = kernel.length
  const { builder, name } = call
  let x = channelsLast(call, spatial)
  const window = asPair(kernel)
  const strides = asPair(call.ints('strides') ?? kernel.map(() => 1))
  const dilations = asPair(call.ints('dilations') ?? kernel.map(() => 1))
  let padding = paddingOf(call, builder.shape(x), window, strides, dilations, spatial)
  const { top, left, bottom, right } = padding
  if (kind === 'average' && call.int('count_include_pad', 0) === 1 && top + left + bottom + right > 0) {
    // Counted padding is real zeros; what ceil_mode adds below stays uncounted.
    x = builder.pad(`${name}.padding`, x, [top, left, 0], [bottom, right, 0], 0)
    padding = NO_PADDING
  }
  if (call.int('ceil_mode', 0) === 1) padding = withOverhang(builder.shape(x), window, strides, dilations, padding)
  const output = builder.unary(name, x, { op: 'pool', kind, window, strides, dilations, padding })
  return values(channelsFirst(call, output, spatial))
}

/** ceil_mode: one more window when elements are left over, unless it would start in the padding after. */
function withOverhang(
  input: readonly number[],
  window: Pair,
  strides: Pair,
  dilations: Pair,
  padding: Padding,
): Padding {
  const after = [padding.bottom, padding.right].map((given, axis) => {
    const before = axis === 0 ? padding.top : padding.left
    const n = input[axis]!
    const outputs = slidingLength(n, before + given, window[axis]!, strides[axis]!, dilations[axis]!)
    const needed = outputs * strides[axis]! + dilatedExtent(window[axis]!, dilations[axis]!) - n - before
    const leftOver = needed - given < strides[axis]!
    return leftOver && outputs * strides[axis]! < n + before ? needed : given
  })
  return { ...padding, bottom: after[0]!, right: after[1]! }
}

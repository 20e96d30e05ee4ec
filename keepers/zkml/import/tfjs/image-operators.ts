// SPDX-License-Identifier: GPL-3.0-or-later
// Convolutions and pools: images are channels last, with a batch of 1 around them.
import { samePadding } from '../../graph/shapes.ts'
import { filled, tensor } from '../../graph/tensor.ts'
import type { Padding, Pair, ValueName } from '../../graph/types.ts'
import type { OperatorCall } from './operator-call.ts'

export function requireChannelsLast(call: OperatorCall): void {
  const format = call.attributes.text('data_format', 'NHWC')
  if (format !== 'NHWC') call.fail('unsupported-attribute', `data_format ${format}; NHWC is supported`)
}

/** The spatial pair of a list [1, height, width, 1]. */
function pairOf(call: OperatorCall, name: string): Pair {
  const list = call.attributes.numbers(name)
  if (list.length === 0 && name === 'dilations') return [1, 1]
  if (list.length !== 4 || list[0] !== 1 || list[3] !== 1)
    call.fail('unsupported-attribute', `${name} [${list}]; [1, height, width, 1] is supported`)
  return [list[1]!, list[2]!]
}

function image(call: OperatorCall): ValueName {
  requireChannelsLast(call)
  const shape = call.shape()
  if (shape.length !== 4 || shape[0] !== 1)
    call.fail('unsupported-attribute', `input [${shape}]; [1, height, width, channels] is supported`)
  return call.builder.reshape(`${call.name}.image`, call.value(0), shape.slice(1))
}

function batched(call: OperatorCall, value: ValueName): ValueName {
  return call.builder.reshape(`${call.name}.batch`, value, [1, ...call.builder.shape(value)])
}

function paddingOf(
  call: OperatorCall,
  input: readonly number[],
  window: Pair,
  strides: Pair,
  dilations: Pair,
): Padding {
  const mode = call.attributes.text('padding', '')
  if (mode === 'VALID') return { top: 0, left: 0, bottom: 0, right: 0 }
  if (mode === 'SAME') {
    const both = [0, 1].map((axis) => samePadding(input[axis]!, window[axis]!, strides[axis]!, dilations[axis]!))
    const [[top, bottom], [left, right]] = both as [[number, number], [number, number]]
    return { top, left, bottom, right }
  }
  const list = call.attributes.numbers('explicit_paddings')
  if (mode !== 'EXPLICIT' || list.length !== 8 || [0, 1, 6, 7].some((i) => list[i] !== 0))
    return call.fail(
      'unsupported-attribute',
      `padding ${mode} [${list}]; VALID, SAME or EXPLICIT of an image is supported`,
    )
  return { top: list[2]!, bottom: list[3]!, left: list[4]!, right: list[5]! }
}

export function convolution(call: OperatorCall, depthwise: boolean): ValueName {
  const x = image(call)
  const shape = call.builder.shape(x)
  const given = call.constant(1, 'weights')
  if (given.shape.length !== 4) call.fail('malformed-file', `weights [${given.shape}]; 4 axes are needed`)
  const [kh, kw, cin, out] = given.shape as [number, number, number, number]
  const [strides, dilations] = [pairOf(call, 'strides'), pairOf(call, 'dilations')]
  const channels = shape[2]!
  const groups = depthwise ? cin : channels / cin
  const weights = depthwise ? tensor([kh, kw, 1, cin * out], given.data) : given
  const output = call.builder.unary(call.name, x, {
    op: 'conv2d',
    weights,
    bias: filled([depthwise ? cin * out : out], 0),
    strides,
    dilations,
    padding: paddingOf(call, shape, [kh, kw], strides, dilations),
    groups,
  })
  return batched(call, output)
}

export function pool(call: OperatorCall, kind: 'max' | 'average'): ValueName {
  const x = image(call)
  const [window, strides] = [pairOf(call, 'ksize'), pairOf(call, 'strides')]
  const padding = paddingOf(call, call.builder.shape(x), window, strides, [1, 1])
  return batched(
    call,
    call.builder.unary(call.name, x, { op: 'pool', kind, window, strides, dilations: [1, 1], padding }),
  )
}

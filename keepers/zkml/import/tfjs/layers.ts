// SPDX-License-Identifier: GPL-3.0-or-later
// Layers with weights, windows, activations and normalisation. Keras keeps channels last, as the graph does.
import { samePadding } from '../../graph/shapes.ts'
import { filled, normaliseAxis, scalar, tensor } from '../../graph/tensor.ts'
import type { ActivationFunction, Padding, Pair, Tensor, ValueName } from '../../graph/types.ts'
import { standardised } from '../compose.ts'
import type { LayerCall } from './call.ts'

export type LayerHandler = (call: LayerCall) => ValueName

const ONE: Pair = [1, 1]

export const LAYER_HANDLERS: Readonly<Record<string, LayerHandler>> = {
  Dense: (call) => {
    const kernel = call.weight('kernel')
    const units = call.length('units')
    const [rows, columns] = kernel.shape
    if (kernel.shape.length !== 2 || rows !== call.shape.at(-1) || (units !== null && units !== columns))
      call.fail(
        'shape-mismatch',
        `its weights [${kernel.shape}] do not multiply an input [${call.shape}]${units === null ? '' : ` to ${units} units`}`,
      )
    return activated(call, call.builder.dense(call.name, call.input, kernel, call.bias(kernel.shape[1] ?? 1)))
  },
  Conv1D: (call) => {
    const kernel = call.shapedWeight('kernel', [...windowOf(call, true), null, call.length('filters')])
    return convolution(call, tensor([1, ...kernel.shape], kernel.data), true)
  },
  Conv2D: (call) =>
    convolution(call, call.shapedWeight('kernel', [...windowOf(call, false), null, call.length('filters')]), false),
  DepthwiseConv2D: (call) => {
    const [weights, groups] = depthwise(depthwiseKernel(call))
    return activated(call, convolve(call, call.input, weights, call.bias(weights.shape[3]!), groups, false))
  },
  SeparableConv2D: (call) => {
    const [weights, groups] = depthwise(depthwiseKernel(call))
    const pointwise = call.weight('pointwise_kernel')
    const inner = convolve(call, call.input, weights, filled([weights.shape[3]!], 0), groups, false)
    const outer = call.builder.unary(`${call.name}.pointwise`, inner, {
      op: 'conv2d',
      weights: pointwise,
      bias: call.bias(pointwise.shape[3] ?? 1),
      strides: ONE,
      dilations: ONE,
      padding: NO_PADDING,
      groups: 1,
    })
    return activated(call, outer)
  },
  AveragePooling1D: (call) => pool(call, 'average', true),
  AveragePooling2D: (call) => pool(call, 'average', false),
  MaxPooling1D: (call) => pool(call, 'max', true),
  MaxPooling2D: (call) => pool(call, 'max', false),
  GlobalAveragePooling1D: (call) => globalAverage(call),
  GlobalAveragePooling2D: (call) => globalAverage(call),
  GlobalMaxPooling1D: (call) => globalMax(call, true),
  GlobalMaxPooling2D: (call) => globalMax(call, false),
  Activation: (call) => activate(call, call.input, call.text('activation', 'linear')),
  ReLU: (call) => {
    const max = call.number('max_value', Number.POSITIVE_INFINITY)
    const slope = call.number('negative_slope', 0)
    if (call.number('threshold', 0) !== 0) call.fail('unsupported-attribute', 'a threshold other than 0')
    if (slope !== 0 && max !== Number.POSITIVE_INFINITY)
      call.fail('unsupported-attribute', 'a slope and a maximum together')
    if (slope !== 0) return call.builder.activation(call.name, call.input, { kind: 'leaky-relu', slope })
    return call.builder.activation(
      call.name,
      call.input,
      max === Number.POSITIVE_INFINITY ? { kind: 'relu' } : { kind: 'clip', min: 0, max },
    )
  },
  LeakyReLU: (call) => {
    const slope = call.number('alpha', call.number('negative_slope', 0.3))
    return call.builder.activation(call.name, call.input, { kind: 'leaky-relu', slope })
  },
  PReLU: (call) => {
    const slopes = call.weight('alpha').data
    if (slopes.some((slope) => slope !== slopes[0]))
      call.fail('unsupported-attribute', 'one slope an element; only a single slope is supported')
    return call.builder.activation(call.name, call.input, { kind: 'leaky-relu', slope: slopes[0]! })
  },
  BatchNormalization: (call) => {
    const { shape } = call
    const axes = call.layer.config.axis
    const axis = normaliseAxis(
      Array.isArray(axes) ? Number(axes[0]) : call.number('axis', -1),
      shape.length + 1,
      call.name,
    )
    if (axis !== shape.length) call.fail('unsupported-attribute', `axis ${axis}; only the last one is supported`)
    const channels = shape.at(-1) ?? 1
    const mean = call.shapedWeight('moving_mean', [channels]).data
    const variance = call.shapedWeight('moving_variance', [channels]).data
    const epsilon = call.number('epsilon', 1e-3)
    const gamma = call.flag('scale', true)
      ? call.shapedWeight('gamma', [channels]).data
      : new Float64Array(mean.length).fill(1)
    const beta = call.flag('center', true) ? call.shapedWeight('beta', [channels]).data : new Float64Array(mean.length)
    const scale = gamma.map((value, c) => value / Math.sqrt(variance[c]! + epsilon))
    const shift = beta.map((value, c) => value - mean[c]! * scale[c]!)
    return call.builder.affine(call.name, call.input, tensor([scale.length], scale), tensor([shift.length], shift))
  },
  ELU: (call) => {
    const alpha = call.number('alpha', 1)
    return call.builder.activation(call.name, call.input, { kind: 'elu', alpha, gain: 1, width: 1 })
  },
  LayerNormalization: (call) => {
    const { shape, builder, name } = call
    const { axis } = call.layer.config
    // Axes count the batch.
    const axes = (Array.isArray(axis) ? axis : [axis ?? -1]).map(
      (each) => normaliseAxis(Number(each), shape.length + 1, name) - 1,
    )
    if (axes.length !== 1 || axes[0] !== shape.length - 1)
      call.fail('unsupported-attribute', `axis [${axis}]; only the last one is supported`)
    const channels = [shape.at(-1)!]
    const gain = call.flag('scale', true) ? call.shapedWeight('gamma', channels) : scalar(1)
    const shift = call.flag('center', true) ? call.shapedWeight('beta', channels) : scalar(0)
    const { value } = standardised(builder, name, call.input, axes, call.number('epsilon', 1e-3))
    return builder.affine(name, value, gain, shift)
  },
  Rescaling: (call) =>
    call.builder.affineScalar(call.name, call.input, call.number('scale', 1), call.number('offset', 0)),
  Embedding: (call) =>
    call.builder.unary(call.name, call.input, {
      op: 'embedding',
      table: call.shapedWeight('embeddings', [call.length('input_dim'), call.length('output_dim')]),
    }),
  Add: (call) => combined(call, 'add'),
  Subtract: (call) => combined(call, 'subtract'),
  Multiply: (call) => combined(call, 'multiply'),
  Average: (call) =>
    call.builder.affine(`${call.name}.mean`, combined(call, 'add'), scalar(1 / call.inputs.length), scalar(0)),
}

const NO_PADDING: Padding = { top: 0, left: 0, bottom: 0, right: 0 }

/** The activations that a layer may carry by name; null is one that only ranks the scores. */
const ACTIVATIONS: Readonly<Record<string, ActivationFunction | 'identity' | 'softmax'>> = {
  linear: 'identity',
  relu: { kind: 'relu' },
  relu6: { kind: 'clip', min: 0, max: 6 },
  leaky_relu: { kind: 'leaky-relu', slope: 0.2 },
  sigmoid: { kind: 'sigmoid' },
  tanh: { kind: 'tanh' },
  hard_sigmoid: { kind: 'hard-sigmoid', slope: 0.2, offset: 0.5 },
  hardSigmoid: { kind: 'hard-sigmoid', slope: 0.2, offset: 0.5 },
  elu: { kind: 'elu', alpha: 1, gain: 1, width: 1 },
  // tfjs' constants, which are ONNX's before those were rounded to float32.
  selu: { kind: 'elu', alpha: 1.6732632423543772, gain: 1.0507009873554805, width: 1 },
  softplus: { kind: 'softplus' },
  softsign: { kind: 'softsign' },
  swish: { kind: 'silu', alpha: 1 },
  mish: { kind: 'mish' },
  gelu: { kind: 'gelu' },
  gelu_new: { kind: 'gelu-tanh' },
  softmax: 'softmax',
}

/** Whether a layer ends in a Softmax, its own or as its activation. */
export function isSoftmax(kind: string, activation: unknown): boolean {
  return kind === 'Softmax' || activation === 'softmax'
}

function activated(call: LayerCall, value: ValueName): ValueName {
  return activate(call, value, call.text('activation', 'linear'))
}

function activate(call: LayerCall, value: ValueName, name: string): ValueName {
  const fn = Object.hasOwn(ACTIVATIONS, name) ? ACTIVATIONS[name]! : null
  if (fn === null) return call.fail('unsupported-operator', `activation ${name} is not supported`)
  // A Softmax is left to the importer, which knows whether it is the last thing in the network.
  if (fn === 'identity' || fn === 'softmax') return value
  return call.builder.activation(`${call.name}.${name}`, value, fn)
}

export function requireChannelsLast(call: LayerCall): void {
  const format = call.text('data_format', 'channels_last')
  if (format !== 'channels_last')
    call.fail('unsupported-attribute', `data_format ${format}; save the model with channels last`)
}

/** The window in the configuration; unknown if there is none. */
function windowOf(call: LayerCall, oneDimensional: boolean): (number | null)[] {
  if ((call.layer.config.kernel_size ?? null) === null) return oneDimensional ? [null] : [null, null]
  const [height, width] = call.pair('kernel_size', ONE, oneDimensional)
  return oneDimensional ? [width] : [height, width]
}

function depthwiseKernel(call: LayerCall): Tensor {
  return call.shapedWeight('depthwise_kernel', [
    ...windowOf(call, false),
    call.shape.at(-1) ?? null,
    call.length('depth_multiplier'),
  ])
}

/** [kh, kw, cin, multiplier] → [kh, kw, 1, cin · multiplier] in cin groups; the numbers lie in the same order. */
function depthwise(kernel: Tensor): [Tensor, number] {
  const [kh, kw, cin, multiplier] = kernel.shape as [number, number, number, number]
  return [tensor([kh, kw, 1, cin * multiplier], kernel.data), cin]
}

function convolution(call: LayerCall, weights: Tensor, oneDimensional: boolean): ValueName {
  const bias = call.bias(weights.shape[3] ?? 1)
  return activated(call, convolve(call, call.input, weights, bias, call.number('groups', 1), oneDimensional))
}

function convolve(
  call: LayerCall,
  input: ValueName,
  weights: Tensor,
  bias: Tensor,
  groups: number,
  oneDimensional: boolean,
): ValueName {
  requireChannelsLast(call)
  const x = asImage(call, input, oneDimensional)
  const [kh, kw] = weights.shape as [number, number]
  const strides = call.pair('strides', ONE, oneDimensional)
  const dilations = call.pair('dilation_rate', ONE, oneDimensional)
  const padding = paddingOf(call, x, [kh, kw], strides, dilations)
  const out = call.builder.unary(call.name, x, { op: 'conv2d', weights, bias, strides, dilations, padding, groups })
  return fromImage(call, out, oneDimensional)
}

function pool(call: LayerCall, kind: 'max' | 'average', oneDimensional: boolean): ValueName {
  requireChannelsLast(call)
  const x = asImage(call, call.input, oneDimensional)
  const window = call.pair('pool_size', oneDimensional ? [1, 2] : [2, 2], oneDimensional)
  const strides = call.pair('strides', window, oneDimensional)
  const padding = paddingOf(call, x, window, strides, ONE)
  const out = call.builder.unary(call.name, x, { op: 'pool', kind, window, strides, dilations: ONE, padding })
  return fromImage(call, out, oneDimensional)
}

function globalAverage(call: LayerCall): ValueName {
  requireChannelsLast(call)
  const axes = call.shape.slice(0, -1).map((_, axis) => axis)
  const keepDims = call.flag('keepdims', false)
  return call.builder.unary(call.name, call.input, { op: 'reduce', kind: 'mean', axes, keepDims })
}

function globalMax(call: LayerCall, oneDimensional: boolean): ValueName {
  requireChannelsLast(call)
  const x = asImage(call, call.input, oneDimensional)
  const [height, width, channels] = call.builder.shape(x) as [number, number, number]
  const out = call.builder.unary(call.name, x, {
    op: 'pool',
    kind: 'max',
    window: [height, width],
    strides: ONE,
    dilations: ONE,
    padding: NO_PADDING,
  })
  const kept = call.shape.map((_, axis) => (axis === call.shape.length - 1 ? channels : 1))
  return call.builder.reshape(`${call.name}.flat`, out, call.flag('keepdims', false) ? kept : [channels])
}

/** Sequences [length, channels] are images of height 1. */
function asImage(call: LayerCall, input: ValueName, oneDimensional: boolean): ValueName {
  const shape = call.builder.shape(input)
  if (shape.length !== (oneDimensional ? 2 : 3))
    call.fail('shape-mismatch', `input [${shape}] has ${shape.length} axes where ${oneDimensional ? 2 : 3} are needed`)
  return oneDimensional ? call.builder.reshape(`${call.name}.image`, input, [1, ...shape]) : input
}

function fromImage(call: LayerCall, value: ValueName, oneDimensional: boolean): ValueName {
  return oneDimensional
    ? call.builder.reshape(`${call.name}.sequence`, value, call.builder.shape(value).slice(1))
    : value
}

function paddingOf(call: LayerCall, x: ValueName, window: Pair, strides: Pair, dilations: Pair): Padding {
  const rule = call.text('padding', 'valid')
  if (rule === 'valid') return NO_PADDING
  const shape = call.builder.shape(x)
  if (rule === 'same') {
    const [top, bottom] = samePadding(shape[0]!, window[0], strides[0], dilations[0])
    const [left, right] = samePadding(shape[1]!, window[1], strides[1], dilations[1])
    return { top, left, bottom, right }
  }
  if (rule === 'causal') return { ...NO_PADDING, left: (window[1] - 1) * dilations[1] }
  return call.fail('unsupported-attribute', `padding ${rule}; valid, same and causal are supported`)
}

function combined(call: LayerCall, kind: 'add' | 'subtract' | 'multiply'): ValueName {
  if (call.inputs.length < 2)
    call.fail('malformed-file', `combines ${call.inputs.length} inputs; at least 2 are needed`)
  const ranks = call.inputs.map((input) => call.builder.shape(input).length)
  if (ranks.some((rank) => rank !== ranks[0]))
    call.fail(
      'unsupported-attribute',
      `its inputs have ${ranks} axes; Keras aligns them from the front, which is not supported`,
    )
  return call.inputs.reduce((left, right) => call.builder.nary(call.name, [left, right], { op: 'binary', kind }))
}

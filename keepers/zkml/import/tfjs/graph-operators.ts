// SPDX-License-Identifier: GPL-3.0-or-later
// TensorFlow's operators, as tfjs graph models hold them, turned into graph nodes. Values keep their batch of 1; images are
// channels last, as the graph has them.
import { elementCount } from '../../graph/program.ts'
import { broadcastMap, broadcastShape, sameShape, scalar, take, tensor } from '../../graph/tensor.ts'
import type { ActivationFunction, Tensor, ValueName } from '../../graph/types.ts'
import { convolution, pool, requireChannelsLast } from './image-operators.ts'
import type { Operand, OperatorCall } from './operator-call.ts'

type OperatorHandler = (call: OperatorCall) => ValueName

const NONE = Number.POSITIVE_INFINITY

export const OPERATOR_HANDLERS: Readonly<Record<string, OperatorHandler>> = {
  Identity: (call) => call.value(0),
  MatMul: (call) => matrix(call),
  _FusedMatMul: (call) => fused(call, matrix(call)),
  Conv2D: (call) => convolution(call, false),
  _FusedConv2D: (call) => fused(call, convolution(call, false)),
  DepthwiseConv2dNative: (call) => convolution(call, true),
  FusedDepthwiseConv2dNative: (call) => fused(call, convolution(call, true)),
  BiasAdd: (call) => {
    requireChannelsLast(call)
    return added(call, call.value(0), call.constant(1, 'bias'))
  },
  Add: (call) => sum(call, 1),
  AddV2: (call) => sum(call, 1),
  Sub: (call) => sum(call, -1),
  Mul: (call) => {
    const [a, b] = call.inputs as [Operand, Operand]
    if ('value' in a && 'value' in b)
      return call.builder.nary(call.name, [a.value, b.value], { op: 'binary', kind: 'multiply' })
    const [x, factor] = ('value' in a ? [a.value, b] : [call.value(1), a]) as [ValueName, { constant: Tensor }]
    return affine(call, x, factor.constant, scalar(0))
  },
  RealDiv: (call) => {
    const divisor = call.constant(1, 'divisor')
    if (divisor.data.includes(0)) call.fail('not-finite', 'the divisor holds a zero')
    return affine(
      call,
      call.value(0),
      tensor(
        divisor.shape,
        divisor.data.map((value) => 1 / value),
      ),
      scalar(0),
    )
  },
  Relu: (call) => activation(call, { kind: 'relu' }),
  Relu6: (call) => activation(call, { kind: 'clip', min: 0, max: 6 }),
  LeakyRelu: (call) => activation(call, { kind: 'leaky-relu', slope: call.attributes.number('alpha', 0.2) }),
  Sigmoid: (call) => activation(call, { kind: 'sigmoid' }),
  Tanh: (call) => activation(call, { kind: 'tanh' }),
  Maximum: (call) => limited(call, (limit) => ({ min: limit, max: NONE })),
  Minimum: (call) => limited(call, (limit) => ({ min: -NONE, max: limit })),
  FusedBatchNorm: (call) => batchNorm(call),
  FusedBatchNormV3: (call) => batchNorm(call),
  MaxPool: (call) => pool(call, 'max'),
  AvgPool: (call) => pool(call, 'average'),
  Mean: (call) => reduced(call, 'mean'),
  Sum: (call) => reduced(call, 'sum'),
  Reshape: (call) => {
    const size = elementCount(call.shape())
    const wanted = call.integers(1, 'shape')
    const known = elementCount(wanted.filter((length) => length !== -1))
    const shape = wanted.map((length) => (length === -1 ? size / known : length))
    if (elementCount(shape) !== size || wanted.filter((length) => length === -1).length > 1)
      call.fail('malformed-file', `shape [${wanted}] of an input [${call.shape()}]`)
    return call.builder.reshape(call.name, call.value(0), shape)
  },
  Squeeze: (call) => {
    const shape = call.shape()
    const given = call.attributes.numbers('squeeze_dims').map((axis) => call.axis(axis, shape.length))
    const axes = given.length > 0 ? given : shape.flatMap((length, axis) => (length === 1 ? [axis] : []))
    if (axes.some((axis) => shape[axis] !== 1)) call.fail('malformed-file', `squeeze_dims [${given}] of [${shape}]`)
    return call.builder.reshape(
      call.name,
      call.value(0),
      shape.filter((_, axis) => !axes.includes(axis)),
    )
  },
  ExpandDims: (call) => {
    const shape = [...call.shape()]
    const [given] = call.integers(1, 'axis')
    shape.splice(call.axis(given!, shape.length + 1), 0, 1)
    return call.builder.reshape(call.name, call.value(0), shape)
  },
  Transpose: (call) => {
    const order = call.integers(1, 'permutation')
    if ([...order].sort((a, b) => a - b).some((axis, i) => axis !== i) || order.length !== call.shape().length)
      call.fail('malformed-file', `permutation [${order}] of [${call.shape()}]`)
    return call.builder.transpose(call.name, call.value(0), order)
  },
  ConcatV2: (call) => {
    const parts = call.inputs.slice(0, -1).map((_, i) => call.value(i))
    const [axis] = call.integers(call.inputs.length - 1, 'axis')
    return call.builder.nary(call.name, parts, { op: 'concat', axis: call.axis(axis!, call.shape().length) })
  },
  Pad: (call) => padded(call, 0),
  PadV2: (call) => padded(call, call.constant(2, 'value').data[0] ?? 0),
}

/** The operators that a tfjs graph model may use. */
export function tfjsOperators(): string[] {
  return [...Object.keys(OPERATOR_HANDLERS), 'Const', 'Placeholder', 'Softmax'].sort()
}

function activation(call: OperatorCall, fn: ActivationFunction): ValueName {
  return call.builder.activation(call.name, call.value(0), fn)
}

function limited(call: OperatorCall, range: (limit: number) => { min: number; max: number }): ValueName {
  const at = 'constant' in call.inputs[0]! ? 0 : 1
  const { data } = call.constant(at, 'limits')
  if (data.length !== 1) call.fail('unsupported-attribute', `${data.length} limits; one for all elements is supported`)
  const { min, max } = range(data[0]!)
  const fn: ActivationFunction = min === 0 && max === NONE ? { kind: 'relu' } : { kind: 'clip', min, max }
  return call.builder.activation(call.name, call.value(1 - at), fn)
}

/** scale ⊙ x + shift; where the constants are larger than x, x is spread to their shape. */
function affine(call: OperatorCall, x: ValueName, scale: Tensor, shift: Tensor): ValueName {
  const { builder, name } = call
  const from = builder.shape(x)
  const shape = [scale.shape, shift.shape].reduce((a: readonly number[], b) => broadcastShape(a, b, name), from)
  const wide = sameShape(shape, from) ? x : builder.select(`${name}.spread`, x, broadcastMap(from, shape), shape)
  return builder.affine(name, wide, scale, shift)
}

function added(call: OperatorCall, x: ValueName, constant: Tensor): ValueName {
  return affine(call, x, scalar(1), constant)
}

function sum(call: OperatorCall, sign: 1 | -1): ValueName {
  const [a, b] = call.inputs as [Operand, Operand]
  if ('value' in a && 'value' in b)
    return call.builder.nary(call.name, [a.value, b.value], { op: 'binary', kind: sign === 1 ? 'add' : 'subtract' })
  if ('value' in a) {
    const { shape, data } = call.constant(1, 'addend')
    return added(
      call,
      a.value,
      tensor(
        shape,
        data.map((value) => sign * value),
      ),
    )
  }
  return affine(call, call.value(1), scalar(sign), call.constant(0, 'addend'))
}

function matrix(call: OperatorCall): ValueName {
  if (call.attributes.flag('transpose_a')) call.fail('unsupported-attribute', 'transpose_a')
  const given = call.constant(1, 'weights')
  if (given.shape.length !== 2) call.fail('malformed-file', `weights [${given.shape}]; a matrix is needed`)
  const [rows, columns] = given.shape as [number, number]
  const weights = call.attributes.flag('transpose_b')
    ? take(
        given,
        Int32Array.from({ length: rows * columns }, (_, i) => (i % rows) * columns + Math.floor(i / rows)),
        [columns, rows],
      )
    : given
  return call.builder.dense(call.name, call.value(0), weights)
}

/** Applies the operators fused after a product: a bias and an activation. A batch norm has been folded before. */
function fused(call: OperatorCall, product: ValueName): ValueName {
  const { builder, name, attributes } = call
  let value = product
  let next = 2
  for (const part of attributes.texts('fused_ops')) {
    if (part === 'BiasAdd') value = added(call, value, call.constant(next++, 'bias'))
    else if (part === 'Relu') value = builder.activation(name, value, { kind: 'relu' })
    else if (part === 'Relu6') value = builder.activation(name, value, { kind: 'clip', min: 0, max: 6 })
    else if (part === 'LeakyRelu')
      value = builder.activation(name, value, { kind: 'leaky-relu', slope: attributes.number('leakyrelu_alpha', 0.2) })
    else if (part === 'Sigmoid') value = builder.activation(name, value, { kind: 'sigmoid' })
    else if (part === 'Tanh') value = builder.activation(name, value, { kind: 'tanh' })
    else call.fail('unsupported-operator', `${part} is fused into it; BiasAdd and simple activations are supported`)
  }
  return value
}

function batchNorm(call: OperatorCall): ValueName {
  requireChannelsLast(call)
  if (call.attributes.flag('is_training')) call.fail('unsupported-attribute', 'it is in training mode')
  const [gamma, beta, mean, variance] = ['scale', 'offset', 'mean', 'variance'].map((what, i) =>
    call.constant(i + 1, what),
  ) as [Tensor, Tensor, Tensor, Tensor]
  const epsilon = call.attributes.number('epsilon', 1e-4)
  const scale = gamma.data.map((value, c) => value / Math.sqrt(variance.data[c]! + epsilon))
  const shift = beta.data.map((value, c) => value - mean.data[c]! * scale[c]!)
  return affine(call, call.value(0), tensor(gamma.shape, scale), tensor(gamma.shape, shift))
}

function reduced(call: OperatorCall, kind: 'mean' | 'sum'): ValueName {
  const rank = call.shape().length
  const axes = [...new Set(call.integers(1, 'axes').map((axis) => call.axis(axis, rank)))]
  return call.builder.unary(call.name, call.value(0), {
    op: 'reduce',
    kind,
    axes,
    keepDims: call.attributes.flag('keep_dims'),
  })
}

function padded(call: OperatorCall, fill: number): ValueName {
  const pads = call.integers(1, 'paddings')
  const rank = call.shape().length
  if (pads.length !== 2 * rank || pads.some((pad) => pad < 0))
    call.fail('malformed-file', `paddings [${pads}] of [${call.shape()}]`)
  const side = (which: 0 | 1): number[] => Array.from({ length: rank }, (_, axis) => pads[2 * axis + which]!)
  return call.builder.pad(call.name, call.value(0), side(0), side(1), fill)
}

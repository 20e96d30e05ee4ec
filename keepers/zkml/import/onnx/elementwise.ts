// SPDX-License-Identifier: GPL-3.0-or-later
// Matrix products, sums and products, activations, normalisation: operators that compute numbers.
import { elementCount } from '../../graph/program.ts'
import {
  broadcastMap,
  broadcastShape,
  normaliseAxis,
  sameShape,
  scalar,
  take,
  tensor,
  transposeMap,
} from '../../graph/tensor.ts'
import type { ActivationFunction, Tensor } from '../../graph/types.ts'
import { type Handler, type Invocation, type Operand, values } from './scope.ts'

export const ELEMENTWISE_HANDLERS: Readonly<Record<string, Handler>> = {
  Gemm: (call) => {
    if (call.int('transA', 0) !== 0) call.fail('unsupported-attribute', 'transA = 1')
    const weights = matrix(call, 1, call.int('transB', 0) === 1)
    const alpha = call.float('alpha', 1)
    const scaled = tensor(
      weights.shape,
      weights.data.map((value) => value * alpha),
    )
    const product = call.builder.dense(call.name, call.value(0), scaled)
    if (!call.has(2)) return values(product)
    const beta = call.float('beta', 1)
    const bias = call.constant(2, 'bias (C)')
    return values(call.builder.affine(call.name, product, scalar(1), times(bias, beta)))
  },
  MatMul: (call) => values(call.builder.dense(call.name, call.value(0), matrix(call, 1, false))),
  Add: (call) => binary(call, 'add'),
  Sub: (call) => binary(call, 'subtract'),
  Mul: (call) => binary(call, 'multiply'),
  Div: (call) => {
    const divisor = call.constant(1, 'divisor')
    if (divisor.data.includes(0)) call.fail('unsupported-attribute', 'the divisor holds a zero')
    const inverse = tensor(
      divisor.shape,
      divisor.data.map((value) => 1 / value),
    )
    return values(affine(call, call.value(0), inverse, scalar(0)))
  },
  Sum: (call) => {
    let sum = call.value(0)
    for (let i = 1; i < call.node.input.length; i++)
      sum = call.builder.nary(call.name, [sum, call.value(i)], { op: 'binary', kind: 'add' })
    return values(sum)
  },
  Neg: (call) => values(call.builder.affineScalar(call.name, call.value(0), -1, 0)),
  Pow: (call) => {
    const exponent = single(call, 1, 'exponent')
    if (!Number.isInteger(exponent) || exponent < 1 || exponent > 8)
      call.fail('unsupported-attribute', `exponent ${exponent}; whole numbers from 1 to 8 are supported`)
    const coefficients = Array.from({ length: exponent + 1 }, (_, i) => (i === exponent ? 1 : 0))
    return activation(call, { kind: 'polynomial', coefficients })
  },
  Relu: (call) => activation(call, { kind: 'relu' }),
  LeakyRelu: (call) => activation(call, { kind: 'leaky-relu', slope: call.float('alpha', 0.01) }),
  PRelu: (call) => {
    const slopes = call.constant(1, 'slope').data
    if (slopes.some((slope) => slope !== slopes[0]))
      call.fail('unsupported-attribute', 'one slope a channel; only a single slope is supported')
    return activation(call, { kind: 'leaky-relu', slope: slopes[0]! })
  },
  Sigmoid: (call) => activation(call, { kind: 'sigmoid' }),
  Tanh: (call) => activation(call, { kind: 'tanh' }),
  HardSigmoid: (call) =>
    activation(call, { kind: 'hard-sigmoid', slope: call.float('alpha', 0.2), offset: call.float('beta', 0.5) }),
  Clip: (call) => {
    const min = call.has(1) ? single(call, 1, 'min') : call.float('min', Number.NEGATIVE_INFINITY)
    const max = call.has(2) ? single(call, 2, 'max') : call.float('max', Number.POSITIVE_INFINITY)
    return clip(call, min, max)
  },
  Min: (call) => clip(call, Number.NEGATIVE_INFINITY, single(call, 1, 'second operand')),
  Max: (call) => clip(call, single(call, 1, 'second operand'), Number.POSITIVE_INFINITY),
  BatchNormalization: (call) => {
    if (call.int('training_mode', 0) !== 0 || call.node.output.filter((output) => output !== '').length > 1)
      call.fail('unsupported-attribute', 'it is in training mode; export the model in evaluation mode')
    const [gamma, beta, mean, variance] = [1, 2, 3, 4].map((i) => call.constant(i, 'statistics').data)
    const epsilon = call.float('epsilon', 1e-5)
    const scale = gamma!.map((value, c) => value / Math.sqrt(variance![c]! + epsilon))
    const shift = beta!.map((value, c) => value - mean![c]! * scale[c]!)
    const rank = call.builder.shape(call.value(0)).length
    const shape = [scale.length, ...new Array<number>(Math.max(0, rank - 2)).fill(1)]
    return values(affine(call, call.value(0), tensor(shape, scale), tensor(shape, shift)))
  },
  ReduceSum: (call) => reduce(call, 'sum', 13),
  ReduceMean: (call) => reduce(call, 'mean', 18),
  ArgMax: (call) => {
    const x = call.value(0)
    const shape = call.builder.shape(x)
    const axis = normaliseAxis(call.int('axis', 0), shape.length, call.name)
    if (call.int('select_last_index', 0) !== 0)
      call.fail('unsupported-attribute', 'select_last_index = 1; ties go to the lowest index')
    if (shape[axis] !== elementCount(shape))
      call.fail('unsupported-attribute', `axis ${axis} of [${shape}] is not all there is to choose from`)
    const flat = call.builder.reshape(`${call.name}.scores`, x, [elementCount(shape)])
    return values(call.builder.unary(call.name, flat, { op: 'argmax' }))
  },
}

function times(constant: Tensor, factor: number): Tensor {
  return factor === 1
    ? constant
    : tensor(
        constant.shape,
        constant.data.map((value) => value * factor),
      )
}

/** A constant matrix operand, transposed on demand. */
function matrix(call: Invocation, index: number, transposed: boolean): Tensor {
  const operand = call.operand(index)
  if (!('constant' in operand))
    return call.fail('unsupported-operator', 'a product of two computed matrices is not supported')
  const { constant } = operand
  if (constant.shape.length !== 2) call.fail('unsupported-attribute', `weights [${constant.shape}] are not a matrix`)
  const [rows, columns] = constant.shape as [number, number]
  return transposed ? take(constant, transposeMap(constant.shape, [1, 0]), [columns, rows]) : constant
}

/** scale ⊙ x + shift; where the constants are larger than x, x is first spread to their shape. */
function affine(call: Invocation, x: string, scale: Tensor, shift: Tensor): string {
  return call.builder.affine(call.name, spread(call, x, [scale.shape, shift.shape]), scale, shift)
}

function spread(call: Invocation, x: string, others: readonly (readonly number[])[]): string {
  const from = call.builder.shape(x)
  let shape = from
  for (const other of others) shape = broadcastShape(shape, other, call.name)
  return sameShape(shape, from) ? x : call.builder.select(`${call.name}.spread`, x, broadcastMap(from, shape), shape)
}

function binary(call: Invocation, kind: 'add' | 'subtract' | 'multiply'): Operand[] {
  const [left, right] = [call.operand(0), call.operand(1)]
  const { builder, name } = call
  if ('value' in left && 'value' in right)
    return values(builder.nary(name, [left.value, right.value], { op: 'binary', kind }))
  if ('value' in left && 'constant' in right) {
    if (kind === 'multiply') return values(affine(call, left.value, right.constant, scalar(0)))
    return values(affine(call, left.value, scalar(1), times(right.constant, kind === 'add' ? 1 : -1)))
  }
  if ('constant' in left && 'value' in right) {
    if (kind === 'multiply') return values(affine(call, right.value, left.constant, scalar(0)))
    return values(affine(call, right.value, scalar(kind === 'add' ? 1 : -1), left.constant))
  }
  return call.fail('malformed-file', 'two constants should have been folded')
}

function activation(call: Invocation, fn: ActivationFunction): Operand[] {
  return values(call.builder.activation(call.name, call.value(0), fn))
}

function clip(call: Invocation, min: number, max: number): Operand[] {
  if (Number.isNaN(min) || Number.isNaN(max) || min > max)
    call.fail('unsupported-attribute', `the range [${min}, ${max}] is empty`)
  // Exporters write "no limit" as the largest float32.
  const low = min < -3e38 ? Number.NEGATIVE_INFINITY : min
  const high = max > 3e38 ? Number.POSITIVE_INFINITY : max
  if (low === Number.NEGATIVE_INFINITY && high === Number.POSITIVE_INFINITY) return [call.operand(0)]
  if (low === 0 && high === Number.POSITIVE_INFINITY) return activation(call, { kind: 'relu' })
  return activation(call, { kind: 'clip', min: low, max: high })
}

function single(call: Invocation, index: number, what: string): number {
  const { data } = call.constant(index, what)
  if (data.length !== 1) call.fail('unsupported-attribute', `its ${what} must be one number, found ${data.length}`)
  return data[0]!
}

/** Reductions: `axes` moved from an attribute to an input in opset `since`. Without axes, all of them. */
function reduce(call: Invocation, kind: 'sum' | 'mean', since: number): Operand[] {
  const x = call.value(0)
  const rank = call.builder.shape(x).length
  const axes = call.scope.opset >= since && !call.has(1) ? call.ints('axes') : call.listOf('axes', 1)
  if ((axes === null || axes.length === 0) && call.int('noop_with_empty_axes', 0) === 1) return values(x)
  return values(
    call.builder.unary(call.name, x, {
      op: 'reduce',
      kind,
      axes: axes === null || axes.length === 0 ? Array.from({ length: rank }, (_, i) => i) : axes,
      keepDims: call.int('keepdims', 1) === 1,
    }),
  )
}

// SPDX-License-Identifier: GPL-3.0-or-later
// Sums, products, limits, activations, normalisation: operators that compute each element by itself.
import { broadcastMap, broadcastShape, sameShape, scalar, tensor } from '../../graph/tensor.ts'
import type { ActivationFunction, Tensor, ValueName } from '../../graph/types.ts'
import { compute } from './arithmetic.ts'
import type { Handler, Invocation } from './invocation.ts'
import { masked, maskedWhere } from './masks.ts'
import { type Computed, type Operand, type Result, values } from './operand.ts'
import { single } from './single.ts'
import { exponential, powerOf, SMOOTH_HANDLERS } from './smooth.ts'
import type { Constant } from './tensors.ts'

export const ELEMENTWISE_HANDLERS: Readonly<Record<string, Handler>> = {
  Add: (call) => masked(call) ?? binary(call, 'add', call.operand(0), call.operand(1)),
  Sub: (call) => binary(call, 'subtract', call.operand(0), call.operand(1)),
  Mul: (call) => binary(call, 'multiply', call.operand(0), call.operand(1)),
  Div: (call) => {
    if ('value' in call.operand(1)) return divided(call)
    const divisor = call.constant(1, 'divisor')
    if (divisor.data.includes(0)) call.fail('not-finite', 'the divisor holds a zero')
    return values(affine(call, call.value(0), inverse(call, divisor), scalar(0)))
  },
  Sum: (call) => values(sum(call)),
  Mean: (call) => values(call.builder.affineScalar(`${call.name}.mean`, sum(call), 1 / call.operands().length, 0)),
  Min: (call) => extreme(call, 'min'),
  Max: (call) => extreme(call, 'max'),
  Where: (call) => {
    const condition = call.constant(0, 'condition')
    return maskedWhere(call, condition) ?? values(chosen(call, condition))
  },
  Neg: (call) => values(call.builder.affineScalar(call.name, call.value(0), -1, 0)),
  Abs: (call) => values(absolute(call, call.value(0))),
  Pow: (call) => {
    if ('value' in call.operand(1)) return exponential(call)
    const exponent = single(call, 1, 'exponent')
    if (exponent === 0) call.fail('unsupported-attribute', 'exponent 0; its result is 1, whatever the input')
    const shape = broadcastShape(call.shape(0), call.shape(1), call.name)
    const x = spread(call, call.value(0), [shape])
    return values(call.builder.activation(call.name, x, powerOf(exponent)))
  },
  Relu: (call) => activation(call, { kind: 'relu' }),
  LeakyRelu: (call) => activation(call, { kind: 'leaky-relu', slope: call.float('alpha', 0.01) }),
  PRelu: (call) => {
    const slopes = call.constant(1, 'slope')
    const shape = broadcastShape(slopes.shape, call.shape(0), call.name)
    if (!sameShape(shape, call.shape(0)))
      call.fail('malformed-file', `slope [${slopes.shape}] does not broadcast to the input [${call.shape(0)}]`)
    const x = call.value(0)
    const slope = slopes.data[0] ?? call.fail('malformed-file', 'its slope has no elements')
    if (slope >= 0 && slope <= 1 && slopes.data.every((each) => each === slope))
      return activation(call, { kind: 'leaky-relu', slope })
    // relu(x) − slope · relu(−x)
    const positive = call.builder.activation(call.name, x, { kind: 'relu' })
    const minus = call.builder.affineScalar(`${call.name}.minus`, x, -1, 0)
    const negative = call.builder.activation(`${call.name}.negative`, minus, { kind: 'relu' })
    const scaled = call.builder.affine(`${call.name}.slope`, negative, slopes, scalar(0))
    return values(call.builder.nary(`${call.name}.sum`, [positive, scaled], { op: 'binary', kind: 'subtract' }))
  },
  Sigmoid: (call) => activation(call, { kind: 'sigmoid' }),
  Tanh: (call) => activation(call, { kind: 'tanh' }),
  HardSigmoid: (call) =>
    activation(call, { kind: 'hard-sigmoid', slope: call.float('alpha', 0.2), offset: call.float('beta', 0.5) }),
  ...SMOOTH_HANDLERS,
  HardSwish: (call) => {
    const x = call.value(0)
    const gate = call.builder.activation(`${call.name}.gate`, x, { kind: 'hard-sigmoid', slope: 1 / 6, offset: 0.5 })
    return values(call.builder.nary(call.name, [x, gate], { op: 'binary', kind: 'multiply' }))
  },
  ThresholdedRelu: (call) => {
    const alpha = call.float('alpha', 1)
    if (alpha !== 0) call.fail('unsupported-attribute', `alpha = ${alpha}: it jumps there; only 0 is supported`)
    return activation(call, { kind: 'relu' })
  },
  Clip: (call) => {
    const limit = (index: number, name: 'min' | 'max', none: number): number => {
      if (!call.has(index)) return call.float(name, none, true)
      const { shape } = call.constant(index, name)
      if (shape.length > 1 || (shape.length === 1 && shape[0] !== 1))
        call.fail('malformed-file', `its ${name} must be a scalar, found [${shape}]`)
      return single(call, index, name)
    }
    const [min, max] = [limit(1, 'min', Number.NEGATIVE_INFINITY), limit(2, 'max', Number.POSITIVE_INFINITY)]
    return values(clip(call, call.value(0), min, max))
  },
  BatchNormalization: (call) => {
    if (call.flag('training_mode', false) || call.node.output.filter((output) => output !== '').length > 1)
      call.fail('unsupported-attribute', 'it is in training mode; export the model in evaluation mode')
    if (call.int('spatial', 1) !== 1) call.fail('unsupported-attribute', 'spatial = 0')
    const shape = call.shape(0)
    const channels = shape[1] ?? 1
    const [gamma, beta, mean, variance] = ['scale', 'B', 'mean', 'var'].map((what, i) => {
      const found = call.constant(i + 1, what)
      if (!sameShape(found.shape, [channels]))
        call.fail('malformed-file', `its ${what} has shape [${found.shape}] where [${channels}] is needed`)
      return found.data
    })
    const epsilon = call.float('epsilon', 1e-5)
    const scale = gamma!.map((value, c) => value / Math.sqrt(variance![c]! + epsilon))
    const shift = beta!.map((value, c) => value - mean![c]! * scale[c]!)
    call.requireFinite(scale, `scale / √(var + ${epsilon})`)
    const spatial = [channels, ...new Array<number>(Math.max(0, shape.length - 2)).fill(1)]
    return values(affine(call, call.value(0), tensor(spatial, scale), tensor(spatial, shift)))
  },
}

/** |x| = relu(x) + relu(−x) */
export function absolute(call: Invocation, x: ValueName): ValueName {
  const positive = call.builder.activation(call.name, x, { kind: 'relu' })
  const minus = call.builder.affineScalar(`${call.name}.minus`, x, -1, 0)
  const negative = call.builder.activation(`${call.name}.negative`, minus, { kind: 'relu' })
  return call.builder.nary(`${call.name}.sum`, [positive, negative], { op: 'binary', kind: 'add' })
}

/** a / b as a · (1 / b), with b computed. */
function divided(call: Invocation): Result[] {
  const inverted = call.builder.activation(`${call.name}.reciprocal`, call.value(1), { kind: 'reciprocal' })
  const operand = call.operand(1) as Computed
  return binary(call, 'multiply', call.operand(0), { ...operand, value: inverted })
}

function inverse(call: Invocation, divisor: Constant): Tensor {
  const data = divisor.data.map((value) => 1 / value)
  call.requireFinite(data, 'divisor, inverted,')
  return tensor(divisor.shape, data)
}

function negated(constant: Tensor): Tensor {
  return tensor(
    constant.shape,
    constant.data.map((value) => -value),
  )
}

/** scale ⊙ x + shift; where the constants are larger than x, x is first spread to their shape. */
function affine(call: Invocation, x: ValueName, scale: Tensor, shift: Tensor): ValueName {
  return call.builder.affine(call.name, spread(call, x, [scale.shape, shift.shape]), scale, shift)
}

function spread(call: Invocation, x: ValueName, others: readonly (readonly number[])[]): ValueName {
  const from = call.builder.shape(x)
  let shape = from
  for (const other of others) shape = broadcastShape(shape, other, call.name)
  return sameShape(shape, from) ? x : call.builder.select(`${call.name}.spread`, x, broadcastMap(from, shape), shape)
}

export function binary(
  call: Invocation,
  kind: 'add' | 'subtract' | 'multiply',
  left: Operand,
  right: Operand,
): Result[] {
  const { builder, name } = call
  if ('value' in left && 'value' in right)
    return values(builder.nary(name, [left.value, right.value], { op: 'binary', kind }))
  const [value, constant] = (
    'value' in left && 'constant' in right
      ? [left.value, right.constant]
      : [(right as { value: string }).value, (left as { constant: Constant }).constant]
  ) as [ValueName, Constant]
  if (kind === 'multiply') return values(affine(call, value, constant, scalar(0)))
  if (kind === 'add') return values(affine(call, value, scalar(1), constant))
  return values(
    'value' in left ? affine(call, value, scalar(1), negated(constant)) : affine(call, value, scalar(-1), constant),
  )
}

/** The operands that the network computes, and all constants folded into one. */
function parted(call: Invocation): { computed: ValueName[]; constant: Constant | null } {
  const constants = call.operands().flatMap((operand) => ('constant' in operand ? [operand.constant] : []))
  const computed = call.operands().flatMap((operand) => ('value' in operand ? [operand.value] : []))
  if (constants.length === 0) return { computed, constant: null }
  // A mean divides by the number of all its operands, so constant operands are folded to their sum.
  const { opType } = call.node
  return { computed, constant: compute(call, constants, opType === 'Mean' ? 'Sum' : opType) }
}

function sum(call: Invocation): ValueName {
  const { computed, constant } = parted(call)
  const total = computed.reduce((left, right) =>
    call.builder.nary(call.name, [left, right], { op: 'binary', kind: 'add' }),
  )
  return constant === null ? total : affine(call, total, scalar(1), constant)
}

/** The least or the largest of all operands, element by element. */
function extreme(call: Invocation, kind: 'min' | 'max'): Result[] {
  const { computed, constant } = parted(call)
  const found = computed.reduce((left, right) => larger(call, kind, left, right))
  if (constant === null) return values(found)
  const { data, shape } = constant
  const [first] = data
  const x = spread(call, found, [shape])
  if (first !== undefined && data.every((value) => value === first)) {
    const limits: [number, number] =
      kind === 'min' ? [Number.NEGATIVE_INFINITY, first] : [first, Number.POSITIVE_INFINITY]
    return values(clip(call, x, ...limits))
  }
  call.requireFinite(data, 'constants')
  // max(x, c) = c + relu(x − c), min(x, c) = c − relu(c − x)
  const { builder, name } = call
  const distance =
    kind === 'max'
      ? builder.affine(`${name}.distance`, x, scalar(1), negated(constant))
      : builder.affine(`${name}.distance`, x, scalar(-1), constant)
  const above = builder.activation(name, distance, { kind: 'relu' })
  return values(builder.affine(`${name}.limit`, above, scalar(kind === 'max' ? 1 : -1), constant))
}

/** max(a, b) = b + relu(a − b), min(a, b) = a − relu(a − b) */
function larger(call: Invocation, kind: 'min' | 'max', a: ValueName, b: ValueName): ValueName {
  const { builder, name } = call
  const distance = builder.nary(`${name}.distance`, [a, b], { op: 'binary', kind: 'subtract' })
  const above = builder.activation(name, distance, { kind: 'relu' })
  return kind === 'max'
    ? builder.nary(`${name}.larger`, [b, above], { op: 'binary', kind: 'add' })
    : builder.nary(`${name}.smaller`, [a, above], { op: 'binary', kind: 'subtract' })
}

/** condition · x + (1 − condition) · y, of a condition that is known. */
function chosen(call: Invocation, condition: Constant): ValueName {
  const [x, y] = [call.operand(1), call.operand(2)]
  const shape = [condition.shape, call.shapeOf(x), call.shapeOf(y)].reduce((a, b) => broadcastShape(a, b, call.name))
  const mask = tensor(
    condition.shape,
    condition.data.map((value) => (value !== 0 ? 1 : 0)),
  )
  const other = tensor(
    mask.shape,
    mask.data.map((value) => 1 - value),
  )
  const part = (operand: Operand, weights: Tensor): ValueName | Tensor => {
    if ('value' in operand) return affine(call, spread(call, operand.value, [shape]), weights, scalar(0))
    const [from, by] = [broadcastMap(operand.constant.shape, shape), broadcastMap(weights.shape, shape)]
    return tensor(
      shape,
      Float64Array.from(from, (at, i) => operand.constant.data[at]! * weights.data[by[i]!]!),
    )
  }
  const [left, right] = [part(x, mask), part(y, other)]
  if (typeof left !== 'string') return affine(call, right as ValueName, scalar(1), left)
  if (typeof right !== 'string') return affine(call, left, scalar(1), right)
  return call.builder.nary(call.name, [left, right], { op: 'binary', kind: 'add' })
}

function activation(call: Invocation, fn: ActivationFunction): Result[] {
  return values(call.builder.activation(call.name, call.value(0), fn))
}

/** Where the limits cross, ONNX lets the upper one win; that is refused. */
function clip(call: Invocation, x: ValueName, min: number, max: number): ValueName {
  if (Number.isNaN(min) || Number.isNaN(max) || min > max)
    call.fail('unsupported-attribute', `the range [${min}, ${max}] is empty`)
  if (min === Number.POSITIVE_INFINITY || max === Number.NEGATIVE_INFINITY)
    call.fail('not-finite', `the range [${min}, ${max}] holds no finite number`)
  // Exporters write "no limit" as the largest float32.
  const low = min < -3e38 ? Number.NEGATIVE_INFINITY : min
  const high = max > 3e38 ? Number.POSITIVE_INFINITY : max
  if (low === Number.NEGATIVE_INFINITY && high === Number.POSITIVE_INFINITY) return x
  if (low === 0 && high === Number.POSITIVE_INFINITY) return call.builder.activation(call.name, x, { kind: 'relu' })
  return call.builder.activation(call.name, x, { kind: 'clip', min: low, max: high })
}

// SPDX-License-Identifier: GPL-3.0-or-later
// Quantised models: numbers as whole ones times a scale. Constants become numbers again at import; computed values are rounded and
// saturated where the file says so. The fused operators are expanded: to numbers, the operator, and rounding.
import { roundedToEven } from '../../graph/evaluate.ts'
import { elementCount } from '../../graph/program.ts'
import type { Tensor, ValueName } from '../../graph/types.ts'
import { OPSETS, typeOf } from './check.ts'
import { refuseCast } from './computable.ts'
import { type Handler, Invocation } from './invocation.ts'
import { MATRIX_HANDLERS } from './matrices.ts'
import type { Operand, Result } from './operand.ts'
import { operatorSchema } from './operators.ts'
import type { Constant } from './tensors.ts'
import { type DataType, isFloat, isInteger, rounded, TYPE, typeName } from './types.ts'
import { WINDOW_HANDLERS } from './windows.ts'

/** Ranges of the types that numbers are quantised to. */
const RANGES: ReadonlyMap<DataType, readonly [number, number]> = new Map([
  [TYPE.uint8, [0, 255]],
  [TYPE.int8, [-128, 127]],
  [TYPE.uint16, [0, 65535]],
  [TYPE.int16, [-32768, 32767]],
])
/** Sums of whole numbers stay below this, or they would wrap. */
const INT32_LIMIT = 2 ** 31

export const QUANTISED_HANDLERS: Readonly<Record<string, Handler>> = {
  QuantizeLinear: (call) => [quantised(call, call.operand(0), scaleOf(call, 1, 'y_scale'), zeroOf(call, 2, 1))],
  DequantizeLinear: (call) => [dequantised(call, call.operand(0), scaleOf(call, 1, 'x_scale'), zeroOf(call, 2, 0))],
  QLinearMatMul: (call) => {
    const parts = [number(call, 0, 1, 2), number(call, 3, 4, 5, true)]
    const product = inner(call, 'MatMul', MATRIX_HANDLERS.MatMul!, parts)
    return [quantised(call, product, scaleOf(call, 6, 'y_scale'), zeroOf(call, 7, 3))]
  },
  QLinearConv: (call) => {
    const parts = [number(call, 0, 1, 2), number(call, 3, 4, 5, true)]
    if (call.has(8)) parts.push({ constant: biasOf(call) })
    const output = inner(call, 'Conv', WINDOW_HANDLERS.Conv!, parts)
    return [quantised(call, output, scaleOf(call, 6, 'y_scale'), zeroOf(call, 7, 3))]
  },
  MatMulInteger: (call) => {
    const parts = [less(call, 0, 2), less(call, 1, 3)]
    requireSmallSums(call, call.shape(0).at(-1) ?? 1)
    return [{ value: inner(call, 'MatMul', MATRIX_HANDLERS.MatMul!, parts).value, type: TYPE.int32 }]
  },
  ConvInteger: (call) => {
    const parts = [less(call, 0, 2), less(call, 1, 3)]
    requireSmallSums(call, elementCount(call.shape(1).slice(1)))
    return [{ value: inner(call, 'Conv', WINDOW_HANDLERS.Conv!, parts).value, type: TYPE.int32 }]
  },
}

type Zero = { readonly data: Float64Array; readonly type: DataType }

function scaleOf(call: Invocation, index: number, what: string): Constant {
  const found = call.constant(index, what)
  call.requireFinite(found.data, what)
  if (found.data.some((scale) => !(scale > 0)))
    call.fail(
      'unsupported-attribute',
      `its ${what} holds ${found.data.find((scale) => !(scale > 0))}; more than 0 is needed`,
    )
  return found
}

/** The zero point, or zeros of the type that `like` (or output_dtype, or uint8) says. */
function zeroOf(call: Invocation, index: number, like: number): Zero {
  if (call.has(index)) return call.constant(index, 'zero point')
  const named = call.int('output_dtype', 0)
  const type = named !== 0 ? named : typeOf(call.operand(like))
  return { data: Float64Array.of(0), type: isInteger(type) ? type : TYPE.uint8 }
}

/** Which entry of a scale belongs to each element: one for all, or one for each place along `axis`. */
function entries(
  call: Invocation,
  shape: readonly number[],
  scale: Tensor,
  zero: Zero,
  axis: number,
): (i: number) => number {
  if (call.int('block_size', 0) !== 0) call.fail('unsupported-attribute', `block_size ${call.int('block_size', 0)}`)
  const count = scale.data.length
  if (zero.data.length !== count && zero.data.length !== 1)
    call.fail('malformed-file', `${zero.data.length} zero points for ${count} scales`)
  if (count === 1) return () => 0
  const own = call.axis(axis, shape.length)
  if (scale.shape.length !== 1 || count !== shape[own])
    call.fail('malformed-file', `scales [${scale.shape}] along axis ${own} of [${shape}]`)
  const inside = elementCount(shape.slice(own + 1))
  return (i) => Math.floor(i / inside) % count
}

function quantised(call: Invocation, x: Operand, scale: Constant, zero: Zero): Result {
  const range = RANGES.get(zero.type)
  if (range === undefined)
    return call.fail('unsupported-attribute', `to ${typeName(zero.type)}; 8 and 16 bits are supported`)
  const [min, max] = range
  const zeroAt = (k: number): number => zero.data[zero.data.length === 1 ? 0 : k]!
  if ('constant' in x) {
    const { shape, data } = x.constant
    const at = entries(call, shape, scale, zero, call.int('axis', 1))
    const numbers = data.map((value, i) => {
      const whole = roundedToEven(Math.fround(value / scale.data[at(i)]!)) + zeroAt(at(i))
      return Math.min(max, Math.max(min, whole)) + 0
    })
    call.requireFinite(numbers, 'input')
    return { constant: { shape, data: numbers }, type: zero.type }
  }
  if (!isFloat(x.type)) call.fail('unsupported-attribute', `it rounds ${typeName(x.type)}`)
  if (scale.data.length !== 1)
    call.fail('unsupported-attribute', `${scale.data.length} scales for what the network computes; 1 is supported`)
  const [step] = scale.data
  return {
    value: call.builder.unary(call.name, x.value, { op: 'quantise', step: step!, zero: zeroAt(0), min, max }),
    type: zero.type,
  }
}

function dequantised(call: Invocation, x: Operand, scale: Constant, zero: Zero): Result {
  const zeroAt = (k: number): number => zero.data[zero.data.length === 1 ? 0 : k]!
  if ('constant' in x) {
    const { shape, data } = x.constant
    const at = entries(call, shape, scale, zero, call.int('axis', 1))
    const numbers = data.map((value, i) => rounded((value - zeroAt(at(i))) * scale.data[at(i)]!, scale.type) + 0)
    return { constant: { shape, data: numbers }, type: scale.type }
  }
  requireWhole(call, x.type, x.cast)
  if (scale.data.length !== 1)
    call.fail('unsupported-attribute', `${scale.data.length} scales for what the network computes; 1 is supported`)
  return { value: numbered(call, x.value, zeroAt(0), scale.data[0]!), type: scale.type }
}

function requireWhole(call: Invocation, type: DataType, cast: string | null): void {
  if (cast !== null) refuseCast(cast, `${call.node.opType} ${call.name}`)
  if (isFloat(type)) call.fail('malformed-file', `its input is ${typeName(type)}, no whole number`)
}

/** (x − zero) · step */
function numbered(call: Invocation, x: ValueName, zero: number, step: number): ValueName {
  const { builder, name } = call
  const centred = zero === 0 ? x : builder.fixedScalar(`${name}.centred`, x, 1, -zero)
  return step === 1 ? centred : builder.unary(`${name}.scaled`, centred, { op: 'scaled', factor: step })
}

/** Input `index` with its scale and zero point as numbers. A constant may have a scale for each output. */
function number(call: Invocation, index: number, scaleAt: number, zeroAt: number, constant = false): Operand {
  const [operand, scale, zero] = [call.operand(index), scaleOf(call, scaleAt, 'scale'), zeroOf(call, zeroAt, index)]
  if ('constant' in operand) {
    const { shape, data } = operand.constant
    // Of a matrix each column, of a kernel each output channel has its own.
    const at = entries(call, shape, scale, zero, call.node.opType === 'QLinearConv' ? 0 : -1)
    const zeros = (i: number): number => zero.data[zero.data.length === 1 ? 0 : at(i)]!
    return {
      constant: { shape, data: data.map((value, i) => (value - zeros(i)) * scale.data[at(i)]!), type: TYPE.float },
    }
  }
  if (constant) return call.fail('unsupported-attribute', 'its weights are computed; constants are supported')
  if (scale.data.length !== 1 || zero.data.length !== 1)
    return call.fail(
      'unsupported-attribute',
      `${scale.data.length} scales for what the network computes; 1 is supported`,
    )
  requireWhole(call, operand.type, operand.cast)
  const value = numbered(call, operand.value, zero.data[0]!, scale.data[0]!)
  return { value, type: TYPE.float, moved: false, cast: null }
}

/** Input `index` less its zero point. */
function less(call: Invocation, index: number, zeroAt: number): Operand {
  const operand = call.operand(index)
  const zero = zeroOf(call, zeroAt, index)
  if (zero.data.length !== 1) call.fail('unsupported-attribute', `${zero.data.length} zero points; 1 is supported`)
  const [offset] = zero.data
  if ('constant' in operand) {
    const { shape, data } = operand.constant
    return { constant: { shape, data: data.map((value) => value - offset!), type: TYPE.float } }
  }
  if (index === 1) return call.fail('unsupported-attribute', 'its weights are computed; constants are supported')
  requireWhole(call, operand.type, operand.cast)
  return { value: numbered(call, operand.value, offset!, 1), type: TYPE.float, moved: false, cast: null }
}

function requireSmallSums(call: Invocation, terms: number): void {
  if (terms * 255 * 255 >= INT32_LIMIT)
    call.fail('unsupported-attribute', `sums of ${terms} products could reach 2^31 and wrap`)
}

/** A bias in units of the product of both scales. */
function biasOf(call: Invocation): Constant {
  const { shape, data } = call.constant(8, 'bias')
  const [x, w] = [call.constant(1, 'x_scale').data, call.constant(4, 'w_scale').data]
  return {
    shape,
    data: data.map((value, o) => value * x[0]! * w[w.length === 1 ? 0 : o]!),
    type: TYPE.float,
  }
}

/** Another operator of the same attributes on these operands. */
function inner(
  call: Invocation,
  opType: string,
  handler: Handler,
  operands: readonly Operand[],
): { value: ValueName; type: DataType; moved: boolean; cast: null } {
  if (!operands.some((operand) => 'value' in operand))
    return call.fail('unsupported-operator', 'all of its operands are constants')
  const names = operands.map((_, i) => `${i}`)
  const scope = call.scope.other(call.builder, new Map(names.map((name, i) => [name, operands[i]!])))
  const schema = operatorSchema(opType, Math.min(call.scope.opset, OPSETS.newest))!
  const [result] = handler(new Invocation(scope, { ...call.node, opType, input: names }, call.name, schema))
  return { value: (result as { value: ValueName }).value, type: TYPE.float, moved: false, cast: null }
}

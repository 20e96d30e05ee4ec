// SPDX-License-Identifier: GPL-3.0-or-later
// Arithmetic of constants, element by element and in the element's own type: whole numbers wrap, divide towards zero and
// are truncated as ONNX says; floating-point ones are rounded to their width after every step.
import { roundedToEven } from '../../graph/evaluate.ts'
import { broadcastMap, broadcastShape } from '../../graph/tensor.ts'
import type { Invocation } from './invocation.ts'
import type { Constant } from './tensors.ts'
import { type DataType, fits, isFloat, isInteger, isKnownType, rounded, TYPE, typeName, wrapped } from './types.ts'

type Binary = {
  readonly float?: (a: number, b: number) => number
  readonly whole?: (a: bigint, b: bigint, call: Invocation) => bigint
  readonly test?: (a: number, b: number) => boolean
  readonly logic?: (a: boolean, b: boolean) => boolean
}

const BINARY: Readonly<Record<string, Binary>> = {
  Add: { float: (a, b) => a + b, whole: (a, b) => a + b },
  Sub: { float: (a, b) => a - b, whole: (a, b) => a - b },
  Mul: { float: (a, b) => a * b, whole: (a, b) => a * b },
  Div: {
    float: (a, b) => a / b,
    whole: (a, b, call) => (b === 0n ? call.fail('unsupported-attribute', 'it divides by zero') : a / b),
  },
  Min: { float: (a, b) => (Number.isNaN(b) ? b : Math.min(a, b)), whole: (a, b) => (a < b ? a : b) },
  Max: { float: (a, b) => (Number.isNaN(b) ? b : Math.max(a, b)), whole: (a, b) => (a > b ? a : b) },
  Less: { test: (a, b) => a < b },
  LessOrEqual: { test: (a, b) => a <= b },
  Greater: { test: (a, b) => a > b },
  GreaterOrEqual: { test: (a, b) => a >= b },
  Equal: { test: (a, b) => a === b },
  And: { logic: (a, b) => a && b },
  Or: { logic: (a, b) => a || b },
  Xor: { logic: (a, b) => a !== b },
}

const UNARY: Readonly<Record<string, { float?: (x: number) => number; whole?: (x: bigint) => bigint }>> = {
  Neg: { float: (x) => -x, whole: (x) => -x },
  Abs: { float: Math.abs, whole: (x) => (x < 0n ? -x : x) },
  Sign: { float: Math.sign, whole: (x) => (x < 0n ? -1n : x > 0n ? 1n : 0n) },
  Floor: { float: Math.floor },
  Ceil: { float: Math.ceil },
  Round: { float: roundedToEven },
  Sqrt: { float: Math.sqrt },
  Exp: { float: Math.exp },
  Log: { float: Math.log },
  Reciprocal: { float: (x) => 1 / x },
  Sin: { float: Math.sin },
  Cos: { float: Math.cos },
  Tan: { float: Math.tan },
  Asin: { float: Math.asin },
  Acos: { float: Math.acos },
  Atan: { float: Math.atan },
  Sinh: { float: Math.sinh },
  Cosh: { float: Math.cosh },
  Asinh: { float: Math.asinh },
  Acosh: { float: Math.acosh },
  Atanh: { float: Math.atanh },
}

export const ARITHMETIC = [
  ...Object.keys(BINARY),
  ...Object.keys(UNARY),
  'Sum',
  'Mean',
  'Mod',
  'Pow',
  'Not',
  'Where',
  'Clip',
]

/** One of ARITHMETIC on constants; the node's own operator unless another is named. */
export function compute(call: Invocation, operands: readonly Constant[], opType = call.node.opType): Constant {
  const [first, second, third] = operands as [Constant, Constant, Constant]
  switch (opType) {
    case 'Min':
    case 'Max':
      return operands.slice(1).reduce((left, right) => binary(call, BINARY[opType]!, left, right), first)
    case 'Sum':
    case 'Mean': {
      const sum = operands.slice(1).reduce((left, right) => binary(call, BINARY.Add!, left, right), first)
      return opType === 'Sum' ? sum : mapped(sum, (x) => rounded(x / operands.length, sum.type))
    }
    case 'Clip':
      return clipped(call, operands)
    case 'Not':
      return mapped(first, (x) => (x === 0 ? 1 : 0))
    case 'Where':
      return chosen(call, first, second, third)
    case 'Mod':
      return modulo(call, first, second)
    case 'Pow':
      return power(call, first, second)
  }
  if (Object.hasOwn(BINARY, opType)) return binary(call, BINARY[opType]!, first, second)
  return unary(call, opType, first)
}

function unary(call: Invocation, opType: string, x: Constant): Constant {
  const { float, whole } = UNARY[opType]!
  if (isFloat(x.type) && float !== undefined) return mapped(x, (value) => rounded(float(value), x.type))
  if (isInteger(x.type) && whole !== undefined) return mapped(x, (value) => wrapped(whole(exact(call, value)), x.type))
  return call.fail('unsupported-attribute', `constants of ${typeName(x.type)}`)
}

/** a ∘ b with broadcasting. */
function binary(call: Invocation, op: Binary, a: Constant, b: Constant): Constant {
  const { type } = a
  const { test, logic, float, whole } = op
  if (test !== undefined)
    return paired(call, a, b, TYPE.bool, (x, y) => {
      if (isInteger(type)) for (const each of [x, y]) exact(call, each)
      return test(x, y) ? 1 : 0
    })
  if (logic !== undefined) return paired(call, a, b, TYPE.bool, (x, y) => (logic(x !== 0, y !== 0) ? 1 : 0))
  if (isFloat(type) && float !== undefined) return paired(call, a, b, type, (x, y) => rounded(float(x, y), type))
  if (isInteger(type) && whole !== undefined)
    return paired(call, a, b, type, (x, y) => wrapped(whole(exact(call, x), exact(call, y), call), type))
  return call.fail('unsupported-attribute', `constants of ${typeName(type)}`)
}

function paired(
  call: Invocation,
  a: Constant,
  b: Constant,
  type: DataType,
  each: (x: number, y: number) => number,
): Constant {
  const shape = broadcastShape(a.shape, b.shape, call.name)
  const [left, right] = [broadcastMap(a.shape, shape), broadcastMap(b.shape, shape)]
  const data = new Float64Array(left.length)
  for (let i = 0; i < data.length; i++) data[i] = each(a.data[left[i]!]!, b.data[right[i]!]!)
  return { shape, data, type }
}

function mapped(x: Constant, each: (value: number) => number): Constant {
  return { ...x, data: x.data.map(each) }
}

/** Limits are inputs from opset 11 on, attributes before; where they cross, the upper one wins. */
function clipped(call: Invocation, [x]: readonly Constant[]): Constant {
  const limit = (index: number, name: string, none: number): Constant => {
    const given = call.has(index) ? call.constant(index, name) : null
    if (given !== null && given.data.length !== 1) call.fail('malformed-file', `its ${name} must be one number`)
    return given ?? { shape: [], data: Float64Array.of(call.float(name, none, true)), type: x!.type }
  }
  const low = limit(1, 'min', Number.NEGATIVE_INFINITY).data[0]!
  const high = limit(2, 'max', Number.POSITIVE_INFINITY).data[0]!
  return mapped(x!, (value) => Math.min(high, Math.max(low, value)))
}

function chosen(call: Invocation, condition: Constant, x: Constant, y: Constant): Constant {
  const values = paired(call, x, y, x.type, () => 0)
  const shape = broadcastShape(condition.shape, values.shape, call.name)
  const [which, left, right] = [condition.shape, x.shape, y.shape].map((from) => broadcastMap(from, shape))
  const data = new Float64Array(which!.length)
  for (let i = 0; i < data.length; i++)
    data[i] = condition.data[which![i]!]! !== 0 ? x.data[left![i]!]! : y.data[right![i]!]!
  return { shape, data, type: x.type }
}

/** The remainder takes the divisor's sign, as Python's does, or with fmod the dividend's, as C's. */
function modulo(call: Invocation, a: Constant, b: Constant): Constant {
  const { type } = a
  const asC = call.flag('fmod', false)
  if (isFloat(type)) {
    if (!asC) call.fail('malformed-file', `fmod = 0 with ${typeName(type)}; floating-point numbers need fmod = 1`)
    return paired(call, a, b, type, (x, y) => rounded(x % y, type))
  }
  return paired(call, a, b, type, (x, y) => {
    const [dividend, divisor] = [exact(call, x), exact(call, y)]
    if (divisor === 0n) return call.fail('unsupported-attribute', 'it divides by zero')
    const rest = dividend % divisor
    return wrapped(asC || rest === 0n || rest < 0n === divisor < 0n ? rest : rest + divisor, type)
  })
}

/** The base's type is the result's; a whole base gives what C's pow gives, truncated. */
function power(call: Invocation, base: Constant, exponent: Constant): Constant {
  const { type } = base
  return paired(call, base, exponent, type, (x, y) => {
    if (isFloat(type)) return rounded(x ** y, type)
    if (isInteger(exponent.type) && y >= 0 && y <= 64) return wrapped(exact(call, x) ** BigInt(y), type)
    return toWhole(call, x ** y, type)
  })
}

/** The number as an integer. @throws CompileError beyond the safe integers, where a double is no longer exact. */
function exact(call: Invocation, value: number): bigint {
  if (!Number.isSafeInteger(value))
    call.fail('unsupported-attribute', `it computes with ${value}; whole numbers up to 2^53 are supported`)
  return BigInt(value)
}

function toWhole(call: Invocation, value: number, type: DataType): number {
  const whole = Math.trunc(value)
  if (!fits(whole, type))
    call.fail(
      'unsupported-attribute',
      `${value} does not fit ${typeName(type)}, and ONNX leaves the result of that cast undefined`,
    )
  return whole + 0
}

/** A constant cast as ONNX casts it: towards zero to whole numbers, wrapped between those, rounded to floats. */
export function castConstant(call: Invocation, x: Constant, to: DataType): Constant {
  if (!isKnownType(to)) call.fail('unsupported-attribute', `to = ${to} is not a supported number type`)
  if (to === x.type) return x
  if (to === TYPE.bool) return { ...x, data: x.data.map((value) => (value !== 0 ? 1 : 0)), type: to }
  if (isFloat(to)) {
    if (isInteger(x.type)) for (const value of x.data) exact(call, value)
    return { ...x, data: x.data.map((value) => rounded(value, to)), type: to }
  }
  if (isFloat(x.type)) return { ...x, data: x.data.map((value) => toWhole(call, value, to)), type: to }
  return { ...x, data: x.data.map((value) => wrapped(exact(call, value), to)), type: to }
}

/** Σ, ∏, least, largest or mean over axes of a constant. */
export function reduceConstant(
  call: Invocation,
  kind: string,
  x: Constant,
  axes: readonly number[],
  keep: boolean,
): Constant {
  const steps: Readonly<Record<string, Binary>> = {
    ReduceSum: BINARY.Add!,
    ReduceMean: BINARY.Add!,
    ReduceProd: BINARY.Mul!,
    ReduceMin: BINARY.Min!,
    ReduceMax: BINARY.Max!,
  }
  const reduced = new Set(axes)
  const kept = x.shape.map((length, axis) => (reduced.has(axis) ? 1 : length))
  const map = broadcastMap(kept, x.shape)
  const size = kept.reduce((a, b) => a * b, 1)
  const groups: number[][] = Array.from({ length: size }, () => [])
  for (let i = 0; i < map.length; i++) groups[map[i]!]!.push(x.data[i]!)
  const scalarOf = (value: number): Constant => ({ shape: [], data: Float64Array.of(value), type: x.type })
  const data = Float64Array.from(groups, (group) => {
    if (group.length === 0) return call.fail('unsupported-attribute', `it reduces [${x.shape}], which has no elements`)
    // Floating-point sums are rounded once: ONNX does not prescribe the order in which a runtime adds.
    if (isFloat(x.type) && (kind === 'ReduceSum' || kind === 'ReduceMean')) {
      const sum = group.reduce((a, b) => a + b, 0)
      return rounded(kind === 'ReduceMean' ? sum / group.length : sum, x.type)
    }
    const total = group
      .slice(1)
      .reduce((a, b) => binary(call, steps[kind]!, scalarOf(a), scalarOf(b)).data[0]!, group[0]!)
    return kind === 'ReduceMean' ? wrapped(exact(call, total) / BigInt(group.length), x.type) : total
  })
  const shape = keep ? kept : x.shape.filter((_, axis) => !reduced.has(axis))
  return { shape, data, type: x.type }
}

// SPDX-License-Identifier: GPL-3.0-or-later
// Operators that make constants: of nothing, of a shape, of a few numbers; and the cast.
import { checkedCount, filled } from '../../graph/tensor.ts'
import { castConstant } from './arithmetic.ts'
import { typeOf } from './check.ts'
import { oneHot } from './choice.ts'
import { refuseCast, requireComputable } from './computable.ts'
import type { Handler, Invocation } from './invocation.ts'
import { isNotZero, requireExact } from './logic.ts'
import type { Computed, Result } from './operand.ts'
import { single } from './single.ts'
import type { Constant } from './tensors.ts'
import { isFloat, isInteger, isKnownType, rounded, STRING, TYPE, typeName, wrapped } from './types.ts'
import { holdsAll } from './whole.ts'

export const CONSTANT_HANDLERS: Readonly<Record<string, Handler>> = {
  Cast: (call) => [cast(call, call.int('to', 0))],
  CastLike: (call) => [cast(call, typeOf(call.operand(1)))],
  Constant: (call) => {
    const given = ['value', 'value_float', 'value_floats', 'value_int', 'value_ints'].filter((name) =>
      call.hasAttribute(name),
    )
    if (call.node.attribute.length !== 1 || given.length !== 1)
      call.fail(
        'unsupported-attribute',
        `attributes ${call.node.attribute.map(({ name }) => name).join(', ') || 'none'}; one of value, value_float(s), value_int(s) is needed`,
      )
    const whole = call.tensorAttribute('value')
    if (whole !== null) return [{ constant: whole, type: whole.type }]
    const numbers = call.floats('value_floats') ?? call.ints('value_ints')
    const type = given[0]!.startsWith('value_float') ? TYPE.float : TYPE.int64
    if (given[0]!.endsWith('s')) return [list(numbers ?? [], type)]
    const number = type === TYPE.float ? call.float('value_float', 0, true) : call.int('value_int', 0)
    return [{ constant: { shape: [], data: Float64Array.of(number) }, type }]
  },
  ConstantOfShape: (call) => {
    const shape = call.integers(0, 'shape')
    checkedCount(shape, call.name)
    const value = call.tensorAttribute('value')
    if (value !== null && value.data.length !== 1)
      call.fail('malformed-file', `value holds ${value.data.length} numbers; 1 is needed`)
    return [{ constant: filled(shape, value?.data[0] ?? 0), type: value?.type ?? TYPE.float }]
  },
  Shape: (call) => {
    const shape = call.shape(0)
    const clamp = (at: number): number => Math.min(Math.max(at < 0 ? at + shape.length : at, 0), shape.length)
    const from = clamp(call.int('start', 0))
    const to = call.hasAttribute('end') ? clamp(call.int('end', 0)) : shape.length
    return [list(shape.slice(from, Math.max(from, to)), TYPE.int64)]
  },
  Size: (call) => [
    { constant: { shape: [], data: Float64Array.of(call.shape(0).reduce((a, b) => a * b, 1)) }, type: TYPE.int64 },
  ],
  Range: (call) => {
    const [start, limit, delta] = [0, 1, 2].map((i) => single(call, i, ['start', 'limit', 'delta'][i]!))
    const { type } = call.constant(0, 'start')
    if (!(Number.isFinite(start) && Number.isFinite(limit) && Number.isFinite(delta)) || delta === 0)
      call.fail('malformed-file', `start ${start}, limit ${limit}, delta ${delta}`)
    const distance = isFloat(type) ? rounded(limit! - start!, type) : limit! - start!
    const count = Math.max(0, Math.ceil(distance / delta!))
    checkedCount([count], call.name)
    const at = (i: number): number => start! + i * delta!
    return [
      list(
        Array.from({ length: count }, (_, i) => (isFloat(type) ? rounded(at(i), type) : at(i))),
        type,
      ),
    ]
  },
  OneHot: (call) => {
    const given = call.operand(0)
    if (call.shape(0).length === 0) call.fail('malformed-file', 'its indices are a scalar; at least one axis is needed')
    const depth = single(call, 1, 'depth')
    const choices = call.constant(2, 'values')
    if (choices.data.length !== 2) call.fail('malformed-file', `its values hold ${choices.data.length} numbers, not 2`)
    if (!Number.isInteger(depth) || depth < 1) call.fail('malformed-file', `its depth is ${depth}`)
    if ('value' in given) return [computedOneHot(call, given, depth, choices)]
    const indices = given.constant
    const axis = call.axis(call.int('axis', -1), indices.shape.length + 1)
    const shape = [...indices.shape.slice(0, axis), depth, ...indices.shape.slice(axis)]
    const data = new Float64Array(checkedCount(shape, call.name)).fill(choices.data[0]!)
    const inner = indices.shape.slice(axis).reduce((a, b) => a * b, 1)
    for (const [i, index] of indices.data.entries()) {
      const at = index < 0 ? index + depth : index
      if (!Number.isInteger(at)) call.fail('malformed-file', `index ${index} is not a whole number`)
      if (at < 0 || at >= depth) continue
      data[(Math.floor(i / inner) * depth + at) * inner + (i % inner)] = choices.data[1]!
    }
    return [{ constant: { shape, data }, type: choices.type }]
  },
  CumSum: (call) => {
    const operand = call.operand(0)
    const axis = call.axis(single(call, 1, 'axis'), call.shape(0).length)
    const [exclusive, reverse] = [call.flag('exclusive', false), call.flag('reverse', false)]
    if ('value' in operand) return [computedSums(call, operand.value, axis, exclusive, reverse)]
    const x = operand.constant
    const length = x.shape[axis]!
    const inner = x.shape.slice(axis + 1).reduce((a, b) => a * b, 1)
    const data = new Float64Array(x.data.length)
    const outer = length === 0 ? 0 : x.data.length / (length * inner)
    for (let o = 0; o < outer; o++)
      for (let i = 0; i < inner; i++) {
        let sum = 0
        for (let k = 0; k < length; k++) {
          const at = (o * length + (reverse ? length - 1 - k : k)) * inner + i
          if (exclusive) data[at] = sum
          sum = narrowed(call, sum + x.data[at]!, x)
          if (!exclusive) data[at] = sum
        }
      }
    return [{ constant: { shape: x.shape, data }, type: x.type }]
  },
  NonZero: (call) => {
    const x = call.constant(0, 'input')
    const found = Array.from(x.data.keys()).filter((i) => x.data[i] !== 0)
    const rank = x.shape.length
    const strides = x.shape.map((_, axis) => x.shape.slice(axis + 1).reduce((a, b) => a * b, 1))
    const data = Float64Array.from(
      { length: rank * found.length },
      (_, k) =>
        Math.floor(found[k % found.length]! / strides[Math.floor(k / found.length)]!) %
        x.shape[Math.floor(k / found.length)]!,
    )
    return [{ constant: { shape: [rank, found.length], data }, type: TYPE.int64 }]
  },
  Dropout: (call) => {
    if (call.has(2)) {
      const training = single(call, 2, 'training_mode')
      if (training !== 0)
        call.fail('unsupported-attribute', 'training_mode is true: it would drop at random; export in evaluation mode')
    }
    const operand = call.operand(0)
    const kept: Result = 'constant' in operand ? { constant: operand.constant, type: operand.constant.type } : operand
    return [kept, { constant: filled(call.shape(0), 1), type: call.schema.since >= 10 ? TYPE.bool : typeOf(operand) }]
  },
}

/** Ones and zeros by an index that the network computes, as the two values that they stand for. */
function computedOneHot(call: Invocation, given: Computed, depth: number, choices: Constant): Result {
  const { builder, name } = call
  requireExact(call, 0)
  const shape = builder.shape(given.value)
  const axis = call.axis(call.int('axis', -1), shape.length + 1)
  const last = oneHot(call, given, shape, depth)
  const order = [...shape.keys()]
  const hot =
    axis === shape.length
      ? last
      : builder.transpose(name, last, [...order.slice(0, axis), shape.length, ...order.slice(axis)])
  const [off, on] = [choices.data[0]!, choices.data[1]!]
  call.requireFinite([off, on], 'values')
  const plain = off === 0 && on === 1
  return { value: plain ? hot : builder.affineScalar(`${name}.values`, hot, on - off, off), type: choices.type }
}

/** Running sums along an axis: rows of ones. */
function computedSums(call: Invocation, x: string, axis: number, exclusive: boolean, reverse: boolean): Result {
  requireComputable(call)
  const shape = call.builder.shape(x)
  const length = shape[axis]!
  const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1)
  const count = shape.reduce((a, b) => a * b, 1)
  call.builder.requireTerms(call.name, count * length)
  const rows = Array.from({ length: count }, (_, o) => {
    const at = Math.floor(o / inner) % length
    return Array.from({ length }, (_, k) => k)
      .filter((k) => (reverse ? k > at : k < at) || (k === at && !exclusive))
      .map((k) => [o + (k - at) * inner, 1] as const)
  })
  return { value: call.builder.linear(call.name, x, rows, new Array<number>(count).fill(0), shape) }
}

function narrowed(call: Invocation, value: number, { type }: Constant): number {
  if (isFloat(type)) return rounded(value, type)
  if (!Number.isSafeInteger(value))
    call.fail('unsupported-attribute', `it computes ${value}; whole numbers up to 2^53 are supported`)
  return wrapped(BigInt(value), type)
}

function list(numbers: readonly number[], type: number): Result {
  return { constant: { shape: [numbers.length], data: Float64Array.from(numbers) }, type }
}

/**
 * Casts to floating-point types change nothing here. A cast that would truncate is refused, except one of the network's input itself: that stays
 * open until a node reads it. A table accepts it, since it takes whole numbers only; every other reader refuses it.
 */
function cast(call: Invocation, to: number): Result {
  const operand = call.operand(0)
  if ('constant' in operand) return { constant: castConstant(call, operand.constant, to), type: to }
  if (operand.label !== undefined && (to === STRING || isKnownType(to))) return { ...operand, type: to }
  if (!isKnownType(to)) call.fail('unsupported-attribute', `to = ${to} is not a supported number type`)
  const { type, moved, cast: open } = operand
  if (to === type) return operand
  if (isFloat(to)) {
    if (open !== null) refuseCast(open, `Cast ${call.name}`)
    return { ...operand, type: to, moved }
  }
  if (operand.bounds !== undefined && holdsAll(to, operand.bounds)) return { ...operand, type: to }
  if (to === TYPE.bool && isInteger(type) && open === null) return isNotZero(call, operand.value)
  if (to === TYPE.int64 || to === TYPE.int32) {
    if (isInteger(type) || type === TYPE.bool) return { ...operand, type: to }
    if (moved) return { ...operand, type: to, cast: open ?? call.name }
  }
  return refuseCastTo(call, to)
}

function refuseCastTo(call: Invocation, to: number): never {
  return call.fail(
    'unsupported-attribute',
    `to = ${typeName(to)}: rounding inside the network and types that wrap are not supported`,
  )
}

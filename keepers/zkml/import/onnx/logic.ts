// SPDX-License-Identifier: GPL-3.0-or-later
// Comparisons and logic on computed values, with results 0 and 1. Constants in them are the architecture's, as the limits of a Clip are.
import { elementCount } from '../../graph/program.ts'
import { broadcastMap, broadcastShape, filled, identityMap, sameShape, take } from '../../graph/tensor.ts'
import type { Tensor, ValueName } from '../../graph/types.ts'
import { compute } from './arithmetic.ts'
import { refuseCast } from './computable.ts'
import type { Handler, Invocation } from './invocation.ts'
import { type Operand, type Result, values } from './operand.ts'
import type { Constant } from './tensors.ts'
import { isFloat, TYPE, typeName } from './types.ts'
import { boundsOf } from './whole.ts'

export const LOGIC_HANDLERS: Readonly<Record<string, Handler>> = {
  Less: compared((call) => ordered(call, 1, 0, true)),
  LessOrEqual: compared((call) => ordered(call, 1, 0, false)),
  Greater: compared((call) => ordered(call, 0, 1, true)),
  GreaterOrEqual: compared((call) => ordered(call, 0, 1, false)),
  Equal: compared(equal),
  Not: connected((call) => not(call, call.value(0))),
  And: connected((call) => both(call, call.operand(0), call.operand(1), false)),
  Or: connected((call) => both(call, call.operand(0), call.operand(1), true)),
  Xor: connected(either),
  Sign: unlessKnown((call) => {
    requireExact(call, 0)
    const x = call.value(0)
    const [least, more] = [false, true].map((strict) => against(call, x, filled(call.shape(0), 0), strict)) as [
      ValueName,
      ValueName,
    ]
    const sum = call.builder.nary(call.name, [least, more], { op: 'binary', kind: 'add' })
    return call.builder.fixedScalar(call.name, sum, 1, -1)
  }),
}

/** A comparison's results are 0 or 1, whatever the input. */
function compared(handler: (call: Invocation) => ValueName): Handler {
  return (call) => unlessKnown(handler)(call).map((result) => asBit(call, result))
}

/** The result is known to be a bit only if every operand is: a boolean input of the network is whatever its owner supplies. */
function connected(handler: (call: Invocation) => ValueName): Handler {
  return (call) => {
    const bits = call.operands().every((operand) => 'constant' in operand || operand.bounds !== undefined)
    return unlessKnown(handler)(call).map((result) => (bits ? asBit(call, result) : result))
  }
}

function asBit(call: Invocation, result: Result): Result {
  if ('constant' in result) return result
  return { ...result, bounds: boundsOf(elementCount(call.builder.shape(result.value)), 0, 1) }
}

/** On constants alone the operator is computed now. */
export function unlessKnown(handler: (call: Invocation) => ValueName): Handler {
  return (call) => {
    const constants = call.operands().flatMap((operand) => ('constant' in operand ? [operand.constant] : []))
    if (constants.length === call.operands().length) return [{ constant: compute(call, constants) }]
    return values(handler(call))
  }
}

/** Only finite constants, and values without an open cast (which would truncate them), may be compared. */
export function requireExact(call: Invocation, index: number): void {
  const operand = call.operand(index)
  if ('constant' in operand) call.requireFinite(operand.constant.data, `input ${index} (${call.node.input[index]})`)
  else if (operand.cast !== null) refuseCast(operand.cast, `${call.node.opType} ${call.name}`)
}

/** [x ≥ c], or [x > c] where `strict`, of the shape of c. */
function against(call: Invocation, x: ValueName, thresholds: Tensor, strict: boolean): ValueName {
  call.builder.requireTerms(call.name, thresholds.data.length)
  return call.builder.unary(call.name, x, {
    op: 'compare',
    relation: 'at-least',
    fixed: true,
    positions: broadcastMap(call.builder.shape(x), thresholds.shape),
    thresholds,
    strict: new Uint8Array(thresholds.data.length).fill(strict ? 1 : 0),
  })
}

/** Where x, whole numbers, equals c; of the shape of c, which x broadcasts to. */
export function equals(call: Invocation, x: ValueName, thresholds: Tensor, positions?: Int32Array): ValueName {
  call.builder.requireTerms(call.name, thresholds.data.length)
  return call.builder.unary(call.name, x, {
    op: 'compare',
    relation: 'equal',
    fixed: true,
    positions: positions ?? broadcastMap(call.builder.shape(x), thresholds.shape),
    thresholds,
    strict: new Uint8Array(thresholds.data.length),
  })
}

function spreadConstant(constant: Constant, shape: readonly number[]): Tensor {
  return take(constant, broadcastMap(constant.shape, shape), shape)
}

/** [larger > smaller], or ≥ where not `strict`; inputs by their numbers. */
function ordered(call: Invocation, larger: number, smaller: number, strict: boolean): ValueName {
  requireExact(call, 0)
  requireExact(call, 1)
  const [a, b] = [call.operand(larger), call.operand(smaller)]
  const shape = broadcastShape(call.shapeOf(a), call.shapeOf(b), call.name)
  if ('constant' in b)
    return against(call, (a as { value: ValueName }).value, spreadConstant(b.constant, shape), strict)
  // c > x is not x ≥ c.
  if ('constant' in a) return not(call, against(call, b.value, spreadConstant(a.constant, shape), !strict))
  const difference = call.builder.nary(`${call.name}.difference`, [a.value, b.value], {
    op: 'binary',
    kind: 'subtract',
  })
  return against(call, difference, filled(shape, 0), strict)
}

function equal(call: Invocation): ValueName {
  const [a, b] = [call.operand(0), call.operand(1)]
  for (const [i, operand] of [a, b].entries()) {
    requireExact(call, i)
    if ('value' in operand && isFloat(operand.type))
      call.fail(
        'unsupported-attribute',
        `input ${i} is computed as ${typeName(operand.type)}: numbers that are rounded are equal by chance; compare whole numbers`,
      )
  }
  const shape = broadcastShape(call.shapeOf(a), call.shapeOf(b), call.name)
  if ('value' in a && 'value' in b) {
    const parts = [a.value, b.value]
    const difference = call.builder.nary(`${call.name}.difference`, parts, { op: 'binary', kind: 'subtract' })
    return equals(call, difference, filled(shape, 0))
  }
  const [x, c] = ('value' in a ? [a, b] : [b, a]) as [{ value: ValueName }, { constant: Constant }]
  return equals(call, x.value, spreadConstant(c.constant, shape))
}

export function not(call: Invocation, x: ValueName): ValueName {
  return call.builder.fixedScalar(`${call.name}.not`, x, -1, 1)
}

/** a AND b; with `any`, a OR b, computed as NOT (NOT a AND NOT b). */
function both(call: Invocation, a: Operand, b: Operand, any: boolean): ValueName {
  const { builder, name } = call
  if ('value' in a && 'value' in b) {
    const parts = any ? [not(call, a.value), not(call, b.value)] : [a.value, b.value]
    const product = builder.nary(name, parts, { op: 'binary', kind: 'gate' })
    return any ? not(call, product) : product
  }
  const [x, mask] = ('value' in a ? [a.value, b] : [(b as { value: ValueName }).value, a]) as [
    ValueName,
    { constant: Constant },
  ]
  const shape = broadcastShape(builder.shape(x), mask.constant.shape, name)
  const known = spreadConstant(mask.constant, shape).data
  // Where the constant decides, it fills in.
  const map = broadcastMap(builder.shape(x), shape).map((from, i) => ((known[i] !== 0) === any ? -1 : from))
  return builder.select(name, x, map, shape, any ? 1 : 0)
}

function either(call: Invocation): ValueName {
  const { builder, name } = call
  const [a, b] = [call.operand(0), call.operand(1)]
  if ('value' in a && 'value' in b) {
    const difference = builder.nary(`${name}.difference`, [a.value, b.value], { op: 'binary', kind: 'subtract' })
    return builder.nary(name, [difference, difference], { op: 'binary', kind: 'gate' })
  }
  const [x, { constant }] = ('value' in a ? [a.value, b] : [(b as { value: ValueName }).value, a]) as [
    ValueName,
    { constant: Constant },
  ]
  const shape = broadcastShape(builder.shape(x), constant.shape, name)
  const known = spreadConstant(constant, shape).data
  const from = broadcastMap(builder.shape(x), shape)
  builder.requireTerms(name, from.length)
  return builder.linear(
    name,
    x,
    Array.from(from, (at, i) => [[at, known[i] === 0 ? 1 : -1]]),
    Array.from(known, (value) => (value === 0 ? 0 : 1)),
    shape,
  )
}

/** y + condition · (x − y), of a condition that the network computes. */
export function chosenBy(call: Invocation, condition: ValueName): Result[] {
  const { builder, name } = call
  const [x, y] = [call.operand(1), call.operand(2)]
  for (const index of [1, 2]) requireExact(call, index)
  const shape = [builder.shape(condition), call.shapeOf(x), call.shapeOf(y)].reduce((a, b) =>
    broadcastShape(a, b, name),
  )
  const minus = ({ shape: of, data }: Tensor): Tensor => ({ shape: of, data: data.map((value) => -value) })
  const known = (operand: Operand): Tensor | null =>
    'constant' in operand ? spreadConstant(operand.constant, shape) : null
  const spread = (value: ValueName): ValueName =>
    sameShape(builder.shape(value), shape)
      ? value
      : builder.select(`${name}.spread`, value, broadcastMap(builder.shape(value), shape), shape)
  const [a, b] = [known(x), known(y)]
  const gate = spread(condition)
  if (a !== null && b !== null)
    return values(builder.affine(name, gate, { shape, data: a.data.map((value, i) => value - b.data[i]!) }, b))
  const one = filled([], 1)
  const difference =
    a !== null
      ? builder.affine(`${name}.difference`, spread((y as { value: ValueName }).value), filled([], -1), a)
      : b !== null
        ? builder.affine(`${name}.difference`, spread((x as { value: ValueName }).value), one, minus(b))
        : builder.nary(
            `${name}.difference`,
            [x, y].map((each) => spread((each as { value: ValueName }).value)),
            {
              op: 'binary',
              kind: 'subtract',
            },
          )
  const gated = builder.nary(name, [gate, difference], { op: 'binary', kind: 'gate' })
  if (b !== null) return values(builder.affine(`${name}.else`, gated, one, b))
  return values(
    builder.nary(`${name}.else`, [gated, spread((y as { value: ValueName }).value)], { op: 'binary', kind: 'add' }),
  )
}

/** Whether whole numbers are not 0. */
export function isNotZero(call: Invocation, x: ValueName): Result {
  const shape = call.builder.shape(x)
  const zeros = filled(shape, 0)
  const value = not(call, equals(call, x, zeros, identityMap(zeros.data.length)))
  return { value, type: TYPE.bool, bounds: boundsOf(zeros.data.length, 0, 1) }
}

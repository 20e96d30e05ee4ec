// SPDX-License-Identifier: GPL-3.0-or-later
// Operators that choose by computed values: the place of the largest, the k largest.
import { elementCount } from '../../graph/program.ts'
import { checkedCount } from '../../graph/tensor.ts'
import type { Tensor, ValueName } from '../../graph/types.ts'
import type { Handler, Invocation } from './invocation.ts'
import { equals, requireExact } from './logic.ts'
import type { Computed, Result } from './operand.ts'
import { single } from './single.ts'
import { isFloat, TYPE } from './types.ts'
import { boundsOf } from './whole.ts'

/** Every two elements are compared. */
const MOST_SORTED = 128

export const CHOICE_HANDLERS: Readonly<Record<string, Handler>> = { TopK: topK }

/** `x` with `axis` as the last of two: [all others, its length]. */
function withLast(call: Invocation, x: ValueName, axis: number): ValueName {
  const { builder, name } = call
  const shape = builder.shape(x)
  const others = shape.map((_, i) => i).filter((i) => i !== axis)
  const moved = axis === shape.length - 1 ? x : builder.transpose(`${name}.last`, x, [...others, axis])
  return builder.reshape(`${name}.rows`, moved, [elementCount(shape) / shape[axis]!, shape[axis]!])
}

/** [all others, count] back to where the axis was. */
function fromLast(call: Invocation, x: ValueName, shape: readonly number[], axis: number, count: number): ValueName {
  const { builder, name } = call
  const others = shape.filter((_, i) => i !== axis)
  const open = builder.reshape(`${name}.open`, x, [...others, count])
  if (axis === shape.length - 1) return open
  const order = shape.map((_, i) => (i < axis ? i : i === axis ? shape.length - 1 : i - 1))
  return builder.transpose(`${name}.back`, open, order)
}

/** The place of the largest (or least) along an axis, where it is not all there is to choose from or the last one wins a tie. */
export function placeOf(call: Invocation, x: ValueName, axis: number, least: boolean, last: boolean): ValueName {
  const { builder, name } = call
  const shape = builder.shape(x)
  const length = shape[axis]!
  const others = shape.filter((_, i) => i !== axis)
  if (length === 1)
    return builder.select(name, x, new Int32Array(elementCount(others)).fill(-1), others.length > 0 ? others : [1], 0)
  const rows = withLast(call, x, axis)
  const signed = least ? builder.fixedScalar(`${name}.minus`, rows, -1, 0) : rows
  const turned = last
    ? builder.slice(`${name}.turned`, signed, [0, length - 1], [1, -1], [elementCount(others), length])
    : signed
  const index = builder.unary(name, turned, { op: 'argmax' })
  return last ? builder.fixedScalar(`${name}.index`, index, -1, length - 1) : index
}

/**
 * The k largest in order, the lower index first on ties. Element i precedes j > i where x_i ≥ x_j. The number of elements that precede one is
 * its rank. The output at rank r is the sum of all elements, each multiplied by [its rank = r].
 */
function topK(call: Invocation): Result[] {
  const operand = call.operand(0)
  if ('constant' in operand) return call.fail('unsupported-operator', 'its input is a constant')
  requireExact(call, 0)
  const shape = call.shape(0)
  const axis = call.axis(call.int('axis', -1), shape.length)
  const length = shape[axis]!
  const k = call.schema.since >= 10 ? single(call, 1, 'K') : call.int('k', 0)
  if (!Number.isInteger(k) || k < 1 || k > length)
    call.fail('malformed-file', `K = ${k} of an axis of ${length} elements`)
  if (length > MOST_SORTED)
    call.fail('unsupported-attribute', `an axis of ${length} elements; up to ${MOST_SORTED} can be sorted`)
  const sign = call.flag('largest', true) ? 1 : -1
  const { builder, name } = call
  const rows = elementCount(shape) / length
  builder.requireTerms(name, rows * length * length)
  const x = withLast(call, operand.value, axis)
  const pairs = Array.from({ length }, (_, i) => i).flatMap((i) =>
    Array.from({ length: length - 1 - i }, (_, d) => [i, i + 1 + d] as const),
  )
  const each = <T>(make: (row: number) => T[]): T[] => Array.from({ length: rows }, (_, r) => make(r)).flat()
  const ranks = length === 1 ? null : ranked(call, x, rows, length, sign, pairs)
  const chosen =
    ranks === null
      ? builder.select(`${name}.chosen`, x, new Int32Array(rows).fill(-1), [rows, 1, 1], 1)
      : equals(
          call,
          ranks,
          thresholds([rows, k, length], (i) => Math.floor(i / length) % k),
          Int32Array.from(
            { length: rows * k * length },
            (_, i) => Math.floor(i / (k * length)) * length + (i % length),
          ),
        )
  const spread = builder.select(
    `${name}.spread`,
    x,
    Int32Array.from({ length: rows * k * length }, (_, i) => Math.floor(i / (k * length)) * length + (i % length)),
    [rows, k, length],
  )
  const gated = builder.nary(`${name}.gated`, [chosen, spread], { op: 'binary', kind: 'gate' })
  const found = builder.unary(name, gated, { op: 'reduce', kind: 'sum', axes: [2], keepDims: false })
  const places = builder.linear(
    `${name}.places`,
    chosen,
    each((row) =>
      Array.from({ length: k }, (_, r) =>
        Array.from({ length: length - 1 }, (_, i) => [(row * k + r) * length + i + 1, i + 1] as const),
      ),
    ),
    new Array<number>(rows * k).fill(0),
    [rows, k],
  )
  return [
    { value: fromLast(call, found, shape, axis, k), type: operand.type },
    { value: fromLast(call, places, shape, axis, k), type: TYPE.int64, bounds: boundsOf(rows * k, 0, length - 1) },
  ]
}

function thresholds(shape: readonly number[], at: (i: number) => number): Tensor {
  return { shape, data: Float64Array.from({ length: checkedCount(shape) }, (_, i) => at(i)) }
}

/** How many elements of its row come before each: [rows, length]. */
function ranked(
  call: Invocation,
  x: ValueName,
  rows: number,
  length: number,
  sign: number,
  pairs: readonly (readonly [number, number])[],
): ValueName {
  const { builder, name } = call
  const each = <T>(make: (row: number) => T[]): T[] => Array.from({ length: rows }, (_, r) => make(r)).flat()
  const differences = builder.linear(
    `${name}.differences`,
    x,
    each((row) => pairs.map(([i, j]) => [[row * length + i, sign] as const, [row * length + j, -sign] as const])),
    new Array<number>(rows * pairs.length).fill(0),
  )
  const count = rows * pairs.length
  const before = builder.unary(`${name}.before`, differences, {
    op: 'compare',
    relation: 'at-least',
    fixed: true,
    positions: Int32Array.from({ length: count }, (_, i) => i),
    thresholds: thresholds([count], () => 0),
    strict: new Uint8Array(count),
  })
  return builder.linear(
    `${name}.ranks`,
    before,
    each((row) =>
      Array.from({ length }, (_, i) =>
        pairs.flatMap(([a, b], p): (readonly [number, number])[] =>
          b === i ? [[row * pairs.length + p, 1]] : a === i ? [[row * pairs.length + p, -1]] : [],
        ),
      ),
    ),
    each(() => Array.from({ length }, (_, i) => length - 1 - i)),
    [rows, length],
  )
}

/** [indices…, depth] of 0 and 1: where an index is that place; negative ones count from the end. */
export function oneHot(call: Invocation, index: Computed, shape: readonly number[], depth: number): ValueName {
  const { builder, name } = call
  if (isFloat(index.type)) call.fail('unsupported-attribute', 'its indices are computed as floating-point numbers')
  const count = elementCount(shape)
  builder.requireTerms(name, count * depth)
  const positions = Int32Array.from({ length: count * depth }, (_, i) => Math.floor(i / depth))
  const at = (offset: number): ValueName =>
    equals(
      call,
      index.value,
      thresholds([...shape, depth], (i) => (i % depth) - offset),
      positions,
    )
  const found = at(0)
  if (index.bounds?.least.every((least) => least >= 0)) return found
  return builder.nary(name, [found, at(depth)], { op: 'binary', kind: 'add' })
}

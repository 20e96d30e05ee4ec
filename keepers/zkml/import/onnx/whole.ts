// SPDX-License-Identifier: GPL-3.0-or-later
// Whole numbers that the network computes: places, counts, sums of comparisons. Where it is known, whatever the input, between
// which two numbers each of them lies, they may be computed with: they do not wrap, and the circuit holds them exactly, at scale 1.
import { reduceTargets } from '../../graph/evaluate.ts'
import { broadcastMap, broadcastShape, take } from '../../graph/tensor.ts'
import type { Invocation } from './invocation.ts'
import type { Bounds, Computed, Operand, Result } from './operand.ts'
import { type DataType, fits, isInteger, TYPE } from './types.ts'

/** The same bounds for `count` elements. */
export function boundsOf(count: number, least: number, most: number): Bounds {
  return { least: new Float64Array(count).fill(least), most: new Float64Array(count).fill(most) }
}

/** Whether an integer type, or a boolean, holds all that lies between the bounds as it is. */
export function holdsAll(type: DataType, { least, most }: Bounds): boolean {
  if (type === TYPE.bool) return least.every((value) => value >= 0) && most.every((value) => value <= 1)
  return isInteger(type) && least.every((value) => fits(value, type)) && most.every((value) => fits(value, type))
}

/** The bounds of an operand of whole numbers; null where they are unknown. */
function known(operand: Operand): Bounds | null {
  if ('value' in operand) return operand.bounds ?? null
  const { data, type } = operand.constant
  return isInteger(type) && data.every(Number.isSafeInteger) ? { least: data, most: data } : null
}

function spread(call: Invocation, operand: Operand, { least, most }: Bounds, shape: readonly number[]): Bounds {
  const from = call.shapeOf(operand)
  const map = broadcastMap(from, shape)
  const at = (data: Float64Array): Float64Array => take({ shape: from, data }, map, shape).data
  return { least: at(least), most: at(most) }
}

/** Add, Sub, and Mul by constants, of whole numbers between known bounds; null for everything else. */
export function wholeArithmetic(call: Invocation): Result[] | null {
  const { opType, domain } = call.node
  if (domain !== '' || (opType !== 'Add' && opType !== 'Sub' && opType !== 'Mul')) return null
  const [left, right] = [call.operand(0), call.operand(1)]
  const [a, b] = [known(left), known(right)]
  if (a === null || b === null) return null
  if (opType === 'Mul' && 'value' in left && 'value' in right) return null
  const shape = broadcastShape(call.shapeOf(left), call.shapeOf(right), call.name)
  const [x, y] = [spread(call, left, a, shape), spread(call, right, b, shape)]
  const bounds = boundsAfter(opType, x, y)
  const type = 'value' in left ? left.type : left.constant.type
  if (!isInteger(type) || !holdsAll(type, bounds)) return null
  return [{ value: wholeValue(call, opType, shape, [left, x], [right, y]), type, bounds }]
}

type Whole = 'Add' | 'Sub' | 'Mul'

function boundsAfter(opType: Whole, x: Bounds, y: Bounds): Bounds {
  const each = (compute: (i: number) => number[], choose: (...values: number[]) => number): Float64Array =>
    x.least.map((_, i) => choose(...compute(i)))
  const corners = (i: number): number[] => {
    const ends = [x.least[i]!, x.most[i]!].flatMap((p) => [y.least[i]!, y.most[i]!].map((q) => [p, q] as const))
    return ends.map(([p, q]) => (opType === 'Add' ? p + q : opType === 'Sub' ? p - q : p * q))
  }
  return { least: each(corners, Math.min), most: each(corners, Math.max) }
}

/** One row for each element: exact, as factors and constants are whole. */
function wholeValue(
  call: Invocation,
  opType: Whole,
  shape: readonly number[],
  [left, x]: readonly [Operand, Bounds],
  [right, y]: readonly [Operand, Bounds],
): string {
  const { builder, name } = call
  if ('value' in left && 'value' in right) {
    const kind = opType === 'Add' ? 'add' : 'subtract'
    return builder.nary(name, [left.value, right.value], { op: 'binary', kind })
  }
  const [operand, constants] = ('value' in left ? [left, y.least] : [right as Computed, x.least]) as [
    Computed,
    Float64Array,
  ]
  const map = broadcastMap(builder.shape(operand.value), shape)
  builder.requireTerms(name, map.length)
  const sign = opType === 'Sub' && 'value' in right ? -1 : 1
  const factor = (i: number): number => (opType === 'Mul' ? constants[i]! : sign)
  const constant = (i: number): number =>
    opType === 'Mul' ? 0 : opType === 'Sub' && 'value' in left ? -constants[i]! : constants[i]!
  return builder.linear(
    name,
    operand.value,
    Array.from(map, (at, i) => (factor(i) === 0 ? [] : [[at, factor(i)]])),
    Array.from(map, (_, i) => constant(i)),
    shape,
  )
}

/** The bounds of sums over `axes`, [shape] row-major; null where none are known. */
export function summedBounds(operand: Computed, shape: readonly number[], axes: readonly number[]): Bounds | null {
  const { bounds, type } = operand
  if (bounds === undefined || !isInteger(type)) return null
  const targets = reduceTargets(shape, axes)
  const count = targets.reduce((most, target) => Math.max(most, target), -1) + 1
  const sums = boundsOf(count, 0, 0)
  for (const [i, target] of targets.entries()) {
    sums.least[target]! += bounds.least[i]!
    sums.most[target]! += bounds.most[i]!
  }
  return holdsAll(type, sums) ? sums : null
}

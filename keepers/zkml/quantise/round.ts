// SPDX-License-Identifier: GPL-3.0-or-later
// Rounding to a file's own grid: a whole number of steps, saturated at both ends.
import { identityMap } from '../graph/tensor.ts'
import type { QuantiseNode, ScaledNode } from '../graph/types.ts'
import { piecewiseBits } from './bits.ts'
import type { Lowering } from './lowering.ts'
import { lineDraft, type Value } from './writer.ts'

/** Bits of the factor that stands for the ratio of two scales. */
const RATIO_BITS = 12
/** The same where numbers are rounded down, so that a whole number of up to 2^19 units stays that number. */
const RATIO_BITS_DOWN = 20

/**
 * round(x / step) + zero, kept in [min, max]. Halves go up, where the float network takes the even number. Rounded down, what is
 * within half a unit of the input below a whole number counts as that number: the unit cannot tell them apart.
 */
export function lowerQuantise(context: Lowering, node: QuantiseNode, input: Value, shape: readonly number[]): Value {
  const { writer } = context
  const { name, step, zero, min, max, down = false } = node
  const ratio = input.scale / step
  const ratioBits = down ? RATIO_BITS_DOWN : RATIO_BITS
  const shift = Math.max(0, ratioBits - Math.floor(Math.log2(ratio)) - 1)
  const factor = Math.round(ratio * 2 ** shift)
  const count = input.shape.reduce((a, b) => a * b, 1)
  const { min: least, max: most } = writer.bounds(input)
  // Half a unit of the input, plus the factor's largest error; the layer that shifts adds half of the dropped bits.
  const halfUnit = Math.ceil((factor + Math.max(-least, most)) / 2) + 1
  const draft = lineDraft(count, factor, down && shift > 0 ? halfUnit - 2 ** (shift - 1) : 0)
  const multiplied = writer.emit(`${name}_ratio`, [name], [input], draft, shape, 1 / 2 ** shift)
  const steps = writer.rescale(`${name}_steps`, [name], multiplied, shift, { kind: 'identity' }, true)
  const bounds = writer.bounds(steps)
  const [low, high] = [min - zero, max - zero]
  const breakpoints: number[] = []
  const [slopes, intercepts] = [[] as number[], [] as number[]]
  const piece = (slope: number, intercept: number): void => {
    slopes.push(slope)
    intercepts.push(intercept)
  }
  if (low > bounds.min) {
    piece(0, min)
    breakpoints.push(Math.min(low, bounds.max))
  }
  piece(1, zero)
  if (high < bounds.max) {
    breakpoints.push(Math.max(high, bounds.min + 1))
    piece(0, max)
  }
  const ascending = breakpoints.every(
    (t, i) => t > bounds.min && t <= bounds.max && (i === 0 || t > breakpoints[i - 1]!),
  )
  if (!ascending || bounds.max < low || bounds.min > high) {
    // All of it lies beyond one end.
    const map = new Int32Array(count).fill(-1)
    const fill = bounds.max < low ? min : max
    return writer.emit(`${name}_end`, [name], [steps], { kind: 'select', map, fill }, shape, 1)
  }
  if (breakpoints.length === 0) {
    return writer.emit(name, [name], [steps], lineDraft(count, 1, zero), shape, 1)
  }
  const bits = piecewiseBits(breakpoints, bounds)
  return writer.emit(name, [name], [steps], { kind: 'piecewise', breakpoints, slopes, intercepts, bits }, shape, 1)
}

/** The same integers, which stand for `factor` times as much. */
export function lowerScaled(context: Lowering, node: ScaledNode, input: Value, shape: readonly number[]): Value {
  const map = identityMap(shape.reduce((a, b) => a * b, 1))
  const draft = { kind: 'select', map, fill: 0 } as const
  return context.writer.emit(node.name, [node.name], [input], draft, shape, input.scale * node.factor)
}

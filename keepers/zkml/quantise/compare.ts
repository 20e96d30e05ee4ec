// SPDX-License-Identifier: GPL-3.0-or-later
// Comparisons: of integers with thresholds, and among each other.
import { elementCount, type InputPiece } from '../graph/program.ts'
import { identityMap } from '../graph/tensor.ts'
import type { ArgMaxNode, CompareNode } from '../graph/types.ts'
import { compareBits } from './bits.ts'
import { clipped, type Lowering } from './lowering.ts'
import { type Value, valueBits } from './writer.ts'

/** The place of the largest along the last axis. */
export function lowerArgMax(context: Lowering, node: ArgMaxNode, input: Value, shape: readonly number[]): Value {
  const length = input.shape.at(-1)!
  const windows = Array.from({ length: elementCount(shape) }, (_, o) => identityMap(length).map((k) => o * length + k))
  const bits = context.writer.windowBits(input, windows)
  return context.writer.emit(node.name, [node.name], [input], { kind: 'argmax', windows, bits }, shape, 1)
}

/** @param columns what each element of the input stands for, where that is not its scale alone */
export function lowerCompare(
  context: Lowering,
  node: CompareNode,
  input: Value,
  columns: readonly InputPiece[] | null = null,
): Value {
  const { writer, decider } = context
  const { min, max } = writer.bounds(input)
  const { relation, fixed, positions } = node
  // Beyond one past the largest value nothing changes any more.
  const values = node.thresholds.data.map((threshold, i) => {
    const { scale, zero } = columns?.[positions[i]!] ?? { scale: input.scale, zero: 0 }
    const found =
      relation === 'equal' ? sameInteger(threshold, scale) : leastInteger(threshold, scale, node.strict[i] === 1)
    // One past the largest value: no value equals or reaches it.
    if (found === null || found + zero > max) return max + 1
    if (relation === 'equal') return found + zero < min ? max + 1 : found + zero
    return Math.max(found + zero, min)
  })
  const reach = [min * input.scale, (max + 1) * input.scale]
  const biasBits = fixed ? 0 : decider.weights(node.name, node.name, [], reach, input.scale).biasBits
  const thresholds =
    fixed || writer.mode === 'released'
      ? { values, bits: Math.max(biasBits, valueBits(values)) }
      : clipped(context, node.name, 'thresholds', values, biasBits)
  const parts = { relation, fixed, positions, thresholds } as const
  const bits = compareBits(parts, writer.intervals(input), writer.mode)
  return writer.emit(node.name, [node.name], [input], { kind: 'compare', ...parts, bits }, node.thresholds.shape, 1)
}

/**
 * The least integer v that is at least (`strict`: more than) the threshold in the input's units. It is rounded as inputs are, so that an
 * input equal to it stays equal, and those more than half a step away fall on their side; where integers are the numbers
 * themselves, nothing is rounded.
 */
function leastInteger(threshold: number, scale: number, strict: boolean): number {
  if (scale === 1) return (strict ? Math.floor(threshold) + 1 : Math.ceil(threshold)) + 0
  return Math.round(threshold / scale) + (strict ? 1 : 0)
}

/** The integer that stands for `threshold`; null when none does. */
function sameInteger(threshold: number, scale: number): number | null {
  if (scale === 1 && !Number.isInteger(threshold)) return null
  return Math.round(threshold / scale) + 0
}

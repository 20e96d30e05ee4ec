// SPDX-License-Identifier: GPL-3.0-or-later
// Comparisons with thresholds: exact, of the number that an integer stands for.
import type { CompareNode } from '../graph/types.ts'
import { compareBits } from './bounds.ts'
import { clipped, type Lowering } from './lower.ts'
import { type Value, valueBits } from './writer.ts'

export function lowerCompare(context: Lowering, node: CompareNode, input: Value): Value {
  const { writer, decider } = context
  const { min, max } = writer.bounds(input)
  // Beyond one past the largest value nothing changes any more.
  const values = node.thresholds.data.map((threshold, i) =>
    Math.min(max + 1, Math.max(min, leastInteger(threshold, input.scale, node.strict[i] === 1))),
  )
  const reach = [min * input.scale, (max + 1) * input.scale]
  const { biasBits } = decider.weights(node.name, node.name, [], reach, input.scale)
  const thresholds =
    writer.mode === 'released'
      ? { values, bits: Math.max(biasBits, valueBits(values)) }
      : clipped(context, node.name, 'thresholds', values, biasBits)
  const positions = node.positions
  const bits = compareBits({ positions, thresholds }, writer.intervals(input), writer.mode)
  return writer.emit(
    node.name,
    [node.name],
    [input],
    { kind: 'compare', positions, thresholds, bits },
    node.thresholds.shape,
    1,
  )
}

/** The least v with v · scale ≥ threshold, or > where `strict`. */
function leastInteger(threshold: number, scale: number, strict: boolean): number {
  const holds = (v: number): boolean => (strict ? v * scale > threshold : v * scale >= threshold)
  let v = Math.ceil(threshold / scale)
  if (!Number.isSafeInteger(v)) return v
  // The quotient is rounded, so the least one may be a neighbour.
  while (holds(v - 1)) v--
  while (!holds(v)) v++
  return v + 0
}

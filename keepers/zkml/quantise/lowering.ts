// SPDX-License-Identifier: GPL-3.0-or-later
// The context of the rules that turn a graph's nodes into integer layers, and the conversion of real parameters into integers.
import type { Parameter } from '../graph/layers.ts'
import type { Graph, GraphNode, ValueName } from '../graph/types.ts'
import type { Decider } from './decide.ts'
import type { WeightPlan } from './plan.ts'
import { type ProgramWriter, type Value, valueBits } from './writer.ts'

/** The least and the largest number that calibration saw. */
export type Range = { readonly min: number; readonly max: number }

/** Everything a lowering rule needs to know. */
export type Lowering = {
  readonly graph: Graph
  readonly writer: ProgramWriter
  readonly decider: Decider
  /** Largest calibrated magnitude of a graph value, real. */
  readonly peaks: (value: ValueName) => number
  readonly ranges: (value: ValueName) => Range
  /** The integer form of a graph value. */
  readonly value: (name: ValueName) => Value
  /** The node that computes a value; none for the input. */
  readonly producer: (name: ValueName) => GraphNode | undefined
  /** Whether exactly one node reads this value. */
  alone(value: ValueName): boolean
}

/** Real numbers as integers at 2^−fraction, clipped (and reported) where `bits` do not hold them. */
export function parameter(
  context: Lowering,
  layer: string,
  role: string,
  data: ArrayLike<number>,
  fraction: number,
  bits: number,
): Parameter {
  return roundedParameter(context, layer, role, Float64Array.from(data), { fraction, bits })
}

/** The same in place: `values` are the rule's own, and become the integers. */
export function roundedParameter(
  context: Lowering,
  layer: string,
  role: string,
  values: Float64Array,
  { fraction, bits }: { readonly fraction: number; readonly bits: number },
): Parameter {
  const scale = 2 ** fraction
  for (let i = 0; i < values.length; i++) values[i] = Math.round(values[i]! * scale) + 0
  return clipped(context, layer, role, values, bits)
}

export function biasParameter(
  context: Lowering,
  layer: string,
  data: ArrayLike<number>,
  scale: number,
  plan: WeightPlan,
): Parameter {
  const values = Float64Array.from(data, (value) => Math.round(value / scale) + 0)
  // Committed biases live in the width that the plan fixed. Released ones are constants and may be wider; where they are not,
  // both modes commit to the same numbers in the same layout.
  return context.writer.mode === 'released'
    ? { values, bits: Math.max(plan.biasBits, valueBits(values)) }
    : clipped(context, layer, 'bias', values, plan.biasBits)
}

/** Integers within this many signed bits. Clipped values are reported with their layer and role. */
export function clipped(context: Lowering, layer: string, role: string, values: Float64Array, bits: number): Parameter {
  const limit = 2 ** (bits - 1) - 1
  let count = 0
  for (const [i, value] of values.entries())
    if (Math.abs(value) > limit) {
      values[i] = Math.sign(value) * limit
      count++
    }
  if (count > 0) {
    context.writer.clipping.push({ layer, role, clipped: count, of: values.length })
    context.writer.note(`${layer}: ${count} of ${values.length} ${role} did not fit ${bits} bits and were clipped`)
  }
  return { values, bits }
}

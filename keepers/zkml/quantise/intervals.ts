// SPDX-License-Identifier: GPL-3.0-or-later
// Intervals of lists of integers: sums with known weights, sums with weights of known width, limits.
import { CompileError } from '../graph/errors.ts'
import type { IntegerLayer, Parameter } from '../graph/layers.ts'
import { type Bounds, VALUE_LIMIT } from '../graph/program.ts'
import { type AffineLayer, forEachTap, type Rows, rowsOf } from './affine.ts'

/** Inclusive bounds of every element of one tensor. */
export type Intervals = { readonly low: Float64Array; readonly high: Float64Array }
/** With the largest magnitude that any partial sum on the way can have: an interpreter adds in floating point. */
type Reached = Intervals & { readonly reach: number }

/** Known coefficients. Convolutions and matrices are gone through tap by tap: their rows may not fit into memory. */
export function knownIntervals(layer: AffineLayer, inputs: readonly Intervals[], size: number): Reached {
  if (layer.kind !== 'conv2d' && layer.kind !== 'dense')
    return affineIntervals(rowsOf(layer, size), concatenated(inputs))
  const input = inputs[0]!
  const bias = layer.bias.values
  const low = Float64Array.from({ length: size }, (_, o) => bias[o % bias.length]!)
  const high = Float64Array.from(low)
  const magnitude = low.map(Math.abs)
  const weights = layer.weights.values
  const add = (output: number, index: number, weight: number): void => {
    const coefficient = weights[weight]!
    const [l, h] = [input.low[index]!, input.high[index]!]
    low[output]! += coefficient * (coefficient >= 0 ? l : h)
    high[output]! += coefficient * (coefficient >= 0 ? h : l)
    magnitude[output]! += Math.abs(coefficient) * Math.max(Math.abs(l), Math.abs(h))
  }
  if (layer.kind === 'conv2d') forEachTap(layer, add)
  else
    for (let i = 0; i < layer.inputSize; i++)
      for (let o = 0; o < layer.outputSize; o++) add(o, i, i * layer.outputSize + o)
  return { low, high, reach: magnitude.reduce((a, b) => Math.max(a, b), 0) }
}

export function affineIntervals(rows: Rows, input: Intervals): Reached {
  const low = Float64Array.from(rows.bias)
  const high = Float64Array.from(rows.bias)
  let reach = 0
  for (let o = 0; o < low.length; o++) {
    let magnitude = Math.abs(rows.bias[o]!)
    for (let k = rows.offsets[o]!; k < rows.offsets[o + 1]!; k++) {
      const coefficient = rows.coefficients[k]!
      const [l, h] = [input.low[rows.indices[k]!]!, input.high[rows.indices[k]!]!]
      low[o]! += coefficient * (coefficient >= 0 ? l : h)
      high[o]! += coefficient * (coefficient >= 0 ? h : l)
      magnitude += Math.abs(coefficient) * Math.max(Math.abs(l), Math.abs(h))
    }
    reach = Math.max(reach, magnitude)
  }
  return { low, high, reach }
}

/** Committed weights: only their range is known. Σ of corner products over the taps that exist, plus the bias' range. */
export function unknownWeights(layer: IntegerLayer, input: Intervals, size: number): Reached {
  const low = new Float64Array(size)
  const high = new Float64Array(size)
  const magnitude = new Float64Array(size)
  const add = (output: number, index: number, range: Bounds): void => {
    const [l, h] = [input.low[index]!, input.high[index]!]
    const corners = [range.min * l, range.min * h, range.max * l, range.max * h]
    low[output]! += Math.min(...corners)
    high[output]! += Math.max(...corners)
    magnitude[output]! += -range.min * Math.max(Math.abs(l), Math.abs(h))
  }
  let bias: Bounds = { min: 0, max: 0 }
  if (layer.kind === 'conv2d') {
    const range = parameterRange(layer.weights)
    bias = parameterRange(layer.bias)
    forEachTap(layer, (output, index) => add(output, index, range))
  } else if (layer.kind === 'dense') {
    const range = parameterRange(layer.weights)
    bias = parameterRange(layer.bias)
    for (let i = 0; i < layer.inputSize; i++) add(0, i, range)
    low.fill(low[0]!)
    high.fill(high[0]!)
  } else if (layer.kind === 'scale') {
    const range = parameterRange(layer.scale)
    bias = parameterRange(layer.bias)
    for (let i = 0; i < size; i++) add(i, i, range)
  }
  return {
    low: low.map((value) => value + bias.min),
    high: high.map((value) => value + bias.max),
    reach: magnitude.reduce((a, b) => Math.max(a, b), 0) - bias.min,
  }
}

export function limited(layer: IntegerLayer, found: Reached): Intervals {
  if (found.reach > VALUE_LIMIT)
    throw new CompileError(
      'bound-exceeded',
      `layer ${layer.name} (${layer.sources.join(', ')}): values could reach ${found.reach.toExponential(2)}, past the limit 2^52; ` +
        'lower its weight bits or the activation bits before it, or add an activation between linear layers',
      { layer: layer.name },
    )
  return found
}

/** Intersects intervals with a gadget's window. If the intersection is empty, no input has a proof and either end will do. */
export function clamped({ low, high }: Intervals, { min, max }: Bounds): Intervals {
  const into = (value: number): number => Math.min(max, Math.max(min, value))
  return { low: low.map(into), high: high.map(into) }
}

export function intersect(a: Intervals, b: Intervals): Intervals {
  return {
    low: a.low.map((value, i) => Math.max(value, b.low[i]!)),
    high: a.high.map((value, i) => Math.min(value, b.high[i]!)),
  }
}

export function concatenated(inputs: readonly Intervals[]): Intervals {
  if (inputs.length === 1) return inputs[0]!
  const join = (sides: readonly Float64Array[]): Float64Array =>
    Float64Array.from(sides.flatMap((side) => Array.from(side)))
  return { low: join(inputs.map((each) => each.low)), high: join(inputs.map((each) => each.high)) }
}

export function columnRange(values: Float64Array, column: number, width: number): Bounds {
  let [min, max] = [values[column]!, values[column]!]
  for (let i = column; i < values.length; i += width) {
    min = Math.min(min, values[i]!)
    max = Math.max(max, values[i]!)
  }
  return { min, max }
}

/** The range of a committed parameter that the circuit proves. */
export function parameterRange(parameter: Parameter): Bounds {
  return { min: -(2 ** (parameter.bits - 1)), max: 2 ** (parameter.bits - 1) - 1 }
}

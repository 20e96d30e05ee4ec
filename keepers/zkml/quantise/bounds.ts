// SPDX-License-Identifier: GPL-3.0-or-later
// Interval arithmetic over whole programs: for every admissible input (and, in committed mode, every admissible weight)
// each element of each tensor lies in its interval. This is the proof that a circuit's bit counts rest on.
import { CompileError } from '../graph/errors.ts'
import {
  type Bounds,
  type CompareLayer,
  type IntegerLayer,
  type Mode,
  type Parameter,
  type TensorId,
  VALUE_LIMIT,
} from '../graph/program.ts'
import { signedBits, unsignedBits } from '../graph/windows.ts'
import { type AffineLayer, forEachTap, isAffine, multiplyRows, type Rows, rowsOf } from './affine.ts'
import { heldWindow, rescale, segmentOf, spline } from './interpret.ts'

/** Inclusive bounds of every element of one tensor. */
export type Intervals = { readonly low: Float64Array; readonly high: Float64Array }
/** With the largest magnitude that any partial sum on the way can have: an interpreter adds in floating point. */
type Reached = Intervals & { readonly reach: number }

/** A tensor written as known affine rows over an earlier tensor. */
type Chain = { readonly base: TensorId; readonly rows: Rows }

/** Carries intervals from layer to layer; one for each program being built or checked. */
export class BoundsTracker {
  private readonly mode: Mode
  private readonly intervals = new Map<TensorId, Intervals>()
  private readonly chains = new Map<TensorId, () => Chain>()

  constructor(mode: Mode, input: { tensor: TensorId; min: number; bits: number }, size: number) {
    this.mode = mode
    this.intervals.set(input.tensor, {
      low: new Float64Array(size).fill(input.min),
      high: new Float64Array(size).fill(input.min + 2 ** input.bits - 1),
    })
  }

  of(id: TensorId): Intervals {
    const intervals = this.intervals.get(id)
    if (intervals === undefined) throw new RangeError(`no bounds are known of tensor ${id}`)
    return intervals
  }

  /** Smallest interval that holds every element. */
  overall(id: TensorId): Bounds {
    const { low, high } = this.of(id)
    return { min: low.reduce((a, b) => Math.min(a, b)), max: high.reduce((a, b) => Math.max(a, b)) }
  }

  /** Bounds the output of `layer` of `size` elements. @throws CompileError bound-exceeded past 2^52. */
  add(layer: IntegerLayer, size: number): Intervals {
    const inputs = layer.inputs.map((id) => this.of(id))
    let found = this.propagate(layer, inputs, size)
    if (isAffine(layer) && layer.inputs.length === 1 && this.isKnown(layer)) {
      const [source] = layer.inputs as [TensorId]
      const earlier = this.chains.get(source)
      this.chains.set(
        layer.output,
        once(() => {
          const rows = rowsOf(layer, size)
          if (earlier === undefined) return { base: source, rows }
          const { base, rows: inner } = earlier()
          return { base, rows: multiplyRows(rows, inner, this.of(base).low.length) }
        }),
      )
      if (earlier !== undefined) found = intersect(found, this.throughChain(layer.output))
    }
    this.intervals.set(layer.output, found)
    return found
  }

  private throughChain(id: TensorId): Intervals {
    const { base, rows } = this.chains.get(id)!()
    return affineIntervals(rows, this.of(base))
  }

  /** Whether the layer's numbers are constants: everything when released, only the architecture's when committed. */
  private isKnown(layer: IntegerLayer): boolean {
    return this.mode === 'released' || layer.kind === 'sparse' || layer.kind === 'select'
  }

  private propagate(layer: IntegerLayer, inputs: readonly Intervals[], size: number): Intervals {
    const low = new Float64Array(size)
    const high = new Float64Array(size)
    const input = inputs[0]!
    if (isAffine(layer)) {
      const known = this.isKnown(layer)
      return limited(layer, known ? knownIntervals(layer, inputs, size) : unknownWeights(layer, input, size))
    }
    const window = heldWindow(layer)
    const held = window === null ? input : clamped(input, window)
    switch (layer.kind) {
      case 'rescale':
        for (let i = 0; i < size; i++) {
          // Never decreasing while the numerator of a leaky slope is ≥ 0, which the quantiser guarantees.
          low[i] = rescale(layer, held.low[i]!)
          high[i] = rescale(layer, held.high[i]!)
        }
        break
      case 'maxpool':
        for (const [o, window] of layer.windows.entries()) {
          let [least, most] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]
          for (const i of window) {
            least = Math.max(least, input.low[i]!)
            most = Math.max(most, input.high[i]!)
          }
          low[o] = least
          high[o] = most
        }
        break
      case 'argmax':
        for (const [o, window] of layer.windows.entries()) high[o] = window.length - 1
        break
      case 'multiply': {
        const other = inputs[1]!
        const square = layer.inputs[0] === layer.inputs[1]
        for (let i = 0; i < size; i++) {
          const [a, b, c, d] = [input.low[i]!, input.high[i]!, other.low[i]!, other.high[i]!]
          const corners = square ? [a * a, b * b] : [a * c, a * d, b * c, b * d]
          low[i] = square && a <= 0 && b >= 0 ? 0 : Math.min(...corners)
          high[i] = Math.max(...corners)
        }
        break
      }
      case 'piecewise':
        for (let i = 0; i < size; i++) {
          const [a, b] = [input.low[i]!, input.high[i]!]
          const inside = layer.breakpoints.filter((t) => t > a && t <= b)
          const values = [a, b, ...inside, ...inside.map((t) => t - 1)].map((v) => {
            const segment = segmentOf(layer.breakpoints, v)
            return layer.slopes[segment]! * v + layer.intercepts[segment]!
          })
          low[i] = Math.min(...values)
          high[i] = Math.max(...values)
        }
        break
      case 'spline': {
        const step = 2 ** ((layer.tails?.width ?? layer.bits) - layer.select)
        const known = new Map<string, Bounds>()
        for (let i = 0; i < size; i++) {
          const [a, b] = [held.low[i]!, held.high[i]!]
          const found = known.get(`${a} ${b}`) ?? { min: spline(layer, a), max: spline(layer, a) }
          if (!known.has(`${a} ${b}`)) {
            // A line is extreme at its ends.
            let [min, max] = [found.min, found.max]
            const values = [spline(layer, b)]
            for (let k = 0; k <= 2 ** layer.select; k++) {
              const knot = layer.low + k * step
              for (const value of [knot, knot - 1]) if (value > a && value < b) values.push(spline(layer, value))
            }
            for (const value of values) [min, max] = [Math.min(min, value), Math.max(max, value)]
            known.set(`${a} ${b}`, { min, max })
          }
          low[i] = known.get(`${a} ${b}`)!.min
          high[i] = known.get(`${a} ${b}`)!.max
        }
        break
      }
      case 'compare': {
        const known = areKnown(layer, this.mode) ? layer.thresholds.values : null
        const range = parameterRange(layer.thresholds)
        for (let i = 0; i < size; i++) {
          const [from, least, most] = [layer.positions[i]!, known?.[i] ?? range.min, known?.[i] ?? range.max]
          const [a, b] = [input.low[from]!, input.high[from]!]
          const equal = layer.relation === 'equal'
          low[i] = a >= most && (!equal || (b === a && least === a)) ? 1 : 0
          high[i] = b >= least && (!equal || a <= most) ? 1 : 0
        }
        break
      }
      case 'paths':
        if (input.low.some((value) => value < 0) || input.high.some((value) => value > 1))
          throw new CompileError('bound-exceeded', `layer ${layer.name}: decisions that are neither 0 nor 1`, {
            layer: layer.name,
          })
        high.fill(1)
        break
      case 'bits':
        // The gadget ranges its input, but an honest one outside would have no witness.
        if (input.low.some((value) => value < 0) || input.high.some((value) => value >= 2 ** layer.width))
          throw new CompileError('bound-exceeded', `layer ${layer.name}: values outside [0, 2^${layer.width})`, {
            layer: layer.name,
          })
        high.fill(1)
        break
      case 'lookup':
        for (let i = 0; i < size; i++) {
          const range =
            this.mode === 'committed'
              ? parameterRange(layer.table)
              : columnRange(layer.table.values, i % layer.width, layer.width)
          low[i] = range.min
          high[i] = range.max
        }
        break
    }
    const reach = [low, high].map((side) => side.reduce((a, b) => Math.max(a, Math.abs(b)), 0))
    return limited(layer, { low, high, reach: Math.max(...reach) })
  }
}

/** What a committed parameter may be: the range that the circuit proves of it. */
export function parameterRange(parameter: Parameter): Bounds {
  return { min: -(2 ** (parameter.bits - 1)), max: 2 ** (parameter.bits - 1) - 1 }
}

/** Bits of the largest difference that two elements of one window can have. */
export function windowBits({ low, high }: Intervals, windows: readonly Int32Array[]): number {
  let width = 0
  for (const window of windows) {
    let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    for (const i of window) {
      min = Math.min(min, low[i]!)
      max = Math.max(max, high[i]!)
    }
    width = Math.max(width, max - min)
  }
  return unsignedBits({ max: width })
}

/** Bits for in − breakpoint over all breakpoints, as a signed window. */
export function piecewiseBits(breakpoints: readonly number[], input: Bounds): number {
  return Math.max(1, ...breakpoints.map((t) => signedBits({ min: input.min - t, max: input.max - t })))
}

/** Whether the thresholds are constants of the circuit. */
export function areKnown({ fixed }: Pick<CompareLayer, 'fixed'>, mode: Mode): boolean {
  return fixed || mode === 'released'
}

/** Bits of a signed window that holds in − threshold wherever they are compared; of an equality, none are needed. */
export function compareBits(
  layer: Pick<CompareLayer, 'positions' | 'thresholds' | 'fixed' | 'relation'>,
  input: Intervals,
  mode: Mode,
): number {
  if (layer.relation === 'equal') return 1
  const range = parameterRange(layer.thresholds)
  let [min, max] = [0, 0]
  for (const [i, from] of layer.positions.entries()) {
    const value = layer.thresholds.values[i]!
    const [least, most] = areKnown(layer, mode) ? [value, value] : [range.min, range.max]
    min = Math.min(min, input.low[from]! - most)
    max = Math.max(max, input.high[from]! - least)
  }
  return signedBits({ min, max })
}

/** Known coefficients. Convolutions and matrices are gone through tap by tap: their rows may not fit into memory. */
function knownIntervals(layer: AffineLayer, inputs: readonly Intervals[], size: number): Reached {
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

function affineIntervals(rows: Rows, input: Intervals): Reached {
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
function unknownWeights(layer: IntegerLayer, input: Intervals, size: number): Reached {
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

function limited(layer: IntegerLayer, found: Reached): Intervals {
  if (found.reach > VALUE_LIMIT)
    throw new CompileError(
      'bound-exceeded',
      `layer ${layer.name} (${layer.sources.join(', ')}): values could reach ${found.reach.toExponential(2)}, past the limit 2^52; ` +
        'lower its weight bits or the activation bits before it, or add an activation between linear layers',
      { layer: layer.name },
    )
  return found
}

/** What is left of intervals that a gadget holds to a window; where nothing is, no input has a proof and either end will do. */
function clamped({ low, high }: Intervals, { min, max }: Bounds): Intervals {
  const into = (value: number): number => Math.min(max, Math.max(min, value))
  return { low: low.map(into), high: high.map(into) }
}

function intersect(a: Intervals, b: Intervals): Intervals {
  return {
    low: a.low.map((value, i) => Math.max(value, b.low[i]!)),
    high: a.high.map((value, i) => Math.min(value, b.high[i]!)),
  }
}

function concatenated(inputs: readonly Intervals[]): Intervals {
  if (inputs.length === 1) return inputs[0]!
  const join = (sides: readonly Float64Array[]): Float64Array =>
    Float64Array.from(sides.flatMap((side) => Array.from(side)))
  return { low: join(inputs.map((each) => each.low)), high: join(inputs.map((each) => each.high)) }
}

function columnRange(values: Float64Array, column: number, width: number): Bounds {
  let [min, max] = [values[column]!, values[column]!]
  for (let i = column; i < values.length; i += width) {
    min = Math.min(min, values[i]!)
    max = Math.max(max, values[i]!)
  }
  return { min, max }
}

function once<T>(compute: () => T): () => T {
  let value: T | undefined
  return () => {
    value ??= compute()
    return value
  }
}

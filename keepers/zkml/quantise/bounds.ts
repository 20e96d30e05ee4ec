// SPDX-License-Identifier: GPL-3.0-or-later
// Interval arithmetic over whole programs: for every admissible input (and, in committed mode, every admissible weight)
// each element of each tensor lies in its interval. This is the proof that a circuit's bit counts rest on.
import { CompileError } from '../graph/errors.ts'
import type { IntegerLayer, TensorId } from '../graph/layers.ts'
import { type Bounds, type Mode, VALUE_LIMIT } from '../graph/program.ts'
import { isAffine, multiplyRows, type Rows, rowsOf } from './affine.ts'
import { areKnown } from './bits.ts'
import { heldWindow, rescale, segmentOf, spline } from './interpret.ts'
import {
  affineIntervals,
  clamped,
  columnRange,
  type Intervals,
  intersect,
  knownIntervals,
  limited,
  parameterRange,
  unknownWeights,
} from './intervals.ts'

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
          const product = multiplyRows(rows, inner, this.of(base).low.length)
          return product === null ? { base: source, rows } : { base, rows: product }
        }),
      )
      if (earlier !== undefined) found = this.throughChain(layer.output, found)
    }
    this.intervals.set(layer.output, found)
    return found
  }

  /** Tighter by the bounds of the whole chain, where doubles hold all of its sums. */
  private throughChain(id: TensorId, found: Intervals): Intervals {
    const { base, rows } = this.chains.get(id)!()
    const { reach, ...chained } = affineIntervals(rows, this.of(base))
    return reach <= VALUE_LIMIT ? intersect(found, chained) : found
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

function once<T>(compute: () => T): () => T {
  let value: T | undefined
  return () => {
    value ??= compute()
    return value
  }
}

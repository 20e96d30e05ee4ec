// SPDX-License-Identifier: GPL-3.0-or-later
// The integer reference interpreter: the executable meaning of an integer program. A circuit equals it bit for bit.
// Float64 slots hold safe integers only (bounds are proven ≤ 2^52), so every operation here is exact.

import { CompileError } from '../graph/errors.ts'
import { reachedLeaves } from '../graph/evaluate.ts'
import type { Conv2dLayer, IntegerLayer, Integers, RescaleLayer, SplineLayer, TensorId } from '../graph/layers.ts'
import { type Bounds, elementCount, type IntegerProgram, tensorOf } from '../graph/program.ts'

/** A program's result for one input. */
export type Trace = { readonly tensors: ReadonlyMap<TensorId, Integers>; readonly scores: Integers }

/** How to treat a value outside a layer's window: it cannot be proven, but its accuracy can be measured. */
export type Outside = 'refuse' | 'clamp'

/**
 * Runs `program` on one input of integers, row-major. Every tensor is in the trace.
 * @throws CompileError wrong-input for a wrong count, a fraction, or a value outside the input's range; and naming the layer
 * for a value inside the network that leaves the window calibrated for it, unless `outside` is clamp.
 */
export function interpret(
  program: IntegerProgram,
  input: ArrayLike<number>,
  { outside = 'refuse' }: { readonly outside?: Outside } = {},
): Trace {
  const values = new Map<TensorId, Integers>([[program.input.tensor, checkedInput(program, input)]])
  for (const layer of program.layers) {
    let inputs = layer.inputs.map((id) => values.get(id)!)
    const window = heldWindow(layer)
    if (window !== null) inputs = [within(program, layer, inputs[0]!, window, outside)]
    values.set(layer.output, runLayer(layer, inputs, elementCount(tensorOf(program, layer.output).shape)))
  }
  return { tensors: values, scores: values.get(program.scores)! }
}

/** The values that a layer's circuit accepts, where bounds do not already say so. */
export function heldWindow(layer: IntegerLayer): Bounds | null {
  if (layer.kind === 'spline') {
    const { low, bits, tails } = layer
    const max = low + 2 ** (tails?.width ?? bits) - 1
    if (tails === undefined) return { min: low, max }
    if (tails.below !== null && tails.above !== null) return null
    return {
      min: tails.below === null ? low : Number.NEGATIVE_INFINITY,
      max: tails.above === null ? max : Number.POSITIVE_INFINITY,
    }
  }
  if (layer.kind !== 'rescale' || layer.held !== true) return null
  const min = layer.unsigned ? 0 : -(2 ** (layer.bits - 1))
  return { min, max: min + 2 ** layer.bits - 1 }
}

function within(
  program: IntegerProgram,
  layer: IntegerLayer,
  values: Integers,
  { min, max }: Bounds,
  outside: Outside,
): Integers {
  const found = values.find((value) => value < min || value > max)
  if (found === undefined) return values
  if (outside === 'clamp') return values.map((value) => Math.min(max, Math.max(min, value)))
  const { scale } = tensorOf(program, layer.inputs[0]!)
  throw new CompileError(
    'wrong-input',
    `${layer.sources.join(', ')}: its input is ${found * scale} somewhere, outside [${min * scale}, ${max * scale}], which was ` +
      'calibrated; calibrate with samples that reach it',
    { layer: layer.name },
  )
}

function checkedInput(program: IntegerProgram, input: ArrayLike<number>): Integers {
  const { bits, min } = program.input
  const size = elementCount(tensorOf(program, program.input.tensor).shape)
  if (input.length !== size)
    throw new CompileError('wrong-input', `${program.name} takes ${size} input values, found ${input.length}`)
  const max = min + 2 ** bits - 1
  return Float64Array.from({ length: size }, (_, i) => {
    const value = input[i]!
    if (!Number.isInteger(value) || value < min || value > max)
      throw new CompileError(
        'wrong-input',
        `input value ${value} at position ${i} is not a whole number in [${min}, ${max}]; encode real values first`,
      )
    return value
  })
}

/** One layer on given inputs; `size` is the number of elements of its output. */
export function runLayer(layer: IntegerLayer, inputs: readonly Integers[], size: number): Integers {
  const input = inputs[0]!
  const out = new Float64Array(size)
  switch (layer.kind) {
    case 'conv2d':
      convolve(layer, input, out)
      break
    case 'dense': {
      const { inputSize, outputSize } = layer
      const weights = layer.weights.values
      out.set(layer.bias.values)
      for (let i = 0; i < inputSize; i++) {
        const x = input[i]!
        if (x === 0) continue
        const row = i * outputSize
        for (let o = 0; o < outputSize; o++) out[o]! += x * weights[row + o]!
      }
      break
    }
    case 'sparse': {
      const all = joined(inputs)
      for (let o = 0; o < size; o++) {
        let sum = layer.bias[o]!
        for (let k = layer.offsets[o]!; k < layer.offsets[o + 1]!; k++)
          sum += all[layer.indices[k]!]! * layer.coefficients[k]!
        out[o] = sum
      }
      break
    }
    case 'scale': {
      const period = layer.scale.values.length
      for (let i = 0; i < size; i++)
        out[i] = input[i]! * layer.scale.values[i % period]! + layer.bias.values[i % period]!
      break
    }
    case 'select': {
      const all = joined(inputs)
      for (let i = 0; i < size; i++) out[i] = layer.map[i]! < 0 ? layer.fill : all[layer.map[i]!]!
      break
    }
    case 'rescale':
      for (let i = 0; i < size; i++) out[i] = rescale(layer, input[i]!)
      break
    case 'maxpool':
      for (const [o, window] of layer.windows.entries()) {
        let best = input[window[0]!]!
        for (const index of window) if (input[index]! > best) best = input[index]!
        out[o] = best
      }
      break
    case 'argmax':
      for (const [o, window] of layer.windows.entries())
        for (const [k, index] of window.entries()) if (input[index]! > input[window[out[o]!]!]!) out[o] = k
      break
    case 'multiply':
      for (let i = 0; i < size; i++) out[i] = input[i]! * inputs[1]![i]!
      break
    case 'piecewise':
      for (let i = 0; i < size; i++) {
        const segment = segmentOf(layer.breakpoints, input[i]!)
        out[i] = layer.slopes[segment]! * input[i]! + layer.intercepts[segment]!
      }
      break
    case 'spline':
      for (let i = 0; i < size; i++) out[i] = spline(layer, input[i]!)
      break
    case 'compare':
      for (let i = 0; i < size; i++) {
        const [value, threshold] = [input[layer.positions[i]!]!, layer.thresholds.values[i]!]
        out[i] = (layer.relation === 'equal' ? value === threshold : value >= threshold) ? 1 : 0
      }
      break
    case 'paths':
      out.set(reachedLeaves(layer, input))
      break
    case 'bits':
      for (const [p, value] of input.entries())
        for (let i = 0; i < layer.width; i++) out[p * layer.width + i] = Math.floor(value / 2 ** i) % 2
      break
    case 'lookup':
      for (const [p, row] of input.entries()) {
        if (row < 0 || row >= layer.rows)
          throw new CompileError('wrong-input', `${layer.name}: index ${row} is not in [0, ${layer.rows})`, {
            layer: layer.name,
          })
        out.set(layer.table.values.subarray(row * layer.width, (row + 1) * layer.width), p * layer.width)
      }
      break
  }
  // Adding zero turns −0 into 0: an integer has one zero.
  for (let i = 0; i < size; i++) out[i]! += 0
  return out
}

/** ⌊value / 2^shift⌋ and the activation; see RescaleLayer. */
export function rescale(layer: RescaleLayer, value: number): number {
  const v = Math.floor(value / 2 ** layer.shift)
  const { activation } = layer
  if (activation.kind === 'identity') return v
  const positive = value >= 0 ? v : 0
  if (activation.kind === 'relu') return positive
  return activation.numerator * v + (2 ** activation.log2Denominator - activation.numerator) * positive
}

/** The line that `value` lies on, at it; see SplineLayer. */
export function spline(layer: SplineLayer, value: number): number {
  const { tails, shift } = layer
  const width = (tails?.width ?? layer.bits) - shift
  const v = Math.floor((value - layer.low) / 2 ** shift)
  const u = tails === undefined ? v : Math.min(2 ** width - 1, Math.max(0, v))
  const line = Math.floor(u / 2 ** (width - layer.select))
  const slope = v < u ? tails?.below : tails?.above
  return layer.slopes[line]! * u + layer.intercepts[line]! + (v === u ? 0 : slope! * (v - u))
}

/** Number of breakpoints that are ≤ value. */
export function segmentOf(breakpoints: readonly number[], value: number): number {
  let segment = 0
  while (segment < breakpoints.length && breakpoints[segment]! <= value) segment++
  return segment
}

function joined(inputs: readonly Integers[]): Integers {
  if (inputs.length === 1) return inputs[0]!
  const all = new Float64Array(inputs.reduce((total, each) => total + each.length, 0))
  let at = 0
  for (const each of inputs) {
    all.set(each, at)
    at += each.length
  }
  return all
}

function convolve(layer: Conv2dLayer, input: Integers, out: Integers): void {
  const [height, width, cin] = layer.inShape
  const [outHeight, outWidth, cout] = layer.outShape
  const [kh, kw] = layer.kernel
  const depth = cin / layer.groups
  const perGroup = cout / layer.groups
  const weights = layer.weights.values
  for (let y = 0; y < outHeight; y++)
    for (let x = 0; x < outWidth; x++) {
      const at = (y * outWidth + x) * cout
      out.set(layer.bias.values, at)
      for (let i = 0; i < kh; i++) {
        const row = y * layer.strides[0] + i * layer.dilations[0] - layer.padding.top
        if (row < 0 || row >= height) continue
        for (let j = 0; j < kw; j++) {
          const column = x * layer.strides[1] + j * layer.dilations[1] - layer.padding.left
          if (column < 0 || column >= width) continue
          const from = (row * width + column) * cin
          const tap = (i * kw + j) * depth * cout
          for (let g = 0; g < layer.groups; g++)
            for (let c = 0; c < depth; c++) {
              const value = input[from + g * depth + c]!
              if (value === 0) continue
              const line = tap + c * cout
              for (let o = g * perGroup; o < (g + 1) * perGroup; o++) out[at + o]! += value * weights[line + o]!
            }
        }
      }
    }
}

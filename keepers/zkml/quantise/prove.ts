// SPDX-License-Identifier: GPL-3.0-or-later
// The check of a finished program: are its stated bounds and bit counts true?
import { CompileError } from '../graph/errors.ts'
import type { IntegerLayer } from '../graph/layers.ts'
import { type Bounds, elementCount, type IntegerProgram, type Mode, tensorOf } from '../graph/program.ts'
import { signedBits, unsignedBits } from '../graph/windows.ts'
import { compareBits, piecewiseBits, windowBits } from './bits.ts'
import { BoundsTracker } from './bounds.ts'
import { type Intervals, parameterRange } from './intervals.ts'

/** A gadget's integers stay below 2^53. */
const MOST_BITS = 53

/**
 * Proves a program's bounds again, from its input range and its numbers alone.
 * @throws CompileError bound-exceeded naming the first layer with stated bounds or bit counts that do not hold.
 */
export function proveBounds(program: IntegerProgram): void {
  const input = tensorOf(program, program.input.tensor)
  const tracker = new BoundsTracker(program.mode, program.input, elementCount(input.shape))
  requireInside(program.name, tracker.overall(input.id), input.bounds)
  for (const layer of program.layers) {
    requireBits(layer, tracker.overall(layer.inputs[0]!), tracker.of(layer.inputs[0]!), program.mode)
    if (program.mode === 'committed') requireParameters(layer)
    const output = tensorOf(program, layer.output)
    tracker.add(layer, elementCount(output.shape))
    requireInside(layer.name, tracker.overall(layer.output), output.bounds)
  }
}

function requireInside(name: string, found: Bounds, stated: Bounds): void {
  if (found.min < stated.min || found.max > stated.max)
    throw new CompileError(
      'bound-exceeded',
      `layer ${name}: values reach [${found.min}, ${found.max}], outside the stated [${stated.min}, ${stated.max}]; quantise again`,
      { layer: name },
    )
}

function requireBits(layer: IntegerLayer, input: Bounds, elements: Intervals, mode: Mode): void {
  const given = 'bits' in layer ? layer.bits : 0
  if (given < neededBits(layer, input, elements, mode))
    throw new CompileError(
      'bound-exceeded',
      `layer ${layer.name}: ${given} bits do not hold values in [${input.min}, ${input.max}]; quantise again with fewer weight or activation bits before it`,
      { layer: layer.name },
    )
}

/** Bits that a layer's gadget must decompose for inputs within these bounds; infinite for a layer that none would serve. */
function neededBits(layer: IntegerLayer, input: Bounds, elements: Intervals, mode: Mode): number {
  switch (layer.kind) {
    case 'rescale':
      if (layer.unsigned && ((input.min < 0 && layer.held !== true) || layer.activation.kind !== 'identity'))
        return Number.POSITIVE_INFINITY
      if (layer.activation.kind === 'leaky' && layer.activation.numerator < 0) return Number.POSITIVE_INFINITY
      if (layer.held === true) return layer.shift + 1
      return Math.max(layer.shift + 1, layer.unsigned ? unsignedBits(input) : signedBits(input))
    case 'maxpool':
    case 'argmax':
      return windowBits(elements, layer.windows)
    case 'spline':
      return layer.tails === undefined
        ? layer.shift + layer.select + 1
        : Math.max(layer.tails.width + 1, signedBits({ min: input.min - layer.low, max: input.max - layer.low }))
    case 'piecewise': {
      const ascending = layer.breakpoints.every((t, i) => i === 0 || t > layer.breakpoints[i - 1]!)
      return ascending ? piecewiseBits(layer.breakpoints, input) : Number.POSITIVE_INFINITY
    }
    case 'compare':
      return compareBits(layer, elements, mode)
    default:
      return 0
  }
}

/**
 * The same computation for whatever its input range admits: every tensor gets the bounds that follow from that range, every
 * gadget the bits that those need. Thus a slice of a proven program becomes a proven program itself.
 * @throws CompileError bound-exceeded naming the layer that no number of bits would serve.
 */
export function rebound(program: IntegerProgram): IntegerProgram {
  const { input } = program
  const size = (id: string) => elementCount(tensorOf(program, id).shape)
  const tracker = new BoundsTracker(program.mode, input, size(input.tensor))
  const layers = program.layers.map((layer) => {
    const source = layer.inputs[0]!
    const bits = neededBits(layer, tracker.overall(source), tracker.of(source), program.mode)
    if (bits > MOST_BITS) requireBits(layer, tracker.overall(source), tracker.of(source), program.mode)
    const wide = 'bits' in layer && layer.bits < bits ? { ...layer, bits } : layer
    tracker.add(wide, size(wide.output))
    return wide
  })
  const tensors = program.tensors.map((tensor) => ({ ...tensor, bounds: tracker.overall(tensor.id) }))
  return { ...program, layers, tensors }
}

function requireParameters(layer: IntegerLayer): void {
  const parameters =
    layer.kind === 'conv2d' || layer.kind === 'dense'
      ? [layer.weights, layer.bias]
      : layer.kind === 'scale'
        ? [layer.scale, layer.bias]
        : layer.kind === 'lookup'
          ? [layer.table]
          : layer.kind === 'compare' && !layer.fixed
            ? [layer.thresholds]
            : []
  for (const parameter of parameters) {
    const { min, max } = parameterRange(parameter)
    for (const value of parameter.values)
      if (value < min || value > max)
        throw new CompileError('bound-exceeded', `layer ${layer.name}: weight ${value} is outside [${min}, ${max}]`, {
          layer: layer.name,
        })
  }
}

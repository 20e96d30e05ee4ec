// SPDX-License-Identifier: GPL-3.0-or-later
// The check of a finished program: are its stated bounds and bit counts true?
import { CompileError } from '../graph/errors.ts'
import { type Bounds, elementCount, type IntegerLayer, type IntegerProgram, tensorOf } from '../graph/program.ts'
import {
  BoundsTracker,
  type Intervals,
  parameterRange,
  piecewiseBits,
  signedBits,
  unsignedBits,
  windowBits,
} from './bounds.ts'

/**
 * Proves a program's bounds anew, from nothing but its input range and its numbers.
 * @throws CompileError bound-exceeded naming the first layer whose stated bounds or bit counts do not hold.
 */
export function proveBounds(program: IntegerProgram): void {
  const input = tensorOf(program, program.input.tensor)
  const tracker = new BoundsTracker(program.mode, program.input, elementCount(input.shape))
  requireInside(program.name, tracker.overall(input.id), input.bounds)
  for (const layer of program.layers) {
    requireBits(layer, tracker.overall(layer.inputs[0]!), tracker.of(layer.inputs[0]!))
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

function requireBits(layer: IntegerLayer, input: Bounds, elements: Intervals): void {
  let needed = 0
  let given = 0
  if (layer.kind === 'rescale') {
    given = layer.bits
    needed = Math.max(layer.shift + 1, layer.unsigned ? unsignedBits(input) : signedBits(input))
    if (layer.unsigned && (input.min < 0 || layer.activation.kind !== 'identity')) needed = Number.POSITIVE_INFINITY
    if (layer.activation.kind === 'leaky' && layer.activation.numerator < 0) needed = Number.POSITIVE_INFINITY
  } else if (layer.kind === 'maxpool') {
    given = layer.bits
    needed = windowBits(elements, layer.windows)
  } else if (layer.kind === 'piecewise') {
    given = layer.bits
    const ascending = layer.breakpoints.every((t, i) => i === 0 || t > layer.breakpoints[i - 1]!)
    needed = ascending ? piecewiseBits(layer.breakpoints, input) : Number.POSITIVE_INFINITY
  }
  if (given < needed)
    throw new CompileError(
      'bound-exceeded',
      `layer ${layer.name}: ${given} bits do not hold values in [${input.min}, ${input.max}]; quantise again with fewer weight or activation bits before it`,
      { layer: layer.name },
    )
}

function requireParameters(layer: IntegerLayer): void {
  const parameters =
    layer.kind === 'conv2d' || layer.kind === 'dense'
      ? [layer.weights, layer.bias]
      : layer.kind === 'scale'
        ? [layer.scale, layer.bias]
        : layer.kind === 'lookup'
          ? [layer.table]
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

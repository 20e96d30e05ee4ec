// SPDX-License-Identifier: GPL-3.0-or-later
// The one bound that soundness needs and the circuit does not prove: no sum reaches half the field, so that the linear expressions of the
// circuit mean the integers of the program. Computed here anew, coarsely, from the ranges that the circuit itself enforces (of inputs,
// parameters and gadgets), and not from the bounds that the program claims.

import type { IntegerLayer, Parameter } from '../graph/layers.ts'
import { type IntegerProgram, tensorOf } from '../graph/program.ts'
import { CircuitError } from './errors.ts'

/** Largest magnitude that any value may have; products and sums within gadgets then stay below 2^252. */
const MAGNITUDE_LIMIT = 1n << 200n

/**
 * @param slack bits that the ranges of gadgets may be wider than they were asked for
 * @throws CircuitError `bound-exceeded` naming the layer
 */
export function checkMagnitudes(program: IntegerProgram, slack = 0): void {
  const magnitudes = new Map<string, bigint>()
  const { input } = program
  magnitudes.set(input.tensor, magnitude([input.min, input.min + 2 ** input.bits - 1]))
  for (const layer of program.layers) {
    const inputs = layer.inputs.map((id) => magnitudes.get(id) ?? unknown(layer, id))
    const result = layerMagnitude(layer, inputs, program.mode === 'committed', slack)
    if (result >= MAGNITUDE_LIMIT) {
      throw new CircuitError(
        'bound-exceeded',
        `layer ${layer.name}: sums could reach 2^${result.toString(2).length}, the field allows 2^200; ` +
          'put a rescale before it or use fewer bits',
      )
    }
    magnitudes.set(layer.output, result)
  }
  const { bounds } = tensorOf(program, program.scores)
  if (bounds.max - bounds.min >= 2 ** 53) {
    throw new CircuitError('bound-exceeded', `scores span ${bounds.max - bounds.min}; rescale the last layer`)
  }
}

function layerMagnitude(layer: IntegerLayer, inputs: readonly bigint[], committed: boolean, slack: number): bigint {
  const largest = inputs.reduce((a, b) => (a > b ? a : b), 0n)
  const ofParameter = (parameter: Parameter) =>
    committed ? 1n << BigInt(parameter.bits - 1) : magnitude(parameter.values)
  switch (layer.kind) {
    case 'conv2d': {
      const taps = BigInt((layer.kernel[0] * layer.kernel[1] * layer.inShape[2]) / layer.groups)
      return taps * largest * ofParameter(layer.weights) + ofParameter(layer.bias)
    }
    case 'dense':
      return BigInt(layer.inputSize) * largest * ofParameter(layer.weights) + ofParameter(layer.bias)
    case 'scale':
      return largest * ofParameter(layer.scale) + ofParameter(layer.bias)
    case 'sparse': {
      let terms = 0
      for (let o = 0; o + 1 < layer.offsets.length; o++)
        terms = Math.max(terms, layer.offsets[o + 1]! - layer.offsets[o]!)
      return BigInt(terms) * largest * magnitude(layer.coefficients) + magnitude(layer.bias)
    }
    case 'select':
      return [largest, magnitude([layer.fill])].reduce((a, b) => (a > b ? a : b))
    case 'rescale': {
      const value = 1n << BigInt(layer.bits - layer.shift + slack)
      return layer.activation.kind === 'leaky'
        ? value * magnitude([2 ** layer.activation.log2Denominator, layer.activation.numerator])
        : value
    }
    case 'maxpool':
      return largest
    case 'multiply':
      return inputs[0]! * inputs[1]!
    case 'piecewise':
      return largest * magnitude(layer.slopes) + magnitude(layer.intercepts)
    case 'spline':
      return (
        (1n << BigInt(layer.bits - layer.shift + slack)) *
          magnitude([...layer.slopes, layer.tails?.below ?? 0, layer.tails?.above ?? 0]) +
        magnitude(layer.intercepts)
      )
    case 'bits':
    case 'compare':
    case 'paths':
      return 1n
    case 'argmax':
      return BigInt(layer.windows[0]?.length ?? 1)
    case 'lookup':
      return ofParameter(layer.table)
  }
}

function magnitude(values: ArrayLike<number>): bigint {
  let largest = 0
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]!))
  return BigInt(largest)
}

function unknown(layer: IntegerLayer, id: string): never {
  throw new CircuitError('unsupported', `layer ${layer.name} reads ${id} before it is made`)
}

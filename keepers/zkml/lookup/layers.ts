// SPDX-License-Identifier: GPL-3.0-or-later
// One writer per kind of layer: from the expressions of its input's elements to its output's, row-major.
import { CircuitError } from '../circuit/errors.ts'
import type {
  ArgMaxLayer,
  CompareLayer,
  DenseLayer,
  IntegerLayer,
  LookupLayer,
  MaxPoolLayer,
  PathsLayer,
  PiecewiseLayer,
  RescaleLayer,
  ScaleLayer,
  SelectLayer,
  SparseLayer,
} from '../graph/layers.ts'
import type { Bounds } from '../graph/program.ts'
import type { Builder } from './builder.ts'
import { writeConv2d } from './convolution.ts'
import { bitsFor, firstLargest, floorShift, isNonNegative, isZero, largest, oneHot, splitSign } from './gadgets.ts'
import type { Elements, LayerInput, Parameters } from './layer.ts'
import { constant, isConstant, type Linear, minus, plus, Sum, scaled, shifted } from './linear.ts'
import { writeSpline } from './spline.ts'

export function writeLayer(
  builder: Builder,
  layer: IntegerLayer,
  inputs: readonly LayerInput[],
  parameters: Parameters,
): Elements {
  const input = inputs[0]!
  switch (layer.kind) {
    case 'conv2d':
      return writeConv2d(builder, layer, input.elements, parameters)
    case 'dense':
      return writeDense(builder, layer, input.elements, parameters)
    case 'scale':
      return writeScale(builder, layer, input.elements, parameters)
    case 'sparse':
      return writeSparse(layer, joined(inputs))
    case 'select':
      return writeSelect(layer, joined(inputs))
    case 'rescale':
      return input.elements.map((element) => writeRescale(builder, layer, element, input.bounds))
    case 'maxpool':
      return writeMaxPool(builder, layer, input)
    case 'multiply':
      return input.elements.map((a, i) => builder.integerProduct(a, inputs[1]!.elements[i]!))
    case 'piecewise':
      return input.elements.map((element) => writePiecewise(builder, layer, element, input.bounds))
    case 'spline':
      return input.elements.map((element) => writeSpline(builder, layer, element))
    case 'lookup':
      return writeLookup(builder, layer, input.elements, parameters)
    case 'bits':
      return input.elements.flatMap((element) => bitsOf(builder, element, layer.width))
    case 'compare':
      return writeCompare(builder, layer, input, parameters)
    case 'argmax':
      return writeArgMax(builder, layer, input)
    case 'paths':
      return writePaths(builder, layer, input.elements)
  }
}

function joined(inputs: readonly LayerInput[]): Elements {
  return inputs.length === 1 ? inputs[0]!.elements : inputs.flatMap(({ elements }) => elements)
}

function span({ min, max }: Bounds): number {
  return max - min
}

function writeDense(builder: Builder, layer: DenseLayer, input: Elements, parameters: Parameters): Elements {
  const { inputSize, outputSize } = layer
  const [weights, bias] = [parameters('weights'), parameters('bias')]
  const sum = new Sum()
  return Array.from({ length: outputSize }, (_, o) => {
    sum.add(bias[o]!)
    for (let i = 0; i < inputSize; i++) {
      const weight = weights[i * outputSize + o]!
      if (isConstant(weight)) sum.add(input[i]!, weight.constant)
      else sum.add(builder.integerProduct(input[i]!, weight))
    }
    return sum.take()
  })
}

function writeScale(builder: Builder, layer: ScaleLayer, input: Elements, parameters: Parameters): Elements {
  const period = layer.scale.values.length
  const [scale, bias] = [parameters('scale'), parameters('bias')]
  return input.map((element, i) => plus(builder.integerProduct(element, scale[i % period]!), bias[i % period]!))
}

function writeSparse(layer: SparseLayer, input: Elements): Elements {
  const sum = new Sum()
  return Array.from({ length: layer.offsets.length - 1 }, (_, o) => {
    sum.addConstant(layer.bias[o]!)
    for (let k = layer.offsets[o]!; k < layer.offsets[o + 1]!; k++)
      sum.add(input[layer.indices[k]!]!, layer.coefficients[k]!)
    return sum.take()
  })
}

function writeSelect(layer: SelectLayer, input: Elements): Elements {
  const fill = constant(layer.fill)
  return Array.from(layer.map, (from) => (from < 0 ? fill : input[from]!))
}

function writeRescale(builder: Builder, layer: RescaleLayer, value: Linear, bounds: Bounds): Linear {
  const { activation, bits, shift, unsigned, held } = layer
  const least = unsigned ? 0 : -(2 ** (bits - 1))
  if (shift === 0 && activation.kind === 'identity') {
    builder.range(shifted(value, -least), bits, true)
    return value
  }
  // Where the bounds do not say that the value fits, the circuit does; elsewhere any window that holds the bounds will do. With a range
  // wider than the layer's own, wrong bounds could lead to sums of the field's size (../circuit/bounds.ts).
  const most = least + 2 ** bits - 1
  const [min, max] = held ? [least, most] : [Math.max(bounds.min, least), Math.min(bounds.max, most)]
  const divisor = 2 ** shift
  const [lowest, highest] = [Math.floor(min / divisor), Math.floor(max / divisor)]
  const hold = (quotient: Linear, exact: boolean) =>
    builder.range(shifted(quotient, -lowest), bitsFor(highest - lowest), exact)
  if (activation.kind === 'identity') {
    const quotient = floorShift(builder, value, shift)
    hold(quotient, held === true)
    return quotient
  }
  const { positive, negative } = splitSign(builder, value, shift, Math.max(Math.abs(lowest), Math.abs(highest)))
  const quotient = minus(positive, negative)
  if (held) hold(quotient, true)
  if (activation.kind === 'relu') return positive
  const { numerator, log2Denominator } = activation
  return plus(scaled(quotient, numerator), positive, 2 ** log2Denominator - numerator)
}

function writeMaxPool(builder: Builder, layer: MaxPoolLayer, { elements, bounds }: LayerInput): Elements {
  return layer.windows.map((window) =>
    largest(
      builder,
      Array.from(window, (index) => elements[index]!),
      span(bounds),
    ),
  )
}

function writePiecewise(builder: Builder, layer: PiecewiseLayer, value: Linear, { min, max }: Bounds): Linear {
  const { breakpoints, slopes, intercepts } = layer
  const sum = new Sum().add(value, slopes[0]!).addConstant(intercepts[0]!)
  for (const [k, breakpoint] of breakpoints.entries()) {
    const most = Math.max(Math.abs(min - breakpoint), Math.abs(max - breakpoint))
    const reached = isNonNegative(builder, shifted(value, -breakpoint), most)
    const step = shifted(scaled(value, slopes[k + 1]! - slopes[k]!), intercepts[k + 1]! - intercepts[k]!)
    sum.add(builder.integerProduct(reached, step))
  }
  return sum.take()
}

function writeLookup(builder: Builder, layer: LookupLayer, input: Elements, parameters: Parameters): Elements {
  const { rows, width } = layer
  const table = parameters('table')
  const sum = new Sum()
  return input.flatMap((index) => {
    const flags = oneHot(builder, rows, (values) => values.integer(index))
    for (const [row, flag] of flags.entries()) sum.add(flag, row)
    builder.equate(sum.take(), index)
    return Array.from({ length: width }, (_, column) => {
      for (const [row, flag] of flags.entries()) sum.add(builder.integerProduct(flag, table[row * width + column]!))
      return sum.take()
    })
  })
}

/** The bits of a value, lowest first: the circuits's own range check, since all of them are used. */
function bitsOf(builder: Builder, value: Linear, width: number): Elements {
  const bits: Linear[] = []
  const lowest = new Sum().add(value)
  for (let i = 1; i < width; i++) {
    const bit = builder.hint((values) => Math.floor(values.integer(value) / 2 ** i) % 2)
    builder.range(bit, 1, true)
    lowest.add(bit, -(2 ** i))
    bits.push(bit)
  }
  const first = lowest.take()
  builder.range(first, 1, true)
  return [first, ...bits]
}

function writeCompare(
  builder: Builder,
  layer: CompareLayer,
  { elements, bounds }: LayerInput,
  parameters: Parameters,
): Elements {
  const thresholds = parameters('thresholds')
  // Equal questions with constant thresholds are asked once.
  const asked = new Map<string, Linear>()
  return Array.from(layer.positions, (position, i) => {
    const threshold = thresholds[i]!
    const key = isConstant(threshold) ? `${position} ${threshold.constant}` : null
    const known = key === null ? undefined : asked.get(key)
    if (known !== undefined) return known
    const difference = minus(elements[position]!, threshold)
    const most = 2 ** (layer.bits - 1)
    const answer =
      layer.relation === 'equal'
        ? isZero(builder, difference)
        : isNonNegative(builder, difference, Math.min(most, widest(bounds, layer)))
    if (key !== null) asked.set(key, answer)
    return answer
  })
}

/** The largest difference between an element and a threshold. */
function widest({ min, max }: Bounds, { thresholds: { values, bits }, fixed }: CompareLayer): number {
  const [low, high] = fixed ? [Math.min(...values), Math.max(...values)] : [-(2 ** (bits - 1)), 2 ** (bits - 1)]
  return Math.max(Math.abs(max - low), Math.abs(min - high))
}

function writeArgMax(builder: Builder, layer: ArgMaxLayer, { elements, bounds }: LayerInput): Elements {
  return layer.windows.map((window) => {
    const scores = Array.from(window, (index) => elements[index]!)
    return firstLargest(builder, scores, span(bounds)).index
  })
}

function writePaths(builder: Builder, layer: PathsLayer, decisions: Elements): Elements {
  /** Whether each node is reached and decides 1, and whether it is reached at all. */
  const one: Linear[] = []
  const reached: Linear[] = []
  const side = (place: number) => {
    if (place < 0) return constant(1)
    const [parent, decision] = [Math.floor(place / 2), place % 2]
    return decision === 1 ? one[parent]! : minus(reached[parent]!, one[parent]!)
  }
  for (const [node, place] of layer.parents.entries()) {
    if (place >= 2 * node)
      throw new CircuitError('unsupported', `layer ${layer.name}: node ${node} comes before its parent`)
    reached.push(side(place))
    one.push(builder.integerProduct(reached[node]!, decisions[node]!))
  }
  return Array.from(layer.leaves, side)
}

// SPDX-License-Identifier: GPL-3.0-or-later
// One writer a layer kind. Each adds its constants and its block of code and gives the name of the variable (or
// signal) that holds its output, flattened row-major.
import type {
  Conv2dLayer,
  DenseLayer,
  IntegerLayer,
  LookupLayer,
  MaxPoolLayer,
  MultiplyLayer,
  PiecewiseLayer,
  RescaleLayer,
  ScaleLayer,
  SelectLayer,
  SparseLayer,
  SplineLayer,
} from '../../graph/layers.ts'
import { writeBits } from './bits.ts'
import { writeArgMax, writeCompare, writePaths } from './compare.ts'
import { concatenated, declareConstant, type LayerContext } from './context.ts'
import { writeConv2dLoops, writeLookupLoops } from './loops.ts'
import { writePrivateConv2d, writePrivateDense, writePrivateLookup, writePrivateScale } from './private.ts'
import { type CircomText, literal } from './text.ts'

export function writeLayer(layer: IntegerLayer, context: LayerContext): string {
  const { committed } = context
  switch (layer.kind) {
    case 'conv2d':
      return committed ? writePrivateConv2d(layer, context) : writeConv2d(layer, context)
    case 'dense':
      return committed ? writePrivateDense(layer, context) : writeDense(layer, context)
    case 'scale':
      return committed ? writePrivateScale(layer, context) : writeScale(layer, context)
    case 'lookup':
      return committed ? writePrivateLookup(layer, context) : writeLookup(layer, context)
    case 'sparse':
      return writeSparse(layer, context)
    case 'select':
      return writeSelect(layer, context)
    case 'rescale':
      return writeRescale(layer, context)
    case 'maxpool':
      return writeMaxPool(layer, context)
    case 'multiply':
      return writeMultiply(layer, context)
    case 'piecewise':
      return writePiecewise(layer, context)
    case 'spline':
      return writeSpline(layer, context)
    case 'bits':
      return writeBits(layer, context)
    case 'compare':
      return writeCompare(layer, context)
    case 'argmax':
      return writeArgMax(layer, context)
    case 'paths':
      return writePaths(layer, context)
  }
}

function writeConv2d(layer: Conv2dLayer, context: LayerContext): string {
  const weights = declareConstant(context, `${layer.name}$weights`, layer.weights.values)
  const bias = declareConstant(context, `${layer.name}$bias`, layer.bias.values)
  return writeConv2dLoops(layer, context, bias, (body, x, weightIndex) =>
    body.add(`part += ${x} * ${weights}[${weightIndex}];`),
  )
}

function writeDense(layer: DenseLayer, context: LayerContext): string {
  const { body } = context
  const weights = declareConstant(context, `${layer.name}$weights`, layer.weights.values)
  const bias = declareConstant(context, `${layer.name}$bias`, layer.bias.values)
  const { inputSize, outputSize } = layer
  const x = context.value(layer.inputs[0]!)
  const out = `${layer.name}$out`
  const part = Math.max(1, Math.ceil(Math.sqrt(inputSize)))
  body.add(`var ${out}[${outputSize}];`)
  body.loops([['o', outputSize]], () => {
    body.add(`var sum = ${bias}[o];`)
    body.add(`for (var i = 0; i < ${inputSize}; i += ${part}) {`, 'var part = 0;')
    body.add(`for (var j = i; j < i + ${part} && j < ${inputSize}; j++) {`)
    body.add(`part += ${x}[j] * ${weights}[j * ${outputSize} + o];`, '}', 'sum += part;', '}', `${out}[o] = sum;`)
  })
  return out
}

function writeScale(layer: ScaleLayer, context: LayerContext): string {
  const { body } = context
  const scale = declareConstant(context, `${layer.name}$scale`, layer.scale.values)
  const bias = declareConstant(context, `${layer.name}$bias`, layer.bias.values)
  const count = context.size(layer.output)
  const n = layer.scale.values.length
  const x = context.value(layer.inputs[0]!)
  const out = `${layer.name}$out`
  body.add(`var ${out}[${count}];`)
  body.loops([['i', count]], () => body.add(`${out}[i] = ${x}[i] * ${scale}[i % ${n}] + ${bias}[i % ${n}];`))
  return out
}

function writeLookup(layer: LookupLayer, context: LayerContext): string {
  const { body } = context
  const table = declareConstant(context, `${layer.name}$table`, layer.table.values)
  return writeLookupLoops(layer, context, () =>
    body.add(`sum += ${layer.name}$row[i].bit[v] * ${table}[v * ${layer.width} + d];`),
  )
}

function writeSparse(layer: SparseLayer, context: LayerContext): string {
  const { body } = context
  const x = concatenated(layer, context)
  const offsets = declareConstant(context, `${layer.name}$offsets`, layer.offsets)
  const indices = declareConstant(context, `${layer.name}$indices`, layer.indices)
  const coefficients = declareConstant(context, `${layer.name}$coefficients`, layer.coefficients)
  const bias = declareConstant(context, `${layer.name}$bias`, layer.bias)
  const count = layer.offsets.length - 1
  const out = `${layer.name}$out`
  body.add(`var ${out}[${count}];`)
  body.loops([['o', count]], () => {
    body.add(
      `var sum = ${bias}[o];`,
      `for (var k = ${offsets}[o]; k < ${offsets}[o + 1]; k++) {`,
      `sum += ${x}[${indices}[k]] * ${coefficients}[k];`,
      '}',
      `${out}[o] = sum;`,
    )
  })
  return out
}

function writeSelect(layer: SelectLayer, context: LayerContext): string {
  const { body } = context
  const x = concatenated(layer, context)
  const total = layer.inputs.reduce((sum, id) => sum + context.size(id), 0)
  // A reshape moves nothing.
  if (layer.map.length === total && layer.map.every((from, to) => from === to)) return x
  const map = declareConstant(context, `${layer.name}$map`, layer.map)
  const out = `${layer.name}$out`
  body.add(`var ${out}[${layer.map.length}];`)
  body.loops([['i', layer.map.length]], () =>
    body.add(
      `if (${map}[i] < 0) {`,
      `${out}[i] = ${literal(layer.fill)};`,
      '} else {',
      `${out}[i] = ${x}[${map}[i]];`,
      '}',
    ),
  )
  return out
}

/** A gadget with one input and one output for each element. */
function writeElementwise(name: string, call: string, source: string, count: number, body: CircomText): string {
  const unit = `${name}$unit`
  const out = `${name}$out`
  body.add(`component ${unit}[${count}];`, `var ${out}[${count}];`)
  body.loops([['i', count]], () =>
    body.add(`${unit}[i] = ${call};`, `${unit}[i].in <== ${source}[i];`, `${out}[i] = ${unit}[i].out;`),
  )
  return out
}

function writeRescale(layer: RescaleLayer, context: LayerContext): string {
  const { body, gadgets } = context
  const source = context.value(layer.inputs[0]!)
  const count = context.size(layer.output)
  const { activation, bits, shift, unsigned } = layer
  if (activation.kind === 'identity' || unsigned) {
    // Unsigned: relu and leaky change nothing but leaky's factor, and the program has none there.
    gadgets.add('rescale')
    const min = unsigned ? '0' : literal(-(2 ** (bits - 1)))
    if (shift === 0) return writeHeld(layer.name, `Range(${min}, ${bits})`, source, count, context)
    return writeElementwise(layer.name, `Rescale(${min}, ${bits}, ${shift})`, source, count, body)
  }
  gadgets.add('relu')
  const call =
    activation.kind === 'relu'
      ? `ReluRescale(${bits}, ${shift})`
      : `LeakyRescale(${bits}, ${shift}, ${literal(activation.numerator)}, ${activation.log2Denominator})`
  return writeElementwise(layer.name, call, source, count, body)
}

function writeMaxPool(layer: MaxPoolLayer, context: LayerContext): string {
  const { body, gadgets } = context
  gadgets.add('maximum')
  const width = Math.max(...layer.windows.map((window) => window.length))
  // A shorter window repeats its first element, which changes no maximum and keeps all gadgets alike.
  const windows = layer.windows.flatMap((window) => Array.from({ length: width }, (_, k) => window[k] ?? window[0]!))
  const table = declareConstant(context, `${layer.name}$windows`, windows)
  const unit = `${layer.name}$unit`
  const out = `${layer.name}$out`
  const count = layer.windows.length
  body.add(`component ${unit}[${count}];`, `var ${out}[${count}];`)
  body.loops([['i', count]], () => {
    body.add(`${unit}[i] = Maximum(${width}, ${layer.bits});`)
    body.loops([['k', width]], () =>
      body.add(`${unit}[i].in[k] <== ${context.value(layer.inputs[0]!)}[${table}[i * ${width} + k]];`),
    )
    body.add(`${out}[i] = ${unit}[i].out;`)
  })
  return out
}

function writeMultiply(layer: MultiplyLayer, context: LayerContext): string {
  const { body } = context
  const [a, b] = layer.inputs
  const count = context.size(layer.output)
  const out = `${layer.name}$out`
  body.add(`signal ${out}[${count}];`)
  body.loops([['i', count]], () => body.add(`${out}[i] <== ${context.value(a!)}[i] * ${context.value(b!)}[i];`))
  return out
}

function writePiecewise(layer: PiecewiseLayer, context: LayerContext): string {
  const { body, gadgets } = context
  gadgets.add('piecewise')
  const lists = [layer.breakpoints, layer.slopes, layer.intercepts].map((list) => `[${list.join(', ')}]`)
  const call = `Piecewise(${layer.breakpoints.length}, ${lists.join(', ')}, ${layer.bits})`
  const source = context.value(layer.inputs[0]!)
  return writeElementwise(layer.name, call, source, context.size(layer.output), body)
}

/** A range check that passes its input on. */
function writeHeld(name: string, call: string, source: string, count: number, context: LayerContext): string {
  const { body, gadgets } = context
  gadgets.add('range')
  body.add(`component ${name}$unit[${count}];`)
  body.loops([['i', count]], () => body.add(`${name}$unit[i] = ${call};`, `${name}$unit[i].in <== ${source}[i];`))
  return source
}

function writeSpline(layer: SplineLayer, context: LayerContext): string {
  const { body, gadgets } = context
  gadgets.add('spline')
  const [slopes, intercepts] = [layer.slopes, layer.intercepts].map((list) => `[${list.join(', ')}]`)
  const { low, bits, shift, select, tails } = layer
  const lines = `${shift}, ${select}, ${slopes}, ${intercepts}`
  const isOpen = (slope: number | null) => (slope === null ? 0 : 1)
  const call =
    tails === undefined
      ? `Spline(${literal(low)}, ${bits}, ${lines})`
      : `TailedSpline(${literal(low)}, ${bits}, ${tails.width}, ${lines}, ${literal(tails.below ?? 0)}, ${literal(tails.above ?? 0)}, ` +
        `${isOpen(tails.below)}, ${isOpen(tails.above)})`
  return writeElementwise(layer.name, call, context.value(layer.inputs[0]!), context.size(layer.output), body)
}

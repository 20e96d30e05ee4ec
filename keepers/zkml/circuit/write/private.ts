// SPDX-License-Identifier: GPL-3.0-or-later
// Layers whose parameters are witness: committed mode.
import type { Conv2dLayer, DenseLayer, LookupLayer, Parameter, ScaleLayer } from '../../graph/layers.ts'
import type { LayerContext } from './context.ts'
import { writeConv2dLoops, writeLookupLoops } from './loops.ts'
import { literal } from './text.ts'

/** The least value of a parameter, as a circom expression: added to the parameter's signal. */
const least = (parameter: Parameter) => literal(-(2 ** (parameter.bits - 1)))

export function writePrivateDense(layer: DenseLayer, context: LayerContext): string {
  const { body, gadgets } = context
  gadgets.add('private_dense')
  const { inputSize: n, outputSize: m } = layer
  const unit = `${layer.name}$unit`
  body.add(`component ${unit} = PrivateDense(${n}, ${m}, ${least(layer.weights)}, ${least(layer.bias)});`)
  connect(context, `${unit}.x`, context.value(layer.inputs[0]!), n)
  connect(context, `${unit}.weight`, `${layer.name}$weights`, n * m)
  connect(context, `${unit}.bias`, `${layer.name}$bias`, m)
  return `${unit}.out`
}

export function writePrivateConv2d(layer: Conv2dLayer, context: LayerContext): string {
  const { body, gadgets } = context
  const isPoint = layer.kernel[0] === 1 && layer.kernel[1] === 1
  if (isPoint || layer.dilations[0] !== 1 || layer.dilations[1] !== 1) return writeDirectConv2d(layer, context)
  gadgets.add('private_conv2d')
  const [h, w, cin] = layer.inShape
  const [oh, ow, cout] = layer.outShape
  const [kh, kw] = layer.kernel
  const { strides, padding, groups } = layer
  const unit = `${layer.name}$unit`
  const numbers = [h, w, cin, oh, ow, cout, kh, kw, ...strides, padding.top, padding.left, groups]
  body.add(
    `component ${unit} = PrivateConv2d(${numbers.join(', ')}, ${least(layer.weights)}, ${least(layer.bias)}, ${context.tile});`,
  )
  connect(context, `${unit}.x`, context.value(layer.inputs[0]!), h * w * cin)
  connect(context, `${unit}.weight`, `${layer.name}$weights`, layer.weights.values.length)
  connect(context, `${unit}.bias`, `${layer.name}$bias`, cout)
  return `${unit}.out`
}

/** One product per tap: for dilated kernels, whose polynomials would be mostly zeros, and for kernels of a single tap. */
function writeDirectConv2d(layer: Conv2dLayer, context: LayerContext): string {
  const { body } = context
  const [oh, ow, cout] = layer.outShape
  const taps = layer.kernel[0] * layer.kernel[1] * (layer.inShape[2] / layer.groups)
  const product = `${layer.name}$product`
  const shifted = `${layer.name}$shifted`
  body.add(`signal ${product}[${oh * ow * cout * taps}];`, `var ${shifted}[${cout}];`, `var ${layer.name}$at = 0;`)
  body.loops([['o', cout]], () => body.add(`${shifted}[o] = ${layer.name}$bias[o] + ${least(layer.bias)};`))
  return writeConv2dLoops(layer, context, shifted, (text, x, weightIndex) =>
    text.add(
      `${product}[${layer.name}$at] <== ${x} * (${layer.name}$weights[${weightIndex}] + ${least(layer.weights)});`,
      `part += ${product}[${layer.name}$at];`,
      `${layer.name}$at++;`,
    ),
  )
}

export function writePrivateScale(layer: ScaleLayer, context: LayerContext): string {
  const { body } = context
  const count = context.size(layer.output)
  const n = layer.scale.values.length
  const x = context.value(layer.inputs[0]!)
  const product = `${layer.name}$product`
  const out = `${layer.name}$out`
  body.add(`signal ${product}[${count}];`, `var ${out}[${count}];`)
  body.loops([['i', count]], () =>
    body.add(
      `${product}[i] <== ${x}[i] * (${layer.name}$scale[i % ${n}] + ${least(layer.scale)});`,
      `${out}[i] = ${product}[i] + ${layer.name}$bias[i % ${n}] + ${least(layer.bias)};`,
    ),
  )
  return out
}

export function writePrivateLookup(layer: LookupLayer, context: LayerContext): string {
  const { body } = context
  const positions = context.size(layer.inputs[0]!)
  const product = `${layer.name}$product`
  body.add(`signal ${product}[${positions * layer.width * layer.rows}];`, `var ${layer.name}$at = 0;`)
  return writeLookupLoops(layer, context, () =>
    body.add(
      `${product}[${layer.name}$at] <== ${layer.name}$row[i].bit[v] * (${layer.name}$table[v * ${layer.width} + d] + ${least(layer.table)});`,
      `sum += ${product}[${layer.name}$at];`,
      `${layer.name}$at++;`,
    ),
  )
}

function connect({ body }: LayerContext, target: string, source: string, count: number): void {
  body.loops([['i', count]], () => body.add(`${target}[i] <== ${source}[i];`))
}

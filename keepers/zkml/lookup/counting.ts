// SPDX-License-Identifier: GPL-3.0-or-later
// Writers of layers for counting alone. A layer costs the same whatever expressions its input's elements are, as long as constants stay
// constants and equal elements stay equal. So every layer is written as if its input were plain wires, and sums over constant weights,
// which cost nothing, are skipped.
import type { Conv2dLayer, DenseLayer, IntegerLayer } from '../graph/layers.ts'
import type { Builder } from './builder.ts'
import { taps } from './convolution.ts'
import type { Elements, LayerInput, Parameters } from './layer.ts'
import { writeLayer } from './layers.ts'
import { isConstant, type Linear, plus, Sum, single } from './linear.ts'

export function countLayer(
  builder: Builder,
  layer: IntegerLayer,
  inputs: readonly LayerInput[],
  parameters: Parameters,
): Elements {
  const output = linearOutput(builder, layer, inputs, parameters) ?? writeLayer(builder, layer, inputs, parameters)
  const wires = new Map<Linear, Linear>()
  return output.map((element) => {
    if (isConstant(element) || isWire(element)) return element
    const known = wires.get(element) ?? single(builder.wire())
    wires.set(element, known)
    return known
  })
}

/** The output of a layer that is cheaper to count than to write; null for any other. */
function linearOutput(
  builder: Builder,
  layer: IntegerLayer,
  [input]: readonly LayerInput[],
  parameters: Parameters,
): Elements | null {
  if (layer.kind !== 'dense' && layer.kind !== 'conv2d') return null
  const [weights, bias] = [parameters('weights'), parameters('bias')]
  const { elements } = input!
  if (weights.every(isConstant)) {
    const terms = layer.kind === 'dense' ? denseTerms(layer) : convolutionTerms(layer)
    const out: Linear[] = []
    for (const each of terms) out.push(sumOf(builder, each, elements, weights, bias[out.length % bias.length]!))
    return out
  }
  if (layer.kind === 'conv2d') return null
  builder.counted += layer.outputSize * elements.filter((element) => !isConstant(element)).length
  return Array.from({ length: layer.outputSize }, () => single(builder.wire()))
}

/** Places of an element and of the weight that it is multiplied with. */
type Term = { readonly from: number; readonly weight: number }

/** A new wire, unless every element with a weight that is not 0 is constant. */
function sumOf(builder: Builder, terms: Iterable<Term>, elements: Elements, weights: Elements, bias: Linear): Linear {
  const sum = new Sum()
  for (const { from, weight } of terms) {
    const factor = weights[weight]!.constant
    if (factor === 0) continue
    if (!isConstant(elements[from]!)) return single(builder.wire())
    sum.add(elements[from]!, factor)
  }
  return plus(sum.take(), bias)
}

function* denseTerms({ inputSize, outputSize }: DenseLayer): Generator<Iterable<Term>> {
  for (let o = 0; o < outputSize; o++)
    yield (function* () {
      for (let i = 0; i < inputSize; i++) yield { from: i, weight: i * outputSize + o }
    })()
}

function* convolutionTerms(layer: Conv2dLayer): Generator<Iterable<Term>> {
  const [oh, ow, cout] = layer.outShape
  const cin = layer.inShape[2]
  const depth = cin / layer.groups
  for (let y = 0; y < oh; y++)
    for (let x = 0; x < ow; x++)
      for (let o = 0; o < cout; o++) {
        const group = Math.floor(o / (cout / layer.groups))
        yield (function* () {
          for (const { from, tap } of taps(layer, y, x))
            for (let c = 0; c < depth; c++)
              yield { from: from * cin + group * depth + c, weight: (tap * depth + c) * cout + o }
        })()
      }
}

function isWire({ wires, coefficients, constant }: Linear): boolean {
  return wires.length === 1 && coefficients[0] === 1 && constant === 0
}

// SPDX-License-Identifier: GPL-3.0-or-later
// Layers with the model's own numbers: matrices, convolutions, scales that no neighbour takes in.

import type { Parameter } from '../graph/layers.ts'
import { elementCount } from '../graph/program.ts'
import { broadcastMap } from '../graph/tensor.ts'
import type { AffineNode, Conv2dNode, DenseNode, GraphNode, ValueName } from '../graph/types.ts'
import { biasParameter, type Lowering, parameter, roundedParameter } from './lowering.ts'
import type { LayerDraft, Value } from './writer.ts'

export function lowerWeighted(
  context: Lowering,
  node: Conv2dNode | DenseNode,
  given: Value,
  shape: readonly number[],
): Value {
  const input = narrowed(context, node, node.input, given)
  const { power, factor } = binaryScale(input.scale)
  const weightData = node.weights.data.map((weight) => weight * factor)
  const plan = context.decider.weights(node.name, node.name, weightData, node.bias.data, power)
  const scale = power * 2 ** -plan.fraction
  const weights = roundedParameter(context, node.name, 'weights', weightData, {
    fraction: plan.fraction,
    bits: plan.weightBits,
  })
  const bias = biasParameter(context, node.name, node.bias.data, scale, plan)
  const draft = weightedDraft(node, input.shape, shape, weights, bias)
  return context.writer.emit(node.name, [node.name], [input], draft, shape, scale)
}

/**
 * scale = power · factor with a power of two and ½ < factor ≤ 1. Weights take the factor in, so that an input range or an
 * average's divisor never spoils the scales after it: those are powers of two, and branches meet at whole ratios.
 */
function binaryScale(scale: number): { power: number; factor: number } {
  const power = 2 ** Math.ceil(Math.log2(scale))
  return { power, factor: scale / power }
}

function weightedDraft(
  node: Conv2dNode | DenseNode,
  from: readonly number[],
  to: readonly number[],
  weights: Parameter,
  bias: Parameter,
): LayerDraft {
  if (node.op === 'dense') {
    const [inputSize, outputSize] = node.weights.shape as [number, number]
    const rows = elementCount(from) / inputSize
    if (rows === 1) return { kind: 'dense', inputSize, outputSize, weights, bias }
    // The same matrix for every row is a convolution of 1 × 1.
    return {
      kind: 'conv2d',
      inShape: [1, rows, inputSize],
      outShape: [1, rows, outputSize],
      kernel: [1, 1],
      strides: [1, 1],
      dilations: [1, 1],
      padding: { top: 0, left: 0, bottom: 0, right: 0 },
      groups: 1,
      weights,
      bias,
    }
  }
  const { strides, dilations, padding, groups } = node
  const [kh, kw] = node.weights.shape as [number, number, number, number]
  return {
    kind: 'conv2d',
    inShape: from as [number, number, number],
    outShape: to as [number, number, number],
    kernel: [kh, kw],
    strides,
    dilations,
    padding,
    groups,
    weights,
    bias,
  }
}

/** A constant scale and shift that no neighbour could take in: BatchNorm after a branch, a learned gain. */
export function lowerAffine(context: Lowering, node: AffineNode, given: Value, shape: readonly number[]): Value {
  const input = narrowed(context, node, node.input, given)
  const channels = shape.at(-1) ?? 1
  const spread = (constant: AffineNode['scale']): Float64Array => {
    const map = broadcastMap(constant.shape, shape)
    return Float64Array.from(map, (i) => constant.data[i]!)
  }
  const [scales, shifts] = [spread(node.scale), spread(node.shift)]
  const periodic = [scales, shifts].every((list) => list.every((value, i) => value === list[i % channels]))
  const length = periodic ? channels : scales.length
  const { power, factor } = binaryScale(input.scale)
  const scaleValues = scales.slice(0, length).map((value) => value * factor)
  const shiftValues = shifts.slice(0, length)
  const plan = context.decider.weights(node.name, node.name, scaleValues, shiftValues, power)
  const outScale = power * 2 ** -plan.fraction
  const draft: LayerDraft = {
    kind: 'scale',
    scale: parameter(context, node.name, 'scale', scaleValues, plan.fraction, plan.weightBits),
    bias: biasParameter(context, node.name, shiftValues, outScale, plan),
  }
  return context.writer.emit(node.name, [node.name], [input], draft, shape, outScale)
}

/** Rounds a very wide accumulator down before multiplying it again. */
function narrowed(context: Lowering, node: GraphNode, source: ValueName, value: Value): Value {
  const { writer, decider, peaks, alone } = context
  const { shift } = decider.narrow(`${node.name}/narrow`, node.name, writer.signedBits(value), value.scale, () =>
    peaks(source),
  )
  return shift === 0
    ? value
    : writer.rescale(`${node.name}_narrow`, [node.name], value, shift, { kind: 'identity' }, alone(source))
}

// SPDX-License-Identifier: GPL-3.0-or-later
// Shape of each node's output from the shapes of its inputs; the one place where a malformed node is caught.
import { CompileError } from './errors.ts'
import { elementCount } from './program.ts'
import { broadcastShape, checkedCount, normaliseAxis, requireFinite, sameShape } from './tensor.ts'
import type { ActivationNode, Conv2dNode, GraphNode, LinearNode, Padding, Pair, PoolNode, SelectNode } from './types.ts'

/** Bits of an input value; the inputs of a program have no more. */
const MOST_BITS = 24

/** Effective extent of a dilated window. */
export function dilatedExtent(window: number, dilation: number): number {
  return (window - 1) * dilation + 1
}

/** Output length of a sliding window: ⌊(n + before + after − extent) / stride⌋ + 1. */
export function slidingLength(n: number, padding: number, window: number, stride: number, dilation: number): number {
  return Math.floor((n + padding - dilatedExtent(window, dilation)) / stride) + 1
}

/** 'same' padding of TensorFlow (and ONNX SAME_UPPER): output ⌈n / stride⌉, the odd element after. */
export function samePadding(n: number, window: number, stride: number, dilation: number): [number, number] {
  const total = Math.max(0, (Math.ceil(n / stride) - 1) * stride + dilatedExtent(window, dilation) - n)
  return [total >> 1, total - (total >> 1)]
}

/** Output shape of `node`. @throws CompileError naming the node when the shapes or attributes do not fit together. */
export function inferShape(node: GraphNode, inputs: readonly (readonly number[])[]): number[] {
  const shape = infer(node, inputs)
  if (shape.some((dimension) => !Number.isInteger(dimension) || dimension < 1))
    fail(node, `its output would have shape [${shape}]; every dimension must be at least 1`)
  checkedCount(shape)
  return shape
}

function infer(node: GraphNode, inputs: readonly (readonly number[])[]): number[] {
  const input = inputs[0]!
  switch (node.op) {
    case 'conv2d': {
      checkConv(node, input)
      return [...windowShape(node, input, node.weights.shape as unknown as Pair), node.weights.shape[3]!]
    }
    case 'pool': {
      const shape = windowShape(node, input, node.window)
      requireElements(node, input, shape)
      return [...shape, input[2]!]
    }
    case 'dense': {
      const [rows, columns] = node.weights.shape
      if (node.weights.shape.length !== 2 || input.at(-1) !== rows)
        fail(node, `weights [${node.weights.shape}] do not multiply an input [${input}]`)
      if (!sameShape(node.bias.shape, [columns!])) fail(node, `bias [${node.bias.shape}] where [${columns}] is needed`)
      requireFinite(node.weights.data, 'the weights', node.name)
      requireFinite(node.bias.data, 'the bias', node.name)
      return [...input.slice(0, -1), columns!]
    }
    case 'activation':
      requireFiniteFunction(node)
      return [...input]
    case 'affine':
      for (const [what, constant] of [
        ['scale', node.scale],
        ['shift', node.shift],
      ] as const) {
        if (!sameShape(broadcastShape(constant.shape, input, node.name), input))
          fail(node, `${what} [${constant.shape}] does not broadcast to the input [${input}]`)
        requireFinite(constant.data, `the ${what}`, node.name)
      }
      return [...input]
    case 'binary':
      if (inputs.length !== 2) fail(node, `needs 2 inputs, found ${inputs.length}`)
      return broadcastShape(input, inputs[1]!, node.name)
    case 'concat': {
      const axis = normaliseAxis(node.axis, input.length, node.name)
      const shape = [...input]
      for (const other of inputs.slice(1)) {
        if (other.length !== shape.length || other.some((dimension, i) => i !== axis && dimension !== shape[i]))
          fail(node, `shapes ${inputs.map((each) => `[${each}]`).join(', ')} cannot be joined along axis ${axis}`)
        shape[axis]! += other[axis]!
      }
      return shape
    }
    case 'select':
      if (elementCount(node.shape) !== node.map.length)
        fail(node, `shape [${node.shape}] where ${node.map.length} elements are selected`)
      requireInside(node, input)
      if (!Number.isFinite(node.fill) && node.map.includes(-1))
        requireFinite([node.fill], 'the value filled in', node.name)
      return [...node.shape]
    case 'reduce': {
      const axes = new Set(node.axes.map((axis) => normaliseAxis(axis, input.length, node.name)))
      return node.keepDims ? input.map((n, i) => (axes.has(i) ? 1 : n)) : input.filter((_, i) => !axes.has(i))
    }
    case 'embedding':
      if (node.table.shape.length !== 2) fail(node, `table [${node.table.shape}] is not a matrix`)
      requireFinite(node.table.data, 'the table', node.name)
      return [...input, node.table.shape[1]!]
    case 'bits':
      if (!Number.isInteger(node.width) || node.width < 1 || node.width > MOST_BITS)
        fail(node, `width ${node.width} must be a whole number from 1 to ${MOST_BITS}`)
      return [...input, node.width]
    case 'compare': {
      const size = elementCount(input)
      for (const list of [node.positions, node.strict])
        if (list.length !== node.thresholds.data.length)
          fail(node, `${list.length} positions for ${node.thresholds.data.length} thresholds`)
      for (const from of node.positions)
        if (from < 0 || from >= size) fail(node, `index ${from} lies outside the input [${input}]`)
      requireFinite(node.thresholds.data, 'the thresholds', node.name)
      return [...node.thresholds.shape]
    }
    case 'linear':
      requireRows(node, elementCount(input))
      return [...node.shape]
    case 'quantise':
      requireFinite([node.step, node.zero], 'the grid', node.name)
      if (!(node.step > 0) || node.min >= node.max)
        fail(node, `a grid of step ${node.step} in [${node.min}, ${node.max}]`)
      return [...input]
    case 'scaled':
      if (!(node.factor > 0 && Number.isFinite(node.factor))) fail(node, `factor ${node.factor} must be more than 0`)
      return [...input]
    case 'paths': {
      const count = node.parents.length
      if (elementCount(input) !== count) fail(node, `[${input}] decisions for ${count} inner nodes`)
      for (const [n, from] of node.parents.entries())
        if (from < -1 || from >> 1 >= n) fail(node, `the parent of inner node ${n} does not come before it`)
      for (const from of node.leaves) if (from < 0 || from >> 1 >= count) fail(node, `a leaf below no inner node`)
      return [node.leaves.length]
    }
    case 'argmax':
      return input.slice(0, -1)
  }
}

function checkConv(node: Conv2dNode, input: readonly number[]): void {
  const { weights, bias, groups } = node
  if (weights.shape.length !== 4) fail(node, `weights [${weights.shape}] are not [kh, kw, cin / groups, cout]`)
  const [, , depth, cout] = weights.shape as [number, number, number, number]
  if (!Number.isInteger(groups) || groups < 1 || cout % groups !== 0)
    fail(node, `${groups} groups do not divide ${cout} output channels`)
  if (input.length !== 3 || depth * groups !== input[2])
    fail(
      node,
      `weights [${weights.shape}] in ${groups} group(s) do not fit an input [${input}] (height, width, channels)`,
    )
  if (!sameShape(bias.shape, [cout])) fail(node, `bias [${bias.shape}] where [${cout}] is needed`)
  requireFinite(weights.data, 'the weights', node.name)
  requireFinite(bias.data, 'the bias', node.name)
}

function windowShape(node: Conv2dNode | PoolNode, input: readonly number[], window: Pair): Pair {
  if (input.length !== 3) fail(node, `needs an input [height, width, channels], found [${input}]`)
  const { padding, strides, dilations } = node
  checkPositive(node, 'window', window)
  checkPositive(node, 'strides', strides)
  checkPositive(node, 'dilations', dilations)
  checkPadding(node, padding)
  return [
    slidingLength(input[0]!, padding.top + padding.bottom, window[0], strides[0], dilations[0]),
    slidingLength(input[1]!, padding.left + padding.right, window[1], strides[1], dilations[1]),
  ]
}

/** Every window must hold an element that is not padding: an average of none is 0 / 0, a maximum of none −∞. */
function requireElements(node: PoolNode, input: readonly number[], output: Pair): void {
  const { padding, window, strides, dilations } = node
  for (const axis of [0, 1] as const) {
    const before = axis === 0 ? padding.top : padding.left
    for (let o = 0; o < output[axis]; o++) {
      const first = o * strides[axis] - before
      const step = dilations[axis]
      const at = first < 0 ? first + Math.ceil(-first / step) * step : first
      if (at >= input[axis]! || at > first + (window[axis] - 1) * step)
        fail(node, `window ${o} along axis ${axis} of [${input}] holds nothing but padding`)
    }
  }
}

function requireRows(node: LinearNode, size: number): void {
  const { offsets, positions, coefficients, constants, shape } = node
  const outputs = elementCount(shape)
  if (constants.length !== outputs || offsets.length !== outputs + 1 || offsets.at(-1) !== positions.length)
    fail(node, `its lists do not fit an output [${shape}]`)
  if (coefficients.length !== positions.length)
    fail(node, `${coefficients.length} coefficients, ${positions.length} positions`)
  if (!positions.every((from) => from >= 0 && from < size)) fail(node, `a position lies outside its ${size} inputs`)
  requireFinite(coefficients, 'the coefficients', node.name)
  requireFinite(constants, 'the constants', node.name)
}

function requireInside(node: SelectNode, input: readonly number[]): void {
  const size = elementCount(input)
  for (let i = 0; i < node.map.length; i++)
    if (node.map[i]! >= size) fail(node, `index ${node.map[i]} lies outside the input [${input}]`)
}

function requireFiniteFunction({ name, fn }: ActivationNode): void {
  const numbers = Object.values(fn).flatMap((part) => (typeof part === 'number' || Array.isArray(part) ? part : []))
  // A clip may lack a limit.
  if (fn.kind !== 'clip') requireFinite(numbers, 'the activation', name)
  else if (Number.isNaN(fn.min) || Number.isNaN(fn.max)) requireFinite(numbers, 'the clip', name)
}

function checkPositive(node: GraphNode, what: string, pair: Pair): void {
  for (const value of [pair[0], pair[1]])
    if (!Number.isInteger(value) || value < 1) fail(node, `${what} ${value} must be a whole number of at least 1`)
}

function checkPadding(node: GraphNode, padding: Padding): void {
  for (const [side, value] of Object.entries(padding))
    if (!Number.isInteger(value) || value < 0)
      fail(node, `padding ${side} ${value} must be a whole number of at least 0`)
}

function fail(node: GraphNode, message: string): never {
  throw new CompileError('shape-mismatch', `${node.name} (${node.op}): ${message}`, {
    layer: node.name,
    operator: node.op,
  })
}

// SPDX-License-Identifier: GPL-3.0-or-later
// The float reference: the network's function before any rounding. Plain loops, float64, one sample at a time.
import { CompileError } from './errors.ts'
import { isSmooth, smooth } from './smooth.ts'
import { broadcastMap, requireFinite, stridesOf, tensor } from './tensor.ts'
import {
  type ActivationFunction,
  type ActivationNode,
  type Conv2dNode,
  type Graph,
  type GraphNode,
  nodeInputs,
  type PoolNode,
  type Tensor,
  type ValueName,
} from './types.ts'

/** Output of `graph` for one input of `graph.input.shape`, flattened row-major. @throws CompileError wrong-input. */
export function evaluate(graph: Graph, input: ArrayLike<number>): Tensor {
  return evaluateAll(graph, input).get(graph.output)!
}

/** Every value of the graph for one input, by name; calibration looks at these. */
export function evaluateAll(graph: Graph, input: ArrayLike<number>): Map<ValueName, Tensor> {
  const size = graph.input.shape.reduce((total, dimension) => total * dimension, 1)
  if (input.length !== size)
    throw new CompileError(
      'wrong-input',
      `input ${graph.input.name} of shape [${graph.input.shape}] takes ${size} numbers, found ${input.length}`,
    )
  requireFinite(input, 'the input', graph.input.name)
  if (graph.input.whole === true) requireWhole(input, graph.input.name)
  const values = new Map([[graph.input.name, tensor(graph.input.shape, input)]])
  for (const node of graph.nodes) {
    const inputs = nodeInputs(node).map((name) => values.get(name)!)
    values.set(node.output, evaluateNode(node, inputs, graph.shapes.get(node.output)!))
  }
  return values
}

/** One node on given inputs; `shape` is its inferred output shape. */
export function evaluateNode(node: GraphNode, inputs: readonly Tensor[], shape: readonly number[]): Tensor {
  const input = inputs[0]!
  const out = new Float64Array(shape.reduce((total, dimension) => total * dimension, 1))
  switch (node.op) {
    case 'conv2d':
      convolve(node, input, shape, out)
      break
    case 'pool':
      pool(node, input, shape, out)
      break
    case 'dense': {
      const [rows, columns] = node.weights.shape as [number, number]
      const weights = node.weights.data
      for (let base = 0, at = 0; at < out.length; base += rows, at += columns) {
        out.set(node.bias.data, at)
        for (let i = 0; i < rows; i++) {
          const x = input.data[base + i]!
          if (x === 0) continue
          for (let o = 0; o < columns; o++) out[at + o]! += x * weights[i * columns + o]!
        }
      }
      break
    }
    case 'activation':
      for (let i = 0; i < out.length; i++) out[i] = activate(node.fn, input.data[i]!)
      if (isSmooth(node.fn)) requireValue(node, input, out)
      break
    case 'affine': {
      const scales = broadcastMap(node.scale.shape, shape)
      const shifts = broadcastMap(node.shift.shape, shape)
      for (let i = 0; i < out.length; i++)
        out[i] = input.data[i]! * node.scale.data[scales[i]!]! + node.shift.data[shifts[i]!]!
      break
    }
    case 'binary': {
      const left = broadcastMap(input.shape, shape)
      const right = broadcastMap(inputs[1]!.shape, shape)
      for (let i = 0; i < out.length; i++) {
        const a = input.data[left[i]!]!
        const b = inputs[1]!.data[right[i]!]!
        out[i] = node.kind === 'add' ? a + b : node.kind === 'subtract' ? a - b : a * b
      }
      break
    }
    case 'concat':
      out.set(joined(inputs, node.axis < 0 ? node.axis + shape.length : node.axis))
      break
    case 'select':
      for (let i = 0; i < out.length; i++) out[i] = node.map[i]! < 0 ? node.fill : input.data[node.map[i]!]!
      break
    case 'reduce': {
      const targets = reduceTargets(input.shape, node.axes)
      for (let i = 0; i < targets.length; i++) out[targets[i]!]! += input.data[i]!
      if (node.kind === 'mean') for (let i = 0; i < out.length; i++) out[i]! /= input.data.length / out.length
      break
    }
    case 'embedding': {
      const [rows, width] = node.table.shape as [number, number]
      for (const [at, value] of input.data.entries()) {
        if (!Number.isInteger(value) || value < 0 || value >= rows)
          throw new CompileError('wrong-input', `${node.name}: index ${value} is not a whole number in [0, ${rows})`, {
            layer: node.name,
          })
        for (let d = 0; d < width; d++) out[at * width + d] = node.table.data[value * width + d]!
      }
      break
    }
    case 'bits':
      for (const [at, value] of input.data.entries()) {
        if (!Number.isInteger(value) || value < 0 || value >= 2 ** node.width)
          throw new CompileError('wrong-input', `${node.name}: ${value} has no ${node.width} bits`, {
            layer: node.name,
          })
        for (let i = 0; i < node.width; i++) out[at * node.width + i] = (value >> i) & 1
      }
      break
    case 'compare':
      for (let i = 0; i < out.length; i++) {
        const [x, threshold] = [input.data[node.positions[i]!]!, node.thresholds.data[i]!]
        const holds =
          node.relation === 'equal' ? x === threshold : node.strict[i] === 1 ? x > threshold : x >= threshold
        out[i] = holds ? 1 : 0
      }
      break
    case 'linear':
      for (let o = 0; o < out.length; o++) {
        let sum = node.constants[o]!
        for (let k = node.offsets[o]!; k < node.offsets[o + 1]!; k++)
          sum += node.coefficients[k]! * input.data[node.positions[k]!]!
        out[o] = sum
      }
      break
    case 'quantise':
      for (let i = 0; i < out.length; i++) {
        const steps = Math.fround(input.data[i]! / node.step)
        const whole = (node.down === true ? Math.floor(steps) : roundedToEven(steps)) + node.zero
        out[i] = Math.min(node.max, Math.max(node.min, whole)) + 0
      }
      break
    case 'scaled':
      for (let i = 0; i < out.length; i++) out[i] = input.data[i]! * node.factor
      break
    case 'paths':
      out.set(reachedLeaves(node, input.data))
      break
    case 'argmax': {
      const length = input.shape.at(-1)!
      for (let at = 0; at < out.length; at++) out[at] = argMax(input.data.subarray(at * length, (at + 1) * length))
      break
    }
  }
  return { shape: [...shape], data: out }
}

/** Refuses an input at which a function has no value. @throws CompileError not-finite. */
function requireValue(node: ActivationNode, input: Tensor, out: Float64Array): void {
  const at = out.findIndex((value) => !Number.isFinite(value))
  if (at >= 0)
    throw new CompileError('not-finite', `${node.name}: ${node.fn.kind} of ${input.data[at]} is ${out[at]}`, {
      layer: node.name,
    })
}

/** Refuses fractions where the input is of an integer type. @throws CompileError wrong-input. */
export function requireWhole(input: ArrayLike<number>, name: string): void {
  for (let i = 0; i < input.length; i++)
    if (!Number.isInteger(input[i]))
      throw new CompileError('wrong-input', `input ${name} takes whole numbers, found ${input[i]} at position ${i}`)
}

/** Index of the largest element; the lowest index wins a tie. */
export function argMax(values: ArrayLike<number>): number {
  let best = 0
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i
  return best
}

/** 1 for each leaf to which the decisions (0 or 1) lead, else 0; see PathsLayer. */
export function reachedLeaves(
  { parents, leaves }: { readonly parents: Int32Array; readonly leaves: Int32Array },
  decisions: ArrayLike<number>,
): Float64Array {
  const reached = new Float64Array(parents.length)
  const follow = (from: number): number => ((from & 1) === decisions[from >> 1]! ? reached[from >> 1]! : 0)
  for (const [n, from] of parents.entries()) reached[n] = from < 0 ? 1 : follow(from)
  return Float64Array.from(leaves, follow)
}

/** The nearest whole number, halves to the even one. */
export function roundedToEven(value: number): number {
  const floor = Math.floor(value)
  const rest = value - floor
  if (rest !== 0.5) return Math.round(value)
  return floor % 2 === 0 ? floor : floor + 1
}

/** One activation of one number. */
export function activate(fn: ActivationFunction, x: number): number {
  if (isSmooth(fn)) return smooth(fn, x, activate)
  switch (fn.kind) {
    case 'relu':
      return Math.max(0, x)
    case 'leaky-relu':
      return x >= 0 ? x : fn.slope * x
    case 'clip':
      return Math.min(fn.max, Math.max(fn.min, x))
    case 'sigmoid':
      return 1 / (1 + Math.exp(-x))
    case 'tanh':
      return Math.tanh(x)
    case 'hard-sigmoid':
      return Math.min(1, Math.max(0, fn.slope * x + fn.offset))
    case 'polynomial':
      return fn.coefficients.reduceRight((sum, coefficient) => sum * x + coefficient, 0)
  }
}

/** For every input element, the flat index of the output element of a reduction over `axes` that it adds to. */
export function reduceTargets(shape: readonly number[], axes: readonly number[]): Int32Array {
  const reduced = new Set(axes.map((axis) => (axis < 0 ? axis + shape.length : axis)))
  const kept = shape.map((length, axis) => (reduced.has(axis) ? 1 : length))
  return broadcastMap(kept, shape)
}

/** Flat indices of the input elements under a window at output (y, x), for channel 0; padding left out. */
export function windowIndices(node: PoolNode, input: readonly number[], y: number, x: number): number[] {
  const [height, width, channels] = input as [number, number, number]
  const indices: number[] = []
  for (let i = 0; i < node.window[0]; i++)
    for (let j = 0; j < node.window[1]; j++) {
      const row = y * node.strides[0] + i * node.dilations[0] - node.padding.top
      const column = x * node.strides[1] + j * node.dilations[1] - node.padding.left
      if (row >= 0 && row < height && column >= 0 && column < width) indices.push((row * width + column) * channels)
    }
  return indices
}

function convolve(node: Conv2dNode, input: Tensor, shape: readonly number[], out: Float64Array): void {
  const [height, width, cin] = input.shape as [number, number, number]
  const [outHeight, outWidth, cout] = shape as [number, number, number]
  const [kh, kw, depth] = node.weights.shape as [number, number, number]
  const perGroup = cout / node.groups
  const weights = node.weights.data
  for (let y = 0; y < outHeight; y++)
    for (let x = 0; x < outWidth; x++) {
      const at = (y * outWidth + x) * cout
      out.set(node.bias.data, at)
      for (let i = 0; i < kh; i++)
        for (let j = 0; j < kw; j++) {
          const row = y * node.strides[0] + i * node.dilations[0] - node.padding.top
          const column = x * node.strides[1] + j * node.dilations[1] - node.padding.left
          if (row < 0 || row >= height || column < 0 || column >= width) continue
          const from = (row * width + column) * cin
          const tap = (i * kw + j) * depth * cout
          for (let g = 0; g < node.groups; g++)
            for (let c = 0; c < depth; c++) {
              const value = input.data[from + g * depth + c]!
              if (value === 0) continue
              const line = tap + c * cout
              for (let o = g * perGroup; o < (g + 1) * perGroup; o++) out[at + o]! += value * weights[line + o]!
            }
        }
    }
}

function pool(node: PoolNode, input: Tensor, shape: readonly number[], out: Float64Array): void {
  const [outHeight, outWidth, channels] = shape as [number, number, number]
  for (let y = 0; y < outHeight; y++)
    for (let x = 0; x < outWidth; x++) {
      const indices = windowIndices(node, input.shape, y, x)
      for (let c = 0; c < channels; c++) {
        const at = (y * outWidth + x) * channels + c
        let [largest, sum] = [Number.NEGATIVE_INFINITY, 0]
        for (const index of indices) {
          const value = input.data[index + c]!
          largest = Math.max(largest, value)
          sum += value
        }
        out[at] = node.kind === 'max' ? largest : sum / indices.length
      }
    }
}

function joined(inputs: readonly Tensor[], axis: number): Float64Array {
  const out = new Float64Array(inputs.reduce((total, each) => total + each.data.length, 0))
  const outer = inputs[0]!.shape.slice(0, axis).reduce((total, dimension) => total * dimension, 1)
  let at = 0
  for (let i = 0; i < outer; i++)
    for (const each of inputs) {
      const block = each.shape[axis]! * (stridesOf(each.shape)[axis] ?? 1)
      out.set(each.data.subarray(i * block, (i + 1) * block), at)
      at += block
    }
  return out
}

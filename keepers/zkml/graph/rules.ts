// SPDX-License-Identifier: GPL-3.0-or-later
// Peephole rules over a pair of nodes: `first` feeds only `second`. Each returns the nodes that replace both, the last one
// computing second's output, or null when it does not apply. All keep the function exactly (up to float rounding).
import { elementCount } from './program.ts'
import { isSmooth } from './smooth.ts'
import { broadcastMap, identityMap, sameShape, tensor } from './tensor.ts'
import type {
  ActivationFunction,
  ActivationNode,
  AffineNode,
  CompareNode,
  Conv2dNode,
  DenseNode,
  GraphNode,
  LinearNode,
  PoolNode,
  SelectNode,
  Tensor,
} from './types.ts'

/** Shape of the input of `first`, and of the value from `first` to `second`. */
type Shapes = { readonly source: readonly number[]; readonly between: readonly number[] }
type Rule = (first: GraphNode, second: GraphNode, shapes: Shapes) => GraphNode[] | null

/** Name of the new value between two swapped nodes; unique because no rule swaps one value's producer twice. */
const between = (second: GraphNode): string => `${second.output}'`

/**
 * Rules with a `first` that only moves values, which costs nothing: they apply even when others read `first` too, and leave it for
 * them.
 */
export const SHARED_RULES: readonly Rule[] = [
  (first, second) => (first.op === 'select' && second.op === 'select' ? composeSelect(first, second) : null),
  // Elementwise work moves in front of a permutation, so that the permutation can meet its inverse.
  (first, second, shapes) =>
    first.op === 'select' && second.op === 'activation' && isPermutation(first, elementCount(shapes.source))
      ? [
          { ...second, input: first.input, output: between(second) },
          { ...first, name: second.name, input: between(second), output: second.output },
        ]
      : null,
  (first, second, shapes) =>
    first.op === 'select' && second.op === 'affine' && isPermutation(first, elementCount(shapes.source))
      ? [
          {
            ...second,
            input: first.input,
            output: between(second),
            scale: permuted(second.scale, first, shapes),
            shift: permuted(second.shift, first, shapes),
          },
          { ...first, name: second.name, input: between(second), output: second.output },
        ]
      : null,
  (first, second, shapes) =>
    first.op === 'select' && second.op === 'dense' ? permuteRows(first, second, shapes) : null,
  (first, second) =>
    first.op === 'select' && second.op === 'compare' && second.positions.every((from) => first.map[from]! >= 0)
      ? [{ ...second, input: first.input, positions: second.positions.map((from) => first.map[from]!) }]
      : null,
]

/** Rules for a `first` that only `second` reads. */
export const RULES: readonly Rule[] = [
  (first, second, shapes) => {
    if (second.op !== 'affine' || (first.op !== 'conv2d' && first.op !== 'dense')) return null
    const scale = lastAxis(second.scale, shapes.between)
    const shift = lastAxis(second.shift, shapes.between)
    return scale === null || shift === null ? null : [scaleOutput(first, second.output, scale, shift)]
  },
  (first, second, shapes) => {
    if (first.op !== 'affine' || (second.op !== 'conv2d' && second.op !== 'dense')) return null
    const scale = lastAxis(first.scale, shapes.between)
    const shift = lastAxis(first.shift, shapes.between)
    if (scale === null || shift === null) return null
    // Zero padding is added after the affine map; a shift would have to be padded with too.
    if (second.op === 'conv2d' && isPadded(second) && shift.some((value) => value !== 0)) return null
    return [scaleInput(first, second, scale, shift)]
  },
  (first, second, shapes) =>
    first.op === 'affine' && second.op === 'compare' ? scaleThresholds(first, second, shapes.between) : null,
  (first, second) => (first.op === 'linear' && second.op === 'linear' ? composeLinear(first, second) : null),
  (first, second, shapes) =>
    first.op === 'affine' && second.op === 'affine' ? [composeAffine(first, second, shapes.between)] : null,
  // Max commutes with functions that never decrease. With pooling first, the activation runs on fewer elements.
  (first, second) =>
    first.op === 'activation' && second.op === 'pool' && second.kind === 'max' && neverDecreases(first.fn)
      ? swapped(first, second)
      : null,
  // An affine map per channel moves in front of a pool, where a convolution can take it in.
  (first, second, shapes) => {
    if (first.op !== 'pool' || second.op !== 'affine') return null
    const scale = lastAxis(second.scale, shapes.between)
    const shift = lastAxis(second.shift, shapes.between)
    if (scale === null || shift === null) return null
    if (first.kind === 'max' && scale.some((value) => value < 0)) return null
    const affine: AffineNode = { ...second, scale: vector(scale), shift: vector(shift) }
    return swapped(first, affine)
  },
]

/** first ∘ second becomes second ∘ first. */
function swapped(first: PoolNode | ActivationNode, second: PoolNode | ActivationNode | AffineNode): GraphNode[] {
  return [
    { ...second, input: first.input, output: between(second) },
    { ...first, input: between(second), output: second.output },
  ]
}

/** Whether `node` moves each of the `sourceSize` input elements to exactly one place. */
export function isPermutation(node: SelectNode, sourceSize: number): boolean {
  if (node.map.length !== sourceSize) return false
  const seen = new Uint8Array(sourceSize)
  for (const from of node.map) {
    if (from < 0 || from >= sourceSize || seen[from] === 1) return false
    seen[from] = 1
  }
  return true
}

export function isIdentity(node: SelectNode): boolean {
  return node.map.every((from, i) => from === i)
}

function neverDecreases(fn: ActivationFunction): boolean {
  if (fn.kind === 'polynomial' || isSmooth(fn)) return false
  if (fn.kind === 'leaky-relu' || fn.kind === 'hard-sigmoid') return fn.slope >= 0
  return true
}

/** The constant as one number for each index of the last axis of `shape`, or null when it varies along another axis. */
function lastAxis(constant: Tensor, shape: readonly number[]): Float64Array | null {
  const channels = shape.at(-1) ?? 1
  const { data } = constant
  if (data.length === 1) return new Float64Array(channels).fill(data[0]!)
  // All but the last axis are 1 long: the data is already in the right form.
  if (data.length === channels && constant.shape.at(-1) === channels) return data
  const map = broadcastMap(constant.shape, shape)
  const values = Float64Array.from({ length: channels }, (_, c) => constant.data[map[c]!]!)
  for (let i = 0; i < map.length; i++) if (constant.data[map[i]!] !== values[i % channels]) return null
  return values
}

function vector(values: Float64Array): Tensor {
  return tensor([values.length], values)
}

function isPadded(node: Conv2dNode): boolean {
  const { top, left, bottom, right } = node.padding
  return top + left + bottom + right > 0
}

function scaleOutput<Node extends Conv2dNode | DenseNode>(
  node: Node,
  output: string,
  scale: Float64Array,
  shift: Float64Array,
): Node {
  const channels = scale.length
  const weights = new Float64Array(node.weights.data.length)
  for (let i = 0, c = 0; i < weights.length; i++, c = c + 1 === channels ? 0 : c + 1)
    weights[i] = node.weights.data[i]! * scale[c]!
  return {
    ...node,
    output,
    weights: tensor(node.weights.shape, weights),
    bias: vector(node.bias.data.map((value, o) => value * scale[o]! + shift[o]!)),
  }
}

function scaleInput(first: AffineNode, second: Conv2dNode | DenseNode, scale: Float64Array, shift: Float64Array) {
  const { weights } = second
  const cout = weights.shape.at(-1)!
  const depth = weights.shape.at(-2)!
  const perGroup = second.op === 'conv2d' ? cout / second.groups : cout
  const channelOf = (i: number): number => Math.floor((i % cout) / perGroup) * depth + (Math.floor(i / cout) % depth)
  const bias = Float64Array.from(second.bias.data)
  for (let i = 0; i < weights.data.length; i++) bias[i % cout]! += weights.data[i]! * shift[channelOf(i)]!
  return {
    ...second,
    input: first.input,
    weights: tensor(
      weights.shape,
      weights.data.map((weight, i) => weight * scale[channelOf(i)]!),
    ),
    bias: vector(bias),
  }
}

/** Rows over rows of at most one term each: no more terms than before. Two Nots cancel. */
function composeLinear(first: LinearNode, second: LinearNode): GraphNode[] | null {
  const { offsets } = first
  if (offsets.some((to, o) => o > 0 && to - offsets[o - 1]! > 1)) return null
  const constants = Float64Array.from(second.constants)
  const terms: [number, number][] = []
  const ends = [0]
  for (let o = 0; o < constants.length; o++) {
    for (let k = second.offsets[o]!; k < second.offsets[o + 1]!; k++) {
      const [row, factor] = [second.positions[k]!, second.coefficients[k]!]
      constants[o]! += factor * first.constants[row]!
      const at = offsets[row]!
      if (offsets[row + 1]! > at) terms.push([first.positions[at]!, factor * first.coefficients[at]!])
    }
    ends.push(terms.length)
  }
  const { name, output, shape } = second
  const positions = Int32Array.from(terms, ([from]) => from)
  const isMoved = terms.length === constants.length && ends.every((end, o) => end === o)
  if (isMoved && terms.every(([, factor]) => factor === 1) && constants.every((value) => value === 0))
    return [{ op: 'select', name, input: first.input, output, map: positions, shape, fill: 0 }]
  const coefficients = Float64Array.from(terms, ([, factor]) => factor)
  return [{ ...second, input: first.input, offsets: Int32Array.from(ends), positions, coefficients, constants }]
}

/** scale · x + shift ≥ t is x ≥ (t − shift) / scale where the scale is positive. */
function scaleThresholds(first: AffineNode, second: CompareNode, shape: readonly number[]): GraphNode[] | null {
  const [scales, shifts] = [broadcastMap(first.scale.shape, shape), broadcastMap(first.shift.shape, shape)]
  const scaleOf = (from: number): number => first.scale.data[scales[from]!]!
  if (second.relation === 'equal' || !second.positions.every((from) => scaleOf(from) > 0)) return null
  const data = second.thresholds.data.map((threshold, i) => {
    const from = second.positions[i]!
    return (threshold - first.shift.data[shifts[from]!]!) / scaleOf(from)
  })
  if (!data.every(Number.isFinite)) return null
  return [{ ...second, input: first.input, thresholds: tensor(second.thresholds.shape, data) }]
}

function composeAffine(first: AffineNode, second: AffineNode, shape: readonly number[]): AffineNode {
  const constants = [first.scale, first.shift, second.scale, second.shift]
  if (constants.every(({ data }) => data.length === 1)) {
    const [a, b, c, d] = constants.map(({ data }) => data[0]!) as [number, number, number, number]
    return { ...second, input: first.input, scale: tensor([], [a * c]), shift: tensor([], [b * c + d]) }
  }
  const maps = [first.scale, first.shift, second.scale, second.shift].map((each) => {
    const map = broadcastMap(each.shape, shape)
    return (i: number): number => each.data[map[i]!]!
  })
  const [scale1, shift1, scale2, shift2] = maps as [At, At, At, At]
  const size = elementCount(shape)
  return {
    ...second,
    input: first.input,
    scale: compressed(
      Float64Array.from({ length: size }, (_, i) => scale1(i) * scale2(i)),
      shape,
    ),
    shift: compressed(
      Float64Array.from({ length: size }, (_, i) => shift1(i) * scale2(i) + shift2(i)),
      shape,
    ),
  }
}
type At = (i: number) => number

/** The smallest constant that broadcasts to the same elements: a scalar, a vector over the last axis, or all of it. */
function compressed(data: Float64Array, shape: readonly number[]): Tensor {
  const full = tensor(shape, data)
  const channels = lastAxis(full, shape)
  if (channels === null) return full
  return channels.every((value) => value === channels[0]) ? tensor([], [channels[0]!]) : vector(channels)
}

function permuted(constant: Tensor, select: SelectNode, shapes: Shapes): Tensor {
  if (constant.data.length === 1) return tensor([], constant.data)
  const map = broadcastMap(constant.shape, shapes.between)
  const data = new Float64Array(select.map.length)
  for (const [i, from] of select.map.entries()) data[from] = constant.data[map[i]!]!
  return compressed(data, shapes.source)
}

function composeSelect(first: SelectNode, second: SelectNode): GraphNode[] | null {
  const fillsFirst = first.map.includes(-1)
  if (fillsFirst && second.map.includes(-1) && first.fill !== second.fill) return null
  return [
    {
      ...second,
      input: first.input,
      map: second.map.map((from) => (from < 0 ? -1 : first.map[from]!)),
      fill: fillsFirst ? first.fill : second.fill,
    },
  ]
}

/** A permutation in front of a matrix is a permutation of its rows. */
function permuteRows(first: SelectNode, second: DenseNode, shapes: Shapes): GraphNode[] | null {
  const [rows, columns] = second.weights.shape as [number, number]
  if (elementCount(shapes.between) !== rows || isIdentity(first) || !isPermutation(first, elementCount(shapes.source)))
    return null
  const data = new Float64Array(second.weights.data.length)
  for (const [i, from] of first.map.entries())
    data.set(second.weights.data.subarray(i * columns, (i + 1) * columns), from * columns)
  const dense: DenseNode = { ...second, weights: tensor([rows, columns], data) }
  if (sameShape(shapes.source, shapes.between)) return [{ ...dense, input: first.input }]
  return [
    { ...first, name: second.name, map: identityMap(rows), output: between(second) },
    { ...dense, input: between(second) },
  ]
}

// SPDX-License-Identifier: GPL-3.0-or-later
// Nodes without weights: pools, reductions, sums of branches, products, and nodes that only move values.
import { reduceTargets, windowIndices } from '../graph/evaluate.ts'
import { elementCount } from '../graph/program.ts'
import { broadcastMap, identityMap, stridesOf } from '../graph/tensor.ts'
import type {
  BinaryNode,
  ConcatNode,
  GraphNode,
  LinearNode,
  PoolNode,
  ReduceNode,
  SelectNode,
  ValueName,
} from '../graph/types.ts'
import type { Lowering } from './lowering.ts'
import type { Value } from './writer.ts'

/** If neither scale of two branches is a whole multiple of the other, their ratio is kept to this many bits. */
const RATIO_BITS = 10
const RATIO_TOLERANCE = 1e-9

export function lowerPool(context: Lowering, node: PoolNode, input: Value, shape: readonly number[]): Value {
  const { writer } = context
  const [outHeight, outWidth, channels] = shape as [number, number, number]
  const windows: Int32Array[] = []
  for (let y = 0; y < outHeight; y++)
    for (let x = 0; x < outWidth; x++) {
      const indices = windowIndices(node, input.shape, y, x)
      for (let c = 0; c < channels; c++) windows.push(Int32Array.from(indices, (index) => index + c))
    }
  if (node.kind === 'average') return averaged(context, node, input, windows, shape)
  const bits = writer.windowBits(input, windows)
  return writer.emit(node.name, [node.name], [input], { kind: 'maxpool', windows, bits }, shape, input.scale)
}

export function lowerReduce(context: Lowering, node: ReduceNode, input: Value, shape: readonly number[]): Value {
  const groups: number[][] = Array.from({ length: elementCount(shape) }, () => [])
  for (const [i, target] of reduceTargets(input.shape, node.axes).entries()) groups[target]!.push(i)
  const windows = groups.map((group) => Int32Array.from(group))
  if (node.kind === 'mean') return averaged(context, node, input, windows, shape)
  return sums(context, node, input, windows, () => 1, shape, input.scale)
}

/** Averages stay sums, and the divisor goes into the scale; windows of several sizes meet at their common multiple. */
function averaged(
  context: Lowering,
  node: GraphNode,
  input: Value,
  windows: readonly Int32Array[],
  shape: readonly number[],
): Value {
  const common = [...new Set(windows.map((window) => window.length))].reduce(leastCommonMultiple, 1)
  return sums(context, node, input, windows, (count) => common / count, shape, input.scale / common)
}

function sums(
  context: Lowering,
  node: GraphNode,
  input: Value,
  windows: readonly Int32Array[],
  coefficient: (count: number) => number,
  shape: readonly number[],
  scale: number,
): Value {
  const offsets = new Int32Array(windows.length + 1)
  for (const [o, window] of windows.entries()) offsets[o + 1] = offsets[o]! + window.length
  const indices = new Int32Array(offsets[windows.length]!)
  const coefficients = new Float64Array(indices.length)
  for (const [o, window] of windows.entries()) {
    indices.set(window, offsets[o]!)
    coefficients.fill(coefficient(window.length), offsets[o]!, offsets[o + 1]!)
  }
  const bias = new Float64Array(windows.length)
  return context.writer.emit(
    node.name,
    [node.name],
    [input],
    { kind: 'sparse', offsets, indices, coefficients, bias },
    shape,
    scale,
  )
}

/** Σ signs[k] · inputs[k] with broadcasting, brought to one scale by constant factors. */
export function combineValues(
  context: Lowering,
  node: BinaryNode,
  inputs: readonly Value[],
  signs: readonly number[],
  shape: readonly number[],
): Value {
  const { factors, scale } = commonScale(context, node.name, inputs)
  const maps = inputs.map((input) => broadcastMap(input.shape, shape))
  const starts = startsOf(inputs)
  const size = elementCount(shape)
  const terms = inputs.length
  return context.writer.emit(
    node.name,
    [node.name],
    inputs,
    {
      kind: 'sparse',
      offsets: Int32Array.from({ length: size + 1 }, (_, o) => o * terms),
      indices: Int32Array.from(
        { length: size * terms },
        (_, k) => starts[k % terms]! + maps[k % terms]![Math.floor(k / terms)]!,
      ),
      coefficients: Float64Array.from({ length: size * terms }, (_, k) => factors[k % terms]! * signs[k % terms]!),
      bias: new Float64Array(size),
    },
    shape,
    scale,
  )
}

/** Elementwise product; wide operands are narrowed first, since the product's bits are the sum of theirs. */
export function multiplyValues(
  context: Lowering,
  node: BinaryNode,
  inputs: readonly [Value, Value],
  shape: readonly number[],
): Value {
  const same = inputs[0].id === inputs[1].id
  const left = spread(context, node.name, factor(context, node, node.inputs[0]!, inputs[0], 'a'), shape)
  const right = same ? left : spread(context, node.name, factor(context, node, node.inputs[1]!, inputs[1], 'b'), shape)
  return context.writer.emit(
    node.name,
    [node.name],
    [left, right],
    { kind: 'multiply' },
    shape,
    left.scale * right.scale,
  )
}

/** A factor that repeats elements, like a matrix in a product, is narrowed before the repetition. */
function factor(context: Lowering, node: GraphNode, source: ValueName, value: Value, suffix: string): Value {
  const { writer } = context
  const producer = context.producer(source)
  if (producer?.op !== 'select' || producer.map.includes(-1)) return narrowFactor(context, node, source, value, suffix)
  const used = [...new Set(producer.map)]
  if (used.length === producer.map.length) return narrowFactor(context, node, source, value, suffix)
  const original = context.value(producer.input)
  const place = new Map(used.map((from, at) => [from, at]))
  const name = `${node.name}_${suffix}`
  const select = (of: Value, map: Int32Array, shape: readonly number[]): Value =>
    writer.emit(name, [node.name], [of], { kind: 'select', map, fill: 0 }, shape, of.scale)
  const once = select(original, Int32Array.from(used), [used.length])
  const narrow = narrowFactor(context, node, source, once, suffix)
  return select(
    narrow,
    producer.map.map((from) => place.get(from)!),
    value.shape,
  )
}

/**
 * A factor of a product, brought down to the node's activation bits. Its proven bounds may be far wider than its real values, and the
 * bounds of factors multiply. Then the circuit restricts the factor to a window, and an input that leaves the window cannot be proven.
 */
export function narrowFactor(
  context: Lowering,
  node: GraphNode,
  source: ValueName,
  value: Value,
  suffix: string,
): Value {
  const { decider, peaks, alone, writer } = context
  const { shift, bits } = decider.hold(`${node.name}/${suffix}`, node.name, writer.signedBits(value), value.scale, () =>
    peaks(source),
  )
  if (shift === 0 && bits === undefined) return value
  const name = `${node.name}_narrow_${suffix}`
  return writer.rescale(name, [node.name], value, shift, { kind: 'identity' }, alone(source), bits)
}

/** Elementwise product with a factor of 0 or 1: it has at most the bits of the other operand, so it needs no narrowing. */
export function gateValues(
  context: Lowering,
  node: BinaryNode,
  inputs: readonly [Value, Value],
  shape: readonly number[],
): Value {
  const [gate, value] = inputs.map((input) => spread(context, node.name, input, shape)) as [Value, Value]
  const scale = gate.scale * value.scale
  return context.writer.emit(node.name, [node.name], [gate, value], { kind: 'multiply' }, shape, scale)
}

/** Constant rows. Numbers other than short binary fractions are rounded to RATIO_BITS, with a note. */
export function lowerLinear(context: Lowering, node: LinearNode, input: Value): Value {
  let fraction = 0
  const isWhole = (): boolean => node.coefficients.every((value) => Number.isInteger(value * 2 ** fraction))
  while (fraction < RATIO_BITS && !isWhole()) fraction++
  if (!isWhole()) context.writer.note(`${node.name}: its factors are rounded to one part in ${2 ** RATIO_BITS}`)
  const scale = input.scale * 2 ** -fraction
  const draft = {
    kind: 'sparse',
    offsets: node.offsets,
    indices: node.positions,
    coefficients: node.coefficients.map((value) => Math.round(value * 2 ** fraction) + 0),
    bias: node.constants.map((value) => Math.round(value / scale) + 0),
  } as const
  return context.writer.emit(node.name, [node.name], [input], draft, node.shape, scale)
}

/** A value brought down to the node's activation bits when it is an accumulator that is wider. */
export function narrowOperand(
  context: Lowering,
  node: GraphNode,
  source: ValueName,
  value: Value,
  suffix: string,
): Value {
  const { shift } = context.decider.shift(`${node.name}/${suffix}`, node.name, value.scale, () => context.peaks(source))
  if (shift === 0) return value
  const name = `${node.name}_narrow_${suffix}`
  return context.writer.rescale(name, [node.name], value, shift, { kind: 'identity' }, context.alone(source))
}

function spread(context: Lowering, name: string, value: Value, shape: readonly number[]): Value {
  if (elementCount(value.shape) === elementCount(shape)) return value
  const draft = { kind: 'select', map: broadcastMap(value.shape, shape), fill: 0 } as const
  return context.writer.emit(`${name}_spread`, [name], [value], draft, shape, value.scale)
}

export function lowerConcat(
  context: Lowering,
  node: ConcatNode,
  inputs: readonly Value[],
  shape: readonly number[],
): Value {
  const { factors, scale } = commonScale(context, node.name, inputs)
  const axis = node.axis < 0 ? node.axis + shape.length : node.axis
  const starts = startsOf(inputs)
  const outer = elementCount(shape.slice(0, axis))
  const map: number[] = []
  const owner: number[] = []
  for (let i = 0; i < outer; i++)
    for (const [k, input] of inputs.entries()) {
      const block = input.shape[axis]! * stridesOf(input.shape)[axis]!
      for (let j = 0; j < block; j++) {
        map.push(starts[k]! + i * block + j)
        owner.push(k)
      }
    }
  const indices = Int32Array.from(map)
  if (factors.every((factor) => factor === 1))
    return context.writer.emit(node.name, [node.name], inputs, { kind: 'select', map: indices, fill: 0 }, shape, scale)
  const size = indices.length
  const draft = {
    kind: 'sparse',
    offsets: identityMap(size + 1),
    indices,
    coefficients: Float64Array.from(owner, (k) => factors[k]!),
    bias: new Float64Array(size),
  } as const
  return context.writer.emit(node.name, [node.name], inputs, draft, shape, scale)
}

export function lowerSelect(context: Lowering, node: SelectNode, input: Value, shape: readonly number[]): Value {
  const fill = node.map.includes(-1) ? Math.round(node.fill / input.scale) + 0 : 0
  const draft = { kind: 'select', map: node.map, fill } as const
  return context.writer.emit(node.name, [node.name], [input], draft, shape, input.scale)
}

/** Whole factors that bring values of several scales to one. Exact for powers of two; else to RATIO_BITS, with a note. */
function commonScale(context: Lowering, name: string, inputs: readonly Value[]): { factors: number[]; scale: number } {
  const finest = Math.min(...inputs.map((input) => input.scale))
  const ratios = inputs.map((input) => input.scale / finest)
  const whole = ratios.every((ratio) => Math.abs(ratio - Math.round(ratio)) <= RATIO_TOLERANCE * ratio)
  if (whole) return { factors: ratios.map(Math.round), scale: finest }
  context.writer.note(
    `${name}: the scales of its inputs have no whole ratio; it is kept to one part in ${2 ** RATIO_BITS}`,
  )
  return { factors: ratios.map((ratio) => Math.round(ratio * 2 ** RATIO_BITS)), scale: finest / 2 ** RATIO_BITS }
}

function startsOf(inputs: readonly Value[]): number[] {
  let start = 0
  return inputs.map((input) => {
    const here = start
    start += elementCount(input.shape)
    return here
  })
}

function leastCommonMultiple(a: number, b: number): number {
  let [x, y] = [a, b]
  while (y !== 0) [x, y] = [y, x % y]
  return (a / x) * b
}

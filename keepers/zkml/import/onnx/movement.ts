// SPDX-License-Identifier: GPL-3.0-or-later
// Operators that only move values about, and those that make constants.
import { elementCount } from '../../graph/program.ts'
import { broadcastMap, broadcastShape, filled, normaliseAxis, stridesOf, tensor } from '../../graph/tensor.ts'
import { type Handler, type Invocation, type Operand, values } from './scope.ts'

export const MOVEMENT_HANDLERS: Readonly<Record<string, Handler>> = {
  Identity: (call) => [call.operand(0)],
  Cast: (call) => [cast(call)],
  Dropout: (call) => [call.operand(0)],
  Constant: (call) => {
    const whole = call.tensorAttribute('value')
    if (whole !== null) return [{ constant: whole }]
    const floats = call.node.attribute.find((each) => each.name === 'value_floats')
    const list = floats?.floats ?? call.ints('value_ints')
    if (list !== null && list !== undefined) return [{ constant: tensor([list.length], list) }]
    if (call.hasAttribute('value_float')) return [{ constant: tensor([], [call.float('value_float', 0)]) }]
    if (call.hasAttribute('value_int')) return [{ constant: tensor([], [call.int('value_int', 0)]) }]
    return call.fail('unsupported-attribute', 'a constant that is neither a tensor nor numbers')
  },
  ConstantOfShape: (call) => [
    { constant: filled(call.integers(0, 'shape'), call.tensorAttribute('value')?.data[0] ?? 0) },
  ],
  Shape: (call) => {
    const shape = call.shapeOf(call.operand(0))
    const from = call.int('start', 0)
    const part = shape.slice(from, call.hasAttribute('end') ? call.int('end', 0) : undefined)
    return [{ constant: tensor([part.length], part) }]
  },
  Concat: (call) => {
    const inputs = call.node.input.map((_, i) => call.value(i))
    const rank = call.builder.shape(inputs[0]!).length
    const axis = normaliseAxis(call.int('axis', 0), rank, call.name)
    return values(call.builder.nary(call.name, inputs, { op: 'concat', axis }))
  },
  Reshape: (call) => {
    if (call.int('allowzero', 0) !== 0) call.fail('unsupported-attribute', 'allowzero = 1')
    const from = call.builder.shape(call.value(0))
    return reshaped(call, call.integers(1, 'shape'), from)
  },
  Flatten: (call) => {
    const from = call.builder.shape(call.value(0))
    const axis = call.int('axis', 1)
    const split = axis < 0 ? axis + from.length : axis
    return reshaped(call, [elementCount(from.slice(0, split)), elementCount(from.slice(split))], from)
  },
  Squeeze: (call) => {
    const from = call.builder.shape(call.value(0))
    const axes = call.listOf('axes', 1)?.map((axis) => normaliseAxis(axis, from.length, call.name))
    const kept = from.filter((length, axis) => (axes === undefined ? length !== 1 : !axes.includes(axis)))
    return reshaped(call, kept, from)
  },
  Unsqueeze: (call) => {
    const from = [...call.builder.shape(call.value(0))]
    const axes = call.listOf('axes', 1)
    if (axes === null) return call.fail('malformed-file', 'axes are missing')
    const rank = from.length + axes.length
    for (const axis of axes.map((each) => normaliseAxis(each, rank, call.name)).sort((a, b) => a - b))
      from.splice(axis, 0, 1)
    return reshaped(call, from, call.builder.shape(call.value(0)))
  },
  Transpose: (call) => {
    const rank = call.builder.shape(call.value(0)).length
    const permutation = call.ints('perm') ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis)
    if (permutation.length !== rank || new Set(permutation).size !== rank || Math.max(-1, ...permutation) >= rank)
      call.fail('malformed-file', `perm [${permutation}] is not a permutation of ${rank} axes`)
    return values(call.builder.transpose(call.name, call.value(0), permutation))
  },
  Expand: (call) => {
    const from = call.builder.shape(call.value(0))
    const shape = broadcastShape(from, call.integers(1, 'shape'), call.name)
    return values(call.builder.select(call.name, call.value(0), broadcastMap(from, shape), shape))
  },
  Slice: (call) => {
    const shape = call.builder.shape(call.value(0))
    const starts = call.listOf('starts', 1)
    const ends = call.listOf('ends', 2)
    if (starts === null || ends === null) return call.fail('malformed-file', 'starts or ends are missing')
    const axes = call.listOf('axes', 3) ?? starts.map((_, i) => i)
    const steps = (call.has(4) ? call.integers(4, 'steps') : null) ?? starts.map(() => 1)
    const from = shape.map(() => 0)
    const step = shape.map(() => 1)
    const lengths = [...shape]
    for (const [i, each] of axes.entries()) {
      const axis = normaliseAxis(each, shape.length, call.name)
      const [start, stop] = sliceRange(starts[i]!, ends[i]!, steps[i]!, shape[axis]!)
      from[axis] = start
      step[axis] = steps[i]!
      lengths[axis] = Math.max(0, Math.ceil((stop - start) / steps[i]!))
    }
    return values(call.builder.slice(call.name, call.value(0), from, step, lengths))
  },
  Split: (call) => {
    const shape = call.builder.shape(call.value(0))
    const axis = normaliseAxis(call.int('axis', 0), shape.length, call.name)
    const parts = call.node.output.length
    const even = Math.ceil(shape[axis]! / parts)
    const sizes =
      call.listOf('split', 1) ?? Array.from({ length: parts }, (_, i) => Math.min(even, shape[axis]! - i * even))
    let start = 0
    return sizes.map((size) => {
      const starts = shape.map((_, i) => (i === axis ? start : 0))
      const lengths = shape.map((length, i) => (i === axis ? size : length))
      start += size
      const ones = shape.map(() => 1)
      return { value: call.builder.slice(call.name, call.value(0), starts, ones, lengths) }
    })
  },
  Pad: (call) => {
    const mode = call.string('mode', 'constant')
    if (mode !== 'constant') call.fail('unsupported-attribute', `mode ${mode}; only constant padding is supported`)
    const rank = call.builder.shape(call.value(0)).length
    const pads = call.listOf('pads', 1)
    if (pads === null) return call.fail('malformed-file', 'pads are missing')
    const fill = call.has(2) ? (call.constant(2, 'value').data[0] ?? 0) : call.float('value', 0)
    const axes = call.has(3) ? call.integers(3, 'axes') : Array.from({ length: rank }, (_, axis) => axis)
    if (pads.length !== axes.length * 2)
      call.fail('malformed-file', `pads [${pads}] where ${axes.length * 2} numbers are needed`)
    const before = new Array<number>(rank).fill(0)
    const after = new Array<number>(rank).fill(0)
    for (const [i, each] of axes.entries()) {
      const axis = normaliseAxis(each, rank, call.name)
      before[axis] = pads[i]!
      after[axis] = pads[i + axes.length]!
    }
    return values(call.builder.pad(call.name, call.value(0), before, after, fill))
  },
  Gather: (call) => {
    const [data, indices] = [call.operand(0), call.operand(1)]
    if ('constant' in data && 'value' in indices) {
      if (call.int('axis', 0) !== 0 || data.constant.shape.length !== 2)
        call.fail('unsupported-attribute', `a table of shape [${data.constant.shape}] by rows is supported`)
      return values(call.builder.unary(call.name, indices.value, { op: 'embedding', table: data.constant }))
    }
    return gatherConstant(call)
  },
}

/** ONNX TensorProto.DataType of the floating-point types. */
const FLOAT_TYPES = [1, 10, 11, 16]

/** Casts between float types change nothing here; to whole numbers, only what is whole already may be cast. */
function cast(call: Invocation): Operand {
  const operand = call.operand(0)
  if (FLOAT_TYPES.includes(call.int('to', 0))) return operand
  if ('constant' in operand) {
    const { shape, data } = operand.constant
    return { constant: tensor(shape, data.map(Math.trunc)) }
  }
  if (call.builder.isWhole(operand.value)) return operand
  return call.fail('unsupported-attribute', `to = ${call.int('to', 0)}: rounding inside the network is not supported`)
}

/** Rows of a value at constant positions. */
function gatherConstant(call: Invocation): Operand[] {
  const x = call.value(0)
  const shape = call.builder.shape(x)
  const axis = normaliseAxis(call.int('axis', 0), shape.length, call.name)
  const indices = call.constant(1, 'indices')
  const out = [...shape.slice(0, axis), ...indices.shape, ...shape.slice(axis + 1)]
  const inner = stridesOf(shape)[axis]!
  const outer = elementCount(shape.slice(0, axis))
  const map: number[] = []
  for (let o = 0; o < outer; o++)
    for (const each of indices.data) {
      const at = normaliseAxis(each, shape[axis]!, call.name)
      for (let i = 0; i < inner; i++) map.push((o * shape[axis]! + at) * inner + i)
    }
  return values(call.builder.select(call.name, x, Int32Array.from(map), out))
}

/** Reshape's rules: 0 copies the input's dimension, one −1 takes what is left. */
function reshaped(call: Invocation, wanted: readonly number[], from: readonly number[]): Operand[] {
  const shape = wanted.map((dimension, axis) => {
    if (dimension !== 0) return dimension
    return from[axis] ?? call.fail('malformed-file', `shape [${wanted}] copies axis ${axis}, which [${from}] lacks`)
  })
  const open = shape.indexOf(-1)
  if (open >= 0) shape[open] = elementCount(from) / -elementCount(shape)
  if (
    shape.some((dimension) => !Number.isInteger(dimension) || dimension < 1) ||
    elementCount(shape) !== elementCount(from)
  )
    call.fail('dynamic-shape', `[${from}] cannot be reshaped to [${wanted}] with a batch of 1`)
  return values(call.builder.reshape(call.name, call.value(0), shape))
}

/** ONNX's clamping of starts and ends, which differs for negative steps. */
function sliceRange(start: number, end: number, step: number, length: number): [number, number] {
  const wrap = (at: number): number => (at < 0 ? at + length : at)
  const clamp = (at: number, low: number, high: number): number => Math.min(Math.max(at, low), high)
  return step > 0
    ? [clamp(wrap(start), 0, length), clamp(wrap(end), 0, length)]
    : [clamp(wrap(start), 0, length - 1), clamp(wrap(end), -1, length - 1)]
}

// SPDX-License-Identifier: GPL-3.0-or-later
// Operators that only move elements about: an index map of the first input, whatever its type.
import { elementCount } from '../../graph/program.ts'
import {
  broadcastMap,
  broadcastShape,
  checkedCount,
  identityMap,
  stridedMap,
  stridesOf,
  transposeMap,
} from '../../graph/tensor.ts'
import { typeOf } from './check.ts'
import { GATHER_HANDLERS } from './gather.ts'
import type { Handler, Invocation } from './invocation.ts'
import type { Operand, Result } from './operand.ts'
import { padded } from './padding.ts'
import { single } from './single.ts'
import { sliced, split } from './slicing.ts'
import { isFloat } from './types.ts'

export const MOVEMENT_HANDLERS: Readonly<Record<string, Handler>> = {
  ...GATHER_HANDLERS,
  Identity: (call) => [same(call.operand(0))],
  Concat: (call) => [concatenated(call)],
  Reshape: (call) => {
    const from = call.shape(0)
    const wanted = call.integers(1, 'shape')
    return [reshaped(call, wanted, from, call.flag('allowzero', false))]
  },
  Flatten: (call) => {
    const from = call.shape(0)
    const axis = call.int('axis', 1)
    const split = axis < 0 && call.schema.since >= 11 ? axis + from.length : axis
    if (split < 0 || split > from.length)
      call.fail('malformed-file', `axis ${axis} is outside a tensor of ${from.length} axes`)
    return [toShape(call, [elementCount(from.slice(0, split)), elementCount(from.slice(split))])]
  },
  Squeeze: (call) => {
    const from = call.shape(0)
    const given = call.listOf('axes', 1)
    const axes = given === null ? null : call.axes(given, from.length)
    const wrong = axes?.find((axis) => from[axis] !== 1)
    if (wrong !== undefined) call.fail('malformed-file', `axis ${wrong} of [${from}] has length ${from[wrong]}, not 1`)
    return [
      toShape(
        call,
        from.filter((length, axis) => (axes === null ? length !== 1 : !axes.includes(axis))),
      ),
    ]
  },
  Unsqueeze: (call) => {
    const shape = [...call.shape(0)]
    const given = call.listOf('axes', 1)
    if (given === null) return call.fail('malformed-file', 'axes are missing')
    const axes = call.axes(given, shape.length + given.length)
    for (const axis of axes.sort((a, b) => a - b)) shape.splice(axis, 0, 1)
    return [toShape(call, shape)]
  },
  Transpose: (call) => {
    const shape = call.shape(0)
    const rank = shape.length
    const permutation = call.ints('perm') ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis)
    if ([...permutation].sort((a, b) => a - b).some((axis, i) => axis !== i) || permutation.length !== rank)
      call.fail('malformed-file', `perm [${permutation}] is not a permutation of ${rank} axes`)
    const to = permutation.map((axis) => shape[axis]!)
    return [call.move(call.operand(0), transposeMap(shape, permutation), to)]
  },
  Expand: (call) => {
    const from = call.shape(0)
    const shape = broadcastShape(from, requireShape(call, call.integers(1, 'shape')), call.name)
    return [call.move(call.operand(0), broadcastMap(from, shape), shape)]
  },
  Tile: (call) => {
    const from = call.shape(0)
    const repeats = requireShape(call, call.integers(1, 'repeats'))
    if (repeats.length !== from.length)
      call.fail('malformed-file', `repeats [${repeats}] where ${from.length} numbers are needed`)
    const shape = from.map((length, axis) => length * repeats[axis]!)
    checkedCount(shape, call.name)
    const strides = stridesOf(from)
    const interleaved = from.flatMap((length, axis) => [repeats[axis]!, length])
    const steps = from.flatMap((_, axis) => [0, strides[axis]!])
    return [call.move(call.operand(0), stridedMap(interleaved, steps, 0), shape)]
  },
  Slice: (call) => [sliced(call)],
  Split: (call) => split(call),
  Pad: (call) => [padded(call)],
  Trilu: (call) => {
    const shape = call.shape(0)
    if (shape.length < 2) call.fail('malformed-file', `input [${shape}]; at least 2 axes are needed`)
    const k = call.has(1) ? single(call, 1, 'k') : 0
    const upper = call.flag('upper', true)
    const [rows, columns] = shape.slice(-2) as [number, number]
    const map = identityMap(elementCount(shape)).map((i) => {
      const distance = (i % columns) - (Math.floor(i / columns) % rows)
      return (upper ? distance >= k : distance <= k) ? i : -1
    })
    return [call.move(call.operand(0), map, shape)]
  },
  DepthToSpace: (call) => {
    const [batch, channels, height, width, size] = blocks(call)
    const depth = channels / size ** 2
    if (!Number.isInteger(depth)) call.fail('malformed-file', `blocksize ${size} does not divide ${channels} channels`)
    const mode = call.string('mode', 'DCR')
    if (mode !== 'DCR' && mode !== 'CRD') call.fail('malformed-file', `mode ${mode}; DCR or CRD is needed`)
    const plane = height * width
    const [block, channel] = mode === 'DCR' ? [depth * plane, plane] : [plane, size * size * plane]
    const map = stridedMap(
      [batch, depth, height, size, width, size],
      [channels * plane, channel, width, size * block, 1, block],
      0,
    )
    return [call.move(call.operand(0), map, [batch, depth, height * size, width * size])]
  },
  SpaceToDepth: (call) => {
    const [batch, channels, height, width, size] = blocks(call)
    if (height % size !== 0 || width % size !== 0)
      call.fail('malformed-file', `blocksize ${size} does not divide ${height} × ${width}`)
    const plane = height * width
    const map = stridedMap(
      [batch, size, size, channels, height / size, width / size],
      [channels * plane, width, 1, plane, size * width, size],
      0,
    )
    return [call.move(call.operand(0), map, [batch, channels * size * size, height / size, width / size])]
  },
}

function blocks(call: Invocation): [number, number, number, number, number] {
  const shape = call.shape(0)
  const size = call.int('blocksize', 0)
  if (shape.length !== 4 || size < 1) call.fail('malformed-file', `input [${shape}] with blocksize ${size}`)
  return [...(shape as [number, number, number, number]), size]
}

function same(operand: Operand): Result {
  return 'constant' in operand ? { constant: operand.constant, type: operand.constant.type } : operand
}

function requireShape(call: Invocation, shape: readonly number[]): readonly number[] {
  const wrong = shape.find((dimension) => dimension < 0)
  if (wrong !== undefined) call.fail('malformed-file', `[${shape}] holds ${wrong}; numbers of at least 0 are needed`)
  return shape
}

function toShape(call: Invocation, shape: readonly number[]): Result {
  const operand = call.operand(0)
  if ('constant' in operand) {
    const { data, type } = operand.constant
    return { constant: { shape, data }, type }
  }
  return { ...operand, value: call.builder.reshape(call.name, operand.value, shape) }
}

/** Reshape's rules: 0 copies the input's dimension unless `allowZero`, one −1 takes the remaining elements. */
function reshaped(call: Invocation, wanted: readonly number[], from: readonly number[], allowZero: boolean): Result {
  const fail = (why: string): never =>
    call.fail('dynamic-shape', `[${from}] cannot be reshaped to [${wanted}] with a batch of 1: ${why}`)
  if (allowZero && wanted.includes(0) && wanted.includes(-1)) fail('0 and −1 do not go together with allowzero')
  const shape = wanted.map((dimension, axis) => {
    if (dimension !== 0 || allowZero) return dimension
    return from[axis] ?? call.fail('malformed-file', `shape [${wanted}] copies axis ${axis}, which [${from}] lacks`)
  })
  if (shape.filter((dimension) => dimension === -1).length > 1) fail('more than one −1')
  const open = shape.indexOf(-1)
  const rest = elementCount(shape.filter((_, axis) => axis !== open))
  if (open >= 0) shape[open] = rest === 0 ? fail('−1 together with a 0') : elementCount(from) / rest
  if (shape.some((dimension) => !Number.isInteger(dimension) || dimension < 0)) fail('its dimensions do not divide')
  if (elementCount(shape) !== elementCount(from)) fail('the numbers of elements differ')
  return toShape(call, shape)
}

function concatenated(call: Invocation): Result {
  const operands = call.operands()
  if (operands.length !== call.node.input.length) call.fail('malformed-file', 'an input is missing')
  const shapes = operands.map((operand) => call.shapeOf(operand))
  const rank = shapes[0]!.length
  const axis = call.axis(call.int('axis', 0), rank)
  const shape = [...shapes[0]!]
  shape[axis] = shapes.reduce((sum, each) => sum + (each[axis] ?? 0), 0)
  if (shapes.some((each) => each.length !== rank || each.some((length, i) => i !== axis && length !== shape[i])))
    call.fail(
      'malformed-file',
      `shapes ${shapes.map((each) => `[${each}]`).join(', ')} cannot be joined along axis ${axis}`,
    )
  const pieces = operands.filter((_, i) => elementCount(shapes[i]!) > 0)
  if (pieces.some((piece) => 'value' in piece)) {
    // Skip pieces without elements.
    const computed = pieces.flatMap((piece) => ('value' in piece ? [piece] : []))
    const only = pieces.length === computed.length
    const cast = computed.find((piece) => piece.cast !== null)?.cast ?? null
    if (!only && !isFloat(typeOf(pieces[0]!)))
      call.fail('unsupported-attribute', 'it joins whole numbers that the network moves with constants')
    if (pieces.length === 1) return computed[0]!
    const names = pieces.map((piece) => call.asValue(piece))
    const value = call.builder.nary(call.name, names, { op: 'concat', axis })
    return { value, moved: only && computed.every((piece) => piece.moved), cast }
  }
  const data = new Float64Array(checkedCount(shape, call.name))
  const outer = elementCount(shape.slice(0, axis))
  let at = 0
  for (let o = 0; o < outer; o++)
    for (const piece of pieces as { constant: { shape: readonly number[]; data: Float64Array } }[]) {
      const block = elementCount(piece.constant.shape.slice(axis))
      data.set(piece.constant.data.subarray(o * block, (o + 1) * block), at)
      at += block
    }
  return { constant: { shape, data } }
}

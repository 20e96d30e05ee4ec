// SPDX-License-Identifier: GPL-3.0-or-later
// Slice and Split: parts of a tensor, by strides.
import { stridedMap, stridesOf } from '../../graph/tensor.ts'
import { typeOf } from './check.ts'
import type { Invocation } from './invocation.ts'
import type { Result } from './operand.ts'

export function sliced(call: Invocation): Result {
  const shape = call.shape(0)
  const starts = call.listOf('starts', 1)
  const ends = call.listOf('ends', 2)
  if (starts === null || ends === null) return call.fail('malformed-file', 'starts or ends are missing')
  const given = call.listOf('axes', 3) ?? starts.map((_, i) => i)
  const steps = (call.has(4) ? call.integers(4, 'steps') : null) ?? starts.map(() => 1)
  for (const [what, list] of Object.entries({ ends, axes: given, steps }))
    if (list.length !== starts.length)
      call.fail('malformed-file', `${what} [${list}] where ${starts.length} numbers are needed`)
  const axes = call.axes(given, shape.length)
  const strides = stridesOf(shape)
  const step = [...strides]
  const lengths = [...shape]
  let from = 0
  for (const [i, axis] of axes.entries()) {
    if (steps[i] === 0) call.fail('malformed-file', `steps [${steps}] holds 0`)
    const [start, stop] = sliceRange(starts[i]!, ends[i]!, steps[i]!, shape[axis]!)
    lengths[axis] = Math.max(0, Math.ceil((stop - start) / steps[i]!))
    from += start * strides[axis]!
    // A step past the end is taken once: it may be as large as an integer gets.
    step[axis] = lengths[axis]! > 1 ? steps[i]! * strides[axis]! : 0
  }
  return call.move(call.operand(0), stridedMap(lengths, step, from), lengths)
}

/** ONNX's clamping of starts and ends, which differs for negative steps. */
function sliceRange(start: number, end: number, step: number, length: number): [number, number] {
  const wrap = (at: number): number => (at < 0 ? at + length : at)
  const clamp = (at: number, low: number, high: number): number => Math.min(Math.max(at, low), high)
  return step > 0
    ? [clamp(wrap(start), 0, length), clamp(wrap(end), 0, length)]
    : [clamp(wrap(start), 0, length - 1), clamp(wrap(end), -1, length - 1)]
}

export function split(call: Invocation): Result[] {
  const shape = call.shape(0)
  const axis = call.axis(call.int('axis', 0), shape.length)
  const length = shape[axis]!
  const parts = call.node.output.length
  const given = call.listOf('split', 1)
  const stated = call.hasAttribute('num_outputs') ? call.int('num_outputs', 0) : null
  if (stated !== null && (given !== null || stated !== parts))
    call.fail(
      'malformed-file',
      given === null ? `num_outputs ${stated} where ${parts} outputs are named` : 'both split and num_outputs',
    )
  if (given === null && stated === null && call.schema.since >= 18)
    call.fail('malformed-file', 'neither split nor num_outputs is given')
  const even = Math.ceil(length / parts)
  if (given === null && length % parts !== 0 && call.schema.since < 18)
    call.fail('malformed-file', `${parts} outputs do not divide axis ${axis} of length ${length}`)
  const sizes = given ?? Array.from({ length: parts }, (_, i) => Math.max(0, Math.min(even, length - i * even)))
  if (sizes.length !== parts || sizes.some((size) => size < 0) || sizes.reduce((a, b) => a + b, 0) !== length)
    call.fail('malformed-file', `split [${sizes}] of axis ${axis} of length ${length} into ${parts} outputs`)
  const strides = stridesOf(shape)
  let start = 0
  return sizes.map((size, i) => {
    const lengths = shape.map((each, at) => (at === axis ? size : each))
    const from = start * strides[axis]!
    start += size
    const operand = call.operand(0)
    // Unnamed empty pieces are skipped, so that they do not make the others fail.
    if (size === 0 && ('value' in operand || call.node.output[i] === ''))
      return { constant: { shape: lengths, data: new Float64Array(0) }, type: typeOf(operand) }
    return call.move(operand, stridedMap(lengths, strides, from), lengths)
  })
}

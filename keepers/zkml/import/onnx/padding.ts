// SPDX-License-Identifier: GPL-3.0-or-later
// Pad: by a constant, or by what lies at the edge.
import { cropMap } from '../../graph/builder.ts'
import { elementCount } from '../../graph/program.ts'
import { checkedCount, identityMap, stridesOf } from '../../graph/tensor.ts'
import type { Invocation } from './invocation.ts'
import type { Result } from './operand.ts'
import { single } from './single.ts'
import { isFloat, TYPE } from './types.ts'

export function padded(call: Invocation): Result {
  const mode = call.string('mode', 'constant')
  if (mode !== 'constant' && mode !== 'reflect' && mode !== 'edge')
    call.fail('unsupported-attribute', `mode ${mode}; constant, reflect and edge are supported`)
  const operand = call.operand(0)
  const shape = call.shapeOf(operand)
  const rank = shape.length
  const pads = call.listOf('pads', 1)
  if (pads === null) return call.fail('malformed-file', 'pads are missing')
  const fill = call.has(2) ? single(call, 2, 'value') : call.float('value', 0, true)
  if (!Number.isFinite(fill)) call.fail('not-finite', `its value is ${fill}; a finite number is needed`)
  const axes = call.has(3) ? call.axes(call.integers(3, 'axes'), rank) : Array.from({ length: rank }, (_, axis) => axis)
  if (pads.length !== axes.length * 2)
    call.fail('malformed-file', `pads [${pads}] where ${axes.length * 2} numbers are needed`)
  const before = new Array<number>(rank).fill(0)
  const after = new Array<number>(rank).fill(0)
  for (const [i, axis] of axes.entries()) {
    before[axis] = pads[i]!
    after[axis] = pads[i + axes.length]!
  }
  const to = shape.map((length, axis) => length + before[axis]! + after[axis]!)
  if (to.some((length) => length < 0)) call.fail('malformed-file', `pads [${pads}] take more than [${shape}] has`)
  checkedCount(to, call.name)
  if (mode === 'constant') {
    const map = cropMap(shape, before, to)
    if (map.includes(-1) && 'value' in operand && !isFloat(operand.type))
      call.fail('unsupported-attribute', `it pads whole numbers that the network moves with ${fill}`)
    return call.move(operand, map, to, fill)
  }
  if ('value' in operand && operand.type === TYPE.bool) call.fail('unsupported-attribute', `mode ${mode} of bool`)
  return call.move(operand, mirrorMap(call, shape, before, to, mode), to)
}

/** `reflect` mirrors without repeating the edge, `edge` repeats it. */
function mirrorMap(
  call: Invocation,
  shape: readonly number[],
  before: readonly number[],
  to: readonly number[],
  mode: 'reflect' | 'edge',
): Int32Array {
  const places = to.map((length, axis) => {
    const n = shape[axis]!
    const reach = Math.max(before[axis]!, length - before[axis]! - n)
    if (n === 0 && length > 0) call.fail('malformed-file', `mode ${mode} of axis ${axis}, which has no elements`)
    if (mode === 'reflect' && reach >= n && reach > 0)
      call.fail('unsupported-attribute', `mode reflect by ${reach} along axis ${axis} of length ${n}`)
    return Array.from({ length }, (_, i) => {
      const at = i - before[axis]!
      if (mode === 'edge') return Math.min(n - 1, Math.max(0, at))
      return at < 0 ? -at : at >= n ? 2 * (n - 1) - at : at
    })
  })
  const [strides, outStrides] = [stridesOf(shape), stridesOf(to)]
  return identityMap(elementCount(to)).map((i) =>
    to.reduce(
      (sum, length, axis) => sum + places[axis]![Math.floor(i / outStrides[axis]!) % length]! * strides[axis]!,
      0,
    ),
  )
}

// SPDX-License-Identifier: GPL-3.0-or-later
// Attention masks: −∞ is added, or put in, where a Softmax is to leave something out. It never becomes a number here.
import { broadcastMap, broadcastShape, sameShape, scalar, tensor } from '../../graph/tensor.ts'
import type { Invocation } from './invocation.ts'
import type { Result } from './operand.ts'
import type { Constant } from './tensors.ts'

/** x + m for a constant m that holds −∞: adds the finite elements and marks the others. Null where no operand is such a constant. */
export function masked(call: Invocation): Result[] | null {
  const [left, right] = [call.operand(0), call.operand(1)]
  const constant = 'constant' in right ? right.constant : 'constant' in left ? left.constant : null
  const computed = 'value' in left ? left : 'value' in right ? right : null
  if (constant === null || computed === null || !constant.data.includes(Number.NEGATIVE_INFINITY)) return null
  const finite = constant.data.map((value) => (value === Number.NEGATIVE_INFINITY ? 0 : value))
  const shape = requireSameShape(call, constant, call.builder.shape(computed.value))
  const value = finite.every((each) => each === 0)
    ? computed.value
    : call.builder.affine(call.name, computed.value, scalar(1), tensor(constant.shape, finite))
  const map = broadcastMap(constant.shape, shape)
  const mask = Float64Array.from(map, (at) => (constant.data[at] === Number.NEGATIVE_INFINITY ? 1 : 0))
  return [{ value, masked: { shape, data: mask, type: constant.type } }]
}

/** Where one side is −∞ and the other one computed. */
export function maskedWhere(call: Invocation, condition: Constant): Result[] | null {
  for (const side of [1, 2] as const) {
    const [operand, other] = [call.operand(side), call.operand(3 - side)]
    if (!('constant' in operand) || !('value' in other)) continue
    if (!operand.constant.data.every((value) => value === Number.NEGATIVE_INFINITY)) continue
    const shape = requireSameShape(call, condition, call.builder.shape(other.value))
    requireSameShape(call, operand.constant, shape)
    const map = broadcastMap(condition.shape, shape)
    const mask = Float64Array.from(map, (at) => ((condition.data[at] !== 0) === (side === 1) ? 1 : 0))
    return [{ value: other.value, masked: { shape, data: mask, type: operand.constant.type } }]
  }
  return null
}

/** The shape itself, which a mask must broadcast to. */
function requireSameShape(call: Invocation, mask: Constant, shape: readonly number[]): readonly number[] {
  if (!sameShape(broadcastShape(mask.shape, shape, call.name), shape))
    call.fail('unsupported-attribute', `a mask [${mask.shape}] over scores [${shape}]; it must not be the larger one`)
  return shape
}

// SPDX-License-Identifier: GPL-3.0-or-later
// Operators that take a tensor together along axes: sums, means, the index of the largest.
import { elementCount } from '../../graph/program.ts'
import { largest } from '../compose.ts'
import { reduceConstant } from './arithmetic.ts'
import { placeOf } from './choice.ts'
import { requireComputable } from './computable.ts'
import type { Handler, Invocation } from './invocation.ts'
import { type Result, values } from './operand.ts'
import { isFloat, typeName } from './types.ts'
import { boundsOf, summedBounds } from './whole.ts'

export const REDUCTION_HANDLERS: Readonly<Record<string, Handler>> = {
  ReduceSum: reduce,
  ReduceMean: reduce,
  ReduceMax: reduce,
  ReduceMin: reduce,
  ReduceProd: reduce,
  ArgMax: (call) => argument(call, 1),
  ArgMin: (call) => argument(call, -1),
}

/** Without axes, or with an empty list of them, all; unless the node says that none is meant. */
export function axesOf(call: Invocation, rank: number): number[] | null {
  const list = call.listOf('axes', 1)
  if (list !== null && list.length > 0) return call.axes(list, rank)
  return call.flag('noop_with_empty_axes', false) ? null : Array.from({ length: rank }, (_, i) => i)
}

function reduce(call: Invocation): Result[] {
  const { opType } = call.node
  const operand = call.operand(0)
  const shape = call.shapeOf(operand)
  const axes = axesOf(call, shape.length)
  const keepDims = call.flag('keepdims', true)
  if ('constant' in operand) {
    const { constant } = operand
    if (axes === null) return [{ constant }]
    if (!isFloat(constant.type) && constant.type === 9)
      call.fail('unsupported-attribute', `constants of ${typeName(9)}`)
    return [{ constant: reduceConstant(call, opType, constant, axes, keepDims) }]
  }
  if (axes === null) return [operand]
  const { builder, name } = call
  const sums = opType === 'ReduceSum' ? summedBounds(operand, shape, axes) : null
  if (sums !== null)
    return [{ value: builder.unary(name, operand.value, { op: 'reduce', kind: 'sum', axes, keepDims }), bounds: sums }]
  requireComputable(call)
  switch (opType) {
    case 'ReduceSum':
    case 'ReduceMean': {
      const kind = opType === 'ReduceSum' ? 'sum' : 'mean'
      return values(builder.unary(name, operand.value, { op: 'reduce', kind, axes, keepDims }))
    }
    case 'ReduceMax':
      return values(largest(builder, name, operand.value, axes, keepDims))
    case 'ReduceMin': {
      const minus = builder.affineScalar(`${name}.minus`, operand.value, -1, 0)
      return values(builder.affineScalar(`${name}.least`, largest(builder, name, minus, axes, keepDims), -1, 0))
    }
    default:
      return call.fail('unsupported-operator', 'a product over axes is supported for constants only')
  }
}

function argument(call: Invocation, sign: 1 | -1): Result[] {
  const operand = call.operand(0)
  const shape = call.shapeOf(operand)
  const axis = call.axis(call.int('axis', 0), shape.length)
  const last = call.flag('select_last_index', false)
  const keepDims = call.flag('keepdims', true)
  const to = keepDims ? shape.map((length, i) => (i === axis ? 1 : length)) : shape.filter((_, i) => i !== axis)
  if ('constant' in operand) {
    const { data } = operand.constant
    const [length, inner] = [shape[axis]!, elementCount(shape.slice(axis + 1))]
    if (data.length === 0) call.fail('malformed-file', `[${shape}] has no elements to choose from`)
    const found = Float64Array.from({ length: data.length / length }, (_, o) => {
      const at = (k: number): number => sign * data[(Math.floor(o / inner) * length + k) * inner + (o % inner)]!
      let best = 0
      for (let k = 1; k < length; k++) if (at(k) > at(best) || (last && at(k) === at(best))) best = k
      return best
    })
    return [{ constant: { shape: to, data: found } }]
  }
  if (operand.bounds === undefined) requireComputable(call)
  const { builder, name } = call
  const length = shape[axis]!
  const bounds = boundsOf(elementCount(to), 0, length - 1)
  if (last || length === 1 || length !== elementCount(shape)) {
    const index = placeOf(call, operand.value, axis, sign === -1, last)
    return [{ value: builder.reshape(`${name}.index`, index, to), bounds }]
  }
  const flat = builder.reshape(`${name}.scores`, operand.value, [elementCount(shape)])
  const scores = sign === 1 ? flat : builder.fixedScalar(`${name}.minus`, flat, -1, 0)
  const index = builder.unary(name, scores, { op: 'argmax' })
  const classes = Array.from({ length: shape[axis]! }, (_, k) => k)
  return [{ value: builder.reshape(`${name}.index`, index, to), label: { scores, classes }, bounds }]
}

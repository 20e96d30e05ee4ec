// SPDX-License-Identifier: GPL-3.0-or-later
// Matrix products: with a constant on either side, or of two computed matrices.
import { elementCount } from '../../graph/program.ts'
import {
  broadcastShape,
  checkedCount,
  sameShape,
  scalar,
  stridedMap,
  stridesOf,
  take,
  tensor,
  transposeMap,
} from '../../graph/tensor.ts'
import type { Tensor, ValueName } from '../../graph/types.ts'
import { binary } from './elementwise.ts'
import type { Handler, Invocation } from './invocation.ts'
import { type Operand, values } from './operand.ts'

export const MATRIX_HANDLERS: Readonly<Record<string, Handler>> = {
  Gemm: (call) => {
    const [left, right] = [call.operand(0), call.operand(1)]
    for (const [i, operand] of [left, right].entries())
      if (call.shapeOf(operand).length !== 2)
        call.fail('malformed-file', `input ${i} has shape [${call.shapeOf(operand)}]; a matrix is needed`)
    const a = call.flag('transA', false) ? transposed(call, left) : left
    const b = call.flag('transB', false) ? transposed(call, right) : right
    const alpha = call.float('alpha', 1)
    const product = multiplied(call, a, b)
    const scaled = alpha === 1 ? product : call.builder.affineScalar(`${call.name}.alpha`, product, alpha, 0)
    if (!call.has(2)) return values(scaled)
    const beta = call.float('beta', 1)
    const bias = call.operand(2)
    const shape = call.builder.shape(product)
    if (!sameShape(broadcastShape(shape, call.shapeOf(bias), call.name), shape))
      call.fail('malformed-file', `C [${call.shapeOf(bias)}] does not broadcast to the product [${shape}]`)
    if ('constant' in bias) return values(call.builder.affine(call.name, scaled, scalar(1), times(bias.constant, beta)))
    const addend = beta === 1 ? bias.value : call.builder.affineScalar(`${call.name}.beta`, bias.value, beta, 0)
    return binary(call, 'add', { ...bias, value: scaled }, { ...bias, value: addend })
  },
  MatMul: (call) => values(multiplied(call, call.operand(0), call.operand(1))),
}

function times(constant: Tensor, factor: number): Tensor {
  return tensor(
    constant.shape,
    constant.data.map((value) => value * factor),
  )
}

function swapped(rank: number): number[] {
  const axes = Array.from({ length: rank }, (_, i) => i)
  return [...axes.slice(0, -2), axes[rank - 1]!, axes[rank - 2]!]
}

/** The last two axes exchanged. */
function transposed(call: Invocation, operand: Operand): Operand {
  const shape = call.shapeOf(operand)
  const permutation = swapped(shape.length)
  const to = permutation.map((axis) => shape[axis]!)
  if ('value' in operand)
    return { ...operand, value: call.builder.transpose(`${call.name}.transposed`, operand.value, permutation) }
  const { constant } = operand
  return { constant: { ...take(constant, transposeMap(shape, permutation), to), type: constant.type } }
}

/** a · b by NumPy's rules: lists count as a row on the left and as a column on the right, and stacks broadcast. */
function multiplied(call: Invocation, a: Operand, b: Operand): ValueName {
  const [left, right] = [call.shapeOf(a), call.shapeOf(b)]
  if (left.length === 0 || right.length === 0) call.fail('malformed-file', `a product of [${left}] and [${right}]`)
  if (left.at(-1) !== (right.at(-2) ?? right[0]))
    call.fail(
      'shape-mismatch',
      `[${left}] and [${right}] do not multiply: ${left.at(-1)} columns, ${right.at(-2) ?? right[0]} rows`,
    )
  if ('constant' in b && 'value' in a && flatMatrix(right)) return byRows(call, a.value, b.constant)
  if ('constant' in a && 'value' in b && flatMatrix(left)) return fromLeft(call, a.constant, b.value)
  return stacked(call, call.asValue(a), call.asValue(b))
}

/** Whether all axes but the last two have length 1. */
function flatMatrix(shape: readonly number[]): boolean {
  return elementCount(shape.slice(0, -2)) === 1
}

/** x · w with constant w. */
function byRows(call: Invocation, x: ValueName, weights: Tensor): ValueName {
  const { builder, name } = call
  const { shape } = weights
  const [rows, columns] = shape.length === 1 ? [shape[0]!, 1] : (shape.slice(-2) as [number, number])
  const product = builder.dense(name, x, tensor([rows, columns], weights.data))
  const given = builder.shape(x)
  const rank = Math.max(given.length, shape.length)
  const front = [...new Array<number>(Math.max(0, rank - Math.max(2, given.length))).fill(1)]
  const to = [...front, ...given.slice(0, -1), ...(shape.length === 1 ? [] : [columns])]
  return builder.reshape(`${name}.product`, product, to)
}

/** w · x with constant w, as (xᵀ · wᵀ)ᵀ. */
function fromLeft(call: Invocation, weights: Tensor, x: ValueName): ValueName {
  const { builder, name } = call
  const { shape } = weights
  const [rows, columns] = shape.length === 1 ? [1, shape[0]!] : (shape.slice(-2) as [number, number])
  const given = builder.shape(x)
  const turned = take(tensor([rows, columns], weights.data), transposeMap([rows, columns], [1, 0]), [columns, rows])
  const rank = given.length
  const columnsFirst = rank < 2 ? x : builder.transpose(`${name}.turned`, x, swapped(rank))
  const product = builder.dense(name, columnsFirst, turned)
  const back = rank < 2 ? product : builder.transpose(`${name}.back`, product, swapped(rank))
  const front = new Array<number>(Math.max(0, shape.length - Math.max(2, rank))).fill(1)
  const kept = [...given.slice(0, -2), ...(shape.length === 1 ? [] : [rows]), ...(rank < 2 ? [] : [given.at(-1)!])]
  return builder.reshape(`${name}.product`, back, [...front, ...kept])
}

/** Two computed operands: every product of the sums is one multiplication, summed over the common axis. */
function stacked(call: Invocation, a: ValueName, b: ValueName): ValueName {
  const { builder, name } = call
  const [left, right] = [builder.shape(a), builder.shape(b)]
  const [full, other] = [left.length === 1 ? [1, ...left] : left, right.length === 1 ? [...right, 1] : right]
  const stack = broadcastShape(full.slice(0, -2), other.slice(0, -2), name)
  const [rows, inner] = full.slice(-2) as [number, number]
  const columns = other.at(-1)!
  const shape = [...stack, rows, columns, inner]
  checkedCount(shape, name)
  const along = (from: readonly number[], steps: (strides: readonly number[]) => number[]): number[] => {
    const strides = stridesOf(from)
    const front = stack.map((_, i) => {
      const at = i - (stack.length - (from.length - 2))
      return at < 0 || from[at] === 1 ? 0 : strides[at]!
    })
    return [...front, ...steps(strides)]
  }
  const rowMap = stridedMap(
    shape,
    along(full, (strides) => [strides.at(-2)!, 0, 1]),
    0,
  )
  const columnMap = stridedMap(
    shape,
    along(other, (strides) => [0, 1, strides.at(-2)!]),
    0,
  )
  const products = builder.nary(
    name,
    [builder.select(`${name}.rows`, a, rowMap, shape), builder.select(`${name}.columns`, b, columnMap, shape)],
    { op: 'binary', kind: 'multiply' },
  )
  const sums = builder.unary(`${name}.sum`, products, {
    op: 'reduce',
    kind: 'sum',
    axes: [shape.length - 1],
    keepDims: false,
  })
  const to = [...stack, ...(left.length === 1 ? [] : [rows]), ...(right.length === 1 ? [] : [columns])]
  return builder.reshape(`${name}.product`, sums, to)
}

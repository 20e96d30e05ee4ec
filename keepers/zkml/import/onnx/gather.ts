// SPDX-License-Identifier: GPL-3.0-or-later
// The Gather family: elements at constant positions, and rows of a constant table at computed ones.
import { elementCount } from '../../graph/program.ts'
import { checkedCount, identityMap, stridesOf } from '../../graph/tensor.ts'
import { gatheredBy, gatheredElements } from './indexed.ts'
import type { Handler, Invocation } from './invocation.ts'
import type { Computed, Result } from './operand.ts'
import type { Constant } from './tensors.ts'
import { isFloat, typeName } from './types.ts'

export const GATHER_HANDLERS: Readonly<Record<string, Handler>> = {
  Gather: (call) => {
    const [data, indices] = [call.operand(0), call.operand(1)]
    if ('value' in indices) {
      const byRows = 'constant' in data && data.constant.shape.length === 2 && call.int('axis', 0) === 0
      if (indices.moved && 'constant' in data) return [lookedUp(call, data.constant, indices)]
      const inTable = byRows && isFloat(data.constant.type) && spansRows(indices, data.constant.shape[0]!)
      return [inTable ? lookedUp(call, data.constant, indices) : gatheredBy(call, data, indices)]
    }
    return [gathered(call, indices.constant)]
  },
  GatherElements: (call) => {
    const computed = call.operand(1)
    if ('value' in computed) return [gatheredElements(call, call.operand(0), computed)]
    const shape = call.shape(0)
    const indices = constantIndices(call)
    const axis = call.axis(call.int('axis', 0), shape.length)
    if (indices.shape.length !== shape.length || indices.shape.some((length, i) => i !== axis && length > shape[i]!))
      call.fail('malformed-file', `indices [${indices.shape}] do not fit [${shape}]`)
    const [strides, own] = [stridesOf(shape), stridesOf(indices.shape)]
    const map = identityMap(indices.data.length).map((i) =>
      indices.shape.reduce((sum, length, at) => {
        const place = at === axis ? position(call, indices.data[i]!, shape[axis]!) : Math.floor(i / own[at]!) % length
        return sum + place * strides[at]!
      }, 0),
    )
    return [call.move(call.operand(0), map, indices.shape)]
  },
  GatherND: (call) => {
    const shape = call.shape(0)
    const indices = constantIndices(call)
    const batch = call.int('batch_dims', 0)
    if (batch !== 0) call.fail('unsupported-attribute', `batch_dims = ${batch}; 0 is supported`)
    const depth = indices.shape.at(-1) ?? 0
    if (depth < 1 || depth > shape.length) call.fail('malformed-file', `indices [${indices.shape}] of data [${shape}]`)
    const rest = shape.slice(depth)
    const strides = stridesOf(shape)
    const block = elementCount(rest)
    const to = [...indices.shape.slice(0, -1), ...rest]
    const map = new Int32Array(checkedCount(to, call.name))
    for (let i = 0; i * depth < indices.data.length; i++) {
      let at = 0
      for (let d = 0; d < depth; d++) at += position(call, indices.data[i * depth + d]!, shape[d]!) * strides[d]!
      for (let j = 0; j < block; j++) map[i * block + j] = at + j
    }
    return [call.move(call.operand(0), map, to)]
  },
}

/** Whether indices lie inside a table, and a look-up in all of it costs less than sums over what each can be. */
function spansRows({ bounds }: Computed, rows: number): boolean {
  if (bounds === undefined || bounds.most.some((most) => most >= rows)) return false
  return bounds.least.every((least, i) => least >= 0 && 2 * (bounds.most[i]! - least + 1) > rows)
}

function constantIndices(call: Invocation): Constant {
  return call.constant(1, 'indices')
}

/** An index counted from the front. */
function position(call: Invocation, index: number, length: number): number {
  const at = index < 0 ? index + length : index
  if (!Number.isInteger(at) || at < 0 || at >= length)
    call.fail('malformed-file', `index ${index} is outside an axis of length ${length}`)
  return at
}

/** Elements of a value or a constant at constant positions along an axis. */
function gathered(call: Invocation, indices: Constant): Result {
  const shape = call.shape(0)
  const axis = call.axis(call.int('axis', 0), shape.length)
  const to = [...shape.slice(0, axis), ...indices.shape, ...shape.slice(axis + 1)]
  const map = new Int32Array(checkedCount(to, call.name))
  const inner = elementCount(shape.slice(axis + 1))
  const outer = elementCount(shape.slice(0, axis))
  const places = Array.from(indices.data, (index) => position(call, index, shape[axis]!))
  let at = 0
  for (let o = 0; o < outer; o++)
    for (const place of places) for (let i = 0; i < inner; i++) map[at++] = (o * shape[axis]! + place) * inner + i
  return call.move(call.operand(0), map, to)
}

/** Rows of a table, chosen by the network's input or by an index that lies inside. */
function lookedUp(call: Invocation, table: Constant, indices: { value: string }): Result {
  if (call.int('axis', 0) !== 0 || table.shape.length !== 2)
    call.fail('unsupported-attribute', `a table of shape [${table.shape}] by rows is supported`)
  if (!isFloat(table.type)) call.fail('unsupported-attribute', `a table of ${typeName(table.type)}`)
  call.requireFinite(table.data, 'table')
  const { type } = table
  return { value: call.builder.unary(call.name, indices.value, { op: 'embedding', table }), type }
}

// SPDX-License-Identifier: GPL-3.0-or-later
// Updates of a tensor at constant places: elements that stay, and elements that are put in their place or added to them.
import { elementCount } from '../../graph/program.ts'
import { checkedCount, identityMap, stridesOf } from '../../graph/tensor.ts'
import type { Handler, Invocation } from './invocation.ts'
import { requireExact } from './logic.ts'
import type { Operand, Result } from './operand.ts'
import type { Constant } from './tensors.ts'
import { isFloat, rounded, TYPE, typeName } from './types.ts'

export const SCATTER_HANDLERS: Readonly<Record<string, Handler>> = {
  ScatterElements: (call) => [scattered(call, elementPlaces(call))],
  // The operator's first name, without a reduction.
  Scatter: (call) => [scattered(call, elementPlaces(call))],
  ScatterND: (call) => [scattered(call, blockPlaces(call))],
}

/** Where each update goes, of ScatterElements: where it is, with its index along the axis. */
function elementPlaces(call: Invocation): Int32Array {
  const shape = call.shape(0)
  const indices = call.constant(1, 'indices')
  const own = indices.shape
  const axis = call.axis(call.int('axis', 0), shape.length)
  if (own.length !== shape.length || own.some((length, i) => i !== axis && length > shape[i]!))
    call.fail('malformed-file', `indices [${own}] do not fit [${shape}]`)
  requireShape(call, own)
  const [strides, steps] = [stridesOf(shape), stridesOf(own)]
  return identityMap(elementCount(own)).map((i) =>
    own.reduce((sum, length, at) => {
      const place = at === axis ? position(call, indices, i, shape[axis]!) : Math.floor(i / steps[at]!) % length
      return sum + place * strides[at]!
    }, 0),
  )
}

/** Where each update goes, of ScatterND: blocks, each with the place of its first element. */
function blockPlaces(call: Invocation): Int32Array {
  const shape = call.shape(0)
  const indices = call.constant(1, 'indices')
  const depth = indices.shape.at(-1) ?? 0
  if (depth < 1 || depth > shape.length) call.fail('malformed-file', `indices [${indices.shape}] of data [${shape}]`)
  const rest = shape.slice(depth)
  const own = [...indices.shape.slice(0, -1), ...rest]
  requireShape(call, own)
  const strides = stridesOf(shape)
  const block = elementCount(rest)
  const places = new Int32Array(checkedCount(own, call.name))
  for (let i = 0; i * depth < indices.data.length; i++) {
    let start = 0
    for (let d = 0; d < depth; d++) start += position(call, indices, i * depth + d, shape[d]!) * strides[d]!
    for (let j = 0; j < block; j++) places[i * block + j] = start + j
  }
  return places
}

function requireShape(call: Invocation, own: readonly number[]): void {
  const found = call.shape(2)
  if (found.length !== own.length || found.some((length, i) => length !== own[i]))
    call.fail('malformed-file', `updates [${found}] where the indices say [${own}]`)
}

function position(call: Invocation, { data }: Constant, at: number, length: number): number {
  const index = data[at]!
  const place = index < 0 ? index + length : index
  if (!Number.isInteger(place) || place < 0 || place >= length)
    call.fail('malformed-file', `index ${index} is outside an axis of length ${length}`)
  return place
}

function scattered(call: Invocation, places: Int32Array): Result {
  const reduction = call.hasAttribute('reduction') ? call.string('reduction', 'none') : 'none'
  const [data, updates] = [call.operand(0), call.operand(2)]
  const count = elementCount(call.shape(0))
  /** The updates of each place, in their order. */
  const found = new Map<number, number[]>()
  for (const [i, place] of places.entries()) found.set(place, [...(found.get(place) ?? []), i])
  const twice = [...found].find(([, each]) => each.length > 1)
  if (reduction === 'none' && twice !== undefined)
    call.fail('malformed-file', `two updates go to element ${twice[0]}, and it does not say which one stays`)
  if (!['none', 'add', 'mul', 'min', 'max'].includes(reduction))
    call.fail('malformed-file', `reduction = ${reduction}; none, add, mul, min or max is needed`)
  if ('constant' in data && 'constant' in updates)
    return { constant: combined(call, reduction, data.constant, updates.constant, found) }
  if (reduction === 'none') return placed(call, data, updates, count, found)
  if (reduction !== 'add')
    return call.fail('unsupported-attribute', `reduction = ${reduction} of computed values; none and add are supported`)
  return added(call, data, updates, count, found)
}

/** Constants are put together now, in their own type. */
function combined(
  call: Invocation,
  reduction: string,
  data: Constant,
  updates: Constant,
  found: ReadonlyMap<number, readonly number[]>,
): Constant {
  const { type } = data
  if (reduction !== 'none' && !isFloat(type))
    call.fail('unsupported-attribute', `reduction = ${reduction} of ${typeName(type)}`)
  const numbers = Float64Array.from(data.data)
  const compute: Record<string, (a: number, b: number) => number> = {
    ...{ none: (_, b) => b, add: (a, b) => a + b, mul: (a, b) => a * b, min: Math.min, max: Math.max },
  }
  for (const [place, each] of found)
    for (const i of each)
      numbers[place] = isFloat(type)
        ? rounded(compute[reduction]!(numbers[place]!, updates.data[i]!), type)
        : updates.data[i]!
  return { shape: data.shape, data: numbers, type }
}

/** Concatenates data and updates, then picks each element of the result from its place in that list. */
function placed(
  call: Invocation,
  data: Operand,
  updates: Operand,
  count: number,
  found: ReadonlyMap<number, readonly number[]>,
): Result {
  const [a, b] = [flat(call, data, 0), flat(call, updates, 2)]
  const joined = call.apply('Concat', [a, b], { axis: 0 })[0]!
  const map = identityMap(count).map((i) => (found.has(i) ? count + found.get(i)![0]! : i))
  return call.move(joined, map, call.shape(0))
}

/** Each element with the updates that go to it: sums of the architecture. */
function added(
  call: Invocation,
  data: Operand,
  updates: Operand,
  count: number,
  found: ReadonlyMap<number, readonly number[]>,
): Result {
  const type = 'value' in data ? data.type : data.constant.type
  if (!isFloat(type)) call.fail('unsupported-attribute', `reduction = add of ${typeName(type)}, which would wrap`)
  const joined = call.apply('Concat', [flat(call, data, 0), flat(call, updates, 2)], { axis: 0 })[0]! as {
    value: string
  }
  call.builder.requireTerms(call.name, count + elementCount(call.shape(2)))
  const rows = Array.from({ length: count }, (_, i) =>
    [i, ...(found.get(i) ?? []).map((update) => count + update)].map((at) => [at, 1] as const),
  )
  const value = call.builder.linear(call.name, joined.value, rows, new Array<number>(count).fill(0), call.shape(0))
  return { value, type }
}

function flat(call: Invocation, operand: Operand, index: number): Operand {
  requireExact(call, index)
  if ('value' in operand && operand.type === TYPE.bool && operand.bounds === undefined)
    call.fail('unsupported-attribute', 'booleans that somebody gives')
  return call.apply('Reshape', [operand, { constant: { type: TYPE.int64, shape: [1], data: Float64Array.of(-1) } }])[0]!
}

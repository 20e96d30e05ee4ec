// SPDX-License-Identifier: GPL-3.0-or-later
// The element at a computed index, as a sum over all possible places.
import { elementCount } from '../../graph/program.ts'
import { checkedCount, stridesOf } from '../../graph/tensor.ts'
import type { ValueName } from '../../graph/types.ts'
import type { Invocation } from './invocation.ts'
import { equals } from './logic.ts'
import type { Computed, Operand, Result } from './operand.ts'
import { isFloat, isInteger, TYPE, typeName } from './types.ts'

/** For each index its candidates, the places that it can be, one after the other, with 1 where it is that place. */
type Places = { readonly hot: ValueName; readonly starts: Int32Array; readonly least: Float64Array }

/** @throws CompileError where an index may lie outside an axis of `length` elements */
function placesOf(call: Invocation, index: Computed, length: number): Places {
  const { bounds } = index
  if (bounds === undefined || bounds.least.some((least) => least < 0) || bounds.most.some((most) => most >= length))
    return call.fail(
      'unsupported-attribute',
      `its indices are computed and may lie outside an axis of ${length}; supported are indices of an ArgMax or a TopK over no more elements, and sums of them and of comparisons`,
    )
  const { least, most } = bounds
  const starts = new Int32Array(least.length + 1)
  for (let i = 0; i < least.length; i++) starts[i + 1] = starts[i]! + most[i]! - least[i]! + 1
  const count = starts[least.length]!
  call.builder.requireTerms(call.name, count)
  const owner = Int32Array.from(
    Array.from(least, (_, i) => new Array<number>(starts[i + 1]! - starts[i]!).fill(i)).flat(),
  )
  const hot = equals(
    call,
    index.value,
    { shape: [count], data: Float64Array.from(owner, (i, at) => least[i]! + at - starts[i]!) },
    owner,
  )
  return { hot, starts, least }
}

/** Of a gathered element: which index says where it comes from, and where in the data place 0 and the next one are. */
type Source = { readonly index: number; readonly start: number; readonly step: number }

/** out[o, i…, r] = Σ_j [index[i…] = j] · data[o, j, r] */
export function gatheredBy(call: Invocation, data: Operand, index: Computed): Result {
  const shape = call.shapeOf(data)
  const axis = call.axis(call.int('axis', 0), shape.length)
  const length = shape[axis]!
  const own = call.builder.shape(index.value)
  const count = elementCount(own)
  const inner = elementCount(shape.slice(axis + 1))
  const to = [...shape.slice(0, axis), ...own, ...shape.slice(axis + 1)]
  return summed(call, data, placesOf(call, index, length), to, (at) => {
    const [o, r] = [Math.floor(at / (inner * count)), at % inner]
    return { index: Math.floor(at / inner) % count, start: o * length * inner + r, step: inner }
  })
}

/** out[p] = Σ_j [index[p] = j] · data[p with j along the axis] */
export function gatheredElements(call: Invocation, data: Operand, index: Computed): Result {
  const shape = call.shapeOf(data)
  const own = call.builder.shape(index.value)
  const axis = call.axis(call.int('axis', 0), shape.length)
  if (own.length !== shape.length || own.some((length, i) => i !== axis && length > shape[i]!))
    call.fail('malformed-file', `indices [${own}] do not fit [${shape}]`)
  const [strides, steps] = [stridesOf(shape), stridesOf(own)]
  return summed(call, data, placesOf(call, index, shape[axis]!), own, (p) => {
    const start = own.reduce((sum, n, a) => sum + (a === axis ? 0 : Math.floor(p / steps[a]!) % n) * strides[a]!, 0)
    return { index: p, start, step: strides[axis]! }
  })
}

/** Each element as the sum of its candidates; all but one are multiplied by 0. */
function summed(
  call: Invocation,
  data: Operand,
  { hot, starts, least }: Places,
  to: readonly number[],
  source: (at: number) => Source,
): Result {
  const { builder, name } = call
  const chosen: number[] = []
  const from: number[] = []
  const ends = Array.from({ length: checkedCount(to, name) }, (_, at) => {
    const { index, start, step } = source(at)
    const candidates = starts[index + 1]! - starts[index]!
    builder.requireTerms(name, chosen.length + candidates)
    for (let k = 0; k < candidates; k++) {
      chosen.push(starts[index]! + k)
      from.push(start + (least[index]! + k) * step)
    }
    return chosen.length
  })
  const rows = <T>(term: (at: number) => T): T[][] =>
    ends.map((end, i) => {
      const start = i === 0 ? 0 : ends[i - 1]!
      return Array.from({ length: end - start }, (_, k) => term(start + k))
    })
  const zeros = new Array<number>(ends.length).fill(0)
  if ('constant' in data && !isFloat(data.constant.type)) {
    // Whole numbers stay exact: they are not weights.
    const { data: numbers, type } = data.constant
    if (type !== TYPE.bool && !isInteger(type)) call.fail('unsupported-attribute', `a table of ${typeName(type)}`)
    const wide = numbers.find((value) => !Number.isSafeInteger(value))
    if (wide !== undefined)
      call.fail('unsupported-attribute', `its data hold ${wide}; whole numbers up to 2^53 are supported`)
    const value = builder.linear(
      name,
      hot,
      rows((at) => [chosen[at]!, numbers[from[at]!]!] as const),
      zeros,
      to,
    )
    const candidates = rows((at) => numbers[from[at]!]!)
    const bounds = {
      least: Float64Array.from(candidates, (row) => row.reduce((a, b) => Math.min(a, b))),
      most: Float64Array.from(candidates, (row) => row.reduce((a, b) => Math.max(a, b))),
    }
    return { value, type, bounds }
  }
  if ('constant' in data) call.requireFinite(data.constant.data, 'data')
  const shape = [chosen.length]
  const type = 'constant' in data ? data.constant.type : data.type
  const gates = builder.select(`${name}.gates`, hot, Int32Array.from(chosen), shape)
  const gated =
    'constant' in data
      ? builder.affine(
          name,
          gates,
          { shape, data: Float64Array.from(from, (at) => data.constant.data[at]!) },
          { shape: [], data: Float64Array.of(0) },
        )
      : builder.nary(name, [gates, builder.select(`${name}.data`, data.value, Int32Array.from(from), shape)], {
          op: 'binary',
          kind: 'gate',
        })
  return {
    value: builder.linear(
      `${name}.sum`,
      gated,
      rows((at) => [at, 1] as const),
      zeros,
      to,
    ),
    type,
  }
}

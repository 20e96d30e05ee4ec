// SPDX-License-Identifier: GPL-3.0-or-later
// Steps of random graphs that compare, choose and count: their bits and indices go on as such, or are cast back to numbers.
import type { Drawing, Entry, Step } from './random-drawing.ts'
import { broadcast, size } from './random-drawing.ts'

export const CHOICES: readonly Step[] = [
  compare,
  compare,
  logic,
  logic,
  whereComputed,
  sign,
  place,
  place,
  topK,
  oneHot,
  gatherBy,
  gatherElementsBy,
  equalPlaces,
  wholeSum,
  wholeSum,
  runningSum,
]

function of(d: Drawing, type: 'bool' | 'int64', fits: (entry: Entry) => boolean = () => true): Entry | null {
  const found = d.entries.filter((entry) => entry.computed && entry.type === type && fits(entry))
  return found.length === 0 ? null : d.random.pick(found)
}

/** Whether values that are equal stay so: interpolation makes neighbours of them that differ in the last bit. */
function isExact(d: Drawing): boolean {
  return d.nodes.every(({ attributes }) => attributes?.mode !== 'linear')
}

function asNumbers(d: Drawing, entry: Entry): void {
  if (d.chance(0.6)) d.emit('Cast', [entry], { to: 1 }, entry.shape)
}

function compare(d: Drawing): void {
  if (!isExact(d)) return
  const x = d.value()!
  const op = d.random.pick(['Less', 'LessOrEqual', 'Greater', 'GreaterOrEqual'])
  if (d.opset < (op.endsWith('Equal') ? 12 : 9)) return
  const other = d.chance(0.4) ? d.value()! : d.constant(d.partner(x.shape))
  const [left, right] = d.chance(0.5) ? [x, other] : [other, x]
  asNumbers(d, d.emit(op, [left, right], {}, broadcast(left.shape, right.shape), 'bool'))
}

function logic(d: Drawing): void {
  const [a, b] = [of(d, 'bool'), of(d, 'bool')]
  if (a === null || b === null) return
  const op = d.random.pick(['And', 'Or', 'Xor', 'Not'])
  if (op === 'Not') asNumbers(d, d.emit(op, [a], {}, a.shape, 'bool'))
  else {
    const shape = d.partner(a.shape)
    const other =
      d.chance(0.5) && fitting(a.shape, b.shape)
        ? b
        : d.known({ shape, data: Array.from({ length: size(shape) }, () => d.random.int(0, 1)), type: 'bool' })
    const both = d.chance(0.5) ? [a, other] : [other, a]
    asNumbers(d, d.emit(op, both, {}, broadcast(a.shape, other.shape), 'bool'))
  }
}

function fitting(a: readonly number[], b: readonly number[]): boolean {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, i) => [a[i - rank + a.length] ?? 1, b[i - rank + b.length] ?? 1]).every(
    ([m, n]) => m === n || m === 1 || n === 1,
  )
}

function whereComputed(d: Drawing): void {
  const condition = of(d, 'bool')
  if (condition === null || d.opset < 9) return
  const operand = (): Entry => {
    const value = d.value((shape) => fitting(shape, condition.shape))
    return value !== null && d.chance(0.6) ? value : d.constant(d.partner(condition.shape))
  }
  const [x, y] = [operand(), operand()]
  if (!fitting(x.shape, y.shape)) return
  d.emit('Where', [condition, x, y], {}, [condition.shape, x.shape, y.shape].reduce(broadcast))
}

function sign(d: Drawing): void {
  if (!isExact(d)) return
  const x = d.value()!
  if (d.opset >= 9) d.emit('Sign', [x], {}, x.shape)
}

function place(d: Drawing): void {
  if (!isExact(d)) return
  const x = d.value((shape) => shape.length > 0)
  if (x === null) return
  const axis = d.random.int(0, x.shape.length - 1)
  const keepdims = d.random.int(0, 1)
  const last = d.opset >= 12 && d.chance(0.4) ? { select_last_index: 1 } : {}
  const given = d.opset >= 11 && d.chance(0.3) ? axis - x.shape.length : axis
  const shape = keepdims === 1 ? x.shape.map((n, i) => (i === axis ? 1 : n)) : x.shape.filter((_, i) => i !== axis)
  const op = d.random.pick(['ArgMax', 'ArgMin'])
  asNumbers(d, { ...d.emit(op, [x], { axis: given, keepdims, ...last }, shape, 'int64') })
}

function topK(d: Drawing): void {
  if (!isExact(d)) return
  const x = d.value((shape) => shape.length > 0 && size(shape) <= 120)
  if (x === null || d.opset < 11) return
  const axis = d.random.int(0, x.shape.length - 1)
  const k = d.random.int(1, x.shape[axis]!)
  const shape = x.shape.map((length, i) => (i === axis ? k : length))
  const outputs = d.emit('TopK', [x, d.integers([k])], { axis, largest: d.random.int(0, 1) }, shape)
  const places = d.second(outputs, shape, 'int64')
  if (d.chance(0.4)) asNumbers(d, places)
}

function oneHot(d: Drawing): void {
  const index = of(d, 'int64', ({ shape }) => size(shape) <= 40)
  if (index === null || d.opset < 9) return
  const depth = d.random.int(1, 5)
  const axis = d.random.int(0, index.shape.length)
  const values = d.known({
    shape: [2],
    data: d.random.pick([
      [0, 1],
      [0.5, -1.5],
    ]),
  })
  const shape = [...index.shape.slice(0, axis), depth, ...index.shape.slice(axis)]
  const given = axis === index.shape.length && d.chance(0.5) ? {} : { axis }
  d.emit('OneHot', [index, d.known({ shape: [1], data: [depth], type: 'int64' }), values], given, shape)
}

function gatherBy(d: Drawing): void {
  const index = of(d, 'int64', ({ shape }) => size(shape) <= 20)
  if (index === null) return
  const most = 8
  const data = d.chance(0.5)
    ? d.constant(d.random.pick([[most, 2], [most], [2, most]]))
    : d.value((shape) => shape.length > 0 && size(shape) <= 40)
  if (data === null) return
  const axis = d.random.int(0, data.shape.length - 1)
  const shape = [...data.shape.slice(0, axis), ...index.shape, ...data.shape.slice(axis + 1)]
  if (shape.length <= 5) d.emit('Gather', [data, index], { axis }, shape)
}

function gatherElementsBy(d: Drawing): void {
  const index = of(d, 'int64', ({ shape }) => shape.length > 0 && size(shape) <= 40)
  if (index === null || d.opset < 11) return
  const data = d.value((shape) => shape.length === index.shape.length && shape.every((n, i) => n >= index.shape[i]!))
  if (data !== null)
    d.emit('GatherElements', [data, index], { axis: d.random.int(0, data.shape.length - 1) }, index.shape)
}

function equalPlaces(d: Drawing): void {
  const a = of(d, 'int64')
  if (a === null || d.opset < 11) return
  const b = of(d, 'int64', ({ shape }) => fitting(shape, a.shape))
  const other = b !== null && d.chance(0.6) ? b : d.known({ shape: [1], data: [d.random.int(0, 2)], type: 'int64' })
  asNumbers(d, d.emit('Equal', [a, other], {}, broadcast(a.shape, other.shape), 'bool'))
}

/** Sums and multiples of places and bits, which stay whole numbers. */
function wholeSum(d: Drawing): void {
  const bits = d.chance(0.5) ? of(d, 'bool') : null
  const a = bits === null ? of(d, 'int64') : d.emit('Cast', [bits], { to: 7 }, bits.shape, 'int64')
  if (a === null) return
  const op = d.random.pick(['Add', 'Sub', 'Mul'])
  const b = op === 'Mul' ? null : of(d, 'int64', ({ shape }) => fitting(shape, a.shape))
  const shape = d.partner(a.shape)
  const data = Array.from({ length: size(shape) }, () => d.random.int(-1, 3))
  const other = b !== null && d.chance(0.5) ? b : d.known({ shape, data, type: 'int64' })
  const [left, right] = d.chance(0.5) ? [a, other] : [other, a]
  asNumbers(d, d.emit(op, [left, right], {}, broadcast(a.shape, other.shape), 'int64'))
}

function runningSum(d: Drawing): void {
  const x = d.value((shape) => shape.length > 0)
  if (x === null || d.opset < 11) return
  const axis = d.random.int(0, x.shape.length - 1)
  const at = d.known({ shape: [], data: [axis], type: 'int64' })
  d.emit('CumSum', [x, at], { exclusive: d.random.int(0, 1), reverse: d.random.int(0, 1) }, x.shape)
}

// SPDX-License-Identifier: GPL-3.0-or-later
// Steps of random graphs: functions, arithmetic and limits, element by element.
import type { Attribute } from './onnx-file.ts'
import { broadcast, type Drawing, type Step, size } from './random-drawing.ts'

export const ELEMENTWISE: readonly Step[] = [
  unary,
  unary,
  arithmetic,
  arithmetic,
  variadic,
  variadic,
  clip,
  where,
  power,
  prelu,
]

const UNARY: readonly [string, (drawing: Drawing) => Record<string, Attribute>, number?][] = [
  ['Relu', () => ({})],
  ['LeakyRelu', ({ random }) => ({ alpha: { float: random.pick([0.01, 0.5, -0.5, 2]) } })],
  ['Sigmoid', () => ({})],
  ['Tanh', () => ({})],
  ['HardSigmoid', ({ random }) => ({ alpha: { float: random.pick([0.2, 0.5]) }, beta: { float: 0.4 } })],
  ['HardSwish', () => ({}), 14],
  ['Neg', () => ({})],
  ['Abs', () => ({})],
  ['Identity', () => ({})],
  ['Dropout', () => ({})],
  ['Log', () => ({})],
  ['Reciprocal', () => ({})],
  ['Softsign', () => ({})],
  ['Selu', () => ({})],
  ['Sin', () => ({})],
  ['Cos', () => ({})],
  ['Atan', () => ({})],
  ['Sinh', () => ({}), 9],
  ['Asinh', () => ({}), 9],
  ['Tan', () => ({})],
  ['Asin', () => ({})],
  ['Acos', () => ({})],
  ['Acosh', () => ({}), 9],
  ['Atanh', () => ({}), 9],
  ['Celu', ({ random }) => ({ alpha: { float: random.pick([0.3, 2]) } }), 12],
  ['ThresholdedRelu', ({ random }) => ({ alpha: { float: random.pick([0, 1]) } }), 10],
  ['Elu', () => ({})],
  ['Softplus', () => ({})],
  ['Exp', () => ({})],
  ['Sqrt', () => ({})],
  ['Erf', () => ({}), 9],
  ['Gelu', () => ({}), 20],
]

function unary(d: Drawing): void {
  const [op, attributes, since = 1] = d.random.pick(UNARY)
  const x = d.value()
  if (x !== null && d.opset >= since) d.emit(op, [x], attributes(d), x.shape)
}

function arithmetic(d: Drawing): void {
  const x = d.value()!
  const op = d.random.pick(['Add', 'Sub', 'Mul', 'Div'])
  const drawn = d.chance(0.3) ? d.value()! : null
  // x / x is 1 to the last bit in some runtimes only, and what follows may ask which 1 is the largest.
  const other = drawn === null || (op === 'Div' && drawn === x) ? d.constant(d.partner(x.shape), 0.3, 2) : drawn
  const [left, right] = d.chance(0.5) ? [x, other] : [other, x]
  d.emit(op, [left, right], {}, broadcast(left.shape, right.shape))
}

function variadic(d: Drawing): void {
  const x = d.value()!
  const count = d.random.int(1, 4)
  const operands = [x]
  for (let i = 1; i < count; i++) operands.push(d.chance(0.3) ? x : d.constant(d.partner(x.shape)))
  const order = operands.sort(() => d.random.next() - 0.5)
  const shape = order.map((entry) => entry.shape).reduce(broadcast)
  d.emit(d.random.pick(['Min', 'Max', 'Sum', 'Mean']), order, {}, shape)
}

function clip(d: Drawing): void {
  const x = d.value()!
  const [low, high] = [
    d.random.pick([-1, 0, -3.4e38, Number.NEGATIVE_INFINITY]),
    d.random.pick([0.5, 6, Number.POSITIVE_INFINITY, -2]),
  ]
  if (d.opset < 11) d.emit('Clip', [x], { min: { float: low }, max: { float: high } }, x.shape)
  else {
    const limits = [low, high].map((value) => (d.chance(0.2) ? null : d.known({ shape: [], data: [value] })))
    d.emit('Clip', [x, ...limits], {}, x.shape)
  }
}

function where(d: Drawing): void {
  if (d.opset < 9) return
  const x = d.value()!
  const shape = d.partner(x.shape)
  const condition = d.known({
    shape,
    data: Array.from({ length: size(shape) }, () => d.random.int(0, 1)),
    type: 'bool',
  })
  const other = d.chance(0.4) ? d.value()! : d.constant(d.partner(x.shape))
  const both = d.chance(0.5) ? [x, other] : [other, x]
  d.emit('Where', [condition, ...both], {}, [shape, x.shape, other.shape].reduce(broadcast))
}

function power(d: Drawing): void {
  const x = d.value()!
  const exponent = d.known({ shape: d.random.pick([[], [1]]), data: [d.random.pick([1, 2, 3, 0.5])] })
  d.emit('Pow', [x, exponent], {}, broadcast(x.shape, exponent.shape))
}

function prelu(d: Drawing): void {
  const x = d.value()!
  const shape = d.partner(x.shape)
  if (shape.length <= x.shape.length) d.emit('PRelu', [x, d.constant(shape, -1, 1)], {}, x.shape)
}

// SPDX-License-Identifier: GPL-3.0-or-later
// Random ONNX graphs of any operator that the importer knows: odd shapes, element types, constants on every side, limits that
// files hold and exporters rarely write. Most are valid; what is not must be refused by name.
import type { Random } from '../random.ts'
import type { Attribute, ElementType, Model } from './onnx-file.ts'
import { CHOICES } from './random-choices.ts'
import { broadcast, Drawing, type Entry, type Step, size } from './random-drawing.ts'
import { LAYERS } from './random-layers.ts'
import { QUANTISED } from './random-quantised.ts'

/** A graph of 1 to 4 operators. */
export function randomOperators(random: Random): Model {
  const opset = random.pick([8, 9, 11, 12, 13, 15, 17, 18, 19, 20])
  const shape = random.pick([
    [1, random.int(1, 6)],
    [random.int(2, 3), random.int(1, 5)],
    [1, random.int(1, 4), random.int(1, 7)],
    [1, random.int(1, 4), random.int(2, 7), random.int(1, 7)],
    [1, random.pick([4, 8]), random.int(1, 4), random.int(1, 4)],
    [random.int(2, 5)],
  ])
  const drawing = new Drawing(random, opset, shape)
  const steps = random.int(1, 4)
  // Three graphs in ten compare and choose, mostly by what they have just computed; others grow images, go through sequences, or round.
  const way = random.next()
  const special = way < 0.3 ? CHOICES : way < 0.5 ? LAYERS : way < 0.6 ? QUANTISED : null
  for (let i = 0; i < (special === CHOICES ? steps + 2 : steps); i++)
    random.pick(special !== null && random.next() < 0.7 ? special : STEPS)(drawing)
  if (random.next() < 0.1) random.pick(LAST)(drawing)
  const output = drawing.entries.filter((entry) => entry.computed).at(-1)!
  if (output.name === 'x') {
    drawing.emit('Identity', [output], {}, output.shape)
    return { ...finished(drawing, shape), output: drawing.entries.at(-1)!.name }
  }
  return { ...finished(drawing, shape), output: output.name }
}

function finished({ opset, nodes, constants }: Drawing, shape: readonly number[]): Omit<Model, 'output'> {
  return { opset, input: { name: 'x', shape }, nodes, constants }
}

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
  ['Celu', ({ random }) => ({ alpha: { float: random.pick([0.3, 2]) } }), 12],
  ['ThresholdedRelu', ({ random }) => ({ alpha: { float: random.pick([0, 1]) } }), 10],
  ['Elu', () => ({})],
  ['Softplus', () => ({})],
  ['Exp', () => ({})],
  ['Sqrt', () => ({})],
  ['Erf', () => ({}), 9],
  ['Gelu', () => ({}), 20],
]

const STEPS: readonly Step[] = [
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
  matmul,
  matmul,
  gemm,
  convolution,
  convolution,
  pool,
  pool,
  pool,
  globalPool,
  batchNorm,
  reduction,
  reduction,
  reshape,
  flatten,
  squeeze,
  transpose,
  expand,
  tile,
  slice,
  slice,
  split,
  pad,
  pad,
  gather,
  gatherElements,
  trilu,
  blocks,
  concatenate,
  concatenate,
  folded,
  folded,
  folded,
  casts,
]

const LAST: readonly Step[] = [argMax, softmax]

function unary(d: Drawing): void {
  const [op, attributes, since = 1] = d.random.pick(UNARY)
  const x = d.value()
  if (x !== null && d.opset >= since) d.emit(op, [x], attributes(d), x.shape)
}

function arithmetic(d: Drawing): void {
  const x = d.value()!
  const op = d.random.pick(['Add', 'Sub', 'Mul', 'Div'])
  const other = d.chance(0.3) ? d.value()! : d.constant(d.partner(x.shape), 0.3, 2)
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

function matmul(d: Drawing): void {
  const x = d.value((shape) => shape.length > 0)
  if (x === null) return
  const inner = x.shape.at(-1)!
  if (d.chance(0.5)) {
    const columns = d.random.int(1, 4)
    const w = d.constant(d.random.pick([[inner, columns], [inner], [1, inner, columns], [2, inner, columns]]))
    if (w.shape.length === 3 && x.shape.length > 3) return
    const stack = broadcast(x.shape.slice(0, -2), w.shape.slice(0, -2))
    d.emit('MatMul', [x, w], {}, [...stack, ...x.shape.slice(-2, -1), ...(w.shape.length > 1 ? [columns] : [])])
  } else if (d.chance(0.7)) {
    const rows = d.random.int(1, 4)
    const own = x.shape.length === 1 ? inner : x.shape.at(-2)!
    const w = d.constant(d.random.pick([[rows, own], [own]]))
    const front = w.shape.length > 1 ? [rows] : []
    d.emit('MatMul', [w, x], {}, [...x.shape.slice(0, -2), ...front, ...(x.shape.length > 1 ? [inner] : [])])
  } else if (x.shape.length >= 2) {
    const axes = x.shape.map((_, i) => i)
    const perm = [...axes.slice(0, -2), axes.length - 1, axes.length - 2]
    const turned = d.emit(
      'Transpose',
      [x],
      { perm },
      perm.map((axis) => x.shape[axis]!),
    )
    d.emit('MatMul', [x, turned], {}, [...x.shape.slice(0, -1), x.shape.at(-2)!])
  }
}

function gemm(d: Drawing): void {
  const x = d.value((shape) => shape.length === 2)
  if (x === null) return
  const [transA, transB] = [d.random.int(0, 1), d.random.int(0, 1)]
  const [rows, inner] = transA === 1 ? [x.shape[1]!, x.shape[0]!] : [x.shape[0]!, x.shape[1]!]
  const columns = d.random.int(1, 4)
  const w = d.constant(transB === 1 ? [columns, inner] : [inner, columns])
  const shape = [rows, columns]
  const bias = d.random.pick([
    () => d.constant(d.random.pick([[], [1], [columns], [rows, columns], [rows, 1]])),
    () => null,
  ])()
  const inputs = bias === null && d.opset >= 11 ? [x, w] : [x, w, bias ?? d.constant([columns])]
  const attributes = {
    transA,
    transB,
    alpha: { float: d.random.pick([1, 0.5]) },
    beta: { float: d.random.pick([1, 2]) },
  }
  d.emit('Gemm', inputs, attributes, shape)
}

/** Attributes of a window over `lengths` and the lengths after it, which may be nonsense: the importer's affair. */
function window(
  d: Drawing,
  lengths: readonly number[],
  pool: boolean,
): { kernel: number[]; attributes: Record<string, Attribute>; lengths: number[] } {
  const { random } = d
  const kernel = lengths.map((length) => random.int(1, Math.min(3, length)))
  const strides = lengths.map(() => random.int(1, 3))
  const dilations = lengths.map(() => (d.chance(0.2) ? 2 : 1))
  const attributes: Record<string, Attribute> = {}
  if (d.chance(0.7)) attributes.strides = strides
  else strides.fill(1)
  if (dilations.some((each) => each > 1) && (!pool || d.opset >= 10)) attributes.dilations = dilations
  else dilations.fill(1)
  const ceil = pool && d.opset >= 10 && d.chance(0.4)
  if (ceil) attributes.ceil_mode = 1
  const mode = random.pick(['none', 'pads', 'pads', 'SAME_UPPER', 'SAME_LOWER', 'VALID'])
  if (mode !== 'none' && mode !== 'pads') attributes.auto_pad = mode
  const pads = lengths.flatMap(() => [0, 0]).map(() => (mode === 'pads' ? random.int(0, 2) : 0))
  if (mode === 'pads') attributes.pads = pads
  const after = lengths.map((length, i) => {
    if (mode.startsWith('SAME')) return Math.ceil(length / strides[i]!)
    const room = length + pads[i]! + pads[i + lengths.length]! - (kernel[i]! - 1) * dilations[i]! - 1
    const outputs = (ceil ? Math.ceil(room / strides[i]!) : Math.floor(room / strides[i]!)) + 1
    return ceil && (outputs - 1) * strides[i]! >= length + pads[i]! ? outputs - 1 : outputs
  })
  return { kernel, attributes, lengths: after }
}

const isImage = (shape: readonly number[]): boolean => (shape.length === 3 || shape.length === 4) && shape[0] === 1

function convolution(d: Drawing): void {
  const x = d.value(isImage)
  if (x === null) return
  const channels = x.shape[1]!
  const { kernel, attributes, lengths } = window(d, x.shape.slice(2), false)
  const group = d.chance(0.3) ? channels : 1
  const out = group * d.random.int(1, 3)
  const inputs = [x, d.constant([out, channels / group, ...kernel], -0.6, 0.6)]
  if (d.chance(0.6)) inputs.push(d.constant([out]))
  d.emit('Conv', inputs, { ...attributes, group, ...(d.chance(0.5) ? { kernel_shape: kernel } : {}) }, [
    1,
    out,
    ...lengths,
  ])
}

function pool(d: Drawing): void {
  const x = d.value(isImage)
  if (x === null) return
  const kind = d.random.pick(['MaxPool', 'AveragePool'])
  const { kernel, attributes, lengths } = window(d, x.shape.slice(2), true)
  if (kind === 'AveragePool') {
    if (d.opset < 19) attributes.dilations = []
    if (d.chance(0.5)) attributes.count_include_pad = 1
  }
  const { dilations, ...rest } = attributes
  const kept = Array.isArray(dilations) && dilations.length > 0 ? attributes : rest
  d.emit(kind, [x], { ...kept, kernel_shape: kernel }, [1, x.shape[1]!, ...lengths])
}

function globalPool(d: Drawing): void {
  const x = d.value(isImage)
  if (x === null) return
  const shape = x.shape.map((length, axis) => (axis < 2 ? length : 1))
  d.emit(d.random.pick(['GlobalAveragePool', 'GlobalMaxPool']), [x], {}, shape)
}

function batchNorm(d: Drawing): void {
  const x = d.value((shape) => shape.length >= 2)
  if (x === null) return
  const parts = [0.5, -1, -1, 0.2].map((low) => d.constant([x.shape[1]!], low, 2))
  d.emit('BatchNormalization', [x, ...parts], { epsilon: { float: d.random.pick([1e-5, 0.1]) } }, x.shape)
}

function reduction(d: Drawing): void {
  const x = d.value((shape) => shape.length > 0)!
  if (x === null) return
  const op = d.random.pick(['ReduceSum', 'ReduceMean', 'ReduceMax', 'ReduceMin', 'ReduceL1', 'ReduceLogSumExp'])
  const rank = x.shape.length
  const axes = d.chance(0.2) ? [] : [...new Set([d.random.int(0, rank - 1), d.random.int(0, rank - 1)])]
  const keepdims = d.random.int(0, 1)
  const all = axes.length === 0 ? x.shape.map((_, i) => i) : axes
  const shape =
    keepdims === 1 ? x.shape.map((n, i) => (all.includes(i) ? 1 : n)) : x.shape.filter((_, i) => !all.includes(i))
  const given = axes.map((axis) => (d.opset >= 11 && d.chance(0.3) ? axis - rank : axis))
  const asInput = d.opset >= (op === 'ReduceSum' ? 13 : 18)
  const inputs = asInput && axes.length > 0 ? [x, d.integers(given)] : [x]
  d.emit(op, inputs, { keepdims, ...(asInput || axes.length === 0 ? {} : { axes: given }) }, shape)
}

function reshape(d: Drawing): void {
  const x = d.value()!
  const shape = d.random.pick([[-1], [1, -1], [...x.shape, 1], [-1, 1, 1], [1, ...x.shape], [size(x.shape)]])
  const zero = x.shape.length > 1 && d.chance(0.3) ? [0, -1] : shape
  const open = zero[0] === 0 ? [x.shape[0]!, size(x.shape) / x.shape[0]!] : shape
  const known = size(open.filter((length) => length > 0))
  d.emit(
    'Reshape',
    [x, d.integers(zero)],
    {},
    open.map((length) => (length === -1 ? size(x.shape) / known : length)),
  )
}

function flatten(d: Drawing): void {
  const x = d.value()!
  const axis = d.random.int(0, x.shape.length)
  const given = d.opset >= 11 && axis < x.shape.length && d.chance(0.3) ? axis - x.shape.length : axis
  d.emit('Flatten', [x], { axis: given }, [size(x.shape.slice(0, axis)), size(x.shape.slice(axis))])
}

function squeeze(d: Drawing): void {
  const x = d.value()!
  const ones = x.shape.flatMap((length, axis) => (length === 1 ? [axis] : []))
  const axes = (list: readonly number[]): [Entry[], Record<string, Attribute>] =>
    d.opset >= 13 ? [[d.integers(list)], {}] : [[], { axes: list }]
  if (d.chance(0.5) && ones.length > 0) {
    const axis = d.random.pick(ones)
    const [inputs, attributes] = axes([axis])
    d.emit(
      'Squeeze',
      [x, ...inputs],
      attributes,
      x.shape.filter((_, i) => i !== axis),
    )
  } else if (x.shape.length < 4) {
    const axis = d.random.int(0, x.shape.length)
    const [inputs, attributes] = axes([axis])
    d.emit('Unsqueeze', [x, ...inputs], attributes, [...x.shape.slice(0, axis), 1, ...x.shape.slice(axis)])
  }
}

function transpose(d: Drawing): void {
  const x = d.value()!
  const perm = x.shape.map((_, i) => i)
  if (d.chance(0.2)) d.emit('Transpose', [x], {}, [...x.shape].reverse())
  else {
    for (let i = perm.length - 1; i > 0; i--) {
      const j = d.random.int(0, i)
      ;[perm[i], perm[j]] = [perm[j]!, perm[i]!]
    }
    d.emit(
      'Transpose',
      [x],
      { perm },
      perm.map((axis) => x.shape[axis]!),
    )
  }
}

function expand(d: Drawing): void {
  const x = d.value()!
  const wanted = x.shape.map((length) => (length === 1 ? d.random.int(1, 3) : d.chance(0.3) ? 1 : length))
  const shape = d.chance(0.2) && wanted.length < 4 ? [2, ...wanted] : wanted
  d.emit('Expand', [x, d.integers(shape)], {}, broadcast(x.shape, shape))
}

function tile(d: Drawing): void {
  const x = d.value((shape) => size(shape) < 200)
  if (x === null) return
  const repeats = x.shape.map(() => d.random.int(1, 2))
  d.emit(
    'Tile',
    [x, d.integers(repeats)],
    {},
    x.shape.map((length, i) => length * repeats[i]!),
  )
}

function slice(d: Drawing): void {
  const x = d.value((shape) => shape.length > 0)
  if (x === null || d.opset < 10) return
  const axis = d.random.int(0, x.shape.length - 1)
  const length = x.shape[axis]!
  const step = d.random.pick([1, 1, 2, -1, -2, 1000])
  const [start, end] = [d.random.int(-length - 1, length + 1), d.random.pick([length, -1, 0, 2 ** 40, -(2 ** 40), 1])]
  const wrap = (at: number): number => (at < 0 ? at + length : at)
  const clamp = (at: number, low: number, high: number): number => Math.min(high, Math.max(low, at))
  const [from, to] =
    step > 0
      ? [clamp(wrap(start), 0, length), clamp(wrap(end), 0, length)]
      : [clamp(wrap(start), 0, length - 1), clamp(wrap(end), -1, length - 1)]
  const count = Math.max(0, Math.ceil((to - from) / step))
  if (count === 0) return
  const shape = x.shape.map((n, i) => (i === axis ? count : n))
  const given = d.chance(0.3) ? axis - x.shape.length : axis
  d.emit('Slice', [x, d.integers([start]), d.integers([end]), d.integers([given]), d.integers([step])], {}, shape)
}

function split(d: Drawing): void {
  const x = d.value((shape) => shape.some((length) => length > 1))
  if (x === null) return
  const axis = x.shape.findIndex((length) => length > 1)
  const first = d.random.int(1, x.shape[axis]! - 1)
  const sizes = [first, x.shape[axis]! - first]
  const outputs = [0, 1].map((i) => `s${d.nodes.length}${i}`)
  const inputs = d.opset >= 13 ? [x.name, d.integers(sizes).name] : [x.name]
  d.nodes.push({ op: 'Split', inputs, outputs, attributes: { axis, ...(d.opset >= 13 ? {} : { split: sizes }) } })
  for (const [i, name] of outputs.entries()) {
    const shape = x.shape.map((length, at) => (at === axis ? sizes[i]! : length))
    d.entries.push({ name, shape, type: 'float', computed: true })
  }
}

function pad(d: Drawing): void {
  const x = d.value((shape) => shape.length > 0 && size(shape) < 300)
  if (x === null || d.opset < 11) return
  const mode = d.random.pick(['constant', 'constant', 'reflect', 'edge'])
  const pads = [...x.shape, ...x.shape].map((length) => {
    if (mode === 'reflect') return d.random.int(0, Math.min(2, length - 1))
    return d.random.int(mode === 'constant' && length > 2 ? -1 : 0, 2)
  })
  const rank = x.shape.length
  const inputs = [x, d.integers(pads)]
  if (mode === 'constant' && d.chance(0.5)) inputs.push(d.known({ shape: [], data: [d.random.pick([0, 1.5, -3])] }))
  d.emit(
    'Pad',
    inputs,
    { mode },
    x.shape.map((length, i) => length + pads[i]! + pads[i + rank]!),
  )
}

function gather(d: Drawing): void {
  const x = d.value((shape) => shape.length > 0)
  if (x === null) return
  const axis = d.random.int(0, x.shape.length - 1)
  const length = x.shape[axis]!
  const shape = d.random.pick([[], [2], [1, 2]])
  if (x.shape.length - 1 + shape.length > 5) return
  const low = d.opset >= 11 ? -length : 0
  const indices = d.known({
    shape,
    data: Array.from({ length: size(shape) }, () => d.random.int(low, length - 1)),
    type: d.random.pick(['int64', 'int32']),
  })
  d.emit('Gather', [x, indices], { axis }, [...x.shape.slice(0, axis), ...shape, ...x.shape.slice(axis + 1)])
}

function gatherElements(d: Drawing): void {
  const x = d.value((shape) => shape.length > 0 && size(shape) < 200)
  if (x === null || d.opset < 11) return
  const axis = d.random.int(0, x.shape.length - 1)
  const shape = x.shape.map((length, i) => (i === axis ? d.random.int(1, 3) : length))
  const length = x.shape[axis]!
  const data = Array.from({ length: size(shape) }, () => d.random.int(-length, length - 1))
  d.emit('GatherElements', [x, d.known({ shape, data, type: 'int64' })], { axis }, shape)
}

function trilu(d: Drawing): void {
  const x = d.value((shape) => shape.length >= 2)
  if (x === null || d.opset < 14) return
  const k = d.known({ shape: [], data: [d.random.int(-2, 2)], type: 'int64' })
  d.emit('Trilu', [x, k], { upper: d.random.int(0, 1) }, x.shape)
}

function blocks(d: Drawing): void {
  const x = d.value((shape) => shape.length === 4)
  if (x === null) return
  const [batch, channels, height, width] = x.shape as [number, number, number, number]
  if (channels % 4 === 0) {
    const mode = d.opset >= 11 ? { mode: d.random.pick(['DCR', 'CRD']) } : {}
    d.emit('DepthToSpace', [x], { blocksize: 2, ...mode }, [batch, channels / 4, height * 2, width * 2])
  } else if (height % 2 === 0 && width % 2 === 0)
    d.emit('SpaceToDepth', [x], { blocksize: 2 }, [batch, channels * 4, height / 2, width / 2])
}

function concatenate(d: Drawing): void {
  const x = d.value((shape) => shape.length > 0 && size(shape) < 300)
  if (x === null) return
  const axis = d.random.int(0, x.shape.length - 1)
  const pieces = Array.from({ length: d.random.int(1, 3) }, () => {
    if (d.chance(0.3)) return x
    const length = d.chance(0.2) ? 0 : d.random.int(1, 3)
    return d.constant(x.shape.map((n, i) => (i === axis ? length : n)))
  })
  const parts = [...pieces, x].sort(() => d.random.next() - 0.5)
  const total = parts.reduce((sum, entry) => sum + entry.shape[axis]!, 0)
  const given = d.opset >= 11 && d.chance(0.3) ? axis - x.shape.length : axis
  d.emit(
    'Concat',
    parts,
    { axis: given },
    x.shape.map((n, i) => (i === axis ? total : n)),
  )
}

const WHOLE = ['int32', 'int64'] as const
const NUMBERS: Readonly<Record<string, number>> = {
  float: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  double: 11,
}

/** Arithmetic on constants of a whole or floating-point type, whose result the input is multiplied with. */
function folded(d: Drawing): void {
  const x = d.value()!
  const type = d.random.pick<ElementType>([...WHOLE, ...WHOLE, 'float', 'double'])
  const whole = type === 'int32' || type === 'int64'
  const draw = (): Entry => {
    if (type === 'int64' && d.chance(0.4)) {
      const shape = d.emit('Shape', [x], {}, [x.shape.length], 'int64')
      d.entries.pop()
      const at = d.integers([d.random.int(0, x.shape.length - 1)])
      if (x.shape.length > 0) return last(d, 'Gather', [{ ...shape, computed: false }, at], { axis: 0 }, [1], type)
    }
    const value = whole ? d.random.int(-9, 9) : d.random.next() * 6 - 3
    return d.known({ shape: [1], data: [type === 'float' ? Math.fround(value) : value], type })
  }
  let value = draw()
  for (let i = d.random.int(1, 4); i > 0; i--) {
    const choices = ['Add', 'Sub', 'Mul', 'Div', 'Neg', 'Abs', ...(whole ? ['Mod'] : ['Floor', 'Ceil'])]
    const extremes = d.opset >= 12 || !whole ? ['Min', 'Max'] : []
    const op = d.random.pick([...choices, ...extremes])
    if (op === 'Mod' && d.opset < 10) continue
    if (['Neg', 'Abs', 'Floor', 'Ceil'].includes(op)) value = last(d, op, [value], {}, [1], type)
    else {
      const fmod = op === 'Mod' && d.chance(0.5) ? { fmod: 1 } : {}
      value = last(d, op, d.chance(0.5) ? [value, draw()] : [draw(), value], fmod, [1], type)
    }
  }
  const via = d.random.pick<ElementType | null>([null, 'int32', 'int64', 'bool', 'double'])
  if (via !== null) value = last(d, 'Cast', [value], { to: NUMBERS[via]! }, [1], via)
  const factor = last(d, 'Cast', [value], { to: NUMBERS.float! }, [1], 'float')
  d.emit('Mul', [x, factor], {}, broadcast(x.shape, [1]))
}

/** A node of constants alone: not to be taken as a value of the input. */
function last(
  d: Drawing,
  op: string,
  inputs: readonly Entry[],
  attributes: Record<string, Attribute>,
  shape: readonly number[],
  type: ElementType,
): Entry {
  const entry = d.emit(op, inputs, attributes, shape, type)
  d.entries.pop()
  return entry
}

/** The input through another type and back: only floating-point ones leave it as it is. */
function casts(d: Drawing): void {
  const x = d.value()!
  const via = d.random.pick<ElementType>(['int32', 'int64', 'bool', 'double', 'double', 'uint8'])
  const there = d.emit('Cast', [x], { to: NUMBERS[via]! }, x.shape, via)
  d.emit('Cast', [there], { to: NUMBERS.float! }, x.shape)
}

function argMax(d: Drawing): void {
  const x = d.value((shape) => shape.length > 0)
  if (x === null) return
  const axis = d.random.int(0, x.shape.length - 1)
  const keepdims = d.random.int(0, 1)
  const shape = keepdims === 1 ? x.shape.map((n, i) => (i === axis ? 1 : n)) : x.shape.filter((_, i) => i !== axis)
  d.emit(d.random.pick(['ArgMax', 'ArgMin']), [x], { axis, keepdims }, shape, 'int64')
}

function softmax(d: Drawing): void {
  const x = d.value((shape) => shape.length > 0)
  if (x === null) return
  d.emit(d.random.pick(['Softmax', 'LogSoftmax']), [x], { axis: d.random.int(0, x.shape.length - 1) }, x.shape)
}

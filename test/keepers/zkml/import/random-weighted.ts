// SPDX-License-Identifier: GPL-3.0-or-later
// Steps of random graphs: products, windows, reductions.
import type { Attribute } from './onnx-file.ts'
import { broadcast, type Drawing, type Step } from './random-drawing.ts'

export const WEIGHTED: readonly Step[] = [
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
]

/** What a graph may end in. */
export const LAST: readonly Step[] = [argMax, softmax]

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

// SPDX-License-Identifier: GPL-3.0-or-later
// Steps of random graphs that only move elements.
import type { Attribute } from './onnx-file.ts'
import { broadcast, type Drawing, type Entry, type Step, size } from './random-drawing.ts'

export const MOVEMENT: readonly Step[] = [
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
]

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

// SPDX-License-Identifier: GPL-3.0-or-later
// Steps of random graphs that make images larger, and that go through sequences.
import type { Attribute } from './onnx-file.ts'
import { type Drawing, type Entry, type Step, size } from './random-drawing.ts'

export const LAYERS: readonly Step[] = [convTranspose, convTranspose, resize, resize, upsample, recurrent, recurrent]

const isImage = (shape: readonly number[]): boolean => (shape.length === 3 || shape.length === 4) && shape[0] === 1

function convTranspose(d: Drawing): void {
  const x = d.value((shape) => isImage(shape) && size(shape) < 150)
  if (x === null) return
  const { random } = d
  const [, channels, ...lengths] = x.shape as [number, number, ...number[]]
  const kernel = lengths.map(() => random.int(1, 3))
  const strides = lengths.map(() => random.int(1, 3))
  const dilations = lengths.map(() => (d.chance(0.2) ? 2 : 1))
  const extents = kernel.map((k, i) => (k - 1) * dilations[i]!)
  const pads = [...lengths, ...lengths].map((_, i) =>
    random.int(0, d.chance(0.3) ? extents[i % lengths.length]! : Math.min(1, extents[i % lengths.length]!)),
  )
  const added = strides.map((stride) => (d.chance(0.3) ? random.int(0, stride - 1) : 0))
  const group = d.chance(0.3) ? channels : 1
  const out = random.int(1, 2)
  const attributes: Record<string, Attribute> = { strides, dilations, group }
  const mode = random.pick(['pads', 'pads', 'none', 'SAME_UPPER', 'SAME_LOWER', 'VALID', 'output_shape'])
  if (added.some((each) => each > 0)) attributes.output_padding = added
  const whole = lengths.map((n, i) => (n - 1) * strides[i]! + added[i]! + extents[i]! + 1)
  let after = whole
  if (mode === 'pads') {
    attributes.pads = pads
    after = whole.map((length, i) => length - pads[i]! - pads[i + lengths.length]!)
  } else if (mode === 'output_shape') {
    after = whole.map((length) => Math.max(1, length - random.pick([0, 2])))
    attributes.output_shape = after
  } else if (mode !== 'none') {
    attributes.auto_pad = mode
    if (mode !== 'VALID') after = lengths.map((n, i) => n * strides[i]!)
  }
  if (after.some((length) => length < 1)) return
  const inputs = [x, d.constant([channels, out, ...kernel], -0.6, 0.6)]
  if (d.chance(0.5)) inputs.push(d.constant([out * group]))
  d.emit('ConvTranspose', inputs, attributes, [1, out * group, ...after])
}

const MODES = ['half_pixel', 'pytorch_half_pixel', 'align_corners', 'asymmetric'] as const

function resize(d: Drawing): void {
  const x = d.value((shape) => shape.length === 4 && size(shape) < 150)
  if (x === null || d.opset < 10) return
  const { random } = d
  const kind = random.pick(['nearest', 'nearest', 'linear'])
  const scales = x.shape.map((_, axis) => (axis < 2 ? 1 : random.pick([0.5, 0.6, 1, 1.5, 2, 2.3, 3])))
  const lengths = x.shape.map((n, i) => Math.floor(Math.fround(n * Math.fround(scales[i]!))))
  if (lengths.some((length) => length < 1)) return
  const data = d.known({ shape: [4], data: scales })
  if (d.opset < 11) {
    d.emit('Resize', [x, data], { mode: kind }, lengths)
    return
  }
  const attributes: Record<string, Attribute> = { mode: kind }
  if (d.chance(0.8)) {
    const newer = d.opset >= 19 ? (['half_pixel_symmetric'] as const) : []
    attributes.coordinate_transformation_mode = random.pick([...MODES, ...newer])
  }
  if (d.chance(0.6)) attributes.nearest_mode = random.pick(['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'])
  const roi = d.opset >= 13 ? null : d.known({ shape: [0], data: [] })
  if (d.chance(0.6)) d.emit('Resize', [x, roi, data], attributes, lengths)
  else if (d.opset >= 18 && d.chance(0.5)) {
    const to = [random.int(1, 6), random.int(1, 6)]
    const axes = d.chance(0.5) ? [2, 3] : [-2, -1]
    const sizes = d.integers(to)
    d.emit('Resize', [x, null, null, sizes], { ...attributes, axes }, [...x.shape.slice(0, 2), ...to])
  } else {
    const to = x.shape.map((n, axis) => (axis < 2 ? n : random.int(1, 7)))
    const none = d.opset >= 13 ? null : d.known({ shape: [0], data: [] })
    d.emit('Resize', [x, roi, none, d.integers(to)], attributes, to)
  }
}

function upsample(d: Drawing): void {
  const x = d.value((shape) => shape.length === 4 && size(shape) < 100)
  if (x === null || d.opset > 9) return
  const scales = x.shape.map((_, axis) => (axis < 2 ? 1 : d.random.pick([1, 2, 3, 1.5])))
  const lengths = x.shape.map((n, i) => Math.floor(n * scales[i]!))
  const mode = d.random.pick(['nearest', 'linear'])
  if (d.opset < 9) d.emit('Upsample', [x], { mode, scales: { floats: scales } }, lengths)
  else d.emit('Upsample', [x, d.known({ shape: [4], data: scales })], { mode }, lengths)
}

function recurrent(d: Drawing): void {
  const x = d.value((shape) => size(shape) <= 40 && size(shape) >= 1)
  if (x === null) return
  const { random } = d
  const count = size(x.shape)
  const steps = random.pick([1, 2, 3, 4, 5].filter((n) => count % n === 0))
  const features = count / steps
  const sequence = d.emit('Reshape', [x, d.integers([steps, 1, features])], {}, [steps, 1, features])
  const [op, gates] = random.pick([
    ['RNN', 1],
    ['GRU', 3],
    ['LSTM', 4],
  ] as const)
  const hidden = random.int(1, 3)
  const direction = random.pick(['forward', 'reverse', 'bidirectional'])
  const directions = direction === 'bidirectional' ? 2 : 1
  const inputs: (Entry | null)[] = [
    sequence,
    d.constant([directions, gates * hidden, features], -0.7, 0.7),
    d.constant([directions, gates * hidden, hidden], -0.7, 0.7),
  ]
  const state = [directions, 1, hidden]
  const more: (Entry | null)[] = [
    d.chance(0.6) ? d.constant([directions, 2 * gates * hidden], -0.5, 0.5) : null,
    d.chance(0.2) ? d.integers([steps], 'int32') : null,
    d.chance(0.4) ? d.constant(state, -1, 1) : null,
  ]
  if (op === 'LSTM') {
    more.push(d.chance(0.4) ? d.constant(state, -1, 1) : null)
    more.push(d.chance(0.3) ? d.constant([directions, 3 * hidden], -0.5, 0.5) : null)
  }
  while (more.length > 0 && more.at(-1) === null) more.pop()
  const attributes: Record<string, Attribute> = { hidden_size: hidden, direction }
  if (op === 'GRU' && d.chance(0.5)) attributes.linear_before_reset = 1
  const functions = { RNN: ['Tanh'], GRU: ['Sigmoid', 'Tanh'], LSTM: ['Sigmoid', 'Tanh', 'Tanh'] }[op]
  if (d.chance(0.3)) {
    const own = Array.from({ length: directions }, () => functions.map((name) => (d.chance(0.3) ? 'Relu' : name)))
    attributes.activations = { strings: own.flat() }
  }
  const y = d.emit(op, [...inputs, ...more], attributes, [steps, directions, 1, hidden])
  if (d.chance(0.5)) d.second(y, state, 'float')
}

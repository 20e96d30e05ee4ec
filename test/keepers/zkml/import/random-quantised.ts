// SPDX-License-Identifier: GPL-3.0-or-later
// Steps of random graphs that round to whole numbers and back, and the operators that are fused from such pairs.
import type { ElementType } from './onnx-file.ts'
import { type Drawing, type Entry, type Step, size } from './random-drawing.ts'

export const QUANTISED: readonly Step[] = [pair, pair, constants, matrix, matrix, convolution, integers]

type Whole = { readonly entry: Entry; readonly scale: Entry; readonly zero: Entry; readonly type: ElementType }

function range(type: ElementType): [number, number] {
  return type === 'uint8' ? [0, 255] : [-128, 127]
}

/** A scale and a zero point. */
function grid(d: Drawing, type: ElementType): [Entry, Entry] {
  const scale = d.known({ shape: [], data: [Math.fround(0.005 + d.random.next() * 0.05)] })
  const zero = d.known({ shape: [], data: [type === 'uint8' ? d.random.int(90, 150) : d.random.int(-30, 30)], type })
  return [scale, zero]
}

function rounded(d: Drawing, x: Entry): Whole {
  const type = d.random.pick(['uint8', 'int8'] as const)
  const [scale, zero] = grid(d, type)
  return { entry: d.emit('QuantizeLinear', [x, scale, zero], {}, x.shape, type), scale, zero, type }
}

function weights(d: Drawing, shape: readonly number[], type: ElementType): Entry {
  const [low, high] = range(type)
  return d.known({ shape, data: Array.from({ length: size(shape) }, () => d.random.int(low, high)), type })
}

function back(d: Drawing, entry: Entry, scale: Entry, zero: Entry): void {
  d.emit('DequantizeLinear', [entry, scale, zero], {}, entry.shape)
}

function pair(d: Drawing): void {
  const x = d.value()!
  if (d.opset < 10) return
  const { entry, scale, zero } = rounded(d, x)
  back(d, entry, scale, zero)
}

function constants(d: Drawing): void {
  const x = d.value((shape) => shape.length > 0)
  if (x === null || d.opset < 13) return
  const last = x.shape.at(-1)!
  const type = d.random.pick(['uint8', 'int8', 'int32'] as const)
  const data = Array.from({ length: last }, () => d.random.int(type === 'uint8' ? 0 : -100, 100))
  const each = d.chance(0.5)
  const scale = d.known({ shape: each ? [last] : [], data: d.random.list(each ? last : 1, 0.01, 0.1) })
  const w = d.emit('DequantizeLinear', [d.known({ shape: [last], data, type }), scale], each ? { axis: 0 } : {}, [last])
  d.emit('Mul', [x, w], {}, x.shape)
}

function matrix(d: Drawing): void {
  const x = d.value((shape) => shape.length === 2 && size(shape) < 60)
  if (x === null || d.opset < 10) return
  const a = rounded(d, x)
  const columns = d.random.int(1, 3)
  const shape = [x.shape[0]!, columns]
  // Runtimes lack mixtures of a signed left and an unsigned right side.
  const type = a.type === 'int8' ? 'int8' : d.random.pick(['uint8', 'int8'] as const)
  const b = weights(d, [x.shape[1]!, columns], type)
  const [scale, zero] = grid(d, type)
  const [outScale, outZero] = grid(d, a.type)
  const inputs = [a.entry, a.scale, a.zero, b, scale, zero, outScale, outZero]
  back(d, d.emit('QLinearMatMul', inputs, {}, shape, a.type), outScale, outZero)
}

function convolution(d: Drawing): void {
  const x = d.value((shape) => shape.length === 4 && shape[0] === 1 && size(shape) < 100)
  if (x === null || d.opset < 10) return
  const a = rounded(d, x)
  const [, channels, height, width] = x.shape as [number, number, number, number]
  const kernel = [d.random.int(1, Math.min(2, height)), d.random.int(1, Math.min(3, width))]
  const out = d.random.int(1, 3)
  const type = a.type === 'int8' ? 'int8' : d.random.pick(['uint8', 'int8'] as const)
  const w = weights(d, [out, channels, ...kernel], type)
  const [scale, zero] = grid(d, type)
  const [outScale, outZero] = grid(d, a.type)
  const inputs = [a.entry, a.scale, a.zero, w, scale, zero, outScale, outZero]
  if (d.chance(0.5))
    inputs.push(
      d.known({ shape: [out], data: Array.from({ length: out }, () => d.random.int(-500, 500)), type: 'int32' }),
    )
  const shape = [1, out, height - kernel[0]! + 1, width - kernel[1]! + 1]
  back(d, d.emit('QLinearConv', inputs, {}, shape, a.type), outScale, outZero)
}

function integers(d: Drawing): void {
  const x = d.value((shape) => shape.length === 2 && size(shape) < 60)
  if (x === null || d.opset < 10) return
  const a = rounded(d, x)
  const type = a.type === 'int8' ? 'int8' : d.random.pick(['uint8', 'int8'] as const)
  const columns = d.random.int(1, 3)
  const [, zero] = grid(d, type)
  const b = weights(d, [x.shape[1]!, columns], type)
  const sums = d.emit('MatMulInteger', [a.entry, b, a.zero, zero], {}, [x.shape[0]!, columns], 'int32')
  d.emit('Cast', [sums], { to: 1 }, sums.shape)
}

// SPDX-License-Identifier: GPL-3.0-or-later
// MobileNet v2 and Inception v3 as ONNX files with random weights: their published shapes, every convolution with its batch norm.
// Their output is nonsense; the time to read such a file is not.
import type { Constant, Model, Node } from '../../../test/keepers/zkml/import/onnx-file.ts'

type Pair = readonly [number, number]
type ConvOptions = {
  readonly kernel?: Pair
  readonly stride?: number
  /** Rows and columns of zeros on either side. */
  readonly padding?: Pair
  readonly groups?: number
  readonly activation?: 'Relu' | 'Relu6' | null
}

/** A value on the way through the network, with its channels. */
type Value = { readonly name: string; readonly channels: number }

const CLASSES = 1000

/** Numbers in [−1, 1) from a linear congruence: the same file every time. */
function numbers(count: number, scale: number): Float32Array {
  let state = count
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return scale * (state / 2 ** 31 - 1)
  })
}

class Drawing {
  readonly nodes: Node[] = []
  readonly constants: Record<string, Constant> = {
    zero: { shape: [], data: [0] },
    six: { shape: [], data: [6] },
  }
  #made = 0

  add(op: string, inputs: readonly string[], attributes: Node['attributes'] = {}): string {
    const output = `v${this.#made++}`
    this.nodes.push({ op, inputs, outputs: [output], attributes })
    return output
  }

  constant(shape: readonly number[], data: Constant['data']): string {
    const name = `c${this.#made++}`
    this.constants[name] = { shape, data }
    return name
  }

  /** A convolution without bias, its batch norm, its activation. */
  conv(x: Value, channels: number, options: ConvOptions = {}): Value {
    const { kernel = [1, 1], stride = 1, padding = [0, 0], groups = 1, activation = 'Relu' } = options
    const inputs = x.channels / groups
    const count = channels * inputs * kernel[0] * kernel[1]
    const weights = this.constant(
      [channels, inputs, ...kernel],
      numbers(count, 1 / Math.sqrt(inputs * kernel[0] * kernel[1])),
    )
    const made = this.add('Conv', [x.name, weights], {
      kernel_shape: [...kernel],
      strides: [stride, stride],
      pads: [...padding, ...padding],
      group: groups,
    })
    const each = (values: Float32Array) => this.constant([channels], values)
    const ones = new Float32Array(channels).fill(1)
    const normed = this.add('BatchNormalization', [
      ...[made, each(ones), each(numbers(channels, 0.1)), each(numbers(channels, 0.1)), each(ones)],
    ])
    if (activation === null) return { name: normed, channels }
    const name = activation === 'Relu' ? this.add('Relu', [normed]) : this.add('Clip', [normed, 'zero', 'six'])
    return { name, channels }
  }

  pool(x: Value, op: 'MaxPool' | 'AveragePool', stride: number, padding: number): Value {
    const attributes = { kernel_shape: [3, 3], strides: [stride, stride], pads: new Array(4).fill(padding) }
    const counted = op === 'AveragePool' ? { count_include_pad: 1 } : {}
    return { name: this.add(op, [x.name], { ...attributes, ...counted }), channels: x.channels }
  }

  concat(parts: readonly Value[]): Value {
    const name = this.add(
      'Concat',
      parts.map(({ name: each }) => each),
      { axis: 1 },
    )
    return { name, channels: parts.reduce((sum, { channels }) => sum + channels, 0) }
  }

  /** Mean over the picture, scores, the whole file. */
  model(side: number, x: Value): Model {
    const flat = this.add('Flatten', [this.add('GlobalAveragePool', [x.name])])
    const weights = this.constant([CLASSES, x.channels], numbers(CLASSES * x.channels, 0.05))
    const bias = this.constant([CLASSES], numbers(CLASSES, 0.05))
    const output = this.add('Gemm', [flat, weights, bias], { transB: 1 })
    const { nodes, constants } = this
    return { opset: 17, input: { name: 'x', shape: [1, 3, side, side] }, output, nodes, constants }
  }
}

/** Sandler et al. 2018, table 2: factor of expansion, channels, repetitions, stride of the first. 3.5 million weights. */
export function mobileNetV2(): Model {
  const net = new Drawing()
  const three = { kernel: [3, 3], padding: [1, 1], activation: 'Relu6' } as const
  let x = net.conv({ name: 'x', channels: 3 }, 32, { ...three, stride: 2 })
  for (const [factor, channels, count, first] of [
    [1, 16, 1, 1],
    [6, 24, 2, 2],
    [6, 32, 3, 2],
    [6, 64, 4, 2],
    [6, 96, 3, 1],
    [6, 160, 3, 2],
    [6, 320, 1, 1],
  ] as const)
    for (let i = 0; i < count; i++) {
      const stride = i === 0 ? first : 1
      const wide = factor === 1 ? x : net.conv(x, x.channels * factor, { activation: 'Relu6' })
      const deep = net.conv(wide, wide.channels, { ...three, stride, groups: wide.channels })
      const made = net.conv(deep, channels, { activation: null })
      x = stride === 1 && x.channels === channels ? { name: net.add('Add', [x.name, made.name]), channels } : made
    }
  return net.model(224, net.conv(x, 1280, { activation: 'Relu6' }))
}

/** Szegedy et al. 2015 as torchvision has it, without the auxiliary classifier. 24 million weights. */
export function inceptionV3(): Model {
  const net = new Drawing()
  const one = (x: Value, channels: number) => net.conv(x, channels)
  const square = (x: Value, channels: number, side: number, stride = 1, padding = (side - 1) / 2) =>
    net.conv(x, channels, { kernel: [side, side], stride, padding: [padding, padding] })
  const row = (x: Value, channels: number, length: number) =>
    net.conv(x, channels, { kernel: [1, length], padding: [0, (length - 1) / 2] })
  const column = (x: Value, channels: number, length: number) =>
    net.conv(x, channels, { kernel: [length, 1], padding: [(length - 1) / 2, 0] })
  const pooled = (x: Value, channels: number) => one(net.pool(x, 'AveragePool', 1, 1), channels)

  let x = square({ name: 'x', channels: 3 }, 32, 3, 2, 0)
  x = square(square(x, 32, 3, 1, 0), 64, 3)
  x = square(one(net.pool(x, 'MaxPool', 2, 0), 80), 192, 3, 1, 0)
  x = net.pool(x, 'MaxPool', 2, 0)
  for (const last of [32, 64, 64])
    x = net.concat([one(x, 64), square(one(x, 48), 64, 5), square(square(one(x, 64), 96, 3), 96, 3), pooled(x, last)])
  x = net.concat([
    square(x, 384, 3, 2, 0),
    square(square(one(x, 64), 96, 3), 96, 3, 2, 0),
    net.pool(x, 'MaxPool', 2, 0),
  ])
  for (const inner of [128, 160, 160, 192])
    x = net.concat([
      one(x, 192),
      column(row(one(x, inner), inner, 7), 192, 7),
      row(column(row(column(one(x, inner), inner, 7), inner, 7), inner, 7), 192, 7),
      pooled(x, 192),
    ])
  x = net.concat([
    square(one(x, 192), 320, 3, 2, 0),
    square(column(row(one(x, 192), 192, 7), 192, 7), 192, 3, 2, 0),
    net.pool(x, 'MaxPool', 2, 0),
  ])
  for (let i = 0; i < 2; i++) {
    const [first, second] = [one(x, 384), square(one(x, 448), 384, 3)]
    x = net.concat([
      one(x, 320),
      ...[row(first, 384, 3), column(first, 384, 3), row(second, 384, 3), column(second, 384, 3)],
      pooled(x, 192),
    ])
  }
  return net.model(299, x)
}

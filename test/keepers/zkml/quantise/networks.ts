// SPDX-License-Identifier: GPL-3.0-or-later
// Small networks with seeded weights that the quantiser's tests share.
import { GraphBuilder } from '../../../../keepers/zkml/graph/builder.ts'
import { simplify } from '../../../../keepers/zkml/graph/simplify.ts'
import { scalar, tensor } from '../../../../keepers/zkml/graph/tensor.ts'
import type { ActivationFunction, Graph } from '../../../../keepers/zkml/index.ts'
import type { Random } from '../random.ts'

const NO_PADDING = { top: 0, left: 0, bottom: 0, right: 0 }
const ONE = [1, 1] as const

export function matrix(random: Random, rows: number, columns: number, reach = 1) {
  return tensor([rows, columns], random.list(rows * columns, -reach, reach))
}

/** inputs → hidden → fn → outputs. */
export function twoLayers(
  random: Random,
  inputs: number,
  hidden: number,
  outputs: number,
  fn: ActivationFunction,
): Graph {
  const g = new GraphBuilder('two_layers', 'x', [inputs])
  const first = g.dense(
    'first',
    g.input,
    matrix(random, inputs, hidden),
    tensor([hidden], random.list(hidden, -0.5, 0.5)),
  )
  const middle = g.activation('middle', first, fn)
  return g.build(
    g.dense('second', middle, matrix(random, hidden, outputs), tensor([outputs], random.list(outputs, -0.5, 0.5))),
  )
}

/** One of everything that moves through an image: conv, pools, leaky slope, gate, curve, residual sum, joining, matrix. */
export function everything(random: Random): Graph {
  const g = new GraphBuilder('everything', 'x', [6, 6, 1])
  const conv = (name: string, input: string, out: number, size: number, stride: number, groups = 1, dilation = 1) => {
    const depth = g.shape(input)[2]! / groups
    return g.unary(name, input, {
      op: 'conv2d',
      weights: tensor([size, size, depth, out], random.list(size * size * depth * out, -0.7, 0.7)),
      bias: tensor([out], random.list(out, -0.3, 0.3)),
      strides: [stride, stride],
      dilations: [dilation, dilation],
      padding: { top: 1, left: 1, bottom: 1, right: 0 },
      groups,
    })
  }
  const first = g.activation('leaky', conv('conv', g.input, 2, 3, 1), { kind: 'leaky-relu', slope: 0.25 })
  const max = g.unary('max', first, {
    op: 'pool',
    kind: 'max',
    window: [2, 2],
    strides: [2, 2],
    dilations: ONE,
    padding: { ...NO_PADDING, right: 1 },
  })
  const depthwise = conv('depthwise', max, 2, 2, 1, 2, 2)
  const scaled = g.affine(
    'scaled',
    g.activation('relu', depthwise, { kind: 'relu' }),
    tensor([2], [1.5, 0.5]),
    scalar(0.25),
  )
  const average = g.unary('average', scaled, {
    op: 'pool',
    kind: 'average',
    window: [2, 2],
    strides: ONE,
    dilations: ONE,
    padding: NO_PADDING,
  })
  const gate = g.activation('sigmoid', g.affine('gain', average, tensor([2], [1, 0.5]), scalar(0)), { kind: 'sigmoid' })
  const gated = g.nary('gated', [average, gate], { op: 'binary', kind: 'multiply' })
  const sum = g.nary('sum', [gated, average], { op: 'binary', kind: 'add' })
  const joined = g.nary('joined', [sum, g.activation('clip', average, { kind: 'clip', min: -0.5, max: 1 })], {
    op: 'concat',
    axis: 2,
  })
  const size = g.shape(joined).reduce((a, b) => a * b, 1)
  return simplify(g.build(g.dense('dense', g.reshape('flat', joined, [size]), matrix(random, size, 3, 0.4))))
}

/** A small convolution, pooled before its ReLU, and a matrix: the shape of the article's network. */
export function smallCnn(random: Random): Graph {
  const g = new GraphBuilder('small_cnn', 'x', [8, 8, 1])
  const conv = g.unary('conv', g.input, {
    op: 'conv2d',
    weights: tensor([3, 3, 1, 2], random.list(18, -0.6, 0.6)),
    bias: tensor([2], [0.1, -0.1]),
    strides: ONE,
    dilations: ONE,
    padding: NO_PADDING,
    groups: 1,
  })
  const pooled = g.unary('pool', conv, {
    op: 'pool',
    kind: 'average',
    window: [2, 2],
    strides: [2, 2],
    dilations: ONE,
    padding: NO_PADDING,
  })
  const active = g.activation('relu', pooled, { kind: 'relu' })
  return simplify(g.build(g.dense('dense', g.reshape('flat', active, [18]), matrix(random, 18, 3))))
}

export function samples(random: Random, count: number, size: number, low = 0, high = 1): number[][] {
  return Array.from({ length: count }, () => random.list(size, low, high))
}

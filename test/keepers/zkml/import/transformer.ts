// SPDX-License-Identifier: GPL-3.0-or-later
// A small encoder as torch.onnx.export writes it out, with seeded weights: post-norm layers, several heads, GELU by Erf.
import type { Random } from '../random.ts'
import type { Attribute, Constant, Model, Node } from './onnx-file.ts'

export type Sizes = {
  readonly layers: number
  readonly width: number
  readonly heads: number
  readonly length: number
  readonly features: number
  readonly hidden: number
  readonly classes: number
}

export function transformer(random: Random, sizes: Sizes): Model {
  const { layers, width, heads, length, features, hidden, classes } = sizes
  const nodes: Node[] = []
  const constants: Record<string, Constant> = {}
  const constant = (shape: readonly number[], data: readonly number[], type: 'float' | 'int64' = 'float'): string => {
    const name = `c${Object.keys(constants).length}`
    constants[name] = { shape, data, type }
    return name
  }
  const scalar = (value: number): string => constant([], [value])
  const drawn = (shape: readonly number[], reach: number): string =>
    constant(
      shape,
      random.list(
        shape.reduce((a, b) => a * b, 1),
        -reach,
        reach,
      ),
    )
  const emit = (op: string, inputs: readonly string[], attributes: Record<string, Attribute> = {}): string => {
    const output = `v${nodes.length}`
    nodes.push({ op, inputs, outputs: [output], attributes, name: `/${op}_${nodes.length}` })
    return output
  }
  const linear = (x: string, from: number, to: number): string =>
    emit('Add', [emit('MatMul', [x, drawn([from, to], Math.sqrt(3 / from))]), drawn([to], 0.1)])
  const split = (x: string, permutation: readonly number[]): string => {
    const shape = constant([4], [1, length, heads, width / heads], 'int64')
    return emit('Transpose', [emit('Reshape', [x, shape])], { perm: permutation })
  }
  const norm = (x: string): string => {
    const distance = emit('Sub', [x, emit('ReduceMean', [x], { axes: [-1] })])
    const variance = emit('ReduceMean', [emit('Pow', [distance, scalar(2)])], { axes: [-1] })
    const deviation = emit('Sqrt', [emit('Add', [variance, scalar(1e-5)])])
    const scaled = emit('Mul', [emit('Div', [distance, deviation]), drawnGain()])
    return emit('Add', [scaled, drawn([width], 0.1)])
  }
  const drawnGain = (): string => constant([width], random.list(width, 0.8, 1.2))

  let x = emit('Add', [linear('x', features, width), drawn([1, length, width], 0.5)])
  for (let layer = 0; layer < layers; layer++) {
    const query = split(linear(x, width, width), [0, 2, 1, 3])
    const key = split(linear(x, width, width), [0, 2, 3, 1])
    const value = split(linear(x, width, width), [0, 2, 1, 3])
    const scores = emit('Div', [emit('MatMul', [query, key]), scalar(Math.sqrt(width / heads))])
    const mixed = emit('MatMul', [emit('Softmax', [scores], { axis: -1 }), value])
    const flat = constant([3], [1, length, width], 'int64')
    const joined = emit('Reshape', [emit('Transpose', [mixed], { perm: [0, 2, 1, 3] }), flat])
    x = norm(emit('Add', [x, linear(joined, width, width)]))
    const inner = linear(x, width, hidden)
    const erf = emit('Erf', [emit('Div', [inner, scalar(Math.SQRT2)])])
    const gelu = emit('Mul', [emit('Mul', [inner, emit('Add', [erf, scalar(1)])]), scalar(0.5)])
    x = norm(emit('Add', [x, linear(gelu, hidden, width)]))
  }
  const pooled = emit('ReduceMean', [x], { axes: [1], keepdims: 0 })
  const output = linear(pooled, width, classes)
  return { opset: 13, input: { name: 'x', shape: [1, length, features] }, output, nodes, constants }
}

// SPDX-License-Identifier: GPL-3.0-or-later
// Convolutions. With constant weights they are linear expressions. With committed ones a convolution is ONE identity of
// polynomials, asked at the challenge (here for stride 1; other strides are sums of such):
//
//   Σ_c P_c(X) · W_c(X) = F(X),   P_c(X) = Σ_{r,q} in[r, q, c] X^(rD + q),   W_c(X) = Σ_o X^(oE) Σ_{i,j} w[i, j, c, o] X^((kh−1−i)D + kw−1−j)
//
// with rows of D = w + kw − 1 places and channels of E = (h + kh − 1)D. F's coefficients are the full convolution, one wire each in round
// 1, of which the layer's outputs are some. They are right but for deg F of r values of X (Schwartz–Zippel).
import type { Conv2dLayer } from '../graph/layers.ts'
import type { Builder } from './builder.ts'
import type { Elements, Parameters } from './layer.ts'
import { constant, isConstant, type Linear, plus, Sum, single } from './linear.ts'
import { isNotZero, Powers, type Term } from './powers.ts'
import type { Values } from './values.ts'

export function writeConv2d(builder: Builder, layer: Conv2dLayer, input: Elements, parameters: Parameters): Elements {
  const [weights, bias] = [parameters('weights'), parameters('bias')]
  const released = weights.every(isConstant)
  if (!released && builder.allowsChallenge && hasPolynomial(layer))
    return writeIdentity(builder, layer, input, weights, bias)
  const [, , cin] = layer.inShape
  const [oh, ow, cout] = layer.outShape
  const depth = cin / layer.groups
  const sum = new Sum()
  const out: Linear[] = []
  for (let y = 0; y < oh; y++)
    for (let x = 0; x < ow; x++)
      for (let o = 0; o < cout; o++) {
        sum.add(bias[o]!)
        const group = Math.floor(o / (cout / layer.groups))
        for (const { from, tap } of taps(layer, y, x))
          for (let c = 0; c < depth; c++) {
            const element = input[from * cin + group * depth + c]!
            const weight = weights[(tap * depth + c) * cout + o]!
            if (isConstant(weight)) sum.add(element, weight.constant)
            else sum.add(builder.integerProduct(element, weight))
          }
        out.push(sum.take())
      }
  return out
}

/** Places of the input, and of the kernel, that an output reads. */
export function* taps(
  layer: Conv2dLayer,
  y: number,
  x: number,
): Generator<{ readonly from: number; readonly tap: number }> {
  const [h, w] = layer.inShape
  const [kh, kw] = layer.kernel
  for (let i = 0; i < kh; i++) {
    const row = y * layer.strides[0] + i * layer.dilations[0] - layer.padding.top
    if (row < 0 || row >= h) continue
    for (let j = 0; j < kw; j++) {
      const column = x * layer.strides[1] + j * layer.dilations[1] - layer.padding.left
      if (column >= 0 && column < w) yield { from: row * w + column, tap: i * kw + j }
    }
  }
}

/**
 * A convolution of stride s is the sum of s² convolutions of stride 1, one for each phase (a, b). Each takes every s-th row and
 * column of the picture, from a − top and b − left on, with every s-th of the kernel, from a and b on.
 */
type Phase = {
  readonly a: number
  readonly b: number
  /** Rows and columns of the picture, and of the kernel, that belong to it. */
  readonly picture: readonly [number, number]
  readonly kernel: readonly [number, number]
}

/** Phases, and the size of the full convolution that holds the sum of them all: outputs begin at row and column `first`. */
type Plan = {
  readonly phases: readonly Phase[]
  readonly rows: number
  readonly columns: number
  readonly first: readonly [number, number]
}

function planOf(layer: Conv2dLayer): Plan {
  const [h, w] = layer.inShape
  const [kh, kw] = layer.kernel
  const [sy, sx] = layer.strides
  const { top, left } = layer.padding
  const every = (size: number, stride: number) => Math.max(0, Math.ceil(size / stride))
  const phases: Phase[] = []
  for (let a = 0; a < sy; a++)
    for (let b = 0; b < sx; b++)
      phases.push({
        a,
        b,
        picture: [every(h - a + top, sy), every(w - b + left, sx)],
        kernel: [every(kh - a, sy), every(kw - b, sx)],
      })
  const most = (of: (phase: Phase) => number) => Math.max(...phases.map(of))
  const first = [most(({ kernel }) => kernel[0]) - 1, most(({ kernel }) => kernel[1]) - 1] as const
  return {
    phases,
    rows: most(({ picture }) => picture[0]) + first[0],
    columns: most(({ picture }) => picture[1]) + first[1],
    first,
  }
}

/** Whether the identity has fewer constraints than a product for each tap. */
function hasPolynomial(layer: Conv2dLayer): boolean {
  const [h, w, cin] = layer.inShape
  const [oh, ow, cout] = layer.outShape
  const taps = layer.kernel[0] * layer.kernel[1] * cin
  if (layer.groups !== 1 || layer.dilations.some((step) => step !== 1)) return false
  const { rows, columns } = planOf(layer)
  return h * w * cin + taps * cout + rows * columns * cout < oh * ow * cout * taps
}

function writeIdentity(
  builder: Builder,
  layer: Conv2dLayer,
  input: Elements,
  weights: Elements,
  bias: Elements,
): Elements {
  const [, , cin] = layer.inShape
  const [oh, ow, cout] = layer.outShape
  const plan = planOf(layer)
  const { phases, rows, columns, first } = plan
  const full = Array.from({ length: rows * columns * cout }, () => builder.wire())
  builder.step((values) => fullConvolution(layer, plan, input, weights, values, full))

  const point = new Powers(builder)
  const total = new Sum()
  for (const phase of phases)
    for (let c = 0; c < cin; c++) {
      const picture: Term[] = []
      for (const { row, column, from } of pictureOf(layer, phase))
        picture.push({ power: row * columns + column, factor: input[from * cin + c]! })
      const kernel: Term[] = []
      for (let o = 0; o < cout; o++)
        for (const { row, column, tap } of kernelOf(layer, phase))
          kernel.push({
            power: (o * rows + first[0] - row) * columns + first[1] - column,
            factor: weights[(tap * cin + c) * cout + o]!,
          })
      // If one polynomial is zero, the wires of the other affect nothing, and the set-up refuses such wires.
      if ([picture, kernel].every((terms) => terms.some(isNotZero)))
        total.add(builder.product(point.evaluate(picture), point.evaluate(kernel), 2))
    }
  const product = full.map((wire, power) => ({ power, factor: single(wire) }))
  builder.equate(total.take(), point.evaluate(product))

  const out: Linear[] = []
  for (let y = 0; y < oh; y++)
    for (let x = 0; x < ow; x++)
      for (let o = 0; o < cout; o++) {
        const [row, column] = [y + first[0], x + first[1]]
        // A window that lies in the padding alone sees zeros.
        const sum = row < rows && column < columns ? single(full[(o * rows + row) * columns + column]!) : constant(0)
        out.push(plus(sum, bias[o]!))
      }
  return out
}

/** The places of the picture that a phase reads, by its own rows and columns. */
function* pictureOf(layer: Conv2dLayer, { a, b, picture }: Phase) {
  const [h, w] = layer.inShape
  const [sy, sx] = layer.strides
  for (let row = 0; row < picture[0]; row++)
    for (let column = 0; column < picture[1]; column++) {
      const [y, x] = [row * sy + a - layer.padding.top, column * sx + b - layer.padding.left]
      if (y >= 0 && y < h && x >= 0 && x < w) yield { row, column, from: y * w + x }
    }
}

function* kernelOf(layer: Conv2dLayer, { a, b, kernel }: Phase) {
  const [sy, sx] = layer.strides
  for (let row = 0; row < kernel[0]; row++)
    for (let column = 0; column < kernel[1]; column++)
      yield { row, column, tap: (row * sy + a) * layer.kernel[1] + column * sx + b }
}

/** Σ in · w of every place of the full convolution, [cout, rows, columns]. */
function fullConvolution(
  layer: Conv2dLayer,
  { phases, rows, columns, first }: Plan,
  input: Elements,
  weights: Elements,
  values: Values,
  out: readonly number[],
): void {
  const cin = layer.inShape[2]
  const cout = layer.outShape[2]
  const plane = rows * columns
  const factors = Float64Array.from(weights, (weight) => values.integer(weight))
  const elements = Float64Array.from(input, (element) => values.integer(element))
  const sums = new Float64Array(out.length)
  for (const phase of phases) {
    const kernel = [...kernelOf(layer, phase)]
    for (const { row, column, from } of pictureOf(layer, phase))
      for (let c = 0; c < cin; c++) {
        const value = elements[from * cin + c]!
        if (value === 0) continue
        for (const { row: up, column: along, tap } of kernel) {
          const at = (row + first[0] - up) * columns + column + first[1] - along
          const line = (tap * cin + c) * cout
          for (let o = 0; o < cout; o++) sums[o * plane + at]! += value * factors[line + o]!
        }
      }
  }
  // Adding zero: no −0.
  for (const [i, wire] of out.entries()) values.set(wire, sums[i]! + 0)
}

// SPDX-License-Identifier: GPL-3.0-or-later
// Convolutions. With constant weights they are linear expressions. With committed ones a convolution of stride 1 is ONE identity
// of polynomials, asked at the challenge:
//
//   Σ_c P_c(X) · W_c(X) = F(X),   P_c(X) = Σ_{r,q} in[r, q, c] X^(rD + q),   W_c(X) = Σ_o X^(oE) Σ_{i,j} w[i, j, c, o] X^((kh−1−i)D + kw−1−j)
//
// with rows of D = w + kw − 1 places and channels of E = (h + kh − 1)D. F's coefficients are the full convolution, one wire each in round
// 1, of which the layer's outputs are some. They are right but for deg F of r values of X (Schwartz–Zippel).
import type { Conv2dLayer } from '../graph/program.ts'
import { type Builder, CHALLENGE } from './builder.ts'
import type { Elements, Parameters } from './layers.ts'
import { constant, isConstant, type Linear, plus, Sum, single } from './linear.ts'
import type { Values } from './values.ts'

export function writeConv2d(builder: Builder, layer: Conv2dLayer, input: Elements, parameters: Parameters): Elements {
  const [weights, bias] = [parameters('weights'), parameters('bias')]
  const released = weights.every(isConstant)
  if (!released && hasPolynomial(layer)) return writeIdentity(builder, layer, input, weights, bias)
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
function* taps(layer: Conv2dLayer, y: number, x: number): Generator<{ readonly from: number; readonly tap: number }> {
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

/** Whether the identity has fewer constraints than a product for each tap. */
function hasPolynomial(layer: Conv2dLayer): boolean {
  const [h, w, cin] = layer.inShape
  const [oh, ow, cout] = layer.outShape
  const [kh, kw] = layer.kernel
  const isPlain =
    layer.groups === 1 && [...layer.strides, ...layer.dilations].every((step) => step === 1) && kh <= h && kw <= w
  const identity = h * w * cin + kh * kw * cin * cout + (h + kh - 1) * (w + kw - 1) * cout
  return isPlain && identity < oh * ow * cout * kh * kw * cin
}

function writeIdentity(
  builder: Builder,
  layer: Conv2dLayer,
  input: Elements,
  weights: Elements,
  bias: Elements,
): Elements {
  const [h, w, cin] = layer.inShape
  const [oh, ow, cout] = layer.outShape
  const [kh, kw] = layer.kernel
  const [rows, columns] = [h + kh - 1, w + kw - 1]
  const full = Array.from({ length: rows * columns * cout }, () => builder.wire())
  builder.step((values) => fullConvolution(layer, input, weights, values, full))

  const point = new Powers(builder)
  // Highest power first, as Horner's rule takes them.
  const total = new Sum()
  for (let c = 0; c < cin; c++) {
    const picture = function* (): Generator<Term> {
      for (let r = h - 1; r >= 0; r--)
        for (let q = w - 1; q >= 0; q--) yield { power: r * columns + q, factor: input[(r * w + q) * cin + c]! }
    }
    const kernel = function* (): Generator<Term> {
      for (let o = cout - 1; o >= 0; o--)
        for (let i = 0; i < kh; i++)
          for (let j = 0; j < kw; j++) {
            const power = (o * rows + kh - 1 - i) * columns + kw - 1 - j
            yield { power, factor: weights[((i * kw + j) * cin + c) * cout + o]! }
          }
    }
    total.add(builder.product(point.evaluate(picture()), point.evaluate(kernel()), 2))
  }
  const product = function* (): Generator<Term> {
    for (let at = full.length - 1; at >= 0; at--) yield { power: at, factor: single(full[at]!) }
  }
  builder.equate(total.take(), point.evaluate(product()))

  const { top, left } = layer.padding
  const out: Linear[] = []
  for (let y = 0; y < oh; y++)
    for (let x = 0; x < ow; x++)
      for (let o = 0; o < cout; o++) {
        const [row, column] = [y - top + kh - 1, x - left + kw - 1]
        // A window that lies in the padding alone sees zeros.
        const inside = row >= 0 && row < rows && column >= 0 && column < columns
        const sum = inside ? single(full[(o * rows + row) * columns + column]!) : constant(0)
        out.push(plus(sum, bias[o]!))
      }
  return out
}

type Term = { readonly power: number; readonly factor: Linear }

/** Polynomials at the challenge. A coefficient costs one constraint, a gap between powers the first time one. */
class Powers {
  readonly #builder: Builder
  readonly #known = new Map<number, Linear>([
    [0, constant(1)],
    [1, single(CHALLENGE)],
  ])

  constructor(builder: Builder) {
    this.#builder = builder
  }

  /** X^exponent, by squaring. */
  #power(exponent: number): Linear {
    const known = this.#known.get(exponent)
    if (known !== undefined) return known
    const half = Math.floor(exponent / 2)
    const power = this.#builder.product(this.#power(half), this.#power(exponent - half), 2)
    this.#known.set(exponent, power)
    return power
  }

  /** Σ factor · X^power, powers descending to any least one. */
  evaluate(terms: Iterable<Term>): Linear {
    let sum = constant(0)
    let at = 0
    for (const { power, factor } of terms) {
      if (sum.wires.length > 0) sum = this.#builder.product(sum, this.#power(at - power), 2)
      sum = plus(sum, factor)
      at = power
    }
    return at === 0 ? sum : this.#builder.product(sum, this.#power(at), 2)
  }
}

/** Σ in · w of every place of the full convolution, [cout, rows, columns]. */
function fullConvolution(
  layer: Conv2dLayer,
  input: Elements,
  weights: Elements,
  values: Values,
  out: readonly number[],
): void {
  const [h, w, cin] = layer.inShape
  const cout = layer.outShape[2]
  const [kh, kw] = layer.kernel
  const columns = w + kw - 1
  const plane = (h + kh - 1) * columns
  const factors = Float64Array.from(weights, (weight) => values.integer(weight))
  const sums = new Float64Array(out.length)
  for (let r = 0; r < h; r++)
    for (let q = 0; q < w; q++)
      for (let c = 0; c < cin; c++) {
        const value = values.integer(input[(r * w + q) * cin + c]!)
        if (value === 0) continue
        for (let i = 0; i < kh; i++)
          for (let j = 0; j < kw; j++) {
            const at = (r + kh - 1 - i) * columns + q + kw - 1 - j
            const line = ((i * kw + j) * cin + c) * cout
            for (let o = 0; o < cout; o++) sums[o * plane + at]! += value * factors[line + o]!
          }
      }
  for (const [i, wire] of out.entries()) values.set(wire, sums[i]! + 0)
}

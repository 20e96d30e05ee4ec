// SPDX-License-Identifier: GPL-3.0-or-later
// A matrix of private weights times many samples: one identity of polynomials at the challenge, after Freivalds ("Probabilistic
// machines can use less running time", 1977). For samples x_s and outputs y_s of m elements
//
//   Σ_i (Σ_s x_{s,i} X^(sm)) · (Σ_o w_{i,o} X^o) = Σ_{s,o} y_{s,o} X^(sm + o)
//
// Each y has a power of its own, so that the identity holds as one of polynomials only where every y is its sum. For S samples of n
// elements that takes nm + S (n + m) + n constraints instead of S · n · m.
import type { IntegerLayer } from '../graph/layers.ts'
import type { Builder } from './builder.ts'
import type { Elements, Parameters } from './layer.ts'
import { isConstant, plus, Sum, single } from './linear.ts'
import { isNotZero, Powers } from './powers.ts'

/** The outputs of a dense layer for all samples; null where products one by one cost no more, or the layer is another. */
export function writeProducts(
  builder: Builder,
  layer: IntegerLayer,
  samples: readonly Elements[],
  parameters: Parameters,
): readonly Elements[] | null {
  if (layer.kind !== 'dense' || !builder.allowsChallenge) return null
  const { inputSize: n, outputSize: m } = layer
  const count = samples.length
  const weights = parameters('weights')
  if (n * m + count * (n + m) + n >= count * n * m || weights.every(isConstant)) return null
  const sums = samples.map(() => Array.from({ length: m }, () => builder.wire()))
  builder.step((values) => {
    const factors = Float64Array.from(weights, (weight) => values.integer(weight))
    for (const [s, sample] of samples.entries()) {
      const out = new Float64Array(m)
      for (let i = 0; i < n; i++) {
        const element = values.integer(sample[i]!)
        for (let o = 0; o < m; o++) out[o]! += element * factors[i * m + o]!
      }
      // Adding zero: no −0.
      for (const [o, wire] of sums[s]!.entries()) values.set(wire, out[o]! + 0)
    }
  })
  const point = new Powers(builder)
  const total = new Sum()
  for (let i = 0; i < n; i++) {
    const column = samples.map((sample, s) => ({ power: s * m, factor: sample[i]! }))
    const row = Array.from({ length: m }, (_, o) => ({ power: o, factor: weights[i * m + o]! }))
    if ([column, row].every((terms) => terms.some(isNotZero)))
      total.add(builder.product(point.evaluate(column), point.evaluate(row), 2))
  }
  const products = sums.flatMap((wires, s) => wires.map((wire, o) => ({ power: s * m + o, factor: single(wire) })))
  builder.equate(total.take(), point.evaluate(products))
  const bias = parameters('bias')
  return sums.map((wires) => wires.map((wire, o) => plus(single(wire), bias[o]!)))
}

// SPDX-License-Identifier: GPL-3.0-or-later
// Curves as straight lines of equal length: SplineLayer.
import type { SplineLayer } from '../graph/layers.ts'
import type { Builder } from './builder.ts'
import { bit, floorShift, isNonNegative } from './gadgets.ts'
import {
  addCoefficients,
  type Coefficient,
  constant,
  type Linear,
  minus,
  multiplyCoefficients,
  plus,
  Sum,
  shifted,
} from './linear.ts'

export function writeSpline(builder: Builder, layer: SplineLayer, value: Linear): Linear {
  const { low, bits, shift, select, tails } = layer
  const width = (tails?.width ?? bits) - shift
  const offset = shifted(value, -low)
  const v = floorShift(builder, offset, shift)
  if (tails === undefined) return line(builder, layer, v, width - select)

  // −2^(bits−1) ≤ offset < 2^(bits−1) is proven by the two comparisons' own ranges.
  const most = 2 ** (bits - shift)
  const last = 2 ** width - 1
  const right = isNonNegative(builder, v, most)
  const over = isNonNegative(builder, shifted(v, -(last + 1)), most)
  // The part beyond the window: v − u, negative to the left and positive to the right.
  const before = builder.integerProduct(minus(constant(1), right), v)
  const after = builder.integerProduct(over, shifted(v, -last))
  if (tails.below === null) builder.equate(right, constant(1))
  if (tails.above === null) builder.equate(over, constant(0))
  const kept = minus(minus(v, before), after)
  const answer = line(builder, layer, kept, width - select)
  return plus(plus(answer, before, tails.below ?? 0), after, tails.above ?? 0)
}

/** slopes[j] · v + intercepts[j], j = ⌊v / 2^rest⌋, for 0 ≤ v < 2^(rest + select), which it proves. */
function line(builder: Builder, { select, slopes, intercepts }: SplineLayer, v: Linear, rest: number): Linear {
  const index = (values: Parameters<Parameters<typeof bit>[1]>[0]) => Math.floor(values.integer(v) / 2 ** rest)
  const chosen = Array.from({ length: select }, (_, i) =>
    bit(builder, (values) => Math.floor(index(values) / 2 ** i) % 2),
  )
  const remainder = new Sum().add(v)
  for (const [i, flag] of chosen.entries()) remainder.add(flag, -(2 ** (rest + i)))
  builder.range(remainder.take(), rest, true)

  // A list that bits index is a multilinear polynomial of theirs (circuits/lib/spline.circom).
  const [slope, intercept] = [moebius(slopes, select), moebius(intercepts, select)]
  const products: Linear[] = [constant(1)]
  for (let s = 1; s < 2 ** select; s++) {
    const top = 31 - Math.clz32(s)
    products.push(builder.integerProduct(chosen[top]!, products[s - 2 ** top]!))
  }
  const [chosenSlope, chosenIntercept] = [new Sum(), new Sum()]
  for (const [s, product] of products.entries()) {
    chosenSlope.add(product, slope[s]!)
    chosenIntercept.add(product, intercept[s]!)
  }
  return plus(builder.integerProduct(chosenSlope.take(), v), chosenIntercept.take())
}

/** Exact: its numbers are up to 2^bits times as large as the list's. */
function moebius(list: readonly number[], bits: number): Coefficient[] {
  const result: Coefficient[] = [...list]
  for (let i = 0; i < bits; i++)
    for (let s = 0; s < 2 ** bits; s++)
      if (((s >> i) & 1) === 1) result[s] = addCoefficients(result[s]!, multiplyCoefficients(result[s - 2 ** i]!, -1))
  return result
}

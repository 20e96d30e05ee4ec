// SPDX-License-Identifier: GPL-3.0-or-later
// Baby Jubjub in constraints: circuits/lib/babyjubjub.circom, baby_base.circom and baby_ladder.circom, which have the reasons, written
// directly. a is a square and d is a non-square, so the addition law has no exceptions.
import { babyjubjub } from '@noble/curves/misc.js'
import { SCALAR_FIELD } from '../bn254.ts'
import { CircuitError } from '../circuit/errors.ts'
import { invert, modulo } from '../circuit/quadratic.ts'
import type { Builder } from './builder.ts'
import { coefficientOf, constant, type Linear, minus, plus, Sum, scaled, shifted, ZERO } from './linear.ts'

const A = 168_700
const D = 168_696
const WINDOW_BITS = 3

export type BabyPoint = { readonly x: Linear; readonly y: Linear }

/** Proves that a point is on the curve. Three constraints. Does NOT prove that it is in the subgroup. */
export function requireOnCurve(builder: Builder, { x, y }: BabyPoint): void {
  const [xx, yy] = [builder.product(x, x), builder.product(y, y)]
  builder.constrain(scaled(xx, D), yy, shifted(plus(yy, xx, A), -1))
}

/** The sum of two points of the curve, which the caller must have proven. Six constraints. */
export function addPoints(builder: Builder, p: BabyPoint, q: BabyPoint): BabyPoint {
  const first = builder.product(p.x, q.y)
  const second = builder.product(p.y, q.x)
  const mixed = builder.product(plus(p.y, p.x, -A), plus(q.x, q.y))
  const product = builder.product(first, second)
  return {
    x: quotient(builder, plus(first, second), shifted(scaled(product, D), 1)),
    y: quotient(builder, minus(plus(mixed, first, A), second), shifted(scaled(product, -D), 1)),
  }
}

/** Twice a point. Five constraints. */
export function doublePoint(builder: Builder, { x, y }: BabyPoint): BabyPoint {
  const product = builder.product(x, y)
  const square = builder.product(product, product)
  const mixed = builder.product(plus(y, x, -A), plus(x, y))
  return {
    x: quotient(builder, scaled(product, 2), shifted(scaled(square, D), 1)),
    y: quotient(builder, plus(mixed, product, A - 1), shifted(scaled(square, -D), 1)),
  }
}

/** numerator / denominator, where the denominator cannot be 0. One constraint. */
function quotient(builder: Builder, numerator: Linear, denominator: Linear): Linear {
  const result = builder.hint((values) => {
    const divisor = values.field(denominator)
    if (divisor === 0n) throw new CircuitError('witness-refused', 'a point of the signature is not on the curve')
    return modulo(values.field(numerator) * invert(divisor))
  })
  builder.constrain(result, denominator, numerator)
  return result
}

/** 1 / value: proves that it is not 0. */
export function requireNotZero(builder: Builder, value: Linear): void {
  quotient(builder, constant(1), value)
}

/** start + Σ 2^i bits[i] · B8; nine constraints for three bits. The bits must be proven to be bits. */
export function addBaseMultiple(builder: Builder, start: BabyPoint, bits: readonly Linear[]): BabyPoint {
  let sum = start
  for (const [w, table] of baseTables(Math.ceil(bits.length / WINDOW_BITS)).entries()) {
    const [b0, b1, b2] = [0, 1, 2].map((i) => bits[WINDOW_BITS * w + i] ?? ZERO) as [Linear, Linear, Linear]
    const both = builder.product(b0, b1)
    const chosen = ([0, 1] as const).map((axis) => {
      // The polynomial through the eight constants: linear in each bit.
      const [low, high] = [0, 4].map((from) => {
        const [t0, t1, t2, t3] = [0, 1, 2, 3].map((j) => table[from + j]![axis]) as [bigint, bigint, bigint, bigint]
        return new Sum()
          .addConstant(coefficientOf(t0))
          .add(b0, coefficientOf(t1 - t0))
          .add(b1, coefficientOf(t2 - t0))
          .add(both, coefficientOf(t3 - t2 - t1 + t0))
          .take()
      }) as [Linear, Linear]
      return plus(builder.product(b2, minus(high, low)), low)
    }) as [Linear, Linear]
    sum = addPoints(builder, sum, { x: chosen[0], y: chosen[1] })
  }
  return sum
}

/** Σ 2^i bits[i] · point, of an even number of bits, for a point that is proven to be on the curve. About 10 constraints a bit. */
export function multiplyPoint(builder: Builder, point: BabyPoint, bits: readonly Linear[]): BabyPoint {
  const n = bits.length
  const thrice = addPoints(builder, doublePoint(builder, point), point)
  const { x: x1, y: y1 } = point
  const { x: x3, y: y3 } = thrice
  const [alongX, alongY] = [minus(x3, x1), minus(y3, y1)]
  // Digits are −3, −1, 1, 3, so that none is 0; the highest is 1 or 3.
  let sum: BabyPoint = {
    x: plus(builder.product(bits[n - 1]!, alongX), x1),
    y: plus(builder.product(bits[n - 1]!, alongY), y1),
  }
  for (let k = 0; k < n / 2 - 1; k++) {
    const [u, v] = [bits[n - 2 - 2 * k]!, bits[n - 3 - 2 * k]!]
    // (u, v) = 00: −3 P, 01: −P, 10: P, 11: 3 P, and −(x, y) = (−x, y).
    const x = minus(plus(builder.product(u, plus(x3, x1)), builder.product(v, alongX)), x3)
    const differ = plus(plus(u, v), builder.product(u, v), -2)
    const y = plus(builder.product(differ, scaled(alongY, -1)), y3)
    sum = addPoints(builder, doublePoint(builder, doublePoint(builder, sum)), { x, y })
  }
  // The digits make k + 1 − bits[0].
  const excess = shifted(bits[0]!, -1)
  return addPoints(builder, sum, {
    x: builder.product(excess, x1),
    y: shifted(builder.product(scaled(excess, -1), shifted(y1, -1)), 1),
  })
}

type Affine = readonly [x: bigint, y: bigint]
const tables: Affine[][] = []

/** For each window w the points j · 8^w · B8, j = 0 … 7. */
function baseTables(windows: number): readonly (readonly Affine[])[] {
  const { Point } = babyjubjub
  for (let w = tables.length; w < windows; w++) {
    const step = Point.BASE.multiplyUnsafe(2n ** BigInt(WINDOW_BITS * w) % Point.Fn.ORDER)
    let point = Point.ZERO
    tables.push(
      Array.from({ length: 2 ** WINDOW_BITS }, () => {
        const { x, y } = point.toAffine()
        point = point.add(step)
        return [x % SCALAR_FIELD, y % SCALAR_FIELD] as const
      }),
    )
  }
  return tables.slice(0, windows)
}

// SPDX-License-Identifier: GPL-3.0-or-later
// The public numbers of the attack: t − 1 colluders know t − 1 points of f_S, which leaves one unknown, s_S = f_S(0). The share
// of an honest member j, less what they know, is μ_j·(a·s_S) + e_j with μ_j = λ_j·L(α_j), L the polynomial that is 1 at 0 and 0
// at every colluder's point. Exact fractions; members are indices, member j's point is j + 1.
import { randomBytes } from 'node:crypto'
import { inverseMod } from '../arithmetic.ts'

/** Who is who in a round. */
export type Seating = {
  readonly members: number
  readonly threshold: number
  readonly colluders: readonly number[]
  readonly activeSet: readonly number[]
}

/** A row of points from 1, as the literature writes seatings. */
export function seating(members: number, colluders: readonly number[], drafted: readonly number[]): Seating {
  const indices = (points: readonly number[]) => points.map((point) => point - 1)
  return { members, threshold: drafted.length, colluders: indices(colluders), activeSet: indices(drafted) }
}

/** t − 1 colluders at random, out of the draft as far as there are others. */
export function drawnSeating(members: number, threshold: number): Seating {
  const order = Array.from({ length: members }, (_, i) => ({ point: i + 1, key: randomBytes(8).readBigUInt64LE() }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ point }) => point)
  const ascending = (points: readonly number[]) => [...points].sort((a, b) => a - b)
  return seating(members, ascending(order.slice(0, threshold - 1)), ascending(order.slice(-threshold)))
}

/** The call that makes this seating, for whoever must replay a failure. */
export function replayOf({ members, colluders, activeSet }: Seating): string {
  const points = (indices: readonly number[]) => `[${indices.map((index) => index + 1).join(', ')}]`
  return `seating(${members}, ${points(colluders)}, ${points(activeSet)})`
}

/** The μ_j of the honest members drafted, over one denominator: c_j = D·μ_j, without a common factor. Σ c_j = D. */
export type Readings = {
  readonly honest: readonly number[]
  readonly c: readonly bigint[]
  readonly denominator: bigint
}

export function readingsOf(colluders: readonly number[], activeSet: readonly number[]): Readings {
  const honest = activeSet.filter((member) => !colluders.includes(member))
  const fractions = honest.map((j) => {
    const others = activeSet.filter((k) => k !== j)
    const top = [...others.map((k) => k + 1), ...colluders.map((c) => c - j)]
    const bottom = [...others.map((k) => k - j), ...colluders.map((c) => c + 1)]
    return lowest(product(top), product(bottom))
  })
  const denominator = fractions.reduce((lcm, [, bottom]) => (lcm * bottom) / gcd(lcm, bottom), 1n)
  return { honest, denominator, c: fractions.map(([top, bottom]) => (top * denominator) / bottom) }
}

/** L_k at `at` for the interpolation through 0 and the colluders' points, k one of the colluders: modulo p. */
export function weightOfColluder(colluders: readonly number[], k: number, at: number, p: bigint): bigint {
  const others = colluders.filter((c) => c !== k)
  const [top, bottom] = lowest(
    BigInt(at + 1) * product(others.map((c) => at - c)),
    BigInt(k + 1) * product(others.map((c) => k - c)),
  )
  return modulo(modulo(top, p) * inverseMod(modulo(bottom, p), p), p)
}

export function modulo(value: bigint, p: bigint): bigint {
  return ((value % p) + p) % p
}

function product(factors: readonly number[]): bigint {
  return factors.reduce((all, factor) => all * BigInt(factor), 1n)
}

function lowest(top: bigint, bottom: bigint): [bigint, bigint] {
  const common = gcd(top, bottom) * (bottom < 0n ? -1n : 1n)
  return [top / common, bottom / common]
}

/** log2 of the Euclidean norm of the c_j: how much more than a share the readings together reveal of a·s_S/D. */
export function log2Gain({ c }: Readings): number {
  const squares = c.reduce((sum, x) => sum + x * x, 0n).toString(2)
  return (
    (squares.length -
      1 +
      Math.log2(Number.parseInt(squares.slice(0, 50), 2) / 2 ** (Math.min(squares.length, 50) - 1))) /
    2
  )
}

function gcd(a: bigint, b: bigint): bigint {
  let [x, y] = [a < 0n ? -a : a, b < 0n ? -b : b]
  while (y > 0n) [x, y] = [y, x % y]
  return x
}

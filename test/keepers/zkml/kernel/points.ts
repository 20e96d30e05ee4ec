// SPDX-License-Identifier: GPL-3.0-or-later
// Points of BN254 from @noble/curves, in the form of key files, and what their sums must be. A point is made as a multiple of the
// generator that the test knows, so that a sum of thousands is one multiplication.
import { normalizeZ } from '@noble/curves/abstract/curve.js'
import { bn254 } from '@noble/curves/bn254.js'
import { BASE_FIELD, SCALAR_FIELD } from '../../../../keepers/zkml/bn254.ts'
import { bytesToField, fieldToBytes } from '../../../../keepers/zkml/setup/curve-memory.ts'

const FILE_RADIX = 1n << 256n
const FILE_RADIX_INVERSE = invert(FILE_RADIX % BASE_FIELD, BASE_FIELD)

export type Group = 'g1' | 'g2'
/** Coordinates in the order of files: of G2 real, imaginary of x, then of y. Null is infinity. */
export type Coordinates = readonly bigint[] | null

export const POINT_BYTES = { g1: 64, g2: 128 } as const

/** Small numbers that are the same in every run. */
export function randomBelow(modulus: bigint, seed: number): () => bigint {
  let state = BigInt(seed) + 0x9e3779b97f4a7c15n
  const word = () => {
    // xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators".
    state ^= state >> 12n
    state ^= BigInt.asUintN(64, state << 25n)
    state ^= state >> 27n
    return BigInt.asUintN(64, state * 0x2545f4914f6cdd1dn)
  }
  return () => ((word() << 192n) | (word() << 128n) | (word() << 64n) | word()) % modulus
}

const { G1, G2 } = bn254
type G1Point = typeof G1.Point.BASE
type G2Point = typeof G2.Point.BASE

/** What the tests need of a group of noble's, whichever it is. */
type Arithmetic<P> = {
  readonly base: P
  readonly zero: P
  read(coordinates: readonly bigint[]): P
  write(point: P): readonly bigint[]
}

const g1: Arithmetic<G1Point> = {
  base: G1.Point.BASE,
  zero: G1.Point.ZERO,
  read: ([x, y]) => G1.Point.fromAffine({ x: x!, y: y! }),
  write: (point) => [point.x, point.y],
}

const g2: Arithmetic<G2Point> = {
  base: G2.Point.BASE,
  zero: G2.Point.ZERO,
  read: ([x0, x1, y0, y1]) => G2.Point.fromAffine({ x: { c0: x0!, c1: x1! }, y: { c0: y0!, c1: y1! } }),
  write: ({ x, y }) => [x.c0, x.c1, y.c0, y.c1],
}

/** multiple·G */
export function multipleOf(group: Group, multiple: bigint): Coordinates {
  const scalar = ((multiple % SCALAR_FIELD) + SCALAR_FIELD) % SCALAR_FIELD
  if (scalar === 0n) return null
  return group === 'g1' ? g1.write(g1.base.multiply(scalar)) : g2.write(g2.base.multiply(scalar))
}

/** first·G, (first + step)·G, … */
export function progression(group: Group, first: bigint, step: bigint, count: number): Coordinates[] {
  if (group === 'g1') {
    const points = repeated(g1.base.multiply(first), g1.base.multiply(step), count)
    return normalizeZ(G1.Point, points).map(g1.write)
  }
  const points = repeated(g2.base.multiply(first), g2.base.multiply(step), count)
  return normalizeZ(G2.Point, points).map(g2.write)
}

function repeated<P extends { add(other: P): P }>(first: P, step: P, count: number): P[] {
  const points = [first]
  while (points.length < count) points.push(points.at(-1)!.add(step))
  return points
}

/** Σ 2^bit·point */
export function sumOfPoints(group: Group, terms: readonly { bit: number; point: Coordinates }[]): Coordinates {
  return group === 'g1' ? horner(g1, terms) : horner(g2, terms)
}

type Point<P> = { add(other: P): P; double(): P; is0(): boolean }

function horner<P extends Point<P>>(
  { zero, read, write }: Arithmetic<P>,
  terms: readonly { bit: number; point: Coordinates }[],
): Coordinates {
  let sum = zero
  for (let bit = Math.max(0, ...terms.map((term) => term.bit)); bit >= 0; bit--) {
    sum = sum.double()
    for (const term of terms) {
      if (term.bit !== bit || term.point === null) continue
      sum = sum.add(read(term.point))
    }
  }
  return sum.is0() ? null : write(sum)
}

export function negative(point: Coordinates): Coordinates {
  if (point === null) return null
  const half = point.length / 2
  return point.map((value, i) => (i < half || value === 0n ? value : BASE_FIELD - value))
}

/** As a zkey holds it: times 2^256, little endian; infinity is zeros. */
export function toFile(group: Group, point: Coordinates): Uint8Array {
  const bytes = new Uint8Array(POINT_BYTES[group])
  for (const [i, value] of (point ?? []).entries()) bytes.set(fieldToBytes((value * FILE_RADIX) % BASE_FIELD), 32 * i)
  return bytes
}

export function fromFile(bytes: Uint8Array): Coordinates {
  const values = Array.from({ length: bytes.length / 32 }, (_, i) => bytesToField(bytes, 32 * i))
  return values.every((value) => value === 0n) ? null : values.map((value) => (value * FILE_RADIX_INVERSE) % BASE_FIELD)
}

export function invert(value: bigint, modulus: bigint): bigint {
  let result = 1n
  for (let square = value, rest = modulus - 2n; rest > 0n; rest >>= 1n, square = (square * square) % modulus) {
    if (rest & 1n) result = (result * square) % modulus
  }
  return result
}

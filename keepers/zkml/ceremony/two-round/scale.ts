// SPDX-License-Identifier: GPL-3.0-or-later
// Many points of G1 times one scalar. The curve has an endomorphism φ(x, y) = (ζx, y) that multiplies by λ, a cube root of one; with
// scalar = k₁ + k₂·λ for halves of 128 bits, half the doublings remain (Gallant, Lambert, Vanstone, CRYPTO 2001).
import { FIELD_BYTES, SCALAR_FIELD } from '../../bn254.ts'
import { type CurveMemory, fieldToBytes, POINT_BYTES } from '../../setup/curve-memory.ts'
import { modPow } from '../../setup/qap.ts'

/** Digits are odd and below 2^(WIDTH − 1) in absolute value, so each point has 2^(WIDTH − 2) multiples. */
const WIDTH = 5
const MULTIPLES = 2 ** (WIDTH - 2)

export class Scaler {
  readonly #memory: CurveMemory
  readonly #digits: readonly [Int8Array, Int8Array]
  /** Address of ζ, Montgomery. */
  readonly #zeta: number

  constructor(memory: CurveMemory, scalar: bigint) {
    this.#memory = memory
    const lambda = modPow(5n, (SCALAR_FIELD - 1n) / 3n)
    const [k1, k2] = halves(scalar, lambda)
    this.#digits = [signedDigits(k1), signedDigits(k2)]
    // φ(G) = λ·G and the generator is (1, 2): its x coordinate becomes ζ itself.
    const { jacobian, affine } = POINT_BYTES.g1
    this.#zeta = memory.alloc(affine)
    const mark = memory.mark()
    const [by, point] = [memory.allocBytes(fieldToBytes(lambda)), memory.alloc(jacobian)]
    memory.kernel('g1m_timesScalar')(memory.image.generator.g1, by, FIELD_BYTES, point)
    memory.kernel('g1m_toAffine')(point, this.#zeta)
    memory.release(mark)
  }

  /** At most SCALARS_PER_BATCH points, in the zkey's form, each times the scalar. */
  multiply(points: Uint8Array): Uint8Array<ArrayBuffer> {
    const memory = this.#memory
    const { affine, jacobian } = POINT_BYTES.g1
    const kernel = (name: string) => memory.kernel(`g1m_${name}`)
    const [add, sub, double, zero] = [kernel('add'), kernel('sub'), kernel('double'), kernel('zero')]
    const count = points.byteLength / affine
    const [first, second] = this.#digits
    const mark = memory.mark()
    const input = memory.allocBytes(points)
    const output = memory.alloc(count * jacobian)
    const tables = [memory.alloc(MULTIPLES * jacobian), memory.alloc(MULTIPLES * jacobian)] as const
    const twice = memory.alloc(jacobian)
    for (let i = 0; i < count; i++) {
      this.#fill(input + i * affine, tables, twice)
      const sum = output + i * jacobian
      zero(sum)
      for (let bit = Math.max(first.length, second.length) - 1; bit >= 0; bit--) {
        double(sum, sum)
        for (const half of [0, 1] as const) {
          const digit = this.#digits[half][bit] ?? 0
          if (digit > 0) add(sum, tables[half] + (digit >> 1) * jacobian, sum)
          else if (digit < 0) sub(sum, tables[half] + (-digit >> 1) * jacobian, sum)
        }
      }
    }
    kernel('batchToAffine')(output, count, output)
    const result = memory.read(output, count * affine)
    memory.release(mark)
    return result
  }

  /** P, 3P, 5P, … and the same of φ(P). */
  #fill(point: number, [own, turned]: readonly [number, number], twice: number): void {
    const memory = this.#memory
    const { jacobian } = POINT_BYTES.g1
    const [add, multiply] = [memory.kernel('g1m_add'), memory.kernel('f1m_mul')]
    memory.kernel('g1m_toJacobian')(point, own)
    memory.kernel('g1m_double')(own, twice)
    for (let j = 1; j < MULTIPLES; j++) add(own + (j - 1) * jacobian, twice, own + j * jacobian)
    memory.bytes.copyWithin(turned, own, own + MULTIPLES * jacobian)
    for (let j = 0; j < MULTIPLES; j++) multiply(turned + j * jacobian, this.#zeta, turned + j * jacobian)
  }
}

/** k₁ + k₂·λ = scalar modulo r, both about as long as the root of r: the nearest point of the lattice, by Euclid's algorithm. */
function halves(scalar: bigint, lambda: bigint): [bigint, bigint] {
  let [before, last]: [Row, Row] = [
    [SCALAR_FIELD, 0n],
    [lambda, -1n],
  ]
  while (last[0] ** 2n >= SCALAR_FIELD) [before, last] = [last, following(before, last)]
  const next = following(before, last)
  const [a1, b1] = last
  const [a2, b2] = squared(before) < squared(next) ? before : next
  const determinant = a1 * b2 - a2 * b1
  const c1 = nearest(b2 * scalar, determinant)
  const c2 = nearest(-b1 * scalar, determinant)
  return [scalar - c1 * a1 - c2 * a2, -c1 * b1 - c2 * b2]
}

/** a and b with a + b·λ = 0 modulo r. */
type Row = readonly [bigint, bigint]

function following(before: Row, last: Row): Row {
  const quotient = before[0] / last[0]
  return [before[0] - quotient * last[0], before[1] - quotient * last[1]]
}

function squared([a, b]: Row): bigint {
  return a * a + b * b
}

function nearest(numerator: bigint, denominator: bigint): bigint {
  const [n, d] = denominator < 0n ? [-numerator, -denominator] : [numerator, denominator]
  const twice = 2n * n + d
  return twice >= 0n ? twice / (2n * d) : -((-twice + 2n * d - 1n) / (2n * d))
}

/** The scalar as signed odd digits, at least WIDTH − 1 zeros behind each; the lowest bit first. */
function signedDigits(scalar: bigint): Int8Array {
  const sign = scalar < 0n ? -1 : 1
  const digits: number[] = []
  for (let rest = scalar < 0n ? -scalar : scalar; rest > 0n; rest >>= 1n) {
    let digit = 0
    if (rest & 1n) {
      digit = Number(BigInt.asIntN(WIDTH, rest))
      rest -= BigInt(digit)
    }
    digits.push(sign * digit)
  }
  return Int8Array.from(digits)
}

// SPDX-License-Identifier: GPL-3.0-or-later
// What t − 1 colluders work out of the honest shares of a round, coefficient by coefficient: what the ciphertext decrypts to,
// modulo D without any noise, and nearly in size. With the plaintext known that is Σ s_i; unknown.ts goes on without it.
import type { Kernel } from '../../../../keepers/fhe/kernel/kernel.ts'
import { coefficients, inverseMod, polynomialOfCoefficients, product, subtract } from '../arithmetic.ts'
import { combination, complement, nearest } from './lattice.ts'
import { modulo, type Readings, readingsOf, weightOfColluder } from './seating.ts'

/** One ciphertext of a round. */
export type Observed = {
  readonly colluders: readonly number[]
  readonly activeSet: readonly number[]
  /** How many updates are in the sum. */
  readonly contributors: number
  /** Σ c0 over the contributors. */
  readonly c0: Uint8Array
  readonly a: Uint8Array
  /** h_j of the honest members of the active set. */
  readonly shares: ReadonlyMap<number, Uint8Array>
  /** f_S(α_c) of each colluder, S the contributors. */
  readonly points: ReadonlyMap<number, Uint8Array>
  /** λ_j of an honest member over the data primes. */
  readonly lambdas: (member: number) => readonly bigint[]
  /** log2 of the standard deviation of a share's flooding. */
  readonly log2Sigma: number
}

/** M + E of each coefficient is value + D·δ for an integer δ of standard deviation `deviation`. */
export type Approximation = {
  readonly values: readonly bigint[]
  readonly denominator: bigint
  readonly deviation: number
  /** Σ c0, coefficient by coefficient: a·Σ s_i = M + E − c0. */
  readonly c0: readonly bigint[]
}

/** Each honest share less the part that the colluders know: μ_j·(a·s_S) + e_j if nothing else is in it. NTT form. */
export function residuesOf(kernel: Kernel, seen: Observed): Map<number, Uint8Array> {
  const primes = kernel.primes.slice(0, kernel.dataPrimeCount)
  const out = new Map<number, Uint8Array>()
  for (const [j, share] of seen.shares) {
    let rest = share
    for (const [k, point] of seen.points) {
      const weights = seen.lambdas(j).map((lambda, l) => {
        const p = primes[l]!
        return modulo(lambda * weightOfColluder(seen.colluders, k, j, p), p)
      })
      rest = subtract(kernel, rest, product(kernel, seen.a, point, weights))
    }
    out.set(j, rest)
  }
  return out
}

/** The shares' information about a ciphertext's M + E. */
export function approximation(kernel: Kernel, seen: Observed): Approximation {
  const readings = readingsOf(seen.colluders, seen.activeSet)
  const rest = residuesOf(kernel, seen)
  const columns = readings.honest.map((j) => coefficients(kernel, rest.get(j)!))
  const c0 = coefficients(kernel, seen.c0)
  const Q = modulusOf(kernel)
  const nearMessage = reader(readings, Q)
  return {
    c0,
    values: c0.map((value, k) => {
      const h = columns.map((column) => column[k]!)
      return nearMessage(h, value)
    }),
    denominator: readings.denominator,
    deviation: 2 ** seen.log2Sigma / Math.sqrt(Number(norm2(readings.c))),
  }
}

/** Σ s_i over the contributors from one ciphertext with known M: coefficients, small if the attack worked. */
export function openedKnowing(kernel: Kernel, seen: Observed, message: readonly bigint[]): bigint[] {
  const near = approximation(kernel, seen)
  // E is below D/2, so δ is known: M + E − M is E modulo D.
  const products = message.map((M, k) => M + centred(near.values[k]! - M, near.denominator) - near.c0[k]!)
  return dividedBy(kernel, products, seen.a)
}

/** From the readings h_j = c_j·w + e_j of one coefficient and its C0, w = a·s_S/D: M + E but for a multiple of D. */
function reader({ c, denominator }: Readings, Q: bigint): (h: readonly bigint[], c0: bigint) => bigint {
  const { along, across } = complement(c)
  const length2 = norm2(c)
  /** ‖c‖²·along − c, written in `across`. */
  const turn = combination(
    across,
    along.map((u, j) => length2 * u - c[j]!),
  )
  return (h, c0) => {
    // along·h is w + along·e, and across·h is across·e, which is small and so known exactly. It takes all of along·e away but
    // what lies along c: Σ c_j·e_j/‖c‖², some σ/‖c‖.
    const crosswise = across.map((row) => centred(dot(row, h), Q))
    const w = dot(along, h) - nearest(dot(turn, crosswise), length2)
    return centred(denominator * w + c0, Q)
  }
}

/** The polynomial with these coefficients, divided by a: coefficients modulo Q, centred. */
export function dividedBy(kernel: Kernel, values: readonly bigint[], a: Uint8Array): bigint[] {
  return coefficients(kernel, quotient(kernel, polynomialOfCoefficients(kernel, values), a))
}

/** b/a in NTT form; a has no residue 0. */
export function quotient(kernel: Kernel, b: Uint8Array, a: Uint8Array): Uint8Array {
  const words = new BigUint64Array(a.slice().buffer)
  const inverses = words.map((value, i) => inverseMod(value, kernel.primes[Math.floor(i / kernel.degree)]!))
  const one = kernel.primes.slice(0, kernel.dataPrimeCount).map(() => 1n)
  return product(kernel, b, new Uint8Array(inverses.buffer), one)
}

function modulusOf(kernel: Kernel): bigint {
  return kernel.primes.slice(0, kernel.dataPrimeCount).reduce((all, p) => all * p, 1n)
}

/** value modulo Q, from −Q/2 to Q/2. */
export function centred(value: bigint, Q: bigint): bigint {
  const rest = modulo(value, Q)
  return rest > Q / 2n ? rest - Q : rest
}

function norm2(c: readonly bigint[]): bigint {
  return dot(c, c)
}

function dot(a: readonly bigint[], b: readonly bigint[]): bigint {
  return a.reduce((sum, x, i) => sum + x * b[i]!, 0n)
}

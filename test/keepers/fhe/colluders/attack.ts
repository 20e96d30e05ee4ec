// SPDX-License-Identifier: GPL-3.0-or-later
// What t − 1 colluders work out of the honest shares of a round, coefficient by coefficient. Against shares without masks it
// ends with Σ s_i of the round's contributors; what it ends with against masked ones, the tests say.
import type { Kernel } from '../../../../keepers/fhe/kernel/kernel.ts'
import { coefficients, inverseMod, polynomialOfCoefficients, product, subtract } from '../arithmetic.ts'
import { combination, complement, nearest } from './lattice.ts'
import { modulo, type Readings, readingsOf, weightOfColluder } from './seating.ts'

/** Errors of a sum of updates stay below this: 21 pairs of coins each, some ten contributors, σ = 3.24 each. */
const LARGEST_ERROR = 62n

/** How many zeros a sum of doubles ends with, most first: a double has 53 bits, and a coefficient some 100. */
const TRAILING_ZEROS = [64n, 56n, 52n, 49n, 47n, 45n, 43n, 41n, 39n, 37n, 35n, 33n] as const

export type Observed = {
  readonly colluders: readonly number[]
  readonly activeSet: readonly number[]
  /** Σ c0 over the contributors. */
  readonly c0: Uint8Array
  readonly a: Uint8Array
  /** h_j of the honest members of the active set. */
  readonly shares: ReadonlyMap<number, Uint8Array>
  /** f_S(α_c) of each colluder, S the contributors. */
  readonly points: ReadonlyMap<number, Uint8Array>
  /** λ_j of an honest member over the data primes. */
  readonly lambdas: (member: number) => readonly bigint[]
  /** The sum of the messages, coefficient by coefficient, when the colluders know it. */
  readonly message?: readonly bigint[]
  /** r of the plan's flooding. */
  readonly uniformBits: number
}

/** Each honest share less what the colluders know of it: μ_j·(a·s_S) + e_j if nothing else is in it. NTT form. */
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

/** Σ s_i over the contributors, as coefficients modulo Q, centred: small if the attack worked, anything if not. */
export function attack(kernel: Kernel, seen: Observed): bigint[] {
  const readings = readingsOf(seen.colluders, seen.activeSet)
  const rest = residuesOf(kernel, seen)
  const columns = readings.honest.map((j) => coefficients(kernel, rest.get(j)!))
  const c0 = coefficients(kernel, seen.c0)
  const Q = kernel.primes.slice(0, kernel.dataPrimeCount).reduce((all, p) => all * p, 1n)
  const solver = new Solver(readings, Q, seen.uniformBits)
  // a·s_S = −C0 + (M + E).
  const product_ = c0.map((value, k) => {
    const h = columns.map((column) => column[k]!)
    return modulo(solver.messageAndError(h, value, seen.message?.[k]) - value, Q)
  })
  return dividedBy(kernel, product_, seen.a)
}

/** Solves one coefficient. */
class Solver {
  readonly #readings: Readings
  readonly #Q: bigint
  readonly #along: readonly bigint[]
  readonly #across: readonly (readonly bigint[])[]
  /** ‖c‖²·along − c, written in `across`. */
  readonly #turn: readonly bigint[]
  readonly #norm2: bigint
  readonly #twos: bigint
  readonly #oddInverse: bigint
  readonly #bound: bigint

  constructor(readings: Readings, Q: bigint, uniformBits: number) {
    this.#readings = readings
    this.#Q = Q
    const { along, across } = complement(readings.c)
    this.#along = along
    this.#across = across
    this.#norm2 = dot(readings.c, readings.c)
    this.#turn = combination(
      across,
      along.map((u, j) => this.#norm2 * u - readings.c[j]!),
    )
    let twos = 0n
    while (((readings.denominator >> twos) & 1n) === 0n) twos++
    this.#twos = twos
    const modulus = 1n << TRAILING_ZEROS[0]!
    this.#oddInverse = inverseMod(modulo(readings.denominator >> twos, modulus), modulus)
    this.#bound = 3n << BigInt(uniformBits - 1)
  }

  /** M + E of one coefficient, from the readings h_j = c_j·w + e_j and C0, w = a·s_S/D. */
  messageAndError(h: readonly bigint[], c0: bigint, message?: bigint): bigint {
    const { denominator: D } = this.#readings
    const Q = this.#Q
    // along·h is w + along·e, and across·h is across·e, which is small and so known exactly. It takes all of along·e away but
    // what lies along c: Σ c_j·e_j/‖c‖², some σ/‖c‖.
    const crosswise = this.#across.map((row) => centred(dot(row, h), Q))
    const w = dot(this.#along, h) - nearest(dot(this.#turn, crosswise), this.#norm2)
    // M + E = g + D·δ.
    const g = centred(D * w + c0, Q)
    if (message !== undefined) return message + centred(g - message, D)
    const reach = (6n * this.#bound) / (3n * root(this.#norm2)) + 1n
    // M is a sum of doubles: of all δ, the one that leaves most trailing zeros once a small E is taken off.
    for (const zeros of TRAILING_ZEROS) {
      const found = this.#nearZeros(g, zeros, reach)
      if (found !== null) return found
    }
    return g
  }

  /** g + D·δ with |δ| ≤ reach that is a small E modulo 2^zeros; null when there is none. */
  #nearZeros(g: bigint, zeros: bigint, reach: bigint): bigint | null {
    const D = this.#readings.denominator
    const twos = this.#twos
    const modulus = 1n << (zeros - twos)
    const nearest_ = centred(g, 1n << twos)
    for (let away = 0n; away <= LARGEST_ERROR; away += 1n << twos) {
      for (const error of away === 0n ? [nearest_] : [nearest_ + away, nearest_ - away]) {
        const delta = centred(((error - g) >> twos) * this.#oddInverse, modulus)
        if (delta <= reach && delta >= -reach) return g + D * delta
      }
    }
    return null
  }
}

/** What has these coefficients, divided by a, which has no residue 0: coefficients modulo Q, centred. */
function dividedBy(kernel: Kernel, values: readonly bigint[], a: Uint8Array): bigint[] {
  const words = new BigUint64Array(a.slice().buffer)
  const inverses = new Uint8Array(
    words.map((value, i) => inverseMod(value, kernel.primes[Math.floor(i / kernel.degree)]!)).buffer,
  )
  const one = kernel.primes.slice(0, kernel.dataPrimeCount).map(() => 1n)
  return coefficients(kernel, product(kernel, polynomialOfCoefficients(kernel, values), inverses, one))
}

/** value modulo Q, from −Q/2 to Q/2. */
function centred(value: bigint, Q: bigint): bigint {
  const rest = modulo(value, Q)
  return rest > Q / 2n ? rest - Q : rest
}

function dot(a: readonly bigint[], b: readonly bigint[]): bigint {
  return a.reduce((sum, x, i) => sum + x * b[i]!, 0n)
}

function root(value: bigint): bigint {
  let x = BigInt(Math.floor(Math.sqrt(Number(value)))) + 1n
  while (x * x > value) x--
  return x
}

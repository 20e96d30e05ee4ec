// SPDX-License-Identifier: GPL-3.0-or-later
// The attack without any plaintext known. A message is a sum of doubles, so it ends with zeros: of all that a coefficient can
// be, few candidates do. Where several do, the coefficient is left open, and a second ciphertext under the same secret
// settles it: a·s is linear, and most of its coefficients are certain.
import type { Kernel } from '../../../../keepers/fhe/kernel/kernel.ts'
import { coefficients, inverseMod, polynomialOfCoefficients, product } from '../arithmetic.ts'
import { type Approximation, approximation, dividedBy, type Observed, quotient } from './attack.ts'
import { solved } from './elimination.ts'
import { modulo } from './seating.ts'

/** Standard deviation of the error of one fresh encryption: 21 pairs of coins. */
const ERROR_STDDEV = Math.sqrt(21 / 2)
/** Candidates lie within so many deviations: a normal value leaves them once in 10^7. */
const REACH = 5.3
/** Wrong coefficients expected among those that are taken for certain. */
const WRONG = 0.02
/** Coefficients left open at most: elimination is cubic. */
const MOST_OPEN = 400
/** With more wrong ones than this, equations contradict each other for certain. */
const HOPELESS = 4
/** Equations beyond those that are needed: they show whether all are right. */
const SPARE = 16

type Guess = { readonly value: bigint; readonly doubt: number }

/**
 * Σ s_i over the contributors of a round from its ciphertexts, as coefficients: small if the attack worked, anything if not.
 *
 * @param madeUp Coefficients of a sum of as many messages of the same kind: how many zeros such a sum ends with.
 */
export function opened(kernel: Kernel, seen: readonly Observed[], madeUp: readonly bigint[]): bigint[] {
  const frequency = frequencies(madeUp)
  const ciphertexts = seen.map((one) => {
    const near = approximation(kernel, one)
    const guesses = guessed(near, frequency, ERROR_STDDEV * Math.sqrt(one.contributors))
    return { a: one.a, guesses, products: guesses.map(({ value }, k) => value - near.c0[k]!) }
  })
  // One is taken whole, but for coefficients that another one settles: the least doubtful first.
  const doubt = (guesses: readonly Guess[]) => guesses.reduce((sum, guess) => sum + guess.doubt, 0)
  ciphertexts.sort((x, y) => doubt(x.guesses) - doubt(y.guesses))
  for (const base of ciphertexts) {
    const { open, wrong } = parted(base.guesses)
    if (wrong > HOPELESS) break
    for (const other of ciphertexts) {
      const corrections = other === base ? null : settled(kernel, base, other, open)
      if (corrections === null) continue
      const products = [...base.products]
      for (const [i, k] of open.entries()) products[k]! += corrections[i]!
      return dividedBy(kernel, products, base.a)
    }
  }
  return dividedBy(kernel, ciphertexts[0]!.products, ciphertexts[0]!.a)
}

/** The coefficients to leave open, and how many of the others are wrong, as expected. */
function parted(guesses: readonly Guess[]): { open: number[]; wrong: number } {
  const open = byDoubt(guesses)
  let wrong = 0
  while (open.length > 0 && (wrong + guesses[open[0]!]!.doubt <= WRONG || open.length > MOST_OPEN)) {
    wrong += guesses[open.shift()!]!.doubt
  }
  return { open, wrong }
}

type Ciphertext = { readonly a: Uint8Array; readonly guesses: readonly Guess[]; readonly products: readonly bigint[] }

/**
 * What the `open` coefficients of base's a·s are off by modulo Q, from the other ciphertext's most certain ones; null when these
 * contradict each other.
 */
function settled(kernel: Kernel, base: Ciphertext, other: Ciphertext, open: readonly number[]): bigint[] | null {
  const { degree } = kernel
  // a'·s = (a'/a)·(a·s).
  const ratio = quotient(kernel, other.a, base.a)
  const factors = coefficients(kernel, ratio)
  const one = kernel.primes.slice(0, kernel.dataPrimeCount).map(() => 1n)
  const expected = coefficients(kernel, product(kernel, ratio, polynomialOfCoefficients(kernel, base.products), one))
  const rows = byDoubt(other.guesses)
    .slice(0, open.length + SPARE)
    .map((row) => [
      ...open.map((k) => (row >= k ? factors[row - k]! : -factors[row - k + degree]!)),
      other.products[row]! - expected[row]!,
    ])
  return solved(rows, kernel.primes.slice(0, kernel.dataPrimeCount))
}

/** The likeliest value of M + E of each coefficient, and how likely it is to be another. */
function guessed(near: Approximation, frequency: ReadonlyMap<number, number>, errorDeviation: number): Guess[] {
  const { denominator: D, deviation } = near
  let twos = 0n
  while (((D >> twos) & 1n) === 0n) twos++
  const reach = BigInt(Math.ceil(REACH * deviation))
  const errors = BigInt(Math.ceil(REACH * errorDeviation))
  // Zeros that chance gives some eight candidates.
  const few = Math.log2(Number(2n * reach + 1n)) + Math.log2(Number(2n * errors + 1n)) - 3
  const zeros = BigInt(Math.max(Math.ceil(few), Number(twos) + 1))
  const modulus = 1n << (zeros - twos)
  const inverse = inverseMod(modulo(D >> twos, modulus), modulus)
  let missed = 0
  for (const [count, share] of frequency) if (count < zeros) missed += share
  return near.values.map((g) => {
    let [best, most, all] = [g, 0, missed]
    // E is g modulo what D has of twos.
    for (let error = -errors + modulo(g + errors, 1n << twos); error <= errors; error += 1n << twos) {
      const first = modulo(((error - g) >> twos) * inverse + reach, modulus) - reach
      for (let delta = first; delta <= reach; delta += modulus) {
        const message = g + D * delta - error
        const likelihood =
          (frequency.get(zerosOf(message)) ?? 0) *
          2 ** (zerosOf(message) + 1) *
          normal(Number(delta), deviation) *
          normal(Number(error), errorDeviation)
        all += likelihood
        if (likelihood > most) [best, most] = [message + error, likelihood]
      }
    }
    return { value: best, doubt: all > 0 ? 1 - most / all : 1 }
  })
}

/** How often a coefficient ends with exactly so many zeros. None is thought impossible between the extremes that were seen. */
function frequencies(messages: readonly bigint[]): Map<number, number> {
  const counts = new Map<number, number>()
  for (const message of messages) counts.set(zerosOf(message), (counts.get(zerosOf(message)) ?? 0) + 1)
  // The tail of few zeros goes on as it was seen, by halves.
  const least = Math.min(...counts.keys())
  for (let zeros = least - 1, share = 0.5; zeros >= 1; zeros--, share /= 2) counts.set(zeros, share)
  return new Map([...counts].map(([zeros, count]) => [zeros, count / messages.length]))
}

/** How many zeros a number ends with, 90 at most. */
function zerosOf(value: bigint): number {
  let zeros = 0
  for (let rest = value; zeros < 90; zeros += 30, rest >>= 30n) {
    const low = Number(BigInt.asUintN(30, rest))
    if (low !== 0) return zeros + 31 - Math.clz32(low & -low)
  }
  return 90
}

function normal(x: number, deviation: number): number {
  // δ is an integer: a deviation below it leaves 0.
  const spread = Math.max(deviation, 0.3)
  return Math.exp(-((x / spread) ** 2) / 2) / (spread * Math.sqrt(2 * Math.PI))
}

function byDoubt(guesses: readonly Guess[]): number[] {
  return guesses.map((_, k) => k).sort((x, y) => guesses[x]!.doubt - guesses[y]!.doubt)
}

// SPDX-License-Identifier: GPL-3.0-or-later
// Discrete Laplace noise from coins (circuits/lib/geometric.circom), and what it costs, exactly.
//
// The noise is a difference of two geometric numbers of parameter q = exp(-ε'), the mechanism of Ghosh, Roughgarden & Sundararajan, "Universally
// utility-maximizing privacy mechanisms" (2009). A geometric number's binary digits are independent: P(g) is proportional to q^g, a product
// over the digits of g. A circuit rounds their probabilities to 32 bits and keeps DIGITS digits. Both make the noise differ from a discrete
// Laplace distribution, so that its ε and δ are computed from its own probabilities, all of which are fractions of powers of two.
import { poseidon } from '../../zkml/index.ts'
import { SEED_HEADER, SLICE_CELLS } from './schema.ts'

export const DIGITS = 8
const COIN_BITS = 32n
const COINS_PER_HASH = 6

/** The unit: ε of one count with noise, in millionths. A release costs one for each cell that a person changes. */
export const UNIT_EPSILON = 100_000
/** ε for which the distribution is computed, in millionths. It is a little wider than necessary, so that ε still holds after rounding. */
const NOMINAL_EPSILON = 99_900

const FRACTION = 192n
const ONE = 1n << FRACTION

/** exp(x) for x = millionths / 10^6 ≥ 0, in 2^-192, rounded down: Taylor's sum ends when terms vanish. */
export function expBelow(millionths: number): bigint {
  let [term, sum] = [ONE, ONE]
  for (let n = 1n; term > 0n; n++) {
    term = (term * BigInt(millionths)) / (1_000_000n * n)
    sum += term
  }
  return sum
}

/** The limits for a geometric number's digits: digit i is 1 if a coin from 0 to 2^32 − 1 is below limit[i]. */
export function digitLimits(epsilon = NOMINAL_EPSILON, digits = DIGITS): bigint[] {
  return Array.from({ length: digits }, (_, i) => {
    // q^(2^i) / (1 + q^(2^i)) = 1 / (1 + exp(ε 2^i)), to the nearest fraction.
    const odds = expBelow(epsilon * 2 ** i)
    return ((ONE << (COIN_BITS + 1n)) / (ONE + odds) + 1n) / 2n
  })
}

/** P(noise = d − (2^digits − 1)) in 2^-(64 digits), exactly; they add up to 2^(64 digits). */
export function noiseDistribution(limits: readonly bigint[] = digitLimits()): bigint[] {
  const size = 2 ** limits.length
  const geometric = Array.from({ length: size }, (_, g) =>
    limits.reduce((product, limit, i) => product * ((g >> i) & 1 ? limit : (1n << COIN_BITS) - limit), 1n),
  )
  const noise = new Array<bigint>(2 * size - 1).fill(0n)
  for (const [a, pa] of geometric.entries())
    for (const [b, pb] of geometric.entries()) noise[a - b + size - 1]! += pa * pb
  return noise
}

/** Units in which δ is stated: 10^-18. */
export const DELTA_UNITS = 10n ** 18n

/**
 * δ of one count with noise, for an ε in millionths; in 10^-18, rounded up. It is the sum over outcomes of P(x) − e^ε P(x + 1) where that is
 * positive: the hockey-stick divergence between counts that differ by one. The noise is symmetric, so the other direction gives the same.
 */
export function deltaOf(epsilon: number, distribution: readonly bigint[] = noiseDistribution()): bigint {
  const factor = expBelow(epsilon)
  let excess = 0n
  for (const [x, probability] of distribution.entries()) {
    const shifted = distribution[x + 1] ?? 0n
    const more = (probability << FRACTION) - factor * shifted
    if (more > 0n) excess += more
  }
  const total = distribution.reduce((sum, probability) => sum + probability, 0n) << FRACTION
  return (excess * DELTA_UNITS + total - 1n) / total
}

/** Standard deviation of the noise on a count. */
export function noiseDeviation(distribution: readonly bigint[] = noiseDistribution()): number {
  const middle = (distribution.length - 1) / 2
  const total = distribution.reduce((sum, probability) => sum + probability, 0n)
  const variance = distribution.reduce(
    (sum, probability, d) => sum + Number((probability << 64n) / total) * 2 ** -64 * (d - middle) ** 2,
    0,
  )
  return Math.sqrt(variance)
}

export function seedCommitmentOf(seed: bigint): bigint {
  return poseidon([SEED_HEADER, seed])
}

/** The noise on the counts of a slice, as the circuit draws it. @param context the slice's context, from the ledger */
export function drawNoise(seed: bigint, context: bigint, limits: readonly bigint[] = digitLimits()): number[] {
  const digits = limits.length
  const blocks = new Map<number, bigint>()
  const coin = (c: number): bigint => {
    const block = Math.floor(c / COINS_PER_HASH)
    if (!blocks.has(block)) blocks.set(block, poseidon([seed, context, BigInt(block)]))
    return BigInt.asUintN(32, blocks.get(block)! >> (COIN_BITS * BigInt(c % COINS_PER_HASH)))
  }
  return Array.from({ length: SLICE_CELLS }, (_, k) => {
    let noise = 0
    for (const [i, limit] of limits.entries()) {
      if (coin(2 * digits * k + i) < limit) noise += 2 ** i
      if (coin(2 * digits * k + digits + i) < limit) noise -= 2 ** i
    }
    return noise
  })
}

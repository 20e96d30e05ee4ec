// SPDX-License-Identifier: GPL-3.0-or-later
// How long an update may be, how wide the masks of its proof are, and how long an update that passes can be. README,
// "Short updates", argues for every constant here.
import { dataPrimes, type ParameterSet } from './parameters.ts'
import { PROJECTION_ROWS } from './sizes.ts'

/** log2 of how many masks a proof may choose from: they hang on one Merkle tree. */
export const CANDIDATE_BITS = 10
/** γ/τ: each candidate passes with probability (1 − 1/25.2)^144 = 3/1024, so one of 1,024 does but for one time in twenty. */
const MASK_RATIO = 25.2
/** log2 of the probability with which some mask hides a vector above the bounds; a row's is this and the masks' ten, over 144. */
const LOG2_SOUNDNESS = -128
const ROW_PROBABILITY = 2 ** ((LOG2_SOUNDNESS - CANDIDATE_BITS) / PROJECTION_ROWS)
/** An entry above 2·β passes one row with probability at most ½: some candidate with probability below 2^-134. */
export const ENTRY_FACTOR = 2
/** Share of the modulus for a sum of passing updates: N coefficients of garbage all stay below it with probability (15/16)^N. */
export const MODULUS_SHARE = 15 / 16
/** Largest error of a fresh encryption: 21 pairs of coins, and the message's rounding. */
const ERROR_BOUND = 22
/** Norms are worked out in doubles, of values that were cut in single precision. */
const NORM_TOLERANCE = 1 + 2 ** -18

export type ProofBounds = {
  /** Bound on the Euclidean norm of an honest w = m + e over all coefficients of an update, less what does not travel of c0. */
  readonly honestNorm: number
  /** τ: no row of J·w exceeds it for an honest w, but with probability 2^-s for all rows and rounds together. */
  readonly shift: bigint
  /** γ: masks are uniform in ±γ. */
  readonly mask: bigint
  /** β = γ − τ: the largest |z|. */
  readonly limit: bigint
  /** No coefficient of an update that passes exceeds this. */
  readonly entry: number
}

/** The bounds for a scale, a number of coefficients and their norm. */
export function proofBounds(of: {
  /** Coefficients of an update that travel. */
  readonly carried: number
  readonly scaleBits: number
  /** Bound on the Euclidean norm of all values of an update, weights included. */
  readonly messageNorm: number
  /** Largest error of a coefficient by what of it does not travel. */
  readonly dropped: number
  readonly statisticalBits: number
  readonly roundsPerKey: number
}): ProofBounds {
  const message = 2 ** of.scaleBits * of.messageNorm
  const honestNorm = (message + (ERROR_BOUND + of.dropped) * Math.sqrt(of.carried)) * NORM_TOLERANCE
  // Rows are sub-Gaussian of variance ‖w‖²/2: 2·exp(−x²/2) each, over all rows of all rounds and a few drawings each.
  const tailBits = of.statisticalBits + 4 + Math.ceil(Math.log2(PROJECTION_ROWS * of.roundsPerKey))
  const tail = Math.sqrt(2 * Math.LN2 * tailBits)
  const shift = BigInt(Math.ceil((tail * honestNorm) / Math.SQRT2))
  const mask = BigInt(Math.ceil(Number(shift) * MASK_RATIO))
  const limit = mask - shift
  return {
    honestNorm,
    shift,
    mask,
    limit,
    entry: ENTRY_FACTOR * Number(limit),
  }
}

/**
 * Bound on the probability that a row lands in a window of 2β modulo Q, for a vector of norm c·β without an entry above 2β. The
 * window is below (sin(ax)/ax)²/0.81, a = π/4β, whose transform is a triangle on |t| ≤ 2a; there |E exp(itJ_r·w)| = Π cos²(w_k·t/2)
 * is at most exp(−t²‖w‖²/4). Modulo Q the integral is a sum in steps of 2π/Q, which is at most its middle term more.
 */
export function rowBound(c: number, limitOverModulus: number): number {
  const peak = (Math.sin(Math.PI / 4) / (Math.PI / 4)) ** 2
  const steps = 512
  let integral = 0
  for (let i = 0; i < steps; i++) {
    // x = t·β; the integrand falls with x, so left ends are above it.
    const x = ((i / steps) * Math.PI) / 2
    integral += (1 - i / steps) * Math.exp((-x * x * c * c) / 4)
  }
  return ((2 * integral) / steps + 4 * limitOverModulus) / peak
}

/**
 * The Euclidean norm, over so many coefficients, that no update exceeds which passes with z within β = `limit`: c·β for the least c,
 * within 1 %, whose rows pass rarely enough, or what the entries allow where Q is too small for any.
 */
export function provenNorm(set: ParameterSet, carried: number, limit: number): number {
  return normFactor(limit / dataModulus(set), carried) * limit
}

function normFactor(limitOverModulus: number, entries: number): number {
  const most = ENTRY_FACTOR * Math.sqrt(entries)
  // A vector without end would pass as often as this.
  if (rowBound(most, limitOverModulus) > ROW_PROBABILITY) return most
  let c = 4
  while (c < most && rowBound(c, limitOverModulus) > ROW_PROBABILITY) c *= 1.01
  return Math.min(c, most)
}

/** Q, as a double. */
export function dataModulus(set: Pick<ParameterSet, 'primes'>): number {
  return Number(dataPrimes(set).reduce((product, prime) => product * prime, 1n))
}

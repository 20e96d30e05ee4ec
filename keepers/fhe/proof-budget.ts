// SPDX-License-Identifier: GPL-3.0-or-later
// How long an update may be, how wide the masks of its proof are, and how long an update that passes can be. README,
// "Short updates", argues for every constant here.
import { dataPrimes, type ParameterSet } from './parameters.ts'
import { PROJECTION_ROWS } from './sizes.ts'

/** log2 of how many masks a proof may choose from: they hang on one Merkle tree. */
export const CANDIDATE_BITS = 10
/** γ/τ: each candidate passes with probability (1 − 1/25.2)^144 = 3/1024, so one of 1,024 does but for one time in twenty. */
const MASK_RATIO = 25.2
/**
 * A vector of Euclidean norm 4.6·β passes one row with probability below 2^(−138/144), whatever the masks, so all rows for some
 * candidate with probability below 2^-128.
 */
export const NORM_FACTOR = 4.6
/** An entry above 2·β passes one row with probability at most ½: some candidate with probability below 2^-134. */
export const ENTRY_FACTOR = 2
/** What the sum of updates that pass may take of the modulus: garbage is below it in N coefficients with probability (15/16)^N. */
export const MODULUS_SHARE = 15 / 16
/** Largest error of a fresh encryption: 21 pairs of coins, and the encoder's rounding. */
const ERROR_BOUND = 22
/** Norms are worked out in doubles, of values that were cut in single precision. */
const NORM_TOLERANCE = 1 + 2 ** -18

export type ProofBounds = {
  /** Bound on the Euclidean norm of an honest w = m + e over all coefficients of an update. */
  readonly honestNorm: number
  /** τ: no row of J·w exceeds it for an honest w, but with probability 2^-s for all rows and rounds together. */
  readonly shift: bigint
  /** γ: masks are uniform in ±γ. */
  readonly mask: bigint
  /** β = γ − τ: what |z| may be. */
  readonly limit: bigint
  /** No coefficient of an update that passes exceeds this. */
  readonly entry: number
  /** The Euclidean norm of an update that passes does not exceed this. */
  readonly norm: number
}

/** The bounds for a scale, a ring and a norm of slots. */
export function proofBounds(of: {
  readonly set: ParameterSet
  readonly ciphertexts: number
  readonly scaleBits: number
  /** Bound on the Euclidean norm of all slots of an update, weights included. */
  readonly slotNorm: number
  readonly statisticalBits: number
  readonly roundsPerKey: number
}): ProofBounds {
  const { set, ciphertexts, scaleBits } = of
  // Σ |slot|² over N/2 slots is N/2 times the squared norm of the N coefficients.
  const message = 2 ** scaleBits * Math.sqrt(2 / set.degree) * of.slotNorm
  const honestNorm = (message + ERROR_BOUND * Math.sqrt(ciphertexts * set.degree)) * NORM_TOLERANCE
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
    norm: NORM_FACTOR * Number(limit),
  }
}

/** Q, as a double. */
export function dataModulus(set: Pick<ParameterSet, 'primes'>): number {
  return Number(dataPrimes(set).reduce((product, prime) => product * prime, 1n))
}

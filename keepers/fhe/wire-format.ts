// SPDX-License-Identifier: GPL-3.0-or-later
// What of a polynomial travels. Of c0 and of decryption shares: only the coefficients that carry something, and of those only
// the bits above what the flooding drowns anyway. README, "Fewer bytes", says why nothing is lost by it, secrecy or precision.
import { dataPrimes, type ParameterSet } from './parameters.ts'

/** How coefficients lie on the wire. */
export type WireFormat = {
  /** Low bits of a coefficient in [0, Q) that do not travel; the reader takes half of what they can be in their place. */
  readonly droppedBits: number
  /** Bytes of a coefficient, little-endian. */
  readonly width: number
}

/** A format's share of the flooding: the error of all dropped bits together has at most ¼ of the flooding's deviation. */
const DROPPED_BELOW_FLOODING_BITS = 2
/** Primes are just below 2^60. */
const PRIME_BITS = 60
/**
 * The fewest bytes a coefficient for flooding of a deviation of 2^log2Sigma a share. Messages in a decryption: one of each
 * member's update, one of each share, of at least `threshold` shares.
 */
export function wireFormat(
  set: Pick<ParameterSet, 'primes'>,
  of: { readonly log2Sigma: number; readonly members: number; readonly threshold: number },
): WireFormat {
  const bits = PRIME_BITS * dataPrimes(set).length
  // What is dropped is off by at most 2^(dropped − 1).
  const most =
    of.log2Sigma - DROPPED_BELOW_FLOODING_BITS + 1 - 0.5 * Math.log2((of.members + of.threshold) / of.threshold)
  const width = Math.ceil((bits - Math.max(0, Math.floor(most))) / 8)
  return { width, droppedBits: Math.max(0, bits - 8 * width) }
}

/** Words of the sum of up to 2^16 coefficients. */
export function sumWords({ width }: WireFormat): number {
  return Math.ceil((width + 2) / 8)
}

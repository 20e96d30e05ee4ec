// SPDX-License-Identifier: GPL-3.0-or-later
// Derives bounds from the terms of a service's rounds: on entries and norms of updates and means, including the noise of privacy.
import { meanNormBound, NOISE_TAIL, noiseShare } from '../learning/index.ts'
import type { RoundTerms } from './terms.ts'

/** Deviation of the noise that each member adds to each entry of its update; 0 when the terms ask for none. */
export function noiseDeviation({ privacy, clipNorm }: RoundTerms): number {
  return privacy === undefined ? 0 : noiseShare({ ...privacy, clippingNorm: clipNorm })
}

/** The largest entry before noise. Noise then never takes an entry past clipBound, which the encryption would refuse. */
export function entryBound(terms: RoundTerms): number {
  return terms.clipBound - NOISE_TAIL * noiseDeviation(terms)
}

/** Why the terms' privacy does not fit its bounds, or null. */
export function contradictionInPrivacy(terms: RoundTerms): string | null {
  if (entryBound(terms) > 0) return null
  const deviation = noiseDeviation(terms)
  return (
    `clipBound: ${terms.clipBound} leaves no room for privacy's noise of deviation ` +
    `${deviation.toPrecision(3)}: raise it above ${(NOISE_TAIL * deviation).toPrecision(3)} (64 at most), or lower ` +
    'clipNorm or privacy.noiseMultiplier'
  )
}

/**
 * The number of samples that a member declares, which is its weight in the mean. A member that declares 0 has no samples: its update is zero, weighs
 * nothing, and does not count towards the updates that the chain requires in a sum. With privacy, all members declare the same number, because a
 * member with twice the weight would need twice the noise. The number of samples then stays private, and also whether there are any.
 */
export function declaredWeight(terms: RoundTerms, samples: number): number {
  return terms.privacy === undefined ? Math.max(0, Math.min(samples, terms.maxSamples)) : terms.maxSamples
}

/** Bound on the norm of a mean of honest updates. @param sum.valueError Error of each value, from the FHE plan. */
export function meanBound(terms: RoundTerms, sum: { contributors: number; length: number; valueError: number }) {
  const { contributors, length, valueError } = sum
  const deviation = noiseDeviation(terms) / Math.sqrt(contributors)
  return meanNormBound({ clipNorm: terms.clipNorm, length, valueError, deviation })
}

/** Bound on the norm of an honest update, noise included. The proof of shortness uses it. */
export function updateBound(terms: RoundTerms, length: number): number {
  return meanBound(terms, { contributors: 1, length, valueError: 0 })
}

// SPDX-License-Identifier: GPL-3.0-or-later
// Bounds from the terms of a service's rounds: entries and norms of updates and means, including the noise of privacy.
import { meanNormBound, NOISE_TAIL, noiseShare } from '../learning/index.ts'
import type { RoundTerms } from './terms.ts'

/** Deviation of the noise that each member adds to each entry of its update; 0 when the terms ask for none. */
export function noiseDeviation({ privacy, clipNorm }: RoundTerms): number {
  return privacy === undefined ? 0 : noiseShare({ ...privacy, clippingNorm: clipNorm })
}

/** The largest entry before noise, so that noise never takes it past clipBound, which encryption refuses. */
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
 * The sample count that means none: the chain refuses zero, and counts a member that reveals nothing as idle. Its
 * update is zero, and weighs nothing. Members with samples declare more.
 */
const NOTHING = 1

/** Whether every member has the same weight, whatever its samples. */
function weighAlike({ privacy, maxSamples }: RoundTerms): boolean {
  return privacy !== undefined || maxSamples <= NOTHING
}

/**
 * The number of samples that a member declares. With privacy it is the same for all, because a member with twice the weight would need
 * twice the noise; its number of samples then stays private, and so does whether it has any.
 */
export function declaredWeight(terms: RoundTerms, samples: number): number {
  if (weighAlike(terms)) return terms.maxSamples
  return samples <= 0 ? NOTHING : Math.min(Math.max(samples, NOTHING + 1), terms.maxSamples)
}

/** The weight in the mean of a member that declared so many samples; 0 when it said that it has none. */
export function weightInMean(terms: RoundTerms, declared: number): number {
  return declared === NOTHING && !weighAlike(terms) ? 0 : declared
}

/** Bound on the norm of a mean of so many honest updates. @param valueError Of each value, from the encryption's plan. */
export function meanBound(terms: RoundTerms, sum: { contributors: number; length: number; valueError: number }) {
  const { contributors, length, valueError } = sum
  const deviation = noiseDeviation(terms) / Math.sqrt(contributors)
  return meanNormBound({ clipNorm: terms.clipNorm, length, valueError, deviation })
}

/** Bound on the norm of an honest update, noise included. The proof of shortness uses it. */
export function updateBound(terms: RoundTerms, length: number): number {
  return meanBound(terms, { contributors: 1, length, valueError: 0 })
}

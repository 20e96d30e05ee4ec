// SPDX-License-Identifier: GPL-3.0-or-later
// What a service's profile bounds: entries and norms of updates and means, the noise of privacy included.
import { meanNormBound, NOISE_TAIL, noiseShare } from '../learning/index.ts'
import type { ServiceProfile } from './profile.ts'

/** Deviation of the noise that each member adds to each entry of its update; 0 when the profile asks for none. */
export function noiseDeviation({ privacy, clipNorm }: ServiceProfile): number {
  return privacy === undefined ? 0 : noiseShare({ ...privacy, clippingNorm: clipNorm })
}

/** What an entry may be before noise, so that noise never takes it past clipBound, which encryption refuses. */
export function entryBound(profile: ServiceProfile): number {
  return profile.clipBound - NOISE_TAIL * noiseDeviation(profile)
}

/** Why a profile's privacy does not fit its bounds, or null. */
export function contradictionInPrivacy(profile: ServiceProfile): string | null {
  if (entryBound(profile) > 0) return null
  const deviation = noiseDeviation(profile)
  return (
    `service.profile.clipBound: ${profile.clipBound} leaves no room for privacy's noise of deviation ` +
    `${deviation.toPrecision(3)}: raise it above ${(NOISE_TAIL * deviation).toPrecision(3)} (64 at most), or lower ` +
    'clipNorm or privacy.noiseMultiplier'
  )
}

/**
 * The weight of a keeper in the mean: its samples; with privacy the same for all, since a member with twice the weight
 * would need twice the noise, and how many samples it has is then nobody's business.
 */
export function declaredWeight(profile: ServiceProfile, samples: number): number {
  return profile.privacy === undefined ? Math.min(samples, profile.maxSamples) : profile.maxSamples
}

/** Bound on the norm of a mean of so many honest updates. @param valueError Of each value, from the encryption's plan. */
export function meanBound(profile: ServiceProfile, sum: { contributors: number; length: number; valueError: number }) {
  const { contributors, length, valueError } = sum
  const deviation = noiseDeviation(profile) / Math.sqrt(contributors)
  return meanNormBound({ clipNorm: profile.clipNorm, length, valueError, deviation })
}

/** Bound on the norm of an honest update, noise included: what its proof of shortness is held to. */
export function updateBound(profile: ServiceProfile, length: number): number {
  return meanBound(profile, { contributors: 1, length, valueError: 0 })
}

// SPDX-License-Identifier: GPL-3.0-or-later
import { z } from 'zod'
import { seatsOf } from '../chain/index.ts'
import {
  type ClientPrivacySpent,
  clientPrivacySpent,
  meanNormBound,
  NOISE_TAIL,
  noiseShare,
} from '../learning/index.ts'
import type { ServiceProfile } from '../versions/index.ts'
import type { AgentContext } from './context.ts'
import { AgentError } from './errors.ts'
import type { Fact } from './facts.ts'

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

const RECORD = 'opened sums'
/** Round → how many contributed to the sum whose draft made it decryptable. */
const ledgerSchema = z.record(z.string(), z.int().min(0))

/**
 * Puts the drafts that the chain has shown on record, before their events are forgotten. From the draft on a sum counts
 * as opened, whether or not its model is accepted: the drafted learn the mean. Of two drafts of a round (a reorganisation)
 * the one with fewer contributors stays.
 */
export function noteOpenedSums(context: Pick<AgentContext, 'profile' | 'store' | 'facts' | 'metrics'>): void {
  const { profile, store, facts, metrics } = context
  if (profile.privacy === undefined) return
  const before = ledgerSchema.parse(store.getRecord(RECORD) ?? {})
  const ledger = addDrafts(before, facts.all('MembersDrafted'))
  if (Object.keys(ledger).some((round) => ledger[round] !== before[round])) store.putRecord(RECORD, ledger)
  const spent = clientPrivacySpent(profile.privacy, Object.values(ledger))
  metrics.setPrivacy(spent)
}

function addDrafts(ledger: Readonly<Record<string, number>>, drafts: readonly Pick<Fact, 'args'>[]) {
  const next: Record<string, number> = { ...ledger }
  for (const { args } of drafts) {
    const round = String(args.round)
    const contributors = seatsOf(args.included as bigint).length
    next[round] = Math.min(next[round] ?? contributors, contributors)
  }
  return next
}

/** What the service has spent, by this keeper's record and the events since; null without privacy. */
export function privacySpent(context: Pick<AgentContext, 'profile' | 'store' | 'facts'>): ClientPrivacySpent | null {
  const { profile, store, facts } = context
  if (profile.privacy === undefined) return null
  const ledger = addDrafts(ledgerSchema.parse(store.getRecord(RECORD) ?? {}), facts.all('MembersDrafted'))
  return clientPrivacySpent(profile.privacy, Object.values(ledger))
}

/** The same from a list of MembersDrafted events, as anybody who has the profile can compute it. */
export function privacySpentBy(
  profile: Pick<ServiceProfile, 'privacy'>,
  drafts: readonly Pick<Fact, 'args'>[],
): ClientPrivacySpent | null {
  if (profile.privacy === undefined) return null
  return clientPrivacySpent(profile.privacy, Object.values(addDrafts({}, drafts)))
}

/** Turns the learning room's refusal of a mean into the loop's: a mean that is longer than honest updates make one is a lost round. @throws AgentError BAD_BLOB. */
export function refuseLongMean(norm: () => number): number {
  try {
    return norm()
  } catch (cause) {
    throw new AgentError('BAD_BLOB', cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

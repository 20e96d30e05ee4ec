// SPDX-License-Identifier: GPL-3.0-or-later
import { z } from 'zod'
import { seatsOf } from '../chain/index.ts'
import { type ClientPrivacySpent, clientPrivacySpent } from '../learning/index.ts'
import type { RoundTerms } from '../versions/index.ts'
import type { AgentContext } from './context.ts'
import { AgentError } from './errors.ts'
import type { Fact } from './facts.ts'

const RECORD = 'opened sums'
/** Round → number of contributors to the sum that its draft made decryptable. */
const ledgerSchema = z.record(z.string(), z.int().min(0))

/**
 * Puts drafts on record before their events are forgotten. From the draft on, a sum counts as opened whether or not its model is
 * accepted, because the drafted members learn the mean. When a round has two drafts (after a reorganisation), the one with fewer
 * contributors counts.
 */
export function noteOpenedSums(context: Pick<AgentContext, 'manifest' | 'store' | 'facts' | 'metrics'>): void {
  const { manifest, store, facts, metrics } = context
  const { privacy } = manifest.rounds
  if (privacy === undefined) return
  const before = ledgerSchema.parse(store.getRecord(RECORD) ?? {})
  const ledger = addDrafts(manifest.rounds, before, facts.all('MembersDrafted'), facts.all('UpdateRevealed'))
  if (Object.keys(ledger).some((round) => ledger[round] !== before[round])) store.putRecord(RECORD, ledger)
  const spent = clientPrivacySpent(privacy, Object.values(ledger))
  metrics.setPrivacy(spent)
}

type Told = readonly Pick<Fact, 'args'>[]

/** A member that declares fewer samples than the others adds less noise or none, and everybody can see that: it does not count as a contributor. */
function addDrafts(
  { maxSamples }: Pick<RoundTerms, 'maxSamples'>,
  ledger: Readonly<Record<string, number>>,
  drafts: Told,
  reveals: Told,
) {
  const next: Record<string, number> = { ...ledger }
  const less = reveals.filter(({ args }) => Number(args.samples) < maxSamples)
  for (const { args } of drafts) {
    const round = String(args.round)
    const without = new Set(less.filter((one) => String(one.args.round) === round).map((one) => Number(one.args.seat)))
    const contributors = seatsOf(args.included as bigint).filter((seat) => !without.has(seat)).length
    next[round] = Math.min(next[round] ?? contributors, contributors)
  }
  return next
}

/** The privacy that the service has spent, by this keeper's record and later events; null without privacy. */
export function privacySpent(context: Pick<AgentContext, 'manifest' | 'store' | 'facts'>): ClientPrivacySpent | null {
  const { manifest, store, facts } = context
  const { privacy } = manifest.rounds
  if (privacy === undefined) return null
  const before = ledgerSchema.parse(store.getRecord(RECORD) ?? {})
  const ledger = addDrafts(manifest.rounds, before, facts.all('MembersDrafted'), facts.all('UpdateRevealed'))
  return clientPrivacySpent(privacy, Object.values(ledger))
}

/** The same from lists of MembersDrafted and UpdateRevealed events, as anybody who has the manifest can compute it. */
export function privacySpentBy(
  terms: Pick<RoundTerms, 'privacy' | 'maxSamples'>,
  drafts: Told,
  reveals: Told,
): ClientPrivacySpent | null {
  if (terms.privacy === undefined) return null
  return clientPrivacySpent(terms.privacy, Object.values(addDrafts(terms, {}, drafts, reveals)))
}

/** Turns the learning room's error about a mean that is longer than honest updates allow into the loop's, a lost round. @throws AgentError BAD_BLOB. */
export function refuseLongMean(norm: () => number): number {
  try {
    return norm()
  } catch (cause) {
    throw new AgentError('BAD_BLOB', cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

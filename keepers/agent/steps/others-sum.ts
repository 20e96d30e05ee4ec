// SPDX-License-Identifier: GPL-3.0-or-later
// Of two colluding members, one can withhold its update while the other serves it to some members at the last moment. The members that have the
// update can still attest the sum without it, as the others must.
import { z } from 'zod'
import { bitmapOf, seatsOf } from '../../chain/index.ts'
import type { Step } from '../context.ts'
import type { EpochFrame } from '../epoch.ts'
import type { Attested } from './attestation.ts'
import { contributorsFloor, declaredIn } from './draft.ts'
import type { FetchTimes } from './fetch-ahead.ts'
import { othersSumRecord } from './intents.ts'
import { sealedAlike } from './open-draft.ts'
import { type RoundSum, sumOfRound } from './sum.ts'

/** Fraction of the window up to which a keeper waits for the seals of those that lack an update. */
const WAITS = 0.45

const recordSchema = z.object({ of: z.string(), hash: z.string().nullable(), included: z.string() })

/**
 * The sum to attest in place of one with updates that came late: the same sum without them, once so many members have sealed it that the other
 * sum can no longer get a quorum. Fewer than a third of the members cannot bring that about, so liars cannot use it to keep anybody out.
 * @param gone Part of the window that is over. @param passedOn Part of the window after which members that lack an update attest without it.
 * @returns 'wait' while the others may still seal it; null where the keeper stands by its own sum.
 */
export async function othersSum(
  step: Step & { readonly seat: number },
  frame: EpochFrame,
  sum: RoundSum,
  terms: {
    readonly without: bigint
    readonly convicted: bigint
    readonly times: FetchTimes
    readonly gone: number
    readonly passedOn: number
  },
): Promise<Attested | 'wait' | null> {
  const members = frame.roster.length
  /** When this many members seal another sum, the rest is still a quorum. */
  const most = members - (Math.floor((2 * members) / 3) + 1)
  // The round machine tolerates no more liars than that. So this keeper itself was away.
  if (sum.late.length === 0 || sum.late.length > most) return null
  if (terms.gone < terms.passedOn) return 'wait'
  const other = await withoutLate(step, sum, terms)
  if (other === null) return null
  const { context, snapshot } = step
  // A sum of too few updates would accuse the senders of updates that this keeper has.
  const declared = declaredIn(context, snapshot.round, other.included)
  if (seatsOf(other.included).length < (await contributorsFloor(step, frame, declared))) return null
  if (seatsOf(sealedAlike(step, other).matching).length > most) return other
  return terms.gone < WAITS ? 'wait' : null
}

/** The sum without late updates. Computed once and kept on record, because the store keeps only one sum of a round. */
async function withoutLate(
  step: Step & { readonly seat: number },
  sum: RoundSum,
  { without, convicted, times }: { readonly without: bigint; readonly convicted: bigint; readonly times: FetchTimes },
): Promise<Attested | null> {
  const { context, snapshot } = step
  const name = othersSumRecord(snapshot.epochInfo, snapshot.round)
  const of = `${sum.hash} ${sum.late.join()}`
  let known = recordSchema.nullable().parse(context.store.getRecord(name))
  if (known?.of !== of) {
    const other = await sumOfRound(step, snapshot.round, { without: without | bitmapOf(sum.late), times })
    known = { of, hash: other?.hash ?? null, included: String(other?.included ?? 0n) }
    context.store.putRecord(name, known)
  }
  return known.hash === null ? null : { hash: known.hash, included: BigInt(known.included), convicted }
}

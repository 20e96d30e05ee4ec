// SPDX-License-Identifier: GPL-3.0-or-later
// Two members that help each other can have some members get an update from the second of them at the last moment. Those that have it can still
// do as the others do; those that lack it cannot.
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
 * The sum to attest in place of one with updates that came late: the same without them, when so many members have sealed it that no quorum is
 * left for the other. A third of the members cannot bring that about, so that liars keep nobody out with it.
 * @param gone Part of the window that is over. @param passedOn Part of it from which on members without an update attest.
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
  /** Of so many, the others are a quorum. */
  const most = members - (Math.floor((2 * members) / 3) + 1)
  // More liars than that there are not: this keeper was away itself.
  if (sum.late.length === 0 || sum.late.length > most) return null
  if (terms.gone < terms.passedOn) return 'wait'
  const other = await withoutLate(step, sum, terms)
  if (other === null) return null
  const { context, snapshot } = step
  // Of too few: its draft accuses the senders of what it lacks, and this keeper has it.
  const declared = declaredIn(context, snapshot.round, other.included)
  if (seatsOf(other.included).length < (await contributorsFloor(step, frame, declared))) return null
  if (seatsOf(sealedAlike(step, other).matching).length > most) return other
  return terms.gone < WAITS ? 'wait' : null
}

/** Worked out once, because each sum takes the record's place of the other. */
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

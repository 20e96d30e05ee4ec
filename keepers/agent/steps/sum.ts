// SPDX-License-Identifier: GPL-3.0-or-later
import { z } from 'zod'
import { bitmapOf, hasSeat, seatsOf } from '../../chain/index.ts'
import {
  aggregateInChunks,
  type ChunkedAggregateRequest,
  openAggregateMessage,
  type SumOfUpdates,
  type UpdateMessage,
} from '../../fhe/index.ts'
import { NetworkError } from '../../network/index.ts'
import { publish } from '../actions.ts'
import type { Step } from '../context.ts'
import { type EpochFrame, loadKeyHash } from '../epoch.ts'
import { frameHere } from '../frame.ts'
import { openMessage, publishPieces } from '../messages.ts'
import { judgeNotes } from '../slices/judge.ts'
import { aggregateBySlices, sourcesOf } from '../slices/updates.ts'
import type { FetchTimes } from './fetch-ahead.ts'
import { HeldKey } from './held-key.ts'
import { aggregateRecord } from './intents.ts'
import { fetchUpdates, revealedIn, revealsName, reviewUpdate } from './review.ts'

const recordSchema = z.object({
  cid: z.string(),
  hash: z.string(),
  included: z.string(),
  /** Names the reveals that the sum is of: after a reorganisation there may be others. */
  of: z.string().default(''),
  without: z.string().default('0'),
  missing: z.array(z.number()),
  contested: z.array(z.number()).default([]),
  /** Whether others added it up, slice by slice. */
  sliced: z.boolean().default(false),
  late: z.array(z.number()).default([]),
})

/** A sum of updates as this keeper computed it. */
export type RoundSum = {
  readonly aggregate: SumOfUpdates
  /** 0x… of the sum's hash. */
  readonly hash: string
  /** Bitmap of the contributors' seats. */
  readonly included: bigint
  /** Seats whose updates could not be fetched. A later try may get them. */
  readonly missing: readonly number[]
  /** Seats in the sum with a proof that is valid for everybody but contradicts the share that this keeper was dealt. */
  readonly contested: readonly number[]
  /** Whether others added it up, slice by slice. */
  readonly sliced: boolean
  /** Seats whose updates came from other members, after the time for asking their senders. Some members may not have them. */
  readonly late: readonly number[]
}

/**
 * Fetches the revealed updates of a round, checks each, and adds them up. Updates that are missing, malformed, of another size, without a valid
 * proof or bound to something else are left out and named in the log.
 * @param options.only The seats that must be in the sum, when the members have decided that already; else all revealed.
 * @param options.without Bitmap of seats to leave out in any case.
 * @param options.times Times for fetching; without them, each update gets the time that the config gives a fetch.
 * @param options.slices Whether to try first to add up together with the others, slice by slice. Without this option, a stored sum that was made
 *   that way does not count either: after a dispute, each member must have looked at every update itself.
 * @param options.alone Whether to ignore the stored sum and compute another one without storing it.
 * @returns null when nothing valid was found, or when one of `only` cannot be fetched.
 */
export async function sumOfRound(
  step: Step & { readonly seat: number },
  round: number,
  options: { only?: bigint; without?: bigint; times?: FetchTimes; slices?: boolean; alone?: boolean } = {},
): Promise<RoundSum | null> {
  const { context, snapshot } = step
  const { only, without = 0n, times, slices = false, alone = false } = options
  const frame = await frameHere(step)
  const keyHash = loadKeyHash(context.store, frame)
  if (keyHash === null) return null
  const where = { ...frame.context, round }
  const name = aggregateRecord(snapshot.epochInfo, round)
  const known = recordSchema.nullable().parse(context.store.getRecord(name))
  const revealedHere = revealedIn(step, frame, round)
  const of = revealsName(revealedHere)
  const isSame =
    !alone &&
    known !== null &&
    known.of === of &&
    (only === undefined
      ? known.missing.length === 0 && BigInt(known.without) === without && (slices || !known.sliced)
      : BigInt(known.included) === only)
  if (isSame) {
    const sum = await storedSum(step, frame, { cid: known.cid, context: where, keyHash }).catch((error: unknown) => {
      if (error instanceof NetworkError) return null
      throw error
    })
    if (sum !== null) {
      const { hash, missing, contested, sliced, late } = known
      return { aggregate: sum, hash, included: BigInt(known.included), missing, contested, sliced, late }
    }
  }
  /** Notes the sum, which is the blob `cid` now. */
  const keep = (sum: SumOfUpdates, cid: string, found: Omit<RoundSum, 'aggregate' | 'hash'>): RoundSum => {
    const hash = `0x${Buffer.from(sum.hash).toString('hex')}`
    const { included, ...others } = found
    const record = { cid, hash, included: included.toString(), of, without: without.toString(), ...others }
    if (!alone) context.store.putRecord(name, record)
    return { aggregate: sum, hash, ...found }
  }
  const together =
    slices && only === undefined && without === 0n ? await aggregateBySlices(step, frame, keyHash, revealedHere) : null
  if (together !== null) {
    const all = bitmapOf(revealedHere.map(({ seat }) => seat))
    const cid = await publish(step, 'aggregate', together.bytes, round)
    return keep(together, cid, { included: all, missing: [], contested: [], sliced: true, late: [] })
  }
  const included: number[] = []
  const missing: number[] = []
  const contested: number[] = []
  const late = new Set(known?.of === of ? known.late : [])
  const updates: UpdateMessage[] = []
  const bySeat = new Map(
    revealedHere
      .filter(({ seat }) => !hasSeat(without, seat) && (only === undefined || hasSeat(only, seat)))
      .map((revealed) => [revealed.seat, revealed]),
  )
  using ahead = fetchUpdates(step, frame, [...bySeat.values()], times)
  using key = new HeldKey(context, frame)
  for await (const seat of ahead.settled()) {
    const revealed = bySeat.get(seat)!
    const { sender } = revealed
    const review = await reviewUpdate(step, frame, keyHash, revealed, { ahead, key })
    if (review.kind === 'sound') {
      if ((await ahead.here(seat)).isLate) late.add(seat)
      if (!review.agrees) contested.push(seat)
      included.push(seat)
      updates.push({ sender, message: review.message })
      continue
    }
    if (review.kind === 'missing') missing.push(seat)
    context.metrics.errors.inc({ code: review.kind === 'missing' ? 'UPDATE_MISSING' : 'UPDATE_REFUSED' })
    context.log.warn({ event: 'update left out', round, from: seat, reason: review.reason }, 'left an update out')
    // The sum is useless without an update that must be in it.
    if (only !== undefined) return null
  }
  if (updates.length === 0 || (only !== undefined && included.length < seatsOf(only).length)) return null
  const { sum, cid } = await addUp(step, frame, { context: where, keyHash, updates })
  // Only a sum of all updates shows who reported a false one. A keeper that was deceived gets here in Vote, adding up alone.
  if (included.length === revealedHere.length) {
    await judgeNotes(step, frame, { message: 'update', round, sources: sourcesOf(revealedHere), sum })
  }
  return keep(sum, cid, { included: bitmapOf(included), missing, contested, sliced: false, late: [...late] })
}

/** Adds up updates that were reviewed, and stores the sum, which others may then fetch. */
async function addUp(
  step: Step,
  frame: EpochFrame,
  of: Pick<ChunkedAggregateRequest, 'context' | 'keyHash' | 'updates'>,
): Promise<{ readonly sum: SumOfUpdates; readonly cid: string }> {
  const { signal } = step
  const { aggregate: size } = frame.plan.bytes
  const { round } = of.context
  const { cid } = await publishPieces(step, { kind: 'aggregate', size, round }, (write) =>
    aggregateInChunks(frame.engine, { ...of, write, signal }),
  )
  return { cid, sum: await storedSum(step, frame, { cid, ...of }) }
}

/** A sum in this keeper's store. @throws NetworkError when it is no longer there */
async function storedSum(
  step: Step,
  frame: EpochFrame,
  of: { readonly cid: string } & Pick<ChunkedAggregateRequest, 'context' | 'keyHash'>,
): Promise<SumOfUpdates> {
  const { context, keyHash, cid } = of
  const { signal } = step
  const options = { maxBytes: frame.plan.bytes.aggregate, timeout: 10_000, providers: [], signal }
  const message = await openMessage(step, cid, options)
  return openAggregateMessage(frame.engine, message, { context, keyHash, signal })
}

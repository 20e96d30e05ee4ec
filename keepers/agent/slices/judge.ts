// SPDX-License-Identifier: GPL-3.0-or-later
import { isDeepStrictEqual } from 'node:util'
import { type SumOfUpdates, sliceBytes, sliceSumOf, sumSlice } from '../../fhe/index.ts'
import { blobCid, NetworkError } from '../../network/index.ts'
import type { EpochFrame } from '../epoch.ts'
import { openMessage } from '../messages.ts'
import { attemptOf } from './sums.ts'
import { ignore } from './trust.ts'
import type { Member, SliceWork } from './work.ts'

type About = { readonly round: number; readonly sources: SliceWork['sources'] } & (
  | {
      readonly message: 'update'
      /** The sum of all sources, as this keeper added it up itself. */
      readonly sum: SumOfUpdates
    }
  | {
      readonly message: 'decryption share'
      /** Whether to look at sums that nobody contradicted, too. */
      readonly every: boolean
    }
)

/**
 * Finds the members whose sums of the last attempt were false, once this keeper has all the messages itself, and ignores them for the rest of
 * the epoch. Missing messages and silence are no reason to ignore a member, because others can cause both. Does nothing when the attempt was
 * about other messages, or when some messages are no longer here.
 */
export async function judgeNotes(step: Member, frame: EpochFrame, about: About): Promise<void> {
  const attempt = attemptOf(step.context, about)
  if (attempt === null || !isDeepStrictEqual(attempt.work.sources, about.sources)) return
  const { duties, notes, own } = await attempt.result
  const liars = new Set<number>()
  for (const [slice, seats] of duties.members.entries()) {
    const told = seats.flatMap((seat) => {
      const cid = notes.get(seat)?.sums[slice]
      return cid === undefined || seat === step.seat ? [] : [{ seat, cid }]
    })
    const isDisputed = new Set([...told.map(({ cid }) => cid), own.get(String(slice)) ?? told[0]?.cid]).size > 1
    if (about.message === 'decryption share' && !about.every && !isDisputed) continue
    const truth = await ifHere(() => trueSum(step, frame, about, slice))
    if (truth === null) return
    const cid = await blobCid(truth)
    for (const other of told) if (other.cid !== cid) liars.add(other.seat)
  }
  ignore(step, about, liars)
}

/** Null when a message is not here any more. */
async function ifHere<T>(body: () => Promise<T>): Promise<T | null> {
  try {
    return await body()
  } catch (error) {
    if (error instanceof NetworkError) return null
    throw error
  }
}

/** The sum of a slice over messages in this keeper's store. @throws NetworkError when some are missing */
async function trueSum(step: Member, frame: EpochFrame, about: About, slice: number): Promise<Uint8Array> {
  if (about.message === 'update') return sliceSumOf(frame.engine, about.sum, slice)
  const { signal } = step
  const { from, to } = sliceBytes(frame.plan, 'decryption share', slice)
  const maxBytes = frame.plan.bytes.decryptionShare
  const parts = async function* (): AsyncGenerator<Uint8Array> {
    for (const { cid } of about.sources) {
      const share = await openMessage(step, cid, { maxBytes, timeout: 10_000, providers: [], signal })
      yield await share.read(from, to)
    }
  }
  return sumSlice(frame.engine, { slice, parts: parts(), signal })
}

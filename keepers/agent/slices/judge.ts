// SPDX-License-Identifier: GPL-3.0-or-later
import { type SlicedMessage, sliceBytes, sumSlice } from '../../fhe/index.ts'
import { blobCid } from '../../network/index.ts'
import type { EpochFrame } from '../epoch.ts'
import { attemptOf } from './sums.ts'
import { ignore } from './trust.ts'
import type { Member } from './work.ts'

/**
 * Whose sums of the last attempt were false, once this keeper has added up everything by itself and everything was sound. They are ignored for
 * the rest of the epoch. Nobody is for what it lacks, nor for silence: others can bring about both. The messages must be here.
 * @param about.every Whether to look at sums that nobody contradicted, too.
 */
export async function judgeNotes(
  step: Member,
  frame: EpochFrame,
  about: { readonly message: SlicedMessage; readonly round: number; readonly every?: boolean },
): Promise<void> {
  const { context, signal } = step
  const attempt = attemptOf(context, about)
  if (attempt === null) return
  const { work } = attempt
  const result = await attempt.result
  const liars = new Set<number>()
  const maxBytes = frame.plan.bytes[work.message === 'update' ? 'update' : 'decryptionShare']
  for (const [slice, seats] of result.duties.members.entries()) {
    const told = seats.flatMap((seat) => {
      const cid = result.notes.get(seat)?.sums[slice]
      return cid === undefined ? [] : [{ seat, cid }]
    })
    const own = result.own.get(String(slice))
    const sums = new Set([...told.map(({ cid }) => cid), ...(own === undefined ? [] : [own])])
    if (sums.size < (about.every === true ? 1 : 2)) continue
    const { from, to } = sliceBytes(frame.plan, work.message, slice)
    const parts = async function* (): AsyncGenerator<Uint8Array> {
      for (const { cid } of work.sources) {
        const whole = await context.plane.fetch(cid, { maxBytes, timeout: 10_000, providers: [], signal })
        yield whole.slice(from, to)
      }
    }
    const truth = await blobCid(await sumSlice(frame.engine, { slice, parts: parts(), signal }))
    for (const { seat, cid } of told) if (cid !== truth && seat !== step.seat) liars.add(seat)
  }
  ignore(step, liars)
  if (liars.size === 0) return
  context.log.warn(
    { event: 'notes ignored', round: work.round, message: work.message, seats: [...liars] },
    'said what was not so: not heard in this epoch any more',
  )
}

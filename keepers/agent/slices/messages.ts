// SPDX-License-Identifier: GPL-3.0-or-later
import { steady } from '../../chain/index.ts'
import { FheError, sliceBytes, sumSlice } from '../../fhe/index.ts'
import { NetworkError } from '../../network/index.ts'
import type { Step } from '../context.ts'
import type { EpochFrame } from '../epoch.ts'
import { messageFrom } from '../messages.ts'
import { fromOwnPlace } from '../steps/own-place.ts'
import type { Member, SliceWork } from './work.ts'

/** Fetches under way at a time: see steps/fetch-ahead.ts. */
export const AT_ONCE = 8
/** Milliseconds before each further try. A peer that many dial in the same second refuses some of them. */
const TRY_AGAIN_MS = [700, 1_500]

/** How to get the messages of others. */
type Terms = {
  /** Until when (`steady`). */
  readonly until: number
  /** Seats with messages that are here, whole. */
  readonly here?: ReadonlySet<number>
  /** The seat with the message that this keeper fetches whole, to check it. */
  readonly whole?: number | undefined
}

/** Adds up one slice of every message. `lacks` lists the seats from whose messages no sound slice could be had. Unless it is empty, `sum` is null. */
export async function addUpSlice(
  step: Member,
  frame: EpochFrame,
  work: SliceWork,
  slice: number,
  terms: Terms,
): Promise<{ readonly sum: Uint8Array | null; readonly lacks: readonly number[] }> {
  const { context, signal } = step
  const sources = fromOwnPlace(work.sources, step.seat)
  const parts = await atOnce(sources, (source) =>
    retried(step, terms.until, () => partOf(step, frame, work, { ...source, slice }, terms)).catch((error: unknown) => {
      signal.throwIfAborted()
      if (!(error instanceof NetworkError)) throw error
      context.log.debug({ event: 'slice missing', round: work.round, reason: error.message }, 'cannot add a slice up')
      return null
    }),
  )
  const lacks = sources.filter((_, at) => parts[at] === null).map(({ seat }) => seat)
  if (lacks.length > 0) return { sum: null, lacks }
  try {
    return { sum: await sumSlice(frame.engine, { slice, parts: parts as Uint8Array[], signal }), lacks }
  } catch (error) {
    const bad = error instanceof FheError ? sources[Number(error.detail.part ?? -1)] : undefined
    if (bad === undefined) throw error
    return { sum: null, lacks: [bad.seat] }
  }
}

async function partOf(
  step: Member,
  frame: EpochFrame,
  work: SliceWork,
  { seat, cid, slice }: { readonly seat: number; readonly cid: string; readonly slice: number },
  { until, here, whole: checked }: Terms,
): Promise<Uint8Array> {
  const { context, signal } = step
  const range = sliceBytes(frame.plan, work.message, slice)
  const maxBytes = frame.plan.bytes[work.message === 'update' ? 'update' : 'decryptionShare']
  const others = frame.roster.map((member) => member.seat)
  const left = (): number => Math.max(1, until - steady(context.clock))
  const outOfWhole = async (): Promise<Uint8Array> => {
    const options = { maxBytes, round: work.round, others, timeout: left() / 2 }
    const message = await messageFrom(step, work.message, seat, cid, options)
    // Copied, because what is read may be a view of a whole block.
    return new Uint8Array(await message.read(range.from, range.to))
  }
  if (seat === step.seat || here?.has(seat)) return outOfWhole()
  if (seat === checked) {
    // The whole message contains the slice. If it does not come, the slice alone may.
    await work.bring?.(seat, until)
    if (await context.plane.has(cid)) return outOfWhole()
  }
  const [provider] = await context.peers.providers(seat, [], step.seat)
  // Some peers serve no parts: they are behind a relay, or they want everybody to add up alone.
  if (provider === undefined) return outOfWhole()
  try {
    const found = await context.plane.parts.fetch(cid, range, { maxBytes, timeout: left() / 3, provider, signal })
    context.metrics.bytesFetched.inc({ kind: work.message }, found.bytes)
    return found.range
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof NetworkError) return outOfWhole()
    throw error
  }
}

/** What a peer did not deliver is asked for again, while there is time. */
export async function retried<T>(
  { context, signal }: Pick<Step, 'context' | 'signal'>,
  until: number,
  one: () => Promise<T>,
): Promise<T> {
  for (const pause of TRY_AGAIN_MS) {
    try {
      return await one()
    } catch (error) {
      signal.throwIfAborted()
      const isAbsent = error instanceof NetworkError && ['UNAVAILABLE', 'TIMEOUT'].includes(error.code)
      if (!isAbsent || steady(context.clock) + pause >= until) throw error
      await context.clock.sleep(pause, signal)
    }
  }
  return one()
}

/** Maps in order, with so many under way at a time; the first failure ends it. */
export async function atOnce<T, R>(items: readonly T[], one: (item: T) => Promise<R>): Promise<R[]> {
  const results = new Array<R>(items.length)
  let next = 0
  const work = async (): Promise<void> => {
    while (next < items.length) {
      const at = next++
      results[at] = await one(items[at]!)
    }
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, work))
  return results
}

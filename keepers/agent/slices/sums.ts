// SPDX-License-Identifier: GPL-3.0-or-later
// Adds up messages together with the other members, slice by slice: this keeper fetches its own slices of all messages, and the sums
// of the others' slices. Decision 0010 has the argument. Whatever goes wrong, the caller adds up by itself.
import { hasSeat, steady } from '../../chain/index.ts'
import { FheError, type SlicedMessage, sliceBytes, sliceCount, sliceSumBytes, sumSlice } from '../../fhe/index.ts'
import { blobCid, NetworkError } from '../../network/index.ts'
import { fetchFrom } from '../actions.ts'
import type { AgentContext, Step } from '../context.ts'
import type { EpochFrame } from '../epoch.ts'
import { epochName } from '../members.ts'
import { type Duties, dutiesOf } from './duties.ts'
import { agreedSums, encodeNote, type Note, noteOf } from './notes.ts'
import { ignore, ignoredHere, noteSilence } from './trust.ts'

/** Messages to be added up. */
export type SliceWork = {
  readonly message: SlicedMessage
  readonly round: number
  /** All of them: who serves which. */
  readonly sources: readonly { readonly seat: number; readonly cid: string }[]
  /** Bitmap of the seats that add up. */
  readonly helpers: bigint
  /** Of the duties. */
  readonly seed: string
  /** Until when (`steady`) the notes of others are awaited. */
  readonly until: number
  /** Checks a whole message, that of `seat`. */
  readonly check?: (seat: number) => Promise<boolean>
}

/** How it went. */
type SliceResult = {
  /** The sums of all slices; null when the members did not agree on them in time. */
  readonly sums: readonly Uint8Array[] | null
  readonly notes: ReadonlyMap<number, Note>
  readonly duties: Duties
}

type Member = Step & { readonly seat: number }

/** Fetches under way at a time. */
const AT_ONCE = 16
/** Milliseconds before each further try. A peer that many dial in the same second refuses some of them. */
const TRY_AGAIN_MS = [700, 1_500]

/** A keeper's last attempt for each kind of message. One is made once, for the notes of the others do not change. */
type Attempt = { readonly name: string; readonly work: SliceWork; readonly result: Promise<SliceResult> }
const attempts = new WeakMap<AgentContext, Map<SlicedMessage, Attempt>>()

const nameOf = ({ snapshot }: Step, { message, round }: SliceWork): string =>
  `${message}/${epochName(snapshot.epochInfo)}/${round}`

/** Of which messages a note is. */
const subjectOf = ({ sources }: SliceWork): Promise<string> =>
  blobCid(Buffer.from(sources.map(({ seat, cid }) => `${seat} ${cid}`).join()))

/** Adds up by slices, once for each set of messages. Rejects only when the signal is aborted, or for what is this keeper's own fault. */
export async function sumBySlices(step: Member, frame: EpochFrame, work: SliceWork): Promise<SliceResult> {
  const of = await subjectOf(work)
  const made = attempts.get(step.context) ?? new Map<SlicedMessage, Attempt>()
  attempts.set(step.context, made)
  const name = `${nameOf(step, work)}/${of}`
  const known = made.get(work.message)
  if (known?.name === name) return known.result
  const result = attemptIt(step, frame, work, of)
  made.set(work.message, { name, work, result })
  result.catch(() => made.delete(work.message))
  return result
}

async function attemptIt(step: Member, frame: EpochFrame, work: SliceWork, of: string): Promise<SliceResult> {
  const { context } = step
  const started = steady(context.clock)
  const sumsUntil = work.until + (work.until - started) / 3
  const seats = frame.roster.map(({ seat }) => seat).filter((seat) => hasSeat(work.helpers, seat))
  const duties = dutiesOf(seats, sliceCount(frame.plan), work.seed)
  const own = await ownPart(step, frame, work, duties)
  const note: Note = { of, sums: Object.fromEntries(own.cids), sound: own.sound }
  const name = nameOf(step, work)
  context.plane.parts.tell(name, encodeNote(note))
  const ignored = ignoredHere(step)
  const notes = new Map<number, Note>(seats.includes(step.seat) ? [[step.seat, note]] : [])
  let sums: readonly Uint8Array[] | null = null
  if (own.sound && isPossible(duties, ignored)) {
    const others = seats.filter((seat) => seat !== step.seat && !ignored.has(seat))
    await collect(step, others, { name, of, until: work.until, kind: work.message }, notes)
    // Nobody was waited for to the end once one had said that something is wrong.
    if ([...notes.values()].every(({ sound }) => sound)) noteSilence(step, others, notes)
    const agreed = agreedSums(duties.members, notes, ignored)
    if (agreed !== null) sums = await fetchSums(step, frame, work, { agreed, notes, duties, own: own.sums, until: sumsUntil })
  }
  const seen = {
    ...{ round: work.round, message: work.message, slices: duties.members.length },
    unsound: [...notes].filter(([, { sound }]) => !sound).map(([seat]) => seat),
    ...{ heard: notes.size, of: seats.length, seconds: (steady(context.clock) - started) / 1000 },
  }
  if (sums === null) context.log.warn({ event: 'slices disagree', ...seen }, 'adds up everything by itself')
  else context.log.info({ event: 'slices', ...seen }, 'added up together with the others')
  return { sums, notes, duties }
}

/** Whether two members that this keeper hears are left for each slice. */
const isPossible = ({ members }: Duties, ignored: ReadonlySet<number>): boolean =>
  members.every((seats) => seats.filter((seat) => !ignored.has(seat)).length >= 2)

/** The slices that are this keeper's to add up, and its check. */
async function ownPart(
  step: Member,
  frame: EpochFrame,
  work: SliceWork,
  { members, checks }: Duties,
): Promise<{ sums: Map<number, Uint8Array>; cids: [string, string][]; sound: boolean }> {
  const sums = new Map<number, Uint8Array>()
  const cids: [string, string][] = []
  const mine = [...members.entries()].filter(([, seats]) => seats.includes(step.seat)).map(([slice]) => slice)
  const checked = checks.get(step.seat)
  const check = checked === undefined || work.check === undefined ? Promise.resolve(true) : work.check(checked)
  check.catch(() => undefined)
  try {
    for (const slice of mine) {
      const parts = await partsOf(step, frame, work, slice)
      const sum = await sumSlice(frame.engine, { slice, parts, signal: step.signal })
      const cid = await step.context.plane.publish(sum, { round: work.round, signal: step.signal })
      step.context.metrics.bytesPublished.inc({ kind: work.message }, sum.length)
      sums.set(slice, sum)
      cids.push([String(slice), cid])
    }
  } catch (error) {
    step.signal.throwIfAborted()
    if (!(error instanceof FheError || error instanceof NetworkError)) throw error
    step.context.log.debug(
      { event: 'slice missing', round: work.round, reason: error.message },
      'cannot add a slice up',
    )
    await check
    return { sums, cids, sound: false }
  }
  return { sums, cids, sound: await check }
}

/** A slice of every message, in the order of the sources. */
async function partsOf(step: Member, frame: EpochFrame, work: SliceWork, slice: number): Promise<Uint8Array[]> {
  const { context, signal } = step
  const range = sliceBytes(frame.plan, work.message, slice)
  const maxBytes = frame.plan.bytes[work.message === 'update' ? 'update' : 'decryptionShare']
  const others = frame.roster.map((member) => member.seat)
  const one = async ({ seat, cid }: SliceWork['sources'][number]): Promise<Uint8Array> => {
    const left = (): number => Math.max(1, work.until - steady(context.clock))
    const whole = async (): Promise<Uint8Array> => {
      const options = { maxBytes, round: work.round, others, timeout: left() / 2 }
      return (await fetchFrom(step, work.message, seat, cid, options)).slice(range.from, range.to)
    }
    if (seat === step.seat) return whole()
    const [provider] = await context.peers.providers(seat, [], step.seat)
    // Some serve no parts: they are behind a relay, or would have everybody add up alone.
    if (provider === undefined) return whole()
    try {
      const found = await context.plane.parts.fetch(cid, range, { maxBytes, timeout: left() / 3, provider, signal })
      context.metrics.bytesFetched.inc({ kind: work.message }, found.bytes)
      return found.range
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof NetworkError) return whole()
      throw error
    }
  }
  return atOnce(work.sources, (source) => retried(step, work.until, () => one(source)))
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

/** Adds the others' notes, until all are there, one says that something is wrong, or the time is over. */
async function collect(
  step: Member,
  seats: readonly number[],
  about: Parameters<typeof noteOf>[2],
  notes: Map<number, Note>,
): Promise<void> {
  const enough = new AbortController()
  using _ = follow(step.signal, enough)
  const asking = { ...step, signal: enough.signal }
  await Promise.all(
    seats.map(async (seat) => {
      const note = await noteOf(asking, seat, about).catch((error) => {
        if (enough.signal.aborted && !step.signal.aborted) return null
        throw error
      })
      if (note === null) return
      notes.set(seat, note)
      if (!note.sound) enough.abort()
    }),
  )
}

/** Aborts `controller` with `signal`, without a composite signal that would outlive both. */
function follow(signal: AbortSignal, controller: AbortController): Disposable {
  const abort = (): void => controller.abort(signal.reason)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort)
  return { [Symbol.dispose]: () => signal.removeEventListener('abort', abort) }
}

/** The sums that the members agreed on: this keeper's own, the others from any of those that made them. Null when one is to be had nowhere. */
async function fetchSums(
  step: Member,
  frame: EpochFrame,
  work: SliceWork,
  of: {
    readonly agreed: readonly string[]
    readonly notes: ReadonlyMap<number, Note>
    readonly duties: Duties
    readonly own: ReadonlyMap<number, Uint8Array>
    /** Until when (`steady`): what those that made a sum had to say, they have said. */
    readonly until: number
  },
): Promise<Uint8Array[] | null> {
  const { context, signal } = step
  const found = await atOnce([...of.agreed.entries()], async ([slice, cid]) => {
    const own = of.own.get(slice)
    if (own !== undefined) return own
    const makers = of.duties.members[slice]!.filter((seat) => of.notes.get(seat)?.sums[slice] === cid)
    const first = step.seat % makers.length
    const to = sliceSumBytes(frame.plan, slice)
    for (const [asked, seat] of [...makers.slice(first), ...makers.slice(0, first)].entries()) {
      const left = of.until - steady(context.clock)
      if (left <= 0) return null
      const [provider] = await context.peers.providers(seat, [], step.seat)
      if (provider === undefined) continue
      try {
        const timeout = left / (makers.length - asked)
        const { range, bytes } = await context.plane.parts.fetch(
          cid,
          { from: 0, to },
          { maxBytes: to, timeout, provider, signal },
        )
        context.metrics.bytesFetched.inc({ kind: work.message }, bytes)
        return range
      } catch (error) {
        signal.throwIfAborted()
        if (!(error instanceof NetworkError)) throw error
      }
    }
    return null
  })
  return found.every((sum) => sum !== null) ? (found as Uint8Array[]) : null
}

/**
 * Whose notes of the last attempt were false, once this keeper has added up everything by itself and everything was sound. They are ignored for
 * the rest of the epoch. The messages must be here.
 * @param about.every Whether to look at sums that nobody contradicted, too.
 */
export async function judgeNotes(
  step: Member,
  frame: EpochFrame,
  about: { readonly message: SlicedMessage; readonly round: number; readonly every?: boolean },
): Promise<void> {
  const { context, signal } = step
  const attempt = attempts.get(context)?.get(about.message)
  if (attempt?.work.round !== about.round) return
  const { work } = attempt
  const result = await attempt.result
  const liars = new Set<number>()
  for (const [seat, { sound }] of result.notes) if (!sound && seat !== step.seat) liars.add(seat)
  const maxBytes = frame.plan.bytes[work.message === 'update' ? 'update' : 'decryptionShare']
  for (const [slice, seats] of result.duties.members.entries()) {
    const told = seats.flatMap((seat) => {
      const cid = result.notes.get(seat)?.sums[slice]
      return cid === undefined ? [] : [{ seat, cid }]
    })
    if (new Set(told.map(({ cid }) => cid)).size < (about.every === true ? 1 : 2)) continue
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

/** Maps in order, with so many under way at a time; the first failure ends it. */
async function atOnce<T, R>(items: readonly T[], one: (item: T) => Promise<R>): Promise<R[]> {
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

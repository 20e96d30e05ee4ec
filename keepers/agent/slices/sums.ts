// SPDX-License-Identifier: GPL-3.0-or-later
// Adds up messages together with the other members, slice by slice: this keeper fetches its own slices of all messages, and the sums
// of the others' slices. Decision 0010 has the argument. Whatever goes wrong, the caller adds up by itself.
import { hasSeat, steady } from '../../chain/index.ts'
import { type SlicedMessage, sliceCount, sliceSumBytes } from '../../fhe/index.ts'
import { blobCid, NetworkError } from '../../network/index.ts'
import type { AgentContext, Step } from '../context.ts'
import type { EpochFrame } from '../epoch.ts'
import { epochName } from '../members.ts'
import { type Duties, dutiesOf } from './duties.ts'
import { addUpSlice, atOnce } from './messages.ts'
import { encodeNote, type Note } from './note-format.ts'
import { agreedSums, collectNotes, doubtedIn, openSlices, refutedBy } from './notes.ts'
import { ALONE, type Alone } from './outcomes.ts'
import { ignore, ignoredHere, noteFailed, noteSilence, silentHere } from './trust.ts'
import { type Member, type SliceWork, timesOf } from './work.ts'

/** How it went. */
type SliceResult = {
  /** The sums of all slices; null when the members did not agree on them in time. */
  readonly sums: readonly Uint8Array[] | null
  readonly notes: ReadonlyMap<number, Note>
  readonly duties: Duties
  /** By slice, CIDs of the sums that this keeper added up itself. */
  readonly own: ReadonlyMap<string, string>
}

/** A keeper's last attempt for each kind of message. Repeating an attempt is useless, because the notes of the others do not change. */
type Attempt = { readonly name: string; readonly work: SliceWork; readonly result: Promise<SliceResult> }
const attempts = new WeakMap<AgentContext, Map<SlicedMessage, Attempt>>()

/** This keeper's last attempt, if that was for these messages of this round. */
export function attemptOf(
  context: AgentContext,
  { message, round }: { readonly message: SlicedMessage; readonly round: number },
): Attempt | null {
  const attempt = attempts.get(context)?.get(message)
  return attempt?.work.round === round ? attempt : null
}

const nameOf = ({ snapshot }: Step, { message, round }: SliceWork): string =>
  `${message}/${epochName(snapshot.epochInfo)}/${round}`

/**
 * Names the messages and duties that a note is about. A member with another seed or other helpers has looked at other messages than this keeper
 * expects: there was a reorganisation, or its endpoint misled it.
 */
const subjectOf = ({ sources, seed, helpers }: SliceWork): Promise<string> =>
  blobCid(Buffer.from([seed, helpers, ...sources.map(({ seat, cid }) => `${seat} ${cid}`)].join()))

/** Adds up by slices, once for each set of messages. Rejects only when the signal is aborted, or for a fault of this keeper's own. */
export async function sumBySlices(step: Member, frame: EpochFrame, work: SliceWork): Promise<SliceResult> {
  const of = await subjectOf(work)
  const made = attempts.get(step.context) ?? new Map<SlicedMessage, Attempt>()
  attempts.set(step.context, made)
  const name = `${nameOf(step, work)}/${of}`
  const known = made.get(work.message)
  if (known?.name === name) return known.result
  const result = attemptIt(step, frame, work, of)
  made.set(work.message, { name, work, result })
  result.catch(() => {
    if (made.get(work.message)?.name === name) made.delete(work.message)
  })
  return result
}

async function attemptIt(step: Member, frame: EpochFrame, work: SliceWork, of: string): Promise<SliceResult> {
  const { context } = step
  const started = steady(context.clock)
  const times = timesOf(work, started)
  const seats = frame.roster.map(({ seat }) => seat).filter((seat) => hasSeat(work.helpers, seat))
  const duties = dutiesOf(seats, sliceCount(frame.plan), work.seed)
  const own = await ownPart(step, frame, work, duties, times.own)
  const note: Note = { of, sums: Object.fromEntries(own.cids), lacks: own.lacks }
  const name = nameOf(step, work)
  context.plane.parts.tell(name, encodeNote(note))
  const ignored = ignoredHere(step)
  const notes = new Map<number, Note>(seats.includes(step.seat) ? [[step.seat, note]] : [])
  let doubted: readonly number[] = own.lacks
  let found: readonly Uint8Array[] | Alone = 'unsound'
  // If this keeper found the update unsound, nothing that others say can help. If it could not get the update, others may have it.
  if (own.check !== 'unsound') {
    const others = seats.filter((seat) => seat !== step.seat && !ignored.has(seat))
    const about = { name, of, until: times.notes, kind: work.message, lacks: Math.floor(seats.length / 3) }
    await collectNotes(step, others, { ...about, silent: silentHere(step) }, notes)
    doubted = work.check === undefined ? [] : doubtedIn(work, duties, notes)
    const stalled = new Set<number>()
    found = await othersSums(step, frame, work, { duties, notes, own, doubted, until: times.sums, stalled })
    // A member that announces a sum and does not hand it over costs as much time as a silent one.
    noteSilence(step, others, new Set([...notes.keys()].filter((seat) => !stalled.has(seat))))
  }
  const seen = {
    ...{ round: work.round, message: work.message, slices: duties.members.length, doubted },
    ...{ heard: notes.size, of: seats.length, seconds: (steady(context.clock) - started) / 1000 },
  }
  const sums = typeof found === 'string' ? null : found
  context.metrics.sliceSums.inc({ outcome: typeof found === 'string' ? found : 'together' })
  if (typeof found !== 'string') context.log.info({ event: 'slices', ...seen }, 'added up together with the others')
  else {
    const why = { cause: found, reason: ALONE[found] }
    context.log.warn({ event: 'slices disagree', ...seen, ...why }, 'adds up everything by itself')
    // A bad update costs its sender its place in the sum, so nobody repeats this to waste time.
    if (found !== 'unsound') noteFailed(step, work.round)
  }
  return { sums, notes, duties, own: own.cids }
}

/** What this keeper added up itself, and what it could not. */
type OwnPart = {
  readonly sums: Map<number, Uint8Array>
  readonly cids: Map<string, string>
  readonly lacks: number[]
  /** What it found of the update that it checks. */
  readonly check: 'sound' | 'unsound' | 'absent'
  /** Seats with messages that it has seen whole, and found sound. */
  readonly checked: Set<number>
}

/** Adds up the slices that this keeper answers for, and checks one update. */
async function ownPart(
  step: Member,
  frame: EpochFrame,
  work: SliceWork,
  { members, checks }: Duties,
  until: number,
): Promise<OwnPart> {
  const mine = [...members.entries()].filter(([, seats]) => seats.includes(step.seat)).map(([slice]) => slice)
  const subject = work.check === undefined ? undefined : checks.get(step.seat)
  const part = { sums: new Map<number, Uint8Array>(), cids: new Map<string, string>(), checked: new Set<number>() }
  const [check, lacks] = await Promise.all([
    subject === undefined ? ('sound' as const) : work.check!(subject, until),
    addUpThese(step, frame, work, mine, { until, whole: subject, ...part }),
  ])
  if (subject !== undefined) {
    if (check === 'sound') part.checked.add(subject)
    else lacks.add(subject)
  }
  return { ...part, lacks: [...lacks], check }
}

/** Adds up these slices, and offers the sums to others. @returns the seats whose messages were missing */
async function addUpThese(
  step: Member,
  frame: EpochFrame,
  work: SliceWork,
  slices: readonly number[],
  to: Pick<OwnPart, 'sums' | 'cids' | 'checked'> & { readonly until: number; readonly whole?: number | undefined },
): Promise<Set<number>> {
  const lacks = new Set<number>()
  await Promise.all(
    slices.map(async (slice) => {
      const found = await addUpSlice(step, frame, work, slice, { until: to.until, here: to.checked, whole: to.whole })
      for (const seat of found.lacks) lacks.add(seat)
      if (found.sum === null) return
      const cid = await step.context.plane.publish(found.sum, { round: work.round, signal: step.signal })
      step.context.metrics.bytesPublished.inc({ kind: work.message }, found.sum.length)
      to.sums.set(slice, found.sum)
      to.cids.set(String(slice), cid)
    }),
  )
  return lacks
}

/**
 * The sums of all slices: this keeper's own, and those that the others agree on. First the keeper itself checks every message in doubt: some
 * member lacks it, or nobody reported it sound. Then it adds up the slices that the others do not settle.
 * @returns the sums, or the cause when this does not suffice or takes too long
 */
async function othersSums(
  step: Member,
  frame: EpochFrame,
  work: SliceWork,
  of: {
    readonly duties: Duties
    readonly notes: ReadonlyMap<number, Note>
    readonly own: OwnPart
    readonly doubted: readonly number[]
    readonly until: number
    /** Gets the members that did not hand over what they made. */
    readonly stalled: Set<number>
  },
): Promise<Uint8Array[] | Alone> {
  const { duties, notes, own, until } = of
  const toCheck = of.doubted.filter((seat) => !own.checked.has(seat))
  // Checking this many is no less work than adding up alone.
  if (toCheck.length > work.sources.length / 3) return 'doubted'
  const found = await atOnce(toCheck, (seat) => work.check!(seat, until))
  if (found.some((one) => one !== 'sound')) return 'doubted'
  for (const seat of toCheck) own.checked.add(seat)
  const open = openSlices(duties.members, notes, own.sums)
  if (open.length > Math.max(1, duties.members.length / 2)) return 'open'
  await addUpThese(step, frame, work, open, { ...own, until })
  ignore(step, work, refutedBy(own.cids, duties.members, notes))
  const agreed = agreedSums(duties.members, notes, ignoredHere(step), own.cids)
  if (agreed === null) return 'disagreed'
  return (await fetchSums(step, frame, work, { ...of, agreed })) ?? 'withheld'
}

/** The sums that the members agreed on: this keeper's own, and the others from any member that made them. Null when nobody serves one of them. */
async function fetchSums(
  step: Member,
  frame: EpochFrame,
  work: SliceWork,
  of: {
    readonly agreed: readonly string[]
    readonly notes: ReadonlyMap<number, Note>
    readonly duties: Duties
    readonly own: OwnPart
    readonly until: number
    readonly stalled: Set<number>
  },
): Promise<Uint8Array[] | null> {
  const { context, signal } = step
  const silent = silentHere(step)
  const found = await atOnce([...of.agreed.entries()], async ([slice, cid]) => {
    const own = of.own.sums.get(slice)
    if (own !== undefined) return own
    const makers = of.duties.members[slice]!.filter((seat) => of.notes.get(seat)?.sums[slice] === cid)
    const first = step.seat % makers.length
    const inTurn = [...makers.slice(first), ...makers.slice(0, first)]
    const order = [...inTurn.filter((seat) => !silent.has(seat)), ...inTurn.filter((seat) => silent.has(seat))]
    const to = sliceSumBytes(frame.plan, slice)
    for (const [asked, seat] of order.entries()) {
      const left = of.until - steady(context.clock)
      if (left <= 0) return null
      const [provider] = await context.peers.providers(seat, [], step.seat)
      if (provider === undefined) continue
      try {
        const { range, bytes } = await context.plane.parts.fetch(
          cid,
          { from: 0, to },
          { maxBytes: to, timeout: left / (order.length - asked), provider, signal },
        )
        context.metrics.bytesFetched.inc({ kind: work.message }, bytes)
        return range
      } catch (error) {
        signal.throwIfAborted()
        if (!(error instanceof NetworkError)) throw error
        of.stalled.add(seat)
      }
    }
    return null
  })
  return found.every((sum) => sum !== null) ? (found as Uint8Array[]) : null
}

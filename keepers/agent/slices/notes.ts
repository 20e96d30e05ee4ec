// SPDX-License-Identifier: GPL-3.0-or-later
// What the members tell each other about slices. A note is its author's word, and decides only whether a keeper believes the others or
// looks for itself.
import { steady } from '../../chain/index.ts'
import { NetworkError } from '../../network/index.ts'
import type { Step } from '../context.ts'
import type { Duties } from './duties.ts'
import { decodeNote, type Note } from './note-format.ts'

/** Milliseconds until a peer that gave no answer is asked again. */
const AGAIN_MS = 300

/**
 * A member's note under that name. Null if the member gave none before `until` (`steady`), if it is about other messages, or if it is malformed.
 * Rejects only when the signal is aborted.
 */
export async function noteOf(
  { context, signal, seat: self }: Pick<Step, 'context' | 'signal' | 'seat'>,
  seat: number,
  about: { readonly name: string; readonly of: string; readonly until: number; readonly kind: string },
): Promise<Note | null> {
  const { peers, plane, clock, metrics } = context
  for (;;) {
    const timeout = about.until - steady(clock)
    if (timeout <= 0) return null
    const [provider] = await peers.providers(seat, [], self)
    if (provider !== undefined) {
      try {
        const bytes = await plane.parts.ask(about.name, { timeout, provider, signal })
        if (bytes !== null) {
          metrics.bytesFetched.inc({ kind: about.kind }, bytes.length)
          const note = decodeNote(bytes)
          return note?.of === about.of ? note : null
        }
      } catch (error) {
        signal.throwIfAborted()
        if (!(error instanceof NetworkError)) throw error
        if (error.code === 'TOO_LARGE') return null
      }
    }
    await clock.sleep(AGAIN_MS, signal)
  }
}

/** Once all members that are waited for have spoken, the milliseconds in which the silent ones may still speak. */
export const GRACE_MS = 500

/**
 * Adds the notes of those seats to `notes`. Seats in `silent` are asked as well, but not waited for. If they were not asked, an attacker could
 * silence an honest member by making it late once or twice.
 * @param about.lacks The most messages that a member may lack. A member that lacks more is badly connected, and its note says nothing about them.
 */
export async function collectNotes(
  step: Pick<Step, 'context' | 'signal' | 'seat'>,
  seats: readonly number[],
  about: Parameters<typeof noteOf>[2] & { readonly silent: ReadonlySet<number>; readonly lacks: number },
  notes: Map<number, Note>,
): Promise<void> {
  const { clock } = step.context
  const enough = new AbortController()
  using _ = follow(step.signal, enough)
  const ask = (signal: AbortSignal) => async (seat: number) => {
    const note = await noteOf({ ...step, signal }, seat, about).catch((error: unknown) => {
      if (enough.signal.aborted && !step.signal.aborted) return null
      throw error
    })
    if (note !== null && note.lacks.length <= about.lacks) notes.set(seat, note)
  }
  const unwaited = seats.filter((seat) => about.silent.has(seat))
  const asked = Promise.all(unwaited.map(ask(enough.signal)))
  asked.catch(() => undefined)
  await Promise.all(seats.filter((seat) => !about.silent.has(seat)).map(ask(step.signal)))
  if (unwaited.length > 0) {
    await Promise.race([asked, clock.sleep(Math.max(0, Math.min(GRACE_MS, about.until - steady(clock))), step.signal)])
  }
  enough.abort()
  await asked
}

/** Aborts `controller` with `signal`, without a composite signal that would outlive both. */
function follow(signal: AbortSignal, controller: AbortController): Disposable {
  const abort = (): void => controller.abort(signal.reason)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort)
  return { [Symbol.dispose]: () => signal.removeEventListener('abort', abort) }
}

/** Seats whose messages are in doubt: the member that checks the message was not heard, or some member lacks it. */
export function doubtedIn(
  { sources }: { readonly sources: readonly { readonly seat: number }[] },
  { checks }: Pick<Duties, 'checks'>,
  notes: ReadonlyMap<number, Note>,
): number[] {
  const unheard = [...checks].filter(([checker]) => !notes.has(checker)).map(([, checked]) => checked)
  const doubted = new Set([...unheard, ...[...notes.values()].flatMap(({ lacks }) => lacks)])
  return sources.map(({ seat }) => seat).filter((seat) => doubted.has(seat))
}

/**
 * Slices that each keeper adds up itself, because the members that answer for them do not settle the sum. Either a member that is heard has no
 * sum: somebody kept a message from it, and the slice's other members must not profit from that. Or the members contradict each other. Or fewer
 * than two are heard: so members that fall silent, or are ignored, cost the others one slice instead of all.
 * @param notes Notes of the members that are heard.
 * @param own By slice, what this keeper added up itself.
 */
export function openSlices(
  members: readonly (readonly number[])[],
  notes: ReadonlyMap<number, Note>,
  own: { has(slice: number): boolean },
): number[] {
  const isOpen = (seats: readonly number[], slice: number): boolean => {
    const told = seats.filter((seat) => notes.has(seat)).map((seat) => notes.get(seat)!.sums[slice])
    return told.length < 2 || told.includes(undefined) || new Set(told).size > 1
  }
  return [...members.entries()]
    .filter(([slice, seats]) => !own.has(slice) && isOpen(seats, slice))
    .map(([slice]) => slice)
}

/**
 * The CID of each slice's sum: the one that this keeper computed itself, or the one that all members report which answer for the slice and have
 * a sum. Null when some slice has no such sum, or only one member's word for it. Members that are ignored do not count.
 * @param own By slice, CIDs of what this keeper added up itself.
 */
export function agreedSums(
  members: readonly (readonly number[])[],
  notes: ReadonlyMap<number, Note>,
  ignored: ReadonlySet<number>,
  own: ReadonlyMap<string, string> = new Map(),
): string[] | null {
  const agreed: string[] = []
  for (const [slice, seats] of members.entries()) {
    const mine = own.get(String(slice))
    const told = seats
      .filter((seat) => !ignored.has(seat))
      .map((seat) => notes.get(seat)?.sums[slice])
      .filter((cid) => cid !== undefined)
    if (mine === undefined && (told.length < 2 || new Set(told).size > 1)) return null
    agreed.push(mine ?? told[0]!)
  }
  return agreed
}

/** Members that reported another sum of a slice than this keeper computed. Theirs is false, because all see the same messages. */
export function refutedBy(
  own: ReadonlyMap<string, string>,
  members: readonly (readonly number[])[],
  notes: ReadonlyMap<number, Note>,
): number[] {
  const isFalse = (seat: number, slice: string, cid: string): boolean => (notes.get(seat)?.sums[slice] ?? cid) !== cid
  const refuted = [...own].flatMap(([slice, cid]) =>
    members[Number(slice)]!.filter((seat) => isFalse(seat, slice, cid)),
  )
  return [...new Set(refuted)]
}

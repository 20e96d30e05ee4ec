// SPDX-License-Identifier: GPL-3.0-or-later
// What the members tell each other about slices. A note is its author's word, and decides only whether a keeper believes the others or
// looks for itself.
import { z } from 'zod'
import { steady } from '../../chain/index.ts'
import { NetworkError } from '../../network/index.ts'
import type { Step } from '../context.ts'

const noteSchema = z.strictObject({
  /** Of which messages its author speaks: after a reorganisation there may be others. */
  of: z.string().max(128),
  /** CIDs of the sums, by slice. */
  sums: z.record(z.string().regex(/^\d{1,3}$/), z.string().max(128)),
  /** False when a message is missing, or is not what it must be. */
  sound: z.boolean(),
})
export type Note = z.infer<typeof noteSchema>

export const encodeNote = (note: Note): Uint8Array => Buffer.from(JSON.stringify(note))

/** Milliseconds until a peer that gave no answer is asked again. */
const AGAIN_MS = 300

/**
 * A member's note under that name, or null: it gave none before `until` (`steady`), or it speaks of other messages, or it is not a note.
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
          return parseNote(bytes, about.of)
        }
        continue
      } catch (error) {
        signal.throwIfAborted()
        if (!(error instanceof NetworkError)) throw error
        if (error.code === 'TOO_LARGE') return null
      }
    }
    await clock.sleep(AGAIN_MS, signal)
  }
}

function parseNote(bytes: Uint8Array, of: string): Note | null {
  try {
    const note = noteSchema.parse(JSON.parse(Buffer.from(bytes).toString()))
    return note.of === of ? note : null
  } catch {
    return null
  }
}

/**
 * The CID of each slice's sum if the members that add it up agree, else null. Those that are ignored, or gave no note, do not count; two
 * equal answers are needed, so that no member is believed by itself.
 */
export function agreedSums(
  members: readonly (readonly number[])[],
  notes: ReadonlyMap<number, Note>,
  ignored: ReadonlySet<number>,
): string[] | null {
  for (const [seat, note] of notes) if (!note.sound && !ignored.has(seat)) return null
  const agreed: string[] = []
  for (const [slice, seats] of members.entries()) {
    const told = seats
      .filter((seat) => !ignored.has(seat))
      .map((seat) => notes.get(seat)?.sums[slice])
      .filter((cid) => cid !== undefined)
    const [first] = told
    if (first === undefined || told.length < 2 || told.some((cid) => cid !== first)) return null
    agreed.push(first)
  }
  return agreed
}

// SPDX-License-Identifier: GPL-3.0-or-later
import type { SlicedMessage } from '../../fhe/index.ts'
import type { Step } from '../context.ts'

export type Member = Step & { readonly seat: number }

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
  /** Fetches the whole message of `seat`, if it comes by `until` (`steady`). Whoever asks while it is under way gets the same one. */
  readonly bring?: (seat: number, until: number) => Promise<void>
  /** Fetches and checks a whole message, that of `seat`: absent when it is not here by `until` (`steady`). */
  readonly check?: (seat: number, until: number) => Promise<'sound' | 'unsound' | 'absent'>
}

/** Until when (`steady`) something may take. */
type Times = {
  /** A member's own slices and check. Earlier than its note is awaited: otherwise who serves late makes an honest member silent. */
  readonly own: number
  readonly notes: number
  /** What a keeper then looks at itself, and the others' sums. Whatever does not come by then, the keeper adds up everything by itself. */
  readonly sums: number
}

/** The patience of a keeper that begins at `now`, for each part of the work. */
export function timesOf({ until }: Pick<SliceWork, 'until'>, now: number): Times {
  const patience = Math.max(0, until - now)
  return { own: now + patience / 2, notes: until, sums: until + patience / 3 }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import type { SlicedMessage } from '../../fhe/index.ts'
import type { Step } from '../context.ts'

export type Member = Step & { readonly seat: number }

/** Messages to be added up. */
export type SliceWork = {
  readonly message: SlicedMessage
  readonly round: number
  /** All messages, with the seats that announced them. */
  readonly sources: readonly { readonly seat: number; readonly cid: string }[]
  /** Bitmap of the seats that add up. */
  readonly helpers: bigint
  /** The seed of the duties. */
  readonly seed: string
  /** The time (`steady`) until which this keeper waits for the others' notes. */
  readonly until: number
  /** Fetches the whole message of `seat`, if it comes by `until` (`steady`). Callers share a fetch that is under way. */
  readonly bring?: (seat: number, until: number) => Promise<void>
  /** Fetches and checks the whole message of `seat`: absent when it has not come by `until` (`steady`). */
  readonly check?: (seat: number, until: number) => Promise<'sound' | 'unsound' | 'absent'>
}

/** The times (`steady`) by which parts of the work must be done. */
type Times = {
  /** A member's own slices and check. Ends before others stop waiting for its note: otherwise a sender that serves late could silence it. */
  readonly own: number
  readonly notes: number
  /** The keeper's checks of messages in doubt, and the others' sums. If anything is missing then, the keeper adds up everything by itself. */
  readonly sums: number
}

/** The patience of a keeper that begins at `now`, for each part of the work. */
export function timesOf({ until }: Pick<SliceWork, 'until'>, now: number): Times {
  const patience = Math.max(0, until - now)
  return { own: now + patience / 2, notes: until, sums: until + patience / 3 }
}

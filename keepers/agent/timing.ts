// SPDX-License-Identifier: GPL-3.0-or-later
// The times that a keeper keeps in a round, collected from the files that use them, for planning and simulating rounds.
import { OPEN, PASSED_ON, PATIENCE } from './behaviours/aggregate.ts'
import { AT_ONCE } from './slices/messages.ts'
import { GRACE_MS } from './slices/notes.ts'
import { PATIENCE as SHARES_PATIENCE } from './slices/shares.ts'
import { SILENCES } from './slices/trust.ts'
import { PATIENCE as UPDATES_PATIENCE } from './slices/updates.ts'
import { TURN_SECONDS } from './steps/open-draft.ts'

export const ROUND_TIMES = {
  /** Parts of Aggregate's window: for attesting, for asking senders, for asking others. */
  attest: OPEN,
  senders: PATIENCE,
  passedOn: PASSED_ON,
  /** Parts of Aggregate's and of Vote's window for which sums by slices are awaited. */
  slicedUpdates: UPDATES_PATIENCE,
  slicedShares: SHARES_PATIENCE,
  /** Seconds of chain time that each keeper leaves to those before it, until it opens the draft. */
  turn: TURN_SECONDS,
  /** Fetches under way at a time, for slices. */
  atOnce: AT_ONCE,
  /** Seconds in which silent members may still speak, once all others have. */
  grace: GRACE_MS / 1000,
  /** Silences in a row after which a member is no longer waited for. */
  silences: SILENCES,
} as const

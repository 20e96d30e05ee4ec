// SPDX-License-Identifier: GPL-3.0-or-later
import { steady } from '../../chain/index.ts'
import { sliceCount } from '../../fhe/index.ts'
import { cidOf, elapsed } from '../actions.ts'
import type { Step } from '../context.ts'
import type { EpochFrame } from '../epoch.ts'
import type { Fact } from '../facts.ts'
import { parametersOf } from '../frame.ts'
import { drawSeed } from '../steps/open-draft.ts'
import { judgeNotes, type SliceWork, sumBySlices } from './sums.ts'
import { maySlice } from './trust.ts'

/** Fraction of the window for which the others are awaited. */
const PATIENCE = 0.3

/** The sums of the shares' slices, or null where this keeper combines the shares by itself. */
type SlicedShares = {
  readonly sums: readonly Uint8Array[] | null
  /** To be called when this keeper has combined the shares by itself. */
  readonly judge: () => Promise<void>
}

const NO_SLICES: SlicedShares = { sums: null, judge: async () => undefined }

/** Adds up the shares of a round's draft by slices, together with the members that attested its sum. Only while its vote is open. */
export async function sharesBySlices(
  step: Step & { readonly seat: number },
  frame: EpochFrame,
  round: number,
  submitted: readonly { readonly seat: number; readonly fact: Fact }[],
): Promise<SlicedShares> {
  const { context, snapshot } = step
  if (snapshot.state !== 'Vote' || snapshot.round !== round) return NO_SLICES
  if (!context.config.network.slices || sliceCount(frame.plan) < 2 || !maySlice(step)) return NO_SLICES
  const { vote: window } = (await parametersOf(step)).windows
  const left = PATIENCE - elapsed(step, window)
  if (left <= 0) return NO_SLICES
  const last = context.facts.last('ShareSubmitted', { round })
  if (last === null) return NO_SLICES
  const work: SliceWork = {
    message: 'decryption share',
    round,
    sources: submitted.map(({ seat, fact }) => ({ seat, cid: cidOf(fact) })),
    helpers: snapshot.roundInfo.attesters,
    seed: drawSeed(context.serviceAddress, round, last.blockHash),
    until: steady(context.clock) + Math.min(left * window, context.config.network.fetchSeconds) * 1000,
  }
  const result = await sumBySlices(step, frame, work)
  return { sums: result.sums, judge: () => judgeNotes(step, frame, work, result) }
}

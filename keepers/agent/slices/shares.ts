// SPDX-License-Identifier: GPL-3.0-or-later
import { steady } from '../../chain/index.ts'
import { sliceCount } from '../../fhe/index.ts'
import { cidOf, elapsed } from '../actions.ts'
import type { Step } from '../context.ts'
import type { EpochFrame } from '../epoch.ts'
import type { Fact } from '../facts.ts'
import { parametersOf } from '../frame.ts'
import { drawSeed } from '../steps/open-draft.ts'
import { sumBySlices } from './sums.ts'
import { maySlice } from './trust.ts'
import type { SliceWork } from './work.ts'

/** Fraction of Vote's window for which this keeper waits for the others' sums. */
export const PATIENCE = 0.3

/**
 * Adds up the decryption shares of a round by slices, together with the members that attested its sum. Only while the round's vote is open.
 * @returns null where this keeper combines the shares by itself.
 */
export async function sharesBySlices(
  step: Step & { readonly seat: number },
  frame: EpochFrame,
  round: number,
  submitted: readonly { readonly seat: number; readonly fact: Fact }[],
): Promise<readonly Uint8Array[] | null> {
  const { context, snapshot } = step
  if (snapshot.state !== 'Vote' || snapshot.round !== round) return null
  if (!context.config.network.slices || sliceCount(frame.plan) < 2 || !maySlice(step)) return null
  const { vote: window } = (await parametersOf(step)).windows
  const left = PATIENCE - elapsed(step, window)
  if (left <= 0) return null
  const last = context.facts.last('ShareSubmitted', { round })
  if (last === null) return null
  const { attesters, revealed } = snapshot.roundInfo
  const work: SliceWork = {
    message: 'decryption share',
    round,
    sources: submitted.map(({ seat, fact }) => ({ seat, cid: cidOf(fact) })),
    // Without the suspects that are left out: otherwise they would have a hand in every decryption.
    helpers: attesters & revealed & ~snapshot.leftOut,
    seed: drawSeed(context.serviceAddress, round, last.blockHash),
    until: steady(context.clock) + Math.min(left * window, context.config.network.fetchSeconds) * 1000,
  }
  return (await sumBySlices(step, frame, work)).sums
}

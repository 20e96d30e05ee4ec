// SPDX-License-Identifier: GPL-3.0-or-later

import { hasSeat } from '../../chain/index.ts'
import { act, elapsed } from '../actions.ts'
import type { Step, StepResult } from '../context.ts'
import { frameHere, isMember, parametersOf } from '../frame.ts'
import { encodeScalars, reviewAll } from '../steps/dispute.ts'
import { checkIntentName } from '../steps/intents.ts'
import { mayBelieveReveals, revealedIn, revealsName } from '../steps/review.ts'

/** Part of the window for which a keeper waits for updates that nobody serves, before it posts that it does not have them. */
const PATIENCE = 0.5

/**
 * Check: for every revealed update, post the scalar that this keeper computes with its own share of the sender's secret, so that everybody sees
 * who lied. The scalar reveals nothing about the update: with the sender's published proof, it is one more point of a polynomial that hides it.
 */
export async function check(step: Step): Promise<StepResult> {
  const { context, snapshot } = step
  const { round } = snapshot
  if (!isMember(step) || hasSeat(snapshot.roundInfo.checked, step.seat)) return 'done'
  const frame = await frameHere(step)
  const reveals = revealsName(revealedIn(step, frame, round))
  const at = { key: checkIntentName(snapshot.epochInfo, round, reveals), epoch: snapshot.epoch, round }
  let intent = context.store.journal.find(at.key)
  if (intent === null) {
    const { windows } = await parametersOf(step)
    // Scalars for another update, or in another order, would contradict honest senders.
    if (!(await mayBelieveReveals(step, round, { window: windows.reveal, patience: PATIENCE }))) return 'again'
    const reviews = await reviewAll(step, frame, round)
    const missing = [...reviews].filter(([, review]) => review.kind === 'missing').map(([seat]) => seat)
    if (missing.length > 0 && elapsed(step, windows.reveal) < PATIENCE) {
      context.peers.refresh(missing)
      return 'again'
    }
    intent = await context.store.journal.once(at, () => encodeScalars(frame.plan, reviews))
  }
  const scalars = `0x${Buffer.from(intent.payload).toString('hex')}`
  return (await act(step, 'submitCheck', [round, scalars])) ? 'done' : 'again'
}

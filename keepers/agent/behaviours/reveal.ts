// SPDX-License-Identifier: GPL-3.0-or-later

import { hasSeat, RevertError } from '../../chain/index.ts'
import { act } from '../actions.ts'
import type { Step, StepResult } from '../context.ts'
import { isMember } from '../frame.ts'
import { isWithdrawn } from '../steps/brought-in.ts'
import { parseUpdateIntent, updateIntentName } from '../steps/intents.ts'
import { noteReveal, revealArguments } from '../steps/own-update.ts'
import { noteNoRoom } from '../steps/sitting-out.ts'

/** Reveal: all commitments are in and nobody can copy an update any more, so say which ciphertext this member committed to. */
export async function reveal(step: Step): Promise<StepResult> {
  const { context, snapshot } = step
  const { committed, revealed } = snapshot.roundInfo
  if (!isMember(step) || !hasSeat(committed, step.seat) || hasSeat(revealed, step.seat)) return 'done'
  const known = context.store.journal.find(updateIntentName(snapshot.epochInfo, snapshot.round))
  if (known === null) {
    context.log.error(
      { event: 'no update', round: snapshot.round },
      'the chain holds a commitment of ours that this folder does not know: was it copied?',
    )
    return 'done'
  }
  if (isWithdrawn(step)) {
    context.log.warn(
      { event: 'update withdrawn', round: snapshot.round },
      'the chain had lost this keeper’s commitment, and a later round has the update: it reveals nothing in this one',
    )
    return 'done'
  }
  const args = revealArguments(snapshot.round, parseUpdateIntent(known.payload))
  noteReveal(step, args)
  // From here on a sum may contain the update, so no later round may get it. The event log is no proof of that: it may still lack the
  // commitment, or lose it to a reorganisation that happened or that an endpoint made up.
  context.remembered.training?.delivered(snapshot.round)
  try {
    return (await act(step, 'revealUpdate', args)) ? 'done' : 'again'
  } catch (error) {
    if (!(error instanceof RevertError && error.error === 'NoRoomWithoutSamples')) throw error
    // No place becomes free during a round; the next round counts places anew.
    noteNoRoom(context.store, snapshot.epoch)
    const details = { event: 'no room', round: snapshot.round, reason: error.message }
    context.log.error(details, 'the service has no room for another member without samples: this keeper gets a strike')
    return 'done'
  }
}

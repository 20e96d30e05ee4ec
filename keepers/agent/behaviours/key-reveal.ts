// SPDX-License-Identifier: GPL-3.0-or-later

import { hasSeat } from '../../chain/index.ts'
import { cidHex } from '../../network/index.ts'
import { act } from '../actions.ts'
import type { Step, StepResult } from '../context.ts'
import { isMember } from '../frame.ts'
import { keyIntentName, parseKeyIntent } from '../steps/intents.ts'

/** KeyReveal: every commitment is in, so the shares may be seen. */
export async function keyReveal(step: Step): Promise<StepResult> {
  const { context, snapshot } = step
  if (!isMember(step) || hasSeat(snapshot.keyInfo.revealed, step.seat)) return 'done'
  const known = context.store.journal.find(keyIntentName(snapshot.epochInfo))
  if (known === null) {
    context.log.warn({ event: 'no key share', epoch: snapshot.epoch }, 'nothing committed in this epoch: cannot reveal')
    return 'done'
  }
  const { cid, salt } = parseKeyIntent(known.payload)
  return (await act(step, 'revealKey', [snapshot.epoch, cidHex(cid), salt])) ? 'done' : 'again'
}

// SPDX-License-Identifier: GPL-3.0-or-later
import { cidHex, NetworkError } from '../../network/index.ts'
import { act } from '../actions.ts'
import type { Step, StepResult } from '../context.ts'
import { isMember } from '../frame.ts'
import { candidateOf, isLostRound } from '../steps/candidate.ts'
import { adoptAccepted } from '../steps/model.ts'

/** Vote: combine the shares, judge the model, and vote for it unless it is worse than the one before. */
export async function vote(step: Step): Promise<StepResult> {
  const { context, snapshot } = step
  if (!isMember(step)) return 'done'
  if (context.facts.last('ModelVoted', { round: snapshot.round, seat: step.seat }) !== null) return 'done'
  try {
    // A keeper that was away may have missed the model that this round began with.
    if (!(await adoptAccepted(step, snapshot.round))) return 'again'
    const candidate = await candidateOf(step, snapshot.round)
    if (candidate === null) return 'again'
    if (!candidate.good) return 'done'
    const done = await act(step, 'vote', [snapshot.round, candidate.commitment, cidHex(candidate.cid)])
    return done ? 'done' : 'again'
  } catch (error) {
    step.signal.throwIfAborted()
    if (isLostRound(error)) {
      context.metrics.errors.inc({ code: 'ROUND_LOST' })
      context.log.error(
        { event: 'round lost', round: snapshot.round, reason: error.message },
        'no model comes of this round',
      )
      return 'done'
    }
    if (error instanceof NetworkError) {
      context.peers.refresh()
      context.log.warn({ event: 'share missing', round: snapshot.round, reason: error.message }, 'trying again')
      return 'again'
    }
    throw error
  }
}

// SPDX-License-Identifier: GPL-3.0-or-later

import { cidHex } from '../../network/index.ts'
import { act } from '../actions.ts'
import type { Step } from '../context.ts'
import { candidateOf } from './candidate.ts'
import { adoptAccepted } from './model.ts'

/** Casts a late vote for the previous round while its ballot is open, if this keeper attested in it. A failure costs only a reward. */
export async function castLateBallots(step: Step & { readonly seat: number }, round: number): Promise<void> {
  const { context, signal } = step
  if (context.facts.last('ModelVoted', { round, seat: step.seat }) !== null) return
  const decided = context.facts.last('UpdateCompleted', { round })
  // The candidate is computed from the model that the round started with, which is gone once the new one is adopted.
  if (decided === null || (context.model.accepted?.round ?? 0) >= round) return
  try {
    if (!(await adoptAccepted(step, round))) return
    const candidate = await candidateOf(step, round)
    if (candidate === null || candidate.commitment !== decided.args.modelCommitment) return
    await act(step, 'vote', [round, candidate.commitment, cidHex(candidate.cid)])
  } catch (error) {
    signal.throwIfAborted()
    context.log.warn({ event: 'no late ballot', round, reason: String(error) }, 'could not agree late')
  }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import { act } from '../actions.ts'
import { cidHex } from '../blobs.ts'
import type { Step } from '../context.ts'
import { hasSeat } from '../members.ts'
import { candidateOf } from './candidate.ts'
import { adoptAccepted } from './model.ts'
import { sumOfRound } from './sum.ts'

/**
 * Agrees with a sum that others have decided already, so that the slower of the honest members share the reward.
 * Returns true when there is nothing left to do.
 */
export async function attestLate(step: Step & { readonly seat: number }, round: number): Promise<boolean> {
  const { facts } = step.context
  if (facts.last('AggregateAttested', { round, seat: step.seat }) !== null) return true
  const draft = facts.last('MembersDrafted', { round })
  if (draft === null) return false
  const included = draft.args.included as bigint
  // Without one's own update in the sum there is no reward to share.
  if (!hasSeat(included, step.seat)) return true
  const sum = await sumOfRound(step, round, { only: included })
  if (sum === null || sum.hash !== String(draft.args.aggregateHash)) return true
  await act(step, 'attest', [round, sum.hash, included])
  return true
}

/** Late attestation and vote for the round before, while its ballots are open. Failing costs a reward, nothing more. */
export async function castLateBallots(step: Step & { readonly seat: number }, round: number): Promise<void> {
  const { context, signal } = step
  if (context.facts.last('ModelVoted', { round, seat: step.seat }) !== null) return
  const decided = context.facts.last('UpdateCompleted', { round })
  // Worked out from the model that the round started from, which is gone once the new one is adopted.
  if (decided === null || (context.model.accepted?.round ?? 0) >= round) return
  try {
    await attestLate(step, round)
    await adoptAccepted(step, round)
    const candidate = await candidateOf(step, round)
    if (candidate === null || candidate.commitment !== decided.args.modelCommitment) return
    await act(step, 'vote', [round, candidate.commitment, cidHex(candidate.cid)])
  } catch (error) {
    signal.throwIfAborted()
    context.log.warn({ event: 'no late ballot', round, reason: String(error) }, 'could not agree late')
  }
}

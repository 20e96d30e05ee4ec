// SPDX-License-Identifier: GPL-3.0-or-later

import { hasSeat, seatsOf, steady } from '../../chain/index.ts'
import { act, elapsed } from '../actions.ts'
import type { Step, StepResult } from '../context.ts'
import type { EpochFrame } from '../epoch.ts'
import { frameHere, isMember, parametersOf } from '../frame.ts'
import { type Attested, attestationSeal, lastAttested, noteAttested } from '../steps/attestation.ts'
import { disputeOf, settleDispute } from '../steps/dispute.ts'
import { contributorsFloor, declaredIn, isShort } from '../steps/draft.ts'
import { openDraft } from '../steps/open-draft.ts'
import { othersSum } from '../steps/others-sum.ts'
import { ownUpdate } from '../steps/own-update.ts'
import { mayBelieveReveals } from '../steps/review.ts'
import { sumOfRound } from '../steps/sum.ts'

/** Fraction of the window in which members attest. */
export const OPEN = 0.5
/** Fraction of the window for which a keeper asks members for their own updates. */
export const PATIENCE = 0.3
/**
 * Fraction of the window until which it then waits for updates that other members got in time, before it attests without them. An update that a
 * sender serves to one honest member at the last moment reaches all others in this time, so that all have the same sum.
 */
export const PASSED_ON = 0.4

/**
 * Aggregate: add up the revealed updates and attest the sum under a seal. Dispute an update if its proof is valid but contradicts the share
 * that this keeper was dealt. Open the draft once all have attested or half of the window has passed. A sum of too few updates is attested,
 * too: nobody decrypts it, but it ends the round at the cost of the members whose updates it lacks.
 */
export async function aggregate(step: Step): Promise<StepResult> {
  const { context, snapshot } = step
  if (!isMember(step)) return 'done'
  const frame = await frameHere(step)
  if (hasSeat(snapshot.roundInfo.attesters, step.seat)) {
    const sealed = lastAttested(step)
    // The folder was lost since this keeper attested: others open the draft.
    return sealed === null ? 'done' : openDraft(step, sealed)
  }
  if (elapsed(step, (await parametersOf(step)).windows.aggregate) >= OPEN) return 'done'
  const what = await whatToAttest(step, frame)
  if (what === null) return 'again'
  noteAttested(step, what)
  const seal = attestationSeal(context, snapshot.round, step.seat, what)
  // A dispute voids earlier attestations, even of the same sum.
  const occasion = disputeOf(context, snapshot.round) === null ? undefined : 'after dispute'
  await act(step, 'attest', [snapshot.round, seal], occasion)
  return 'again'
}

/** The sum that this keeper stands for, or null while it waits, or disputes one of its updates. */
async function whatToAttest(step: Step & { readonly seat: number }, frame: EpochFrame): Promise<Attested | null> {
  const { context, snapshot } = step
  const { round } = snapshot
  const { windows } = await parametersOf(step)
  const gone = elapsed(step, windows.aggregate)
  /** The time (`steady`) at which that fraction of the window is over. */
  const timeAt = (part: number) => steady(context.clock) + (part - gone) * windows.aggregate * 1000
  const times = {
    sendersUntil: timeAt(PATIENCE),
    until: timeAt(gone < PATIENCE ? PATIENCE : gone < PASSED_ON ? PASSED_ON : (gone + OPEN) / 2),
  }
  const time = { window: windows.aggregate, patience: PATIENCE }
  const dispute = disputeOf(context, round)
  const verdict = dispute === null ? null : await settleDispute(step, frame, round, dispute, times)
  const [without, convicted] = [verdict?.fallen ?? 0n, verdict?.convicted ?? 0n]
  const sum = await sumOfRound(step, round, { without, times, slices: dispute === null })
  if (sum === null) return null
  if (sum.missing.length > 0 && gone < PASSED_ON) {
    context.peers.refresh(sum.missing)
    return null
  }
  const contested = sum.contested.find((seat) => seat !== step.seat)
  if (dispute === null && contested !== undefined) {
    // A keeper that disputes an update which is not on the chain is convicted itself.
    if (!(await mayBelieveReveals(step, round, time))) return null
    context.log.warn(
      { event: 'disputed', round, accused: contested },
      'an update is not under the secret that its sender dealt',
    )
    await act(step, 'dispute', [round, contested])
    return null
  }
  // This keeper would refuse to decrypt a sum without its own update, so it abstains.
  if (ownUpdate(step) === 'included' && !hasSeat(sum.included, step.seat)) return null
  const other = await othersSum(step, frame, sum, { without, convicted, times, gone, passedOn: PASSED_ON })
  if (other === 'wait') return null
  if (other !== null) {
    context.log.warn({ event: 'sum of others', round, without: sum.late }, 'attests without updates that others lack')
    return other
  }
  const declared = declaredIn(context, round, sum.included)
  if (seatsOf(sum.included).length < (await contributorsFloor(step, frame, declared))) {
    // Nor would it decrypt a sum of too few updates. It may attest one to end the round, but that accuses the members whose updates are missing.
    if (!(await isShort(step, frame, declared)) || !(await mayBelieveReveals(step, round, time))) return null
    context.log.warn(
      { event: 'sum too small', round, included: seatsOf(sum.included), missing: sum.missing, empty: declared.empty },
      'too few updates can be added up: this round comes to nothing',
    )
  }
  return { hash: sum.hash, included: sum.included, convicted }
}

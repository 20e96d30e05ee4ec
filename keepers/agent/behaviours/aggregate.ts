// SPDX-License-Identifier: GPL-3.0-or-later
import { act, elapsed } from '../actions.ts'
import type { Outcome, Step } from '../context.ts'
import { frameHere, isMember, parametersOf } from '../frame.ts'
import { hasSeat, seatsOf } from '../members.ts'
import { contributorsFloor } from '../steps/draft.ts'
import { ownUpdate } from '../steps/own-update.ts'
import { sumOfRound } from '../steps/sum.ts'

/** Part of the window for which a keeper waits for blobs that cannot be had, before it attests without them. */
const PATIENCE = 0.4

/** Aggregate: add up what was revealed and say which sum it is. The first to agree are drafted to decrypt it. */
export async function aggregate(step: Step): Promise<Outcome> {
  const { context, snapshot } = step
  if (!isMember(step)) return 'done'
  if (context.facts.last('AggregateAttested', { round: snapshot.round, seat: step.seat }) !== null) return 'done'
  const { windows } = await parametersOf(step)
  const left = Math.max(1, snapshot.end - snapshot.time)
  const sum = await sumOfRound(step, snapshot.round, { timeout: Math.max(1_000, (left * 1000) / 4) })
  if (sum === null) return 'again'
  if (sum.missing.length > 0 && elapsed(step, windows.aggregate) < PATIENCE) {
    context.peers.refresh()
    return 'again'
  }
  // A sum without one's own update, or of too few, is one that this keeper would refuse to decrypt: it abstains.
  const floor = await contributorsFloor(step, await frameHere(step))
  const mine = ownUpdate(step) === 'included'
  if ((mine && !hasSeat(sum.included, step.seat)) || seatsOf(sum.included).length < floor) return 'again'
  return (await act(step, 'attest', [snapshot.round, sum.hash, sum.included])) ? 'done' : 'again'
}

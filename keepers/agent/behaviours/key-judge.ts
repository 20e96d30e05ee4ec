// SPDX-License-Identifier: GPL-3.0-or-later

import { hasSeat, seatsOf } from '../../chain/index.ts'
import { act, elapsed } from '../actions.ts'
import type { Step, StepResult } from '../context.ts'
import { frameHere, isMember, parametersOf } from '../frame.ts'
import { type BallotIntent, ballotIntentName, parseBallotIntent } from '../steps/intents.ts'
import { judgeEpoch } from '../steps/key-verdict.ts'

/** Fraction of the window for which a keeper waits for blobs that nobody serves; then it judges without them. */
const PATIENCE = 0.5

/** KeyJudge: work out from public bytes who spoilt the key, and vote on it. */
export async function keyJudge(step: Step): Promise<StepResult> {
  const { context, snapshot } = step
  const { keyInfo, epochInfo, epoch } = snapshot
  if (!isMember(step) || !hasSeat(keyInfo.spoken, step.seat) || hasSeat(keyInfo.judged, step.seat)) return 'done'
  const at = { key: ballotIntentName(epochInfo), epoch, round: 0 }
  let intent = context.store.journal.find(at.key)
  if (intent === null) {
    const verdict = await judgeEpoch(step, await frameHere(step))
    const { windows } = await parametersOf(step)
    if (verdict.waiting && elapsed(step, windows.key) < PATIENCE) {
      context.peers.refresh()
      return 'again'
    }
    for (const { seat, reason } of verdict.reasons) {
      context.log.warn({ event: 'key verdict', epoch, seat, reason }, 'this part of the key is false')
    }
    const ballot: BallotIntent = { convicted: String(verdict.convicted), excused: String(verdict.excused) }
    intent = await context.store.journal.once(at, () => Buffer.from(JSON.stringify(ballot)))
  }
  const { convicted, excused } = parseBallotIntent(intent.payload)
  const named = seatsOf(BigInt(convicted) | BigInt(excused))
  context.log.info({ event: 'judged', epoch, convicted: seatsOf(BigInt(convicted)), named }, 'judges the key')
  return (await act(step, 'judge', [epoch, BigInt(convicted), BigInt(excused)])) ? 'done' : 'again'
}

// SPDX-License-Identifier: GPL-3.0-or-later

import { hasSeat, seatsOf } from '../../chain/index.ts'
import { FheError, partialDecrypt, sliceCuts } from '../../fhe/index.ts'
import { cidHex } from '../../network/index.ts'
import { act, publish } from '../actions.ts'
import type { Step, StepResult } from '../context.ts'
import { loadKey, onceGuard } from '../epoch.ts'
import { frameHere, indicesOf, isMember } from '../frame.ts'
import { dropBytes } from '../memory.ts'
import { hasAttested } from '../steps/attestation.ts'
import { contributorsFloor, declaredIn, draftOf } from '../steps/draft.ts'
import { isFinal } from '../steps/final.ts'
import { parseShareIntent, shareIntentName } from '../steps/intents.ts'
import { ownUpdate } from '../steps/own-update.ts'
import { areWitnessed, isWitnessed } from '../steps/witness.ts'

/**
 * Decrypt: a drafted member posts its one share of the attested sum. The share depends on the contributors and on the drafted members, not on
 * any blob. The draft must be final: after a reorganisation that undoes the draft, the member could not give another share.
 */
export async function decrypt(step: Step): Promise<StepResult> {
  const { context, snapshot } = step
  if (!isMember(step)) return 'done'
  const { drafted, shared } = snapshot.roundInfo
  if (!hasSeat(drafted, step.seat) || hasSeat(shared, step.seat)) return 'done'
  const draft = draftOf(context, snapshot.round)
  const { confirmations } = context.config.chain
  if (draft === null || !(await isFinal(step, draft.fact.block))) return 'again'
  // An endpoint could invent a draft to get a share for a sum of its choice.
  if (!(await isWitnessed(step, draft.fact, confirmations))) return 'again'
  // An endpoint must not conceal that a member in the sum has no samples either: such an update protects no other.
  const revealed = context.facts.all('UpdateRevealed', { round: snapshot.round })
  if (!(await areWitnessed(step, { name: 'UpdateRevealed', facts: revealed, of: { round: snapshot.round } })))
    return 'again'
  const { included, drafted: active } = draft
  // Taken from the witnessed reveals: an endpoint could report different ones while the steps below wait for it.
  const declared = declaredIn(context, snapshot.round, included, revealed)
  if (!hasAttested(step, { hash: draft.aggregateHash, included, convicted: draft.convicted })) {
    context.log.error(
      {
        event: 'share refused',
        round: snapshot.round,
        reason: 'this keeper has not attested the sum that was drafted',
      },
      'no share is given',
    )
    return 'done'
  }
  const at = {
    key: shareIntentName(snapshot.epochInfo, snapshot.round, included, active),
    epoch: snapshot.epoch,
    round: snapshot.round,
  }
  try {
    const intent = await context.store.journal.once(at, async () => {
      const frame = await frameHere(step)
      // Everything that may fail is done before the key is in memory.
      const policy = { minContributors: await contributorsFloor(step, frame, declared), ownUpdate: ownUpdate(step) }
      const memberKey = loadKey(context.store, frame, context.log)
      if (memberKey === null) throw new NoKey()
      const bytes = await partialDecrypt(frame.engine, {
        context: { ...frame.context, round: snapshot.round },
        contributors: indicesOf(frame.roster, seatsOf(included)),
        activeSet: indicesOf(frame.roster, seatsOf(active)),
        memberKey,
        guard: onceGuard(context.store),
        policy,
        signal: step.signal,
      }).finally(() => memberKey.material.dispose())
      const cuts = context.config.network.slices ? sliceCuts(frame.plan, 'decryption share') : []
      const cid = await publish(step, 'decryption share', bytes, snapshot.round, cuts)
      const size = bytes.length
      dropBytes(bytes)
      return Buffer.from(JSON.stringify({ cid, size }))
    })
    const { cid, size } = parseShareIntent(intent.payload)
    return (await act(step, 'submitShare', [snapshot.round, cidHex(cid), size])) ? 'done' : 'again'
  } catch (error) {
    if (error instanceof NoKey) {
      context.log.error({ event: 'no key', epoch: snapshot.epoch }, 'drafted without a key: no share is given')
      return 'done'
    }
    if (error instanceof FheError) {
      // A refusal of the share-once rule or of the policy: keeping silent costs a penalty, answering costs the key.
      context.metrics.errors.inc({ code: error.code })
      context.log.error({ event: 'share refused', round: snapshot.round, reason: error.message }, 'no share is given')
      return 'done'
    }
    throw error
  }
}

/** The store has no key of this epoch. */
class NoKey extends Error {}

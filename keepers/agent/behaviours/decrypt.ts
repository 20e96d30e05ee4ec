// SPDX-License-Identifier: GPL-3.0-or-later
import { FheError, partialDecrypt } from '../../fhe/index.ts'
import { act, publish } from '../actions.ts'
import { cidHex } from '../blobs.ts'
import type { Outcome, Step } from '../context.ts'
import { loadKeys, shareGuard } from '../epoch.ts'
import { frameHere, indicesOf, isMember, parametersOf } from '../frame.ts'
import { hasSeat, seatsOf } from '../members.ts'
import { parseShareIntent, shareIntentName } from '../steps/intents.ts'
import { attestLate } from '../steps/late.ts'
import { sumOfRound } from '../steps/sum.ts'

/**
 * Decrypt: a drafted member posts its one share of the attested sum. The draft must be as deep as transactions are
 * awaited to be: a share that is given for a draft which a reorganisation undoes could not be given again.
 */
export async function decrypt(step: Step): Promise<Outcome> {
  const { context, snapshot } = step
  if (!isMember(step)) return 'done'
  const { drafted, shared } = snapshot.roundInfo
  if (!hasSeat(drafted, step.seat)) return (await attestLate(step, snapshot.round)) ? 'done' : 'again'
  if (hasSeat(shared, step.seat)) return 'done'
  const draft = context.facts.last('MembersDrafted', { round: snapshot.round })
  if (draft === null || snapshot.block - draft.block + 1 < context.config.chain.confirmations) return 'again'
  const attestedHash = String(draft.args.aggregateHash)
  const included = draft.args.included as bigint
  const at = {
    key: shareIntentName(snapshot.epochInfo, snapshot.round, attestedHash),
    epoch: snapshot.epoch,
    round: snapshot.round,
  }
  try {
    const intent = await context.store.journal.once(at, async () => {
      const frame = await frameHere(step)
      const keys = loadKeys(context.store, frame)
      const sum = await sumOfRound(step, snapshot.round, { only: included })
      if (keys === null || sum === null) throw new NotReady()
      const { minKeepers } = await parametersOf(step)
      const bytes = await partialDecrypt(frame.engine, {
        context: { ...frame.context, round: snapshot.round },
        aggregate: sum.aggregate,
        activeSet: indicesOf(frame.roster, seatsOf(draft.args.drafted as bigint)),
        secretShare: keys.secretShare,
        guard: shareGuard(context.store),
        policy: {
          attestedHash: Buffer.from(attestedHash.slice(2), 'hex'),
          minContributors: minKeepers,
          ownUpdate: hasSeat(snapshot.roundInfo.revealed, step.seat) ? 'included' : 'abstained',
        },
        signal: step.signal,
      })
      const cid = await publish(step, 'decryption share', bytes, snapshot.round)
      return Buffer.from(JSON.stringify({ cid, size: bytes.length }))
    })
    const { cid, size } = parseShareIntent(intent.payload)
    return (await act(step, 'submitShare', [snapshot.round, cidHex(cid), size])) ? 'done' : 'again'
  } catch (error) {
    if (error instanceof NotReady) return 'again'
    if (error instanceof FheError) {
      // A refusal of the share-once rule or of the policy: keeping silent costs a penalty, answering costs the key.
      context.metrics.errors.inc({ code: error.code })
      context.log.error({ event: 'share refused', round: snapshot.round, reason: error.message }, 'no share is given')
      return 'done'
    }
    throw error
  }
}

/** The sum or the key cannot be had yet. */
class NotReady extends Error {}

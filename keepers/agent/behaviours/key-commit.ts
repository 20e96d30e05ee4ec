// SPDX-License-Identifier: GPL-3.0-or-later
import { randomBytes } from 'node:crypto'
import { hasSeat } from '../../chain/index.ts'
import { startKeyGeneration } from '../../fhe/index.ts'
import { digestOf, disagreement, manifestHash } from '../../versions/index.ts'
import { act, publish } from '../actions.ts'
import type { Step, StepResult } from '../context.ts'
import { storeDealing } from '../epoch.ts'
import { frameHere, isMember, parametersOf } from '../frame.ts'
import { encodeKeyIndex } from '../key-index.ts'
import { isManifestAgreed } from '../steps/agreed-manifest.ts'
import { keyCommitment } from '../steps/commitments.ts'
import { type KeyIntent, keyIntentName, parseKeyIntent } from '../steps/intents.ts'
import { pokeInTurn } from '../steps/poke.ts'
import { ensureSeat } from '../steps/seat.ts'
import { reportAbsent } from '../steps/sortition.ts'
import { isRosterWitnessed } from '../steps/witness.ts'

/** KeyCommit: make this member's share of the key, offer it to the others, and commit to it before any is revealed. */
export async function keyCommit(step: Step): Promise<StepResult> {
  const { context, snapshot } = step
  if (snapshot.due) {
    // The seed of the epoch exists only once the transition is recorded.
    await pokeInTurn(step, () => act(step, 'poke', []))
    return 'again'
  }
  if (step.seat === null) await ensureSeat(step)
  if (!isMember(step)) return 'done'
  // Reported now: when a key generation begins again, the absent are excused.
  void reportAbsent(step)
  if (hasSeat(snapshot.keyInfo.committed, step.seat)) return 'done'
  // Parameters may have changed as registration closed. Silence is better than being accused of dealing for another key.
  if (disagreement({ current: digestOf((await parametersOf(step)).manifest) }, context.manifest) !== null) {
    // The endpoint that gave wrong parameters may have given other wrong answers.
    context.remembered.parameters = null
    await isManifestAgreed(context, true)
    return 'again'
  }
  const intent = await makeShare(step)
  if (intent === null) return 'again'
  const commitment = keyCommitment(context, snapshot.epoch, step.seat, intent)
  return (await act(step, 'commitKey', [snapshot.epoch, snapshot.epochInfo.crsSeed, commitment])) ? 'done' : 'again'
}

/**
 * The member's messages of key generation, made once per epoch and published before anyone hears of them. Null while only one endpoint has
 * reported the members, or while a reorganisation could still open another epoch: secrets stay secret only if they are dealt to the true
 * members.
 */
async function makeShare(step: Step & { readonly seat: number }): Promise<KeyIntent | null> {
  const { context, snapshot } = step
  const at = { key: keyIntentName(snapshot.epochInfo), epoch: snapshot.epoch, round: 0 }
  const frame = await frameHere(step)
  if (context.store.journal.find(at.key) === null && !(await isRosterWitnessed(step, frame))) return null
  const intent = await context.store.journal.once(at, async () => {
    context.log.info(
      { event: 'key generation', epoch: snapshot.epoch, members: frame.roster.length, threshold: frame.plan.threshold },
      'dealing a secret to the members',
    )
    const messages = await startKeyGeneration(frame.engine, {
      context: frame.context,
      members: frame.roster,
      self: frame.self,
      crs: Buffer.from(snapshot.epochInfo.crsSeed.slice(2), 'hex'),
      signal: step.signal,
    })
    try {
      storeDealing(context.store, frame, messages.secret)
    } finally {
      messages.secret.dispose()
    }
    const sealed: string[] = []
    for (const share of messages.sealedShares) sealed.push(await publish(step, 'sealed share', share, snapshot.round))
    const index = encodeKeyIndex({
      manifestHash: manifestHash(context.manifest),
      dealing: messages.dealing,
      sealed,
    })
    const cid = await publish(step, 'key index', index, snapshot.round)
    return Buffer.from(JSON.stringify({ cid, salt: `0x${randomBytes(32).toString('hex')}` } satisfies KeyIntent))
  })
  return parseKeyIntent(intent.payload)
}

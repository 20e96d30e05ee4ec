// SPDX-License-Identifier: GPL-3.0-or-later
import { randomBytes } from 'node:crypto'
import { hasSeat } from '../../chain/index.ts'
import { sliceCuts } from '../../fhe/index.ts'
import { LearningError } from '../../learning/index.ts'
import { declaredWeight, weighed } from '../../versions/index.ts'
import { act, publish } from '../actions.ts'
import type { Step, StepResult } from '../context.ts'
import { loadKeyHash } from '../epoch.ts'
import { frameHere, isMember, parametersOf } from '../frame.ts'
import { dropBytes } from '../memory.ts'
import { baseOf, broughtIn, hasNoRoom, isWithdrawn, staleBase } from '../steps/brought-in.ts'
import { updateCommitment } from '../steps/commitments.ts'
import { renewEncryptionKey } from '../steps/encryption-key.ts'
import { exposure } from '../steps/exposure.ts'
import { parseUpdateIntent, type UpdateIntent, updateIntentName } from '../steps/intents.ts'
import { castLateBallots } from '../steps/late.ts'
import { layersOf, trainHere } from '../steps/local-training.ts'
import { adoptAccepted } from '../steps/model.ts'
import { pokeInTurn } from '../steps/poke.ts'
import { sitsOut } from '../steps/rota.ts'
import { ensureSeat } from '../steps/seat.ts'
import { leavesOut, noteNoRoom } from '../steps/sitting-out.ts'
import { reportAbsent } from '../steps/sortition.ts'
import { storedUpdate } from '../steps/stored-update.ts'
import type { Trained } from '../training/outliving.ts'

/** Errors of local training that cost this keeper its part in the round and leave the others unaffected. */
const NO_UPDATE: ReadonlySet<string> = new Set(['DIVERGED', 'TRAINER_FAILED', 'BAD_STRATEGY'])

/** Training: vote late on the round before, take over its model, train on the shard, commit to the encrypted update. */
export async function training(step: Step): Promise<StepResult> {
  const { context, snapshot } = step
  if (step.seat === null) await ensureSeat(step)
  if (snapshot.epochInfo.epoch !== snapshot.epoch) return 'again'
  const { lateRound } = snapshot.roundInfo
  // Runs before the keeper adopts the new model, because judging the last round takes the model that it started from.
  if (isMember(step) && lateRound > 0) await castLateBallots(step, lateRound)
  if (!(await adoptAccepted(step))) return 'again'
  if (!isMember(step) || hasSeat(snapshot.roundInfo.committed, step.seat)) return 'done'
  // Beside the training, which must not wait for it.
  void reportAbsent(step)
  if (hasSeat(snapshot.leftOut, step.seat) && snapshot.due) {
    // The contract decides who sits out this round when it records the end of the last one.
    await pokeInTurn(step, () => act(step, 'poke', [], 'left out'))
    return 'again'
  }
  if (hasSeat(snapshot.leftOut, step.seat)) {
    context.log.warn(
      { event: 'left out', round: snapshot.round },
      'too many rounds that this keeper was part of have failed: it sits this one out, and may attest and vote in it',
    )
    return 'done'
  }
  // Beside the training: a relayer may bring the last commitments together, and with them the end of the state.
  const renewal = renewEncryptionKey(step)
  renewal.catch(() => undefined)
  let intent: UpdateIntent | null
  try {
    intent = await makeUpdate(step)
  } catch (error) {
    if (!(error instanceof LearningError && NO_UPDATE.has(error.code))) throw error
    // The same training again would end the same: the seed follows from the round.
    context.metrics.errors.inc({ code: error.code })
    const event = error.code === 'DIVERGED' ? 'diverged' : 'trainer failed'
    context.log.error({ event, round: snapshot.round, reason: error.message }, 'no update in this round')
    return 'done'
  }
  if (intent === null) return 'done'
  const commitment = updateCommitment(context, snapshot.round, step.seat, intent)
  const { round } = snapshot
  if (intent.samples === 0 && hasNoRoom(step, await parametersOf(step))) {
    noteNoRoom(context.store, snapshot.epoch)
    const reason = 'the buffer takes no more updates than a round needs, or others without samples fill it'
    context.log.error({ event: 'no room', round, reason }, 'this keeper has no samples, and stays out of the round')
    return 'done'
  }
  const base = staleBase(step, intent)
  const done = await (base === null
    ? act(step, 'commitUpdate', [round, commitment])
    : act(step, 'commitStaleUpdate', [round, base, commitment]))
  if (!done) return 'again'
  context.remembered.training?.delivered(round)
  await renewal
  return 'done'
}

/** The member's encrypted update of the round, made once. Null when this member can make none. */
async function makeUpdate(step: Step & { readonly seat: number }): Promise<UpdateIntent | null> {
  const { context, snapshot } = step
  const at = { key: updateIntentName(snapshot.epochInfo, snapshot.round), epoch: snapshot.epoch, round: snapshot.round }
  const known = context.store.journal.find(at.key)
  // Checked before the intent is: after a crash between encryption and intent, the ciphertext is kept, but its update went to a later round.
  if (isWithdrawn(step)) return null
  if (known !== null) return parseUpdateIntent(known.payload)
  if (snapshot.epochInfo.decryptions >= (await parametersOf(step)).decryptionsPerEpoch) {
    // The contract takes no more updates: it gives late voters their time, and then opens registration.
    context.log.info(
      { event: 'key used up', epoch: snapshot.epoch },
      'the key of the epoch has served: on to the next one',
    )
    return null
  }
  const frame = await frameHere(step)
  const keyHash = loadKeyHash(context.store, frame)
  if (keyHash === null) {
    context.log.error(
      { event: 'no key', epoch: snapshot.epoch },
      'this keeper has no share of the key of the epoch: it sits out until the next one',
    )
    return null
  }
  // Stored before anything is published, so the keeper never sends other bytes in this round, whatever happens next.
  const stored = await storedUpdate(step, frame, keyHash, async () =>
    (await sitsOut(step)) ? sitOut(step, RESTS) : train(step),
  )
  if (stored === null) return null
  const { bytes, samples } = stored
  const intent = await context.store.journal.once(at, async () => {
    const cuts = context.config.network.slices ? sliceCuts(frame.plan, 'update') : []
    const cid = await publish(step, 'update', bytes, snapshot.round, cuts)
    const size = bytes.length
    dropBytes(bytes)
    const base = baseOf(step)
    const made: UpdateIntent = {
      ...{ cid, size, samples, salt: `0x${randomBytes(32).toString('hex')}` },
      ...(base === null ? {} : { base }),
    }
    return Buffer.from(JSON.stringify(made))
  })
  return parseUpdateIntent(intent.payload)
}

/**
 * The update of the round: of a training in it or, in a service whose rounds wait for no slower members, of one that began earlier. The caller wipes
 * the update.
 */
async function train(step: Step & { readonly seat: number }): Promise<Trained> {
  const { context, snapshot } = step
  const covered = context.coverage.of(snapshot.round)
  if (covered !== null && (await leavesOut(step, covered))) return sitOut(step, LEAVES)
  if (await isExposed(step)) return sitOut(step, EXPOSED)
  const { update, samples, staleness } = await broughtIn(step, trainHere)
  // Fresh noise even for a training done again after a crash: no update of it was published yet.
  weighed(update, {
    staleness,
    terms: context.manifest.rounds,
    ...(covered === null ? {} : { length: covered.length }),
  })
  return { update, samples }
}

const RESTS = 'this round is measured without this keeper’s samples'
const EXPOSED = 'an update of zeros, and no samples declared'
const LEAVES = 'training.layerGroups leaves these layers to others: an update of zeros'

/** Whether what this keeper trains could be computed from the round's result, because too many of the other updates are public. */
async function isExposed(step: Step & { readonly seat: number }): Promise<boolean> {
  const found = await exposure(step)
  if (found === null) return false
  step.context.log.warn(
    { event: 'exposed', round: step.snapshot.round, ...found },
    'too many members represent services, and their updates are public: this keeper keeps its samples out of the round',
  )
  return true
}

/**
 * An update of zeros in a round that this keeper sits out. It declares no samples, so the mean is that of the other members. With
 * privacy, it adds its noise and has the same weight as every other update.
 */
function sitOut({ context, snapshot }: Step, why: string): Trained {
  const { rounds: terms } = context.manifest
  const covered = context.coverage.of(snapshot.round)
  const update = new Float32Array(context.coverage.updateLength)
  weighed(update, { staleness: 0, terms, ...(covered === null ? {} : { length: covered.length }) })
  const samples = declaredWeight(terms, 0)
  context.log.info({ event: 'sits out', round: snapshot.round, ...layersOf(covered), declared: samples }, why)
  return { update, samples }
}

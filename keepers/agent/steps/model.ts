// SPDX-License-Identifier: GPL-3.0-or-later
import { z } from 'zod'
import { cidFromHex } from '../../network/index.ts'
import type { Step } from '../context.ts'
import { eraseEncryptionKeysBefore } from '../encryption-keys.ts'
import { eraseKeysBefore, keysErasedBefore } from '../epoch.ts'
import type { Fact, Facts } from '../facts.ts'
import { rosterHere } from '../frame.ts'
import { noteAccepted } from '../holdout.ts'
import type { AcceptedModel } from '../models.ts'
import { noteOpenedSums } from '../privacy.ts'
import { candidateRecord } from './intents.ts'
import { isWitnessed } from './witness.ts'

/** The last round before `before` in which the members accepted a model, by the chain; null before the first. */
function lastCompleted(facts: Facts, before = Number.POSITIVE_INFINITY): Fact | null {
  return facts.all('UpdateCompleted').findLast((fact) => roundOf(fact) < before) ?? null
}

function acceptedIn(completed: Fact): AcceptedModel {
  const { modelCommitment, cid, versionId } = completed.args
  return {
    round: roundOf(completed),
    commitment: String(modelCommitment),
    cid: cidFromHex(String(cid)),
    version: String(versionId),
  }
}

const roundOf = (fact: Fact): number => Number(fact.args.round)

/**
 * Adopts the model that was accepted last on the chain, from any member. Unless this keeper computed the same model itself, two endpoints
 * must report it. Weights that an attacker chose can make an update reveal the samples, even inside a sum (Pasquini et al., "Eluding Secure
 * Aggregation in Federated Learning via Model Inconsistency", CCS 2022).
 * @param before Adopt only models of rounds before this one, because this round's updates are changes to the model that it began with.
 * @returns false while only one endpoint reports the model: the keeper must not train then.
 */
export async function adoptAccepted(step: Step, before?: number): Promise<boolean> {
  const { context, snapshot } = step
  const completed = lastCompleted(context.facts, before)
  const held = context.model.accepted
  if (completed === null) return true
  const accepted = acceptedIn(completed)
  // Older events are forgotten, so the held model may be newer than the newest event.
  if (held !== null && (held.round > accepted.round || (held.round === accepted.round && held.cid === accepted.cid)))
    return true
  const own = ownResult(step, accepted)
  if (own === null && !(await isWitnessed(step, completed))) return false
  const roster = await rosterHere(step)
  const seats = roster.map((member) => member.seat)
  const providers = await context.peers.providers(seats[0] ?? 0, seats, step.seat)
  await context.model.accept(accepted, providers, step.signal)
  const { accuracy, loss = Number.NaN } = own ?? {}
  // A record of an earlier release has no loss.
  if (accuracy !== undefined && (context.manifest.vote.metric !== 'loss' || Number.isFinite(loss))) {
    noteAccepted(context, { round: accepted.round, accuracy, loss })
  }
  context.metrics.roundsCompleted.inc()
  context.log.info(
    {
      event: 'model accepted',
      round: accepted.round,
      version: accepted.version,
      cid: accepted.cid,
      commitment: accepted.commitment,
    },
    'took over the accepted model',
  )
  await forgetOld(step, Math.min(snapshot.round, accepted.round + 1) - context.config.storage.keepRounds)
  return true
}

const resultSchema = z
  .object({ cid: z.string(), commitment: z.string(), accuracy: z.number().optional(), loss: z.number().optional() })
  .nullable()

/** This keeper's record of the model if it computed the same one from the round's sum in this epoch; else null. */
function ownResult({ context, snapshot }: Step, { round, cid, commitment }: AcceptedModel) {
  const own = resultSchema.parse(context.store.getRecord(candidateRecord(snapshot.epochInfo, round)))
  return own?.cid === cid && own.commitment === commitment ? own : null
}

/**
 * Forgets blobs, intents and events of rounds before `round`, and the keys of epochs long over. Keys are erased only when two endpoints know
 * the present epoch: otherwise an endpoint could invent a later one to have the running epoch's keys erased.
 */
async function forgetOld(step: Step, round: number): Promise<void> {
  const { context, snapshot } = step
  const { facts, store } = context
  if (keysErasedBefore(store) < snapshot.epoch - 1) {
    const opened = facts.last('EpochOpened', { epoch: snapshot.epoch })
    // The epoch before stays: a reorganisation may lead back to it.
    if (opened !== null && (await isWitnessed(step, opened))) eraseKeysBefore(store, snapshot.epoch - 1)
  }
  const epoch = Math.min(snapshot.epoch, keysErasedBefore(store) + 1)
  eraseEncryptionKeysBefore(store, epoch - 1)
  if (round <= 0) return
  await context.plane.collect(round)
  store.journal.prune(epoch, round)
  store.claims.forget(epoch, round)
  noteOpenedSums(context)
  const first = facts.all('Transitioned').find((fact) => Number(fact.args.round) >= round)
  if (first !== undefined) facts.prune(first.block)
}

/** After a reorganisation: gives up a model if its acceptance has left the chain. The model accepted instead is adopted as usual. */
export function revokeUnaccepted(context: Step['context'], round: number): void {
  const held = context.model.accepted
  if (held === null || held.round < round) return
  context.model.forget()
}

// SPDX-License-Identifier: GPL-3.0-or-later
import { cidFromHex } from '../../network/index.ts'
import type { Step } from '../context.ts'
import { eraseEncryptionKeysBefore } from '../encryption-keys.ts'
import { eraseKeysBefore } from '../epoch.ts'
import type { Fact, Facts } from '../facts.ts'
import { rosterHere } from '../frame.ts'
import type { AcceptedModel } from '../models.ts'
import { noteOpenedSums } from '../privacy.ts'

/** The last model that the members accepted in a round before `before`, by the chain; null before the first. */
function lastAccepted(facts: Facts, before = Number.POSITIVE_INFINITY): AcceptedModel | null {
  const last = facts.all('UpdateCompleted').findLast((fact) => roundOf(fact) < before)
  if (last === undefined) return null
  const { modelCommitment, cid, versionId } = last.args
  return {
    round: roundOf(last),
    commitment: String(modelCommitment),
    cid: cidFromHex(String(cid)),
    version: String(versionId),
  }
}

const roundOf = (fact: Fact): number => Number(fact.args.round)

/**
 * Takes over the model that the chain says was accepted last, from any member.
 * @param before Only models of rounds before this one: that round's updates are changes of the model that it began with.
 */
export async function adoptAccepted(step: Step, before?: number): Promise<void> {
  const { context, snapshot } = step
  const accepted = lastAccepted(context.facts, before)
  const held = context.model.accepted
  if (accepted === null) return
  // Older events are forgotten, so what is held may be newer than what they tell.
  if (held !== null && (held.round > accepted.round || (held.round === accepted.round && held.cid === accepted.cid)))
    return
  const roster = await rosterHere(step)
  const seats = roster.map((member) => member.seat)
  const providers = await context.peers.providers(seats[0] ?? 0, seats, step.seat)
  await context.model.accept(accepted, providers, step.signal)
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
  await forgetOld(step, snapshot.round - context.config.storage.keepRounds)
}

/** Lets go of blobs, intents and events of rounds before `round`, and of the keys of epochs long over. */
async function forgetOld(step: Step, round: number): Promise<void> {
  const { context, snapshot } = step
  // The epoch before stays: a reorganisation may lead back to it.
  eraseKeysBefore(context.store, snapshot.epoch - 1)
  eraseEncryptionKeysBefore(context.store, snapshot.epoch - 1)
  if (round <= 0) return
  await context.plane.collect(round)
  context.store.journal.prune(snapshot.epoch, round)
  context.store.claims.forget(snapshot.epoch, round)
  noteOpenedSums(context)
  const first = context.facts.all('Transitioned').find((fact) => Number(fact.args.round) >= round)
  if (first !== undefined) context.facts.prune(first.block)
}

/** After a reorganisation: gives up a model whose acceptance is no longer on the chain. */
export function revokeUnaccepted(context: Step['context'], round: number): void {
  const held = context.model.accepted
  if (held === null || held.round < round) return
  context.model.rollBack(lastAccepted(context.facts))
}

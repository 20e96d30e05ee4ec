// SPDX-License-Identifier: GPL-3.0-or-later
// The update that a keeper brings to a round: of a training in it or, in a service whose rounds wait for no slower members, of one that began
// in an earlier round (decision 0013).
import { z } from 'zod'
import { stalenessWeight, whyNotCarried } from '../../versions/index.ts'
import type { AgentContext, Step } from '../context.ts'
import { parametersOf } from '../frame.ts'
import { OutlivingTraining, type Trained } from '../training/outliving.ts'
import { updateIntentName } from './intents.ts'

const RECORD = 'base of the update'
/** Of one round, the last in which this keeper encrypted an update: rounds before have no use for it. */
const recordSchema = z.object({ update: z.string(), base: z.int().min(0) }).nullable()

type Seated = Step & { readonly seat: number }

/** The last version that this keeper took over; 0 for the initial model. */
const versionOf = ({ model }: Pick<AgentContext, 'model'>): number => Number(model.accepted?.version ?? 0)

/**
 * The versions that an update of this keeper may be behind. None where an update is of its round alone: with groups of layers, control variates, or
 * another service's model in place of a training.
 */
async function reachOf(step: Step): Promise<number> {
  const { context } = step
  if (context.control !== null || context.source !== undefined) return 0
  const { maxStaleness } = await parametersOf(step)
  return whyNotCarried(context.manifest.rounds) === null ? maxStaleness : 0
}

/** Whether the training thread is at work for a round that is over: nothing else can be asked of it. */
export function isStillTraining({ context, snapshot }: Step): boolean {
  const { training } = context.remembered
  return training?.isRunning === true && (snapshot.state !== 'Training' || training.isOlderThan(snapshot.round))
}

/**
 * The update and how many versions it is behind. Where that may be some, it first writes down which version it started from, which the commitment
 * states.
 * @throws what the training rejects with, or the step's reason when the round is over: then the training goes on
 */
export async function broughtIn(
  step: Seated,
  train: (step: Seated, signal: AbortSignal) => Promise<Trained>,
): Promise<Trained & { readonly staleness: number }> {
  const { context, snapshot, seat, signal } = step
  const { remembered, facts, log, stopping } = context
  const reach = await reachOf(step)
  if (!(reach > 0)) return { ...(await train(step, signal)), staleness: 0 }
  remembered.training ??= new OutlivingTraining()
  const { training } = remembered
  const { epoch, round } = snapshot
  const place = { epoch, round, version: versionOf(context) }
  const dropped = training.settle(place, reach, (of) => facts.last('UpdateCommitted', { round: of, seat }) !== null)
  if (dropped !== null) {
    log.warn(
      { event: 'update too stale', round, behind: dropped, most: reach },
      'this keeper trained for longer than the service waits: it begins anew with the present model',
    )
  }
  try {
    const { base, ...trained } = await training.take(
      place,
      (ended) => train(step, AbortSignal.any([ended, stopping])),
      signal,
    )
    const staleness = place.version - base
    context.store.putRecord(RECORD, { update: updateIntentName(snapshot.epochInfo, round), base })
    if (staleness > 0) {
      const weight = stalenessWeight(staleness)
      log.info({ event: 'stale update', round, base, behind: staleness, weight }, 'brings in what it trained earlier')
    }
    return { ...trained, staleness }
  } catch (error) {
    if (signal.aborted && training.isRunning) {
      log.info({ event: 'training goes on', round, base: training.base }, 'the round is over, and the training is not')
    }
    throw error
  }
}

/** The version that the round's update started from if later ones are there, else null: then the commitment needs no base. */
export function staleBase({ context, snapshot }: Step): number | null {
  const record = recordSchema.parse(context.store.getRecord(RECORD))
  if (record?.update !== updateIntentName(snapshot.epochInfo, snapshot.round)) return null
  return record.base < versionOf(context) ? record.base : null
}

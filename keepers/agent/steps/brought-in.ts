// SPDX-License-Identifier: GPL-3.0-or-later
// The update that a keeper brings to a round: of a training in it or, in a service whose rounds wait for no slower members, of one that began
// in an earlier round (decision 0013).
import { z } from 'zod'
import { stalenessWeight, whyNotCarried } from '../../versions/index.ts'
import type { AgentContext, EpochParameters, Step } from '../context.ts'
import { parametersOf } from '../frame.ts'
import { OutlivingTraining, type Trained } from '../training/outliving.ts'
import { type UpdateIntent, updateIntentName } from './intents.ts'
import { wasRefused } from './sitting-out.ts'

const RECORD = 'base of the update'
/** Kept for the last round in which this keeper encrypted an update; earlier rounds no longer need theirs. */
const recordSchema = z.object({ update: z.string(), base: z.int().min(0) }).nullable()

const WITHDRAWN = 'withdrawn updates'
const withdrawnSchema = z
  .array(z.string())
  .nullable()
  .transform((names) => names ?? [])
/** More rounds than a reorganisation takes back. */
const MOST_WITHDRAWN = 64

type Seated = Step & { readonly seat: number }

/** The last version that this keeper took over; 0 for the initial model. */
const versionOf = ({ model }: Pick<AgentContext, 'model'>): number => Number(model.accepted?.version ?? 0)

/**
 * How many versions an update of this keeper may be behind. Zero where an update is good for its own round only: with layer groups, with control
 * variates, or when the update is another service's model instead of a training.
 */
async function reachOf(step: Step): Promise<number> {
  const { context } = step
  if (context.control !== null || context.source !== undefined) return 0
  const { maxStaleness } = await parametersOf(step)
  return whyNotCarried(context.manifest.rounds) === null ? maxStaleness : 0
}

/**
 * The update and how many versions it is behind. If updates may be behind at all, the version that it started from is first put on record,
 * because the commitment states it.
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
    const { base, earlier, ...trained } = await training.take(
      place,
      (ended) => train(step, AbortSignal.any([ended, stopping])),
      signal,
    )
    withdraw(step, earlier)
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

/** The base of the update that this keeper encrypted last, if that was in this round; else null. */
export function baseOf({ context, snapshot }: Step): number | null {
  const record = recordSchema.parse(context.store.getRecord(RECORD))
  return record?.update === updateIntentName(snapshot.epochInfo, snapshot.round) ? record.base : null
}

/** The base that a commitment to the update must state; null when no later version has been accepted. */
export function staleBase({ context }: Step, { base }: UpdateIntent): number | null {
  return base !== undefined && base < versionOf(context) ? base : null
}

/**
 * Whether this keeper has brought the round's training into a later round, because its commitment came too late. After a reorganisation the chain
 * may have that commitment after all. The keeper must then not reveal it, or two sums would contain the same update.
 */
export function isWithdrawn({ context, snapshot }: Step): boolean {
  const name = updateIntentName(snapshot.epochInfo, snapshot.round)
  return withdrawnSchema.parse(context.store.getRecord(WITHDRAWN)).includes(name)
}

function withdraw({ context, snapshot }: Step, rounds: readonly number[]): void {
  if (rounds.length === 0) return
  const before = withdrawnSchema.parse(context.store.getRecord(WITHDRAWN))
  const names = rounds.map((round) => updateIntentName(snapshot.epochInfo, round))
  context.store.putRecord(WITHDRAWN, [...new Set([...before, ...names])].slice(-MOST_WITHDRAWN))
}

/**
 * Whether a service with a buffer has no room for this member without samples: the round needs an update with samples in every place of the buffer,
 * or this keeper was refused earlier in the epoch. If it committed all the same, it could cost the others the round, and itself a strike that lasts
 * as long as the epoch.
 */
export function hasNoRoom({ context, snapshot }: Step, parameters: EpochParameters): boolean {
  const { buffer, minKeepers } = parameters
  if (buffer === 0) return false
  return buffer <= Math.max(snapshot.epochInfo.quorum, minKeepers) || wasRefused(context.store, snapshot.epoch)
}

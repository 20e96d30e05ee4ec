// SPDX-License-Identifier: GPL-3.0-or-later
// When a keeper believes what the others added up, and whom.
import { z } from 'zod'
import type { AgentContext, Step } from '../context.ts'
import { epochName } from '../members.ts'

const recordSchema = z
  .object({
    /** Lost votes of the epoch. */
    lost: z.number(),
    /** The last of them. */
    round: z.number(),
  })
  .nullable()

/**
 * Whether to add up by slices in this round. After the j-th lost vote of an epoch a keeper adds up everything by itself for 2^(j+1) rounds:
 * a vote is lost because a sum, an update or a share was garbage, and only its own sum rules out the first two. So a liar costs
 * the logarithm of the epoch's rounds, however patient it is.
 */
export function maySlice({ context, snapshot }: Pick<Step, 'context' | 'snapshot'>): boolean {
  const { store, facts } = context
  const name = `slices/${epochName(snapshot.epochInfo)}`
  const opened = facts.last('EpochOpened', { epoch: snapshot.epochInfo.epoch })?.block ?? 0
  const known = recordSchema.parse(store.getRecord(name)) ?? { lost: 0, round: 0 }
  // Older events are forgotten, so what they said is kept.
  const more = facts
    .all('UpdateIncomplete')
    .filter(({ args, block }) => block >= opened && Number(args.round) > known.round)
    .map(({ args }) => Number(args.round))
  const lost = known.lost + new Set(more).size
  const round = Math.max(known.round, ...more)
  if (more.length > 0) store.putRecord(name, { lost, round })
  return lost === 0 || snapshot.round > round + 2 ** (lost + 1)
}

type Heard = {
  readonly epoch: string
  readonly ignored: Set<number>
  /** Rounds' sums in a row for which a member gave no note. */
  readonly silent: Map<number, number>
}
const heard = new WeakMap<AgentContext, Heard>()

/** As often in a row a member may say nothing before nobody waits for it any more. */
const SILENCES = 2

function heardHere({ context, snapshot }: Pick<Step, 'context' | 'snapshot'>): Heard {
  const epoch = epochName(snapshot.epochInfo)
  const known = heard.get(context)
  if (known?.epoch === epoch) return known
  const fresh = { epoch, ignored: new Set<number>(), silent: new Map<number, number>() }
  heard.set(context, fresh)
  return fresh
}

/** The members that are not heard in this epoch: their notes were false or did not come, as far as this process knows. */
export function ignoredHere(step: Pick<Step, 'context' | 'snapshot'>): ReadonlySet<number> {
  return heardHere(step).ignored
}

/** Members whose notes were false. */
export function ignore(step: Pick<Step, 'context' | 'snapshot'>, seats: Iterable<number>): void {
  const { ignored } = heardHere(step)
  for (const seat of seats) ignored.add(seat)
}

/** Remembers who of those that were asked gave a note in time. */
export function noteSilence(
  step: Pick<Step, 'context' | 'snapshot'>,
  asked: readonly number[],
  spoke: ReadonlyMap<number, unknown>,
): void {
  const { ignored, silent } = heardHere(step)
  for (const seat of asked) {
    const times = spoke.has(seat) ? 0 : (silent.get(seat) ?? 0) + 1
    silent.set(seat, times)
    if (times >= SILENCES) ignored.add(seat)
  }
}

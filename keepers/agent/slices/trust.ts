// SPDX-License-Identifier: GPL-3.0-or-later
// When a keeper believes what the others added up, and whom.
import { z } from 'zod'
import type { AgentContext, Step } from '../context.ts'
import { epochName } from '../members.ts'
import { STATES } from '../states.ts'

const recordSchema = z
  .object({
    /** Rounds of the epoch that were lost. */
    lost: z.number(),
    /** The last of them. */
    round: z.number(),
  })
  .nullable()

/** The states that a round is lost from when members do not stand by one sum, or the drafted ones have attested another. */
const LOST_FROM: readonly number[] = [STATES.indexOf('Aggregate'), STATES.indexOf('Decrypt')]
const TRAINING = STATES.indexOf('Training')

/**
 * Whether to add up by slices in this round. After the j-th lost round of an epoch a keeper adds up everything by itself for 2^(j+1)
 * rounds: a vote is lost because a sum, an update or a share was garbage, and only its own sum rules out the first two; before the vote, a round
 * is lost when some members were told of other sums than the rest. So a liar costs the logarithm of the epoch's rounds,
 * however patient it is.
 */
export function maySlice({ context, snapshot }: Pick<Step, 'context' | 'snapshot'>): boolean {
  const { store, facts } = context
  const name = `slices/${epochName(snapshot.epochInfo)}`
  const opened = facts.last('EpochOpened', { epoch: snapshot.epochInfo.epoch })?.block ?? 0
  const known = recordSchema.parse(store.getRecord(name)) ?? { lost: 0, round: 0 }
  // Older events are forgotten, so what they said is kept.
  const isNew = ({ block, round }: { block: number; round: number }): boolean => block >= opened && round > known.round
  const votes = facts.all('UpdateIncomplete').map(({ args, block }) => ({ block, round: Number(args.round) }))
  const before = facts
    .all('Transitioned')
    .filter(({ args }) => LOST_FROM.includes(Number(args.from)) && Number(args.to) === TRAINING)
    // It names the round that begins.
    .map(({ args, block }) => ({ block, round: Number(args.round) - 1 }))
  const more = [...votes, ...before].filter(isNew).map(({ round }) => round)
  const lost = known.lost + new Set(more).size
  const round = Math.max(known.round, ...more)
  if (more.length > 0) store.putRecord(name, { lost, round })
  return lost === 0 || snapshot.round > round + 2 ** (lost + 1)
}

type Heard = {
  readonly epoch: string
  readonly ignored: Set<number>
  readonly silent: Set<number>
  /** Sums in a row for which a member gave no note. */
  readonly silences: Map<number, number>
}
const heard = new WeakMap<AgentContext, Heard>()

/** As often in a row a member may say nothing before nobody waits for it any more. */
export const SILENCES = 2

function heardHere({ context, snapshot }: Pick<Step, 'context' | 'snapshot'>): Heard {
  const epoch = epochName(snapshot.epochInfo)
  const known = heard.get(context)
  if (known?.epoch === epoch) return known
  const fresh = { epoch, ignored: new Set<number>(), silent: new Set<number>(), silences: new Map<number, number>() }
  heard.set(context, fresh)
  return fresh
}

/** The members that are not heard in this epoch: sums that they told were false, as this process has seen itself. */
export function ignoredHere(step: Pick<Step, 'context' | 'snapshot'>): ReadonlySet<number> {
  return heardHere(step).ignored
}

/** The members that nobody waits for in this epoch, but that are heard when they speak in time: silence may be another's doing. */
export function silentHere(step: Pick<Step, 'context' | 'snapshot'>): ReadonlySet<number> {
  return heardHere(step).silent
}

/** Members whose sums were false. */
export function ignore(step: Pick<Step, 'context' | 'snapshot'>, seats: Iterable<number>): void {
  const { ignored } = heardHere(step)
  for (const seat of seats) ignored.add(seat)
}

/** Remembers who of those that were asked spoke, and handed over what it made, in time. */
export function noteSilence(
  step: Pick<Step, 'context' | 'snapshot'>,
  asked: readonly number[],
  spoke: { has(seat: number): boolean },
): void {
  const { silent, silences } = heardHere(step)
  for (const seat of asked) {
    const times = spoke.has(seat) ? 0 : (silences.get(seat) ?? 0) + 1
    silences.set(seat, times)
    if (times >= SILENCES) silent.add(seat)
  }
}

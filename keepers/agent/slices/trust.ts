// SPDX-License-Identifier: GPL-3.0-or-later
// When a keeper believes what the others added up, and whom. Kept in the store, so that starting again forgives nobody.
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import type { SlicedMessage } from '../../fhe/index.ts'
import type { Step } from '../context.ts'
import { epochName } from '../members.ts'
import { STATES } from '../states.ts'

type Here = Pick<Step, 'context' | 'snapshot'>

const lostSchema = z
  .object({
    /** Rounds of the epoch that were lost. */
    lost: z.number(),
    /** The last of them. */
    round: z.number(),
  })
  .nullable()

/** States in which a round is lost when members do not agree on one sum, or when the drafted members have attested another. */
const LOST_FROM: readonly number[] = [STATES.indexOf('Aggregate'), STATES.indexOf('Decrypt')]
const TRAINING = STATES.indexOf('Training')

/**
 * Whether to add up by slices in this round. After the j-th lost round of an epoch, a keeper adds up everything by itself for 2^(j+1)
 * rounds. A vote is lost because a sum, an update or a share was garbage, and only a sum of the keeper's own rules out the first two. Before
 * the vote, a round is lost when some members were told of other sums than the rest. So a liar, however patient, can cost the epoch only
 * logarithmically many of its rounds.
 */
export function maySlice(step: Here): boolean {
  const { context, snapshot } = step
  const { store, facts } = context
  if (!mayTry(step)) return false
  const name = `slices/${epochName(snapshot.epochInfo)}`
  const opened = facts.last('EpochOpened', { epoch: snapshot.epochInfo.epoch })?.block ?? 0
  const known = lostSchema.parse(store.getRecord(name)) ?? { lost: 0, round: 0 }
  // Older events are forgotten, so the count is kept on record.
  const isNew = ({ block, round }: { block: number; round: number }): boolean => block >= opened && round > known.round
  const votes = facts.all('UpdateIncomplete').map(({ args, block }) => ({ block, round: Number(args.round) }))
  const before = facts
    .all('Transitioned')
    .filter(({ args }) => LOST_FROM.includes(Number(args.from)) && Number(args.to) === TRAINING)
    // The event names the round that begins, so the lost one is the round before.
    .map(({ args, block }) => ({ block, round: Number(args.round) - 1 }))
  const more = [...votes, ...before].filter(isNew).map(({ round }) => round)
  const lost = known.lost + new Set(more).size
  const round = Math.max(known.round, ...more)
  if (more.length > 0) store.putRecord(name, { lost, round })
  return lost === 0 || snapshot.round > round + 2 ** (lost + 1)
}

const triesSchema = z
  .object({
    /** Attempts of the epoch that came to nothing, one in a round at most. */
    failed: z.number(),
    /** The round of the last of them. */
    round: z.number(),
  })
  .nullable()

const triesName = ({ snapshot }: Here): string => `slices/${epochName(snapshot.epochInfo)}/tries`
const triesHere = (step: Here) => triesSchema.parse(step.context.store.getRecord(triesName(step))) ?? { failed: 0, round: 0 } // biome-ignore format: one line

/**
 * Remembers an attempt after which this keeper adds up by itself. A failed attempt costs part of the window. In what is left, members on slow
 * links may lose their place in the sum. So a few members that make attempts fail on purpose must not be able to do that in every round.
 */
export function noteFailed(step: Here, round: number): void {
  const { failed, round: last } = triesHere(step)
  if (round > last) step.context.store.putRecord(triesName(step), { failed: failed + 1, round })
}

/**
 * From the second failed attempt of an epoch on, the next attempt is in a round whose number is a multiple of 2, then of 4, 8, 16…. So keepers
 * that have seen different attempts fail still try in the same rounds.
 */
function mayTry(step: Here): boolean {
  const { failed, round } = triesHere(step)
  const at = step.snapshot.round
  return failed < 2 || at === round || at % 2 ** (failed - 1) === 0
}

/** After this many silences in a row, a member is no longer waited for. */
export const SILENCES = 2

const memberSchema = z.object({
  /** Sums in a row for which it gave no note in time, or did not hand over what it made. */
  missed: z.number(),
  /** Sums in a row for which it did both, while nobody waited for it. */
  spoke: z.number(),
  /** How often it has become a member that nobody waits for. */
  times: z.number(),
  silent: z.boolean(),
})
const heardSchema = z.object({ ignored: z.array(z.number()), members: z.record(z.string(), memberSchema) }).nullable()
type Heard = NonNullable<z.infer<typeof heardSchema>>

const heardName = ({ snapshot }: Here): string => `slices/${epochName(snapshot.epochInfo)}/heard`

const heardHere = (step: Here): Heard =>
  heardSchema.parse(step.context.store.getRecord(heardName(step))) ?? { ignored: [], members: {} }

/** The members that are ignored in this epoch, because this keeper itself has found that sums of theirs were false. */
export function ignoredHere(step: Here): ReadonlySet<number> {
  return new Set(heardHere(step).ignored)
}

/** The members that nobody waits for, but that are heard when they speak in time: silence may be another's doing. */
export function silentHere(step: Here): ReadonlySet<number> {
  const { members } = heardHere(step)
  return new Set(Object.keys(members).map(Number).filter((seat) => members[seat]!.silent)) // biome-ignore format: one line
}

/** Ignores members whose sums were false, for the rest of the epoch. */
export function ignore(
  step: Here,
  { round, message }: { readonly round: number; readonly message: SlicedMessage },
  seats: Iterable<number>,
): void {
  const heard = heardHere(step)
  const liars = [...new Set(seats)].filter((seat) => !heard.ignored.includes(seat))
  if (liars.length === 0) return
  step.context.store.putRecord(heardName(step), { ...heard, ignored: [...heard.ignored, ...liars] })
  step.context.log.warn(
    { event: 'notes ignored', round, message, seats: liars },
    'said what was not so: not heard in this epoch any more',
  )
}

/**
 * Remembers which of the asked members spoke, and handed over what they made, in time. A member that fails twice in a row is not waited for
 * until it succeeds 4 times in a row; the next time 8 times, then 16…. So a machine that was away for maintenance soon counts again, and stalling
 * on purpose delays only logarithmically many of the epoch's sums.
 */
export function noteSilence(step: Here, asked: readonly number[], spoke: { has(seat: number): boolean }): void {
  const heard = heardHere(step)
  const members = { ...heard.members }
  for (const seat of asked) {
    const known = members[seat] ?? { missed: 0, spoke: 0, times: 0, silent: false }
    const now = spoke.has(seat) ? afterSpeaking(known) : afterSilence(known)
    if (!isDeepStrictEqual(now, known)) members[seat] = now
  }
  // Most sums change nothing, and a write waits for the disk.
  if (!isDeepStrictEqual(members, heard.members)) step.context.store.putRecord(heardName(step), { ...heard, members })
}

function afterSpeaking(member: Heard['members'][string]): Heard['members'][string] {
  if (!member.silent) return { ...member, missed: 0 }
  const spoke = member.spoke + 1
  const isBack = spoke >= 2 ** (member.times + 1)
  return { ...member, missed: 0, spoke: isBack ? 0 : spoke, silent: !isBack }
}

function afterSilence(member: Heard['members'][string]): Heard['members'][string] {
  const missed = member.missed + 1
  const falls = !member.silent && missed >= SILENCES
  return { missed, spoke: 0, times: member.times + (falls ? 1 : 0), silent: member.silent || falls }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import { z } from 'zod'
import { checkUpdateMessage, checkUpdatePoint, FheError, type MessageSource, sliceCuts } from '../../fhe/index.ts'
import { NetworkError } from '../../network/index.ts'
import type { KeeperStore } from '../../store/index.ts'
import { cidOf } from '../actions.ts'
import type { Step } from '../context.ts'
import type { EpochFrame } from '../epoch.ts'
import { AgentError } from '../errors.ts'
import type { Fact } from '../facts.ts'
import { epochName } from '../members.ts'
import { messageFrom } from '../messages.ts'
import type { Snapshot } from '../snapshot.ts'
import { FetchAhead, type FetchTimes } from './fetch-ahead.ts'
import { HeldKey } from './held-key.ts'
import { mayBelieve } from './witness.ts'

/** This keeper's finding about one revealed update. */
export type Review =
  /** Nobody serves it: a later try may get it. */
  | { readonly kind: 'missing'; readonly reason: string }
  /** It is not an update, or its proof fails: every member finds the same. */
  | { readonly kind: 'refused'; readonly reason: string }
  | {
      readonly kind: 'sound'
      readonly message: MessageSource
      /** The hash of its bytes, by which `claimScalar` knows it. */
      readonly digest: Uint8Array
      /** The scalar computed with this keeper's own share, posted when members disagree. */
      readonly scalar: Uint8Array
      /** Whether the scalar agrees with the proof. */
      readonly agrees: boolean
    }

/** One update to be reviewed: its reveal, and its sender's place in the roster. */
export type Revealed = { readonly fact: Fact; readonly seat: number; readonly sender: number }

/** The revealed updates of a round, in the order of their reveals. */
export function revealedIn({ context }: Pick<Step, 'context'>, frame: EpochFrame, round: number): Revealed[] {
  const found = new Map<number, Revealed>()
  for (const fact of context.facts.all('UpdateRevealed', { round })) {
    const seat = Number(fact.args.seat)
    const sender = frame.roster.findIndex((member) => member.seat === seat)
    if (sender >= 0 && !found.has(seat)) found.set(seat, { fact, seat, sender })
  }
  return [...found.values()]
}

/**
 * Whether a statement to the chain may rest on this keeper's view of the round's reveals: see `mayBelieve`.
 * @param time.window Of the state, in seconds. @param time.patience Part of the window, 0 to 1.
 */
export function mayBelieveReveals(
  step: Step,
  round: number,
  time: { readonly window: number; readonly patience: number },
): Promise<boolean> {
  const facts = step.context.facts.all('UpdateRevealed', { round })
  return mayBelieve(step, { name: 'UpdateRevealed', facts, of: { round } }, time)
}

/** Names the reveals that something is about: after a reorganisation there may be others. */
export function revealsName(revealed: readonly Revealed[]): string {
  return revealed.map(({ seat, fact }) => `${seat} ${String(fact.args.cid)}`).join()
}

/**
 * Points that this keeper computed, by the update's CID. They are kept because each takes a tenth of a second or more, and kept secret until they
 * are posted: with updates that somebody makes up, there may be more points than the pads hide.
 */
const pointsSchema = z.record(
  z.string(),
  z.object({ scalar: z.string(), agrees: z.boolean(), own: z.boolean().default(false) }),
)
type Points = z.infer<typeof pointsSchema>
/** Erased with the epoch's keys. */
const pointsName = (info: Snapshot['epochInfo'], round: number): string => `epoch/${epochName(info)}/points/${round}`

function pointsIn(store: KeeperStore, name: string): Points {
  const bytes = store.getSecret(name)
  return bytes === null ? {} : pointsSchema.parse(JSON.parse(Buffer.from(bytes).toString()))
}

export type FetchTerms = {
  /** Milliseconds. */
  readonly timeout?: number
  /** Fetches of updates that are under way. */
  readonly ahead?: FetchAhead
  /** The key, for checking several updates. */
  readonly key?: HeldKey
  /** Whether to compute the point without workers. Set for points that are posted, since a wrong scalar can cost this keeper stake. */
  readonly alone?: boolean
}

/** Fetches the updates that may count, several at a time. */
export function fetchUpdates(
  step: Step,
  frame: EpochFrame,
  revealed: readonly Revealed[],
  times?: FetchTimes,
): FetchAhead {
  const first = revealed[0]
  return new FetchAhead(
    step,
    revealed.map((update) => ({ seat: update.seat, cid: counts(frame, update) ? cidOf(update.fact) : null })),
    {
      kind: 'update',
      round: Number(first?.fact.args.round ?? step.snapshot.round),
      maxBytes: frame.plan.bytes.update,
      others: frame.roster.map((member) => member.seat),
      cuts: step.context.config.network.slices ? sliceCuts(frame.plan, 'update') : [],
      times,
    },
  )
}

/** Fetches an update and reviews it. @throws errors that are not the update's fault. */
export async function reviewUpdate(
  step: Step & { readonly seat: number },
  frame: EpochFrame,
  keyHash: Uint8Array,
  revealed: Revealed,
  terms: FetchTerms = {},
): Promise<Review> {
  const { fact, sender } = revealed
  const where = { ...frame.context, round: Number(fact.args.round) }
  let message: MessageSource
  let digest: Uint8Array
  try {
    message = await fetchUpdate(step, frame, revealed, terms)
    digest = await checkUpdateMessage(frame.engine, message, { context: where, sender, keyHash, signal: step.signal })
  } catch (error) {
    step.signal.throwIfAborted()
    const kind = kindOf(error)
    if (kind === null) throw error
    return { kind, reason: (error as Error).message }
  }
  using ownKey = new HeldKey(step.context, frame)
  return {
    kind: 'sound',
    message,
    digest,
    ...(await ownPoint(step, { ...terms, key: terms.key ?? ownKey }, revealed, message, frame)),
  }
}

/** The kind of review that an error of fetching or checking an update means; null for unrelated errors. */
function kindOf(error: unknown): 'missing' | 'refused' | null {
  if (error instanceof NetworkError) return ['UNAVAILABLE', 'TIMEOUT'].includes(error.code) ? 'missing' : 'refused'
  return error instanceof FheError || (error instanceof AgentError && error.code === 'BAD_BLOB') ? 'refused' : null
}

async function ownPoint(
  step: Step,
  { key, alone = false }: FetchTerms & { readonly key: HeldKey },
  { fact, sender }: Revealed,
  message: MessageSource,
  { context: epoch, engine }: EpochFrame,
): Promise<{ scalar: Uint8Array; agrees: boolean }> {
  const { store } = step.context
  const round = Number(fact.args.round)
  const name = pointsName(step.snapshot.epochInfo, round)
  const cid = cidOf(fact)
  const known = pointsIn(store, name)[cid]
  if (known !== undefined && (known.own || !alone))
    return { scalar: Buffer.from(known.scalar, 'hex'), agrees: known.agrees }
  const context = { ...epoch, round }
  const { scalar, agrees, own } = await key.use((memberKey) =>
    checkUpdatePoint(engine, { context, memberKey, sender, bytes: message, alone, signal: step.signal }),
  )
  const point = { scalar: Buffer.from(scalar).toString('hex'), agrees, own }
  store.putSecret(name, Buffer.from(JSON.stringify({ ...pointsIn(store, name), [cid]: point } satisfies Points)))
  return { scalar, agrees }
}

/** @throws AgentError BAD_BLOB for an update that cannot count, given what its sender declared. */
export function insistCounts(frame: EpochFrame, { fact }: Pick<Revealed, 'fact'>): void {
  const expected = frame.plan.bytes.update
  const declared = Number(fact.args.size)
  if (declared !== expected) {
    throw new AgentError('BAD_BLOB', `declared ${declared} bytes, an update has ${expected}`)
  }
  const samples = Number(fact.args.samples)
  // A member with a weight above everybody's limit would make the mean its own, or nothing.
  if (samples > frame.plan.maxWeight) {
    throw new AgentError('BAD_BLOB', `declared ${samples} samples, at most ${frame.plan.maxWeight} count`)
  }
}

/** Whether an update may count, by what its sender declared. */
export function counts(frame: EpochFrame, update: Pick<Revealed, 'fact'>): boolean {
  try {
    insistCounts(frame, update)
    cidOf(update.fact)
    return true
  } catch {
    return false
  }
}

async function fetchUpdate(
  step: Step & { readonly seat: number },
  frame: EpochFrame,
  { fact, seat }: Revealed,
  { timeout, ahead }: FetchTerms,
): Promise<MessageSource> {
  insistCounts(frame, { fact })
  await ahead?.here(seat)
  const others = frame.roster.map((member) => member.seat).filter((other) => other !== seat)
  return messageFrom(step, 'update', seat, cidOf(fact), {
    maxBytes: frame.plan.bytes.update,
    round: Number(fact.args.round),
    others,
    ...(timeout === undefined ? {} : { timeout }),
  })
}

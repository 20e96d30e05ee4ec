// SPDX-License-Identifier: GPL-3.0-or-later

import { bitmapOf } from '../../chain/index.ts'
import {
  absentScalar,
  claimScalar,
  FheError,
  type Plan,
  type Settlement,
  settleCheck,
  type UpdateClaim,
  updateMessageClaim,
} from '../../fhe/index.ts'
import type { AgentContext, Step } from '../context.ts'
import { type EpochFrame, loadKeyHash, onceGuard } from '../epoch.ts'
import { indicesOf } from '../frame.ts'
import type { FetchTimes } from './fetch-ahead.ts'
import { HeldKey } from './held-key.ts'
import { fetchUpdates, type Revealed, type Review, revealedIn, reviewUpdate } from './review.ts'

/** A member's claim that another's update is false although its proof holds for everybody. A round has at most one dispute. */
export type Dispute = { readonly accuser: number; readonly accused: number }

type Facts = Pick<AgentContext, 'facts'>

export function disputeOf({ facts }: Facts, round: number): Dispute | null {
  const fact = facts.last('UpdateDisputed', { round })
  return fact === null ? null : { accuser: Number(fact.args.seat), accused: Number(fact.args.accused) }
}

/**
 * The scalars that a keeper posts for a round's revealed updates, in the order of their seats.
 * @param reviews By seat.
 */
export function encodeScalars(plan: Plan, reviews: ReadonlyMap<number, Review>): Uint8Array {
  const inOrder = [...reviews].sort(([a], [b]) => a - b)
  return Buffer.concat(inOrder.map(([, review]) => (review.kind === 'sound' ? review.scalar : absentScalar(plan))))
}

/**
 * Reviews every revealed update of a round, by seat. A review is sound only if its scalar may be posted, so that an endpoint that invents
 * updates and rounds gets no second scalar under the same pads.
 */
export async function reviewAll(
  step: Step & { readonly seat: number },
  frame: EpochFrame,
  round: number,
): Promise<Map<number, Review>> {
  const reviews = new Map<number, Review>()
  const keyHash = loadKeyHash(step.context.store, frame)
  const all = revealedIn(step, frame, round)
  using ahead = fetchUpdates(step, frame, keyHash === null ? [] : all)
  using key = new HeldKey(step.context, frame)
  for (const revealed of all) {
    const review: Review =
      keyHash === null
        ? { kind: 'missing', reason: 'no key of this epoch' }
        : await reviewUpdate(step, frame, keyHash, revealed, { ahead, key, alone: true })
    reviews.set(revealed.seat, await postable(step, frame, keyHash, revealed, review))
  }
  return reviews
}

async function postable(
  step: Step,
  frame: EpochFrame,
  keyHash: Uint8Array | null,
  { fact, sender }: Revealed,
  review: Review,
): Promise<Review> {
  if (review.kind !== 'sound' || keyHash === null) return review
  const context = { ...frame.context, round: Number(fact.args.round) }
  const memberKey = { context: frame.context, self: frame.self, keyHash }
  const guard = onceGuard(step.context.store)
  if (await claimScalar(frame.plan, { context, memberKey, sender, update: review.digest, guard })) return review
  step.context.log.error(
    { event: 'scalar refused', round: context.round, sender },
    'already posted a scalar for another update under the same pads: more of them could reveal a share',
  )
  return { kind: 'refused', reason: 'another update was checked under the same pads' }
}

/** The result of a dispute: bitmaps of the seats whose updates stay out of the sum, and of the seats that lied. */
export type Verdict = { readonly fallen: bigint; readonly convicted: bigint; readonly missing: readonly number[] }

/**
 * Settles a round's dispute from the event log and the updates. An update that members cannot fetch is left out without blame. With fewer
 * than t posts there is no result, and every update stays in.
 */
export async function settleDispute(
  step: Step & { readonly seat: number },
  frame: EpochFrame,
  round: number,
  dispute: Dispute,
  times: FetchTimes,
): Promise<Verdict> {
  const { context } = step
  const keyHash = loadKeyHash(context.store, frame)
  if (keyHash === null) return { fallen: 0n, convicted: 0n, missing: [] }
  const size = frame.plan.bytes.checkScalar
  const revealed = revealedIn(step, frame, round).sort((a, b) => a.seat - b.seat)
  const claims: UpdateClaim[] = []
  /** Which scalar of a post belongs to each claim. */
  const places: number[] = []
  const missing: number[] = []
  using ahead = fetchUpdates(step, frame, revealed, times)
  using key = new HeldKey(context, frame)
  for (const [place, update] of revealed.entries()) {
    const review = await reviewUpdate(step, frame, keyHash, update, { ahead, key })
    if (review.kind === 'missing') missing.push(update.seat)
    if (review.kind !== 'sound') continue
    const { sender } = update
    const { message } = review
    const { signal } = step
    const where = { ...frame.context, round }
    claims.push(await updateMessageClaim(frame.engine, { context: where, keyHash, sender, message, signal }))
    places.push(place)
  }
  const posted = new Map<number, Uint8Array>()
  for (const { args } of context.facts.all('CheckSubmitted', { round })) {
    const [member] = indicesOf(frame.roster, [Number(args.seat)])
    const bytes = Buffer.from(String(args.scalars).slice(2), 'hex')
    if (member === undefined || member < 0 || posted.has(member)) continue
    const whole = bytes.length === size * revealed.length
    posted.set(member, whole ? Buffer.concat(places.map((at) => bytes.subarray(size * at, size * (at + 1)))) : bytes)
  }
  const [accuser, accused] = indicesOf(frame.roster, [dispute.accuser, dispute.accused]) as [number, number]
  const { leftOut, convicted } = settled(frame.plan, { claims, posted, disputes: [{ accuser, accused }] })
  const bitmap = (members: readonly number[]): bigint => bitmapOf(members.map((member) => frame.roster[member]!.seat))
  // Nothing of the convicted is summed, in this round or later ones.
  return { fallen: bitmap([...leftOut, ...convicted]), convicted: bitmap(convicted), missing }
}

function settled(plan: Plan, of: Parameters<typeof settleCheck>[1]): Pick<Settlement, 'leftOut' | 'convicted'> {
  try {
    return settleCheck(plan, of)
  } catch (error) {
    if (error instanceof FheError && error.code === 'too-few-scalars') return { leftOut: [], convicted: [] }
    throw error
  }
}

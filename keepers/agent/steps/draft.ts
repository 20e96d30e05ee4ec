// SPDX-License-Identifier: GPL-3.0-or-later
import { seatsOf } from '../../chain/index.ts'
import type { AgentContext, Step } from '../context.ts'
import type { EpochFrame } from '../epoch.ts'
import type { Fact } from '../facts.ts'
import { parametersOf } from '../frame.ts'
import { isLeastWitnessed } from './witness.ts'

/** Who is in a sum, and who decrypts it, as the chain has decided. */
export type Draft = {
  readonly fact: Fact
  readonly aggregateHash: string
  /** Bitmaps of seats. */
  readonly included: bigint
  readonly drafted: bigint
  readonly convicted: bigint
}

/** The draft of a round according to the event log, or null. */
export function draftOf(context: Pick<AgentContext, 'facts'>, round: number): Draft | null {
  const fact = context.facts.last('MembersDrafted', { round })
  if (fact === null) return null
  const { aggregateHash, included, drafted, convicted } = fact.args
  return {
    fact,
    aggregateHash: String(aggregateHash),
    included: included as bigint,
    drafted: drafted as bigint,
    convicted: convicted as bigint,
  }
}

/** The samples that the members in a sum declared, by the event log. */
export type Declared = {
  /** The divisor of the sum. */
  readonly weight: number
  /** Members with a weight, and those that said that they have no samples. */
  readonly contributors: number
  readonly empty: number
  /** How many members of equal weight would leave noise of the same length in the mean: all contributors if their weights are equal. Not an integer. */
  readonly alike: number
}

/**
 * Adds up what the members in a sum declared.
 * @param included Bitmap of the seats in the sum. @param revealed The round's reveals on which this keeper relies.
 */
export function declaredIn(
  context: Pick<AgentContext, 'facts'>,
  round: number,
  included: bigint,
  revealed: readonly Fact[] = context.facts.all('UpdateRevealed', { round }),
): Declared {
  const seats = new Set(seatsOf(included))
  const weights = revealed.filter(({ args }) => seats.has(Number(args.seat))).map(({ args }) => Number(args.samples))
  const empty = weights.filter((weight) => weight === 0).length
  const weight = weights.reduce((sum, one) => sum + one, 0)
  const squares = weights.reduce((sum, one) => sum + one ** 2, 0)
  return { weight, contributors: seats.size - empty, empty, alike: squares === 0 ? 0 : weight ** 2 / squares }
}

/**
 * The fewest updates that a sum must have before this keeper helps to open it: a quorum of the members pinned in the folder, or the
 * service's own bound if that is higher. An endpoint that understates the bound changes nothing. Members without samples come on top:
 * everybody knows that theirs are zero, so they hide nothing.
 */
export async function contributorsFloor(step: Step, frame: EpochFrame, { empty }: Declared): Promise<number> {
  const { minKeepers } = await parametersOf(step)
  return Math.max(minKeepers, Math.floor((2 * frame.roster.length) / 3) + 1) + empty
}

/**
 * Whether the chain ends the round of such a sum instead of having it decrypted. That is so when the sum has fewer updates with samples than a
 * quorum of the members pinned in the folder, whatever an endpoint says, or than the service's own bound, if more than one endpoint reports it.
 * A keeper that attested any other sum that it would not decrypt could be drafted for it, and would pay.
 */
export async function isShort(step: Step, frame: EpochFrame, { contributors }: Declared): Promise<boolean> {
  if (contributors < Math.floor((2 * frame.roster.length) / 3) + 1) return true
  const { minKeepers } = await parametersOf(step)
  return contributors < minKeepers && (await isLeastWitnessed(step, minKeepers))
}

// SPDX-License-Identifier: GPL-3.0-or-later
import type { AgentContext, Step } from '../context.ts'
import type { EpochFrame } from '../epoch.ts'
import type { Fact } from '../facts.ts'
import { parametersOf } from '../frame.ts'

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

/**
 * The fewest updates that a sum must have before this keeper helps to open it: a quorum of the members that are pinned in the folder, whatever
 * an endpoint says of the service's own bound, and never fewer than that bound.
 */
export async function contributorsFloor(step: Step, frame: EpochFrame): Promise<number> {
  const { minKeepers } = await parametersOf(step)
  return Math.max(minKeepers, Math.floor((2 * frame.roster.length) / 3) + 1)
}

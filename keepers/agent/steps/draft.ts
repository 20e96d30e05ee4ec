// SPDX-License-Identifier: GPL-3.0-or-later
import { z } from 'zod'
import { contractInterface } from '../../chain/index.ts'
import type { AgentContext, Step } from '../context.ts'
import type { EpochFrame } from '../epoch.ts'
import type { Fact } from '../facts.ts'
import { parametersOf } from '../frame.ts'

/** What is compared of a log that an endpoint gives. */
const logSchema = z.object({ topics: z.array(z.string()), data: z.string(), blockHash: z.string() })

/** Endpoints that must tell of a draft alike, when the keeper has as many. */
const WITNESSES = 2

/** Who is in a sum, and who decrypts it, as the chain has decided. */
export type Draft = {
  readonly fact: Fact
  readonly aggregateHash: string
  /** Bitmaps of seats. */
  readonly included: bigint
  readonly drafted: bigint
  readonly convicted: bigint
}

/** What the event log says was drafted in a round, or null. */
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
 * Fewest updates that a sum must have before this keeper helps to open it: those of a quorum of the members that are pinned in
 * the folder, and never fewer than the service's own bound, whatever an endpoint says of the latter.
 */
export async function contributorsFloor(step: Step, frame: EpochFrame): Promise<number> {
  const { minKeepers } = await parametersOf(step)
  return Math.max(minKeepers, Math.floor((2 * frame.roster.length) / 3) + 1)
}

/**
 * Whether two endpoints have this draft in the same block, or the only one that is configured. An endpoint could invent a
 * draft to get a share for a sum of its choice.
 */
export async function isWitnessed(step: Step, draft: Draft): Promise<boolean> {
  const { endpoints, serviceAddress, log } = step.context
  if (endpoints.count < WITNESSES) return true
  const iface = contractInterface('ILearningService')
  const { fact } = draft
  const topics = [iface.getEvent('MembersDrafted')!.topicHash]
  const answers = await endpoints.everywhere(
    'eth_getLogs',
    [{ blockHash: fact.blockHash, address: serviceAddress, topics }],
    step.signal,
  )
  const agree = answers.filter(({ result }) => Array.isArray(result) && result.some((entry) => isLogOf(entry, draft)))
  if (agree.length >= WITNESSES) return true
  log.warn(
    {
      event: 'draft not witnessed',
      round: fact.args.round,
      agree: agree.map(({ endpoint }) => endpoint),
      others: answers.filter((answer) => !agree.includes(answer)).map(({ endpoint, reason }) => ({ endpoint, reason })),
    },
    'one endpoint alone tells of this draft: no share is given until another one does',
  )
  return false
}

function isLogOf(entry: unknown, { fact }: Draft): boolean {
  const log = logSchema.safeParse(entry)
  if (!log.success || log.data.blockHash !== fact.blockHash) return false
  try {
    const parsed = contractInterface('ILearningService').parseLog(log.data)
    if (parsed === null || parsed.name !== fact.name) return false
    return parsed.fragment.inputs.every((input, i) => String(parsed.args[i]) === String(fact.args[input.name]))
  } catch {
    return false
  }
}

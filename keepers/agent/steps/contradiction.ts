// SPDX-License-Identifier: GPL-3.0-or-later
// That endpoints contradict each other, for the operator: of two, no rule can tell which one lies, so the keeper stays silent, and only somebody
// who adds a third, or a node of its own, can change that.
import type { EndpointAnswer } from '../../chain/index.ts'
import type { AgentContext, Remembered } from '../context.ts'

type Noted = Pick<AgentContext, 'remembered' | 'metrics' | 'clock'>

/** @param told Answers that do not settle it. */
export function noteContradiction(
  { remembered, metrics, clock }: Noted,
  about: string,
  told: readonly EndpointAnswer[],
): void {
  const since = remembered.contradiction?.since ?? clock.now()
  remembered.contradiction = { about, endpoints: told.map(({ endpoint }) => endpoint), since }
  metrics.contradicted.set(1)
}

/** Enough endpoints tell the same again. */
export function noteAgreement({ remembered, metrics }: Pick<AgentContext, 'remembered' | 'metrics'>): void {
  remembered.contradiction = null
  metrics.contradicted.set(0)
}

/** For /healthz: what is wrong since when, and the remedy; null while nothing is. */
export function contradictionText({ contradiction }: Pick<Remembered, 'contradiction'>): string | null {
  if (contradiction === undefined || contradiction === null) return null
  const { about, endpoints, since } = contradiction
  return (
    `${endpoints.join(' and ')} contradict each other about ${about} since ${new Date(since).toISOString()}: the keeper says nothing that ` +
    'rests on it. Remove the one that lies, add an endpoint of another host to chain.rpc, or name your own node in chain.own'
  )
}

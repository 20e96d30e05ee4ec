// SPDX-License-Identifier: GPL-3.0-or-later
// Reports to the operator that endpoints contradict each other. With two, no rule can decide which one lies, so the keeper stays silent
// until the operator adds a third endpoint or a node of their own.
import type { EndpointAnswer } from '../../chain/index.ts'
import type { AgentContext, Remembered } from '../context.ts'

type Noted = Pick<AgentContext, 'remembered' | 'metrics' | 'clock'>

/** Notes a contradiction for /healthz and the metrics. @param told The answers, which do not settle the question. */
export function noteContradiction(
  { remembered, metrics, clock }: Noted,
  about: string,
  told: readonly EndpointAnswer[],
): void {
  const since = remembered.contradiction?.since ?? clock.now()
  remembered.contradiction = { about, endpoints: told.map(({ endpoint }) => endpoint), since }
  metrics.contradicted.set(1)
}

/** Notes that enough endpoints agree again. */
export function noteAgreement({ remembered, metrics }: Pick<AgentContext, 'remembered' | 'metrics'>): void {
  remembered.contradiction = null
  metrics.contradicted.set(0)
}

/** For /healthz: the problem, its beginning and the remedy; null without a problem. */
export function contradictionText({ contradiction }: Pick<Remembered, 'contradiction'>): string | null {
  if (contradiction === undefined || contradiction === null) return null
  const { about, endpoints, since } = contradiction
  return (
    `${endpoints.join(' and ')} contradict each other about ${about} since ${new Date(since).toISOString()}: the keeper says nothing that ` +
    'rests on it. Remove the one that lies, add an endpoint of another host to chain.rpc, or name your own node in chain.own'
  )
}

// SPDX-License-Identifier: GPL-3.0-or-later
// A proposal as it stands, and what it can still become.
import { DaoError } from './errors.ts'
import type { ProposalState } from './terms.ts'

export type Proposal = {
  readonly id: bigint
  /** The effects of the timelock's calls, decoded from the calls themselves. */
  readonly actions: readonly string[]
  readonly state: ProposalState
  readonly proposer: string
  /** Unix seconds. */
  readonly voteStart: number
  readonly voteEnd: number
  /** Unix seconds from which it can be executed; null before it is queued and after it is executed. */
  readonly executableAt: number | null
  /** In units of 1e-18 token. */
  readonly votes: { readonly for: bigint; readonly against: bigint; readonly abstain: bigint }
}

/** What a proposal can be waited for: to be voted on, to be queued, to be executed. */
export type Awaited = 'active' | 'succeeded' | 'executable'

export type WaitOptions = {
  /** Milliseconds. */
  readonly timeout: number
  readonly signal?: AbortSignal
  /** Told each new state. */
  readonly onState?: (proposal: Proposal) => void
}

const ON_THE_WAY: Record<Awaited, readonly ProposalState[]> = {
  active: ['pending'],
  succeeded: ['pending', 'active'],
  executable: ['pending', 'active', 'succeeded', 'queued'],
}

/** @param now the governor's clock, Unix seconds */
export function isReady({ state, executableAt }: Proposal, wanted: Awaited, now: number): boolean {
  return wanted === 'executable' ? state === 'queued' && executableAt !== null && now >= executableAt : state === wanted
}

/** Whether the state is one of those that come before what is waited for. */
export function isOnTheWay({ state }: Proposal, wanted: Awaited): boolean {
  return ON_THE_WAY[wanted].includes(state)
}

export function wrongState(proposal: Proposal, wanted: string): DaoError {
  const { id, state, voteStart, voteEnd } = proposal
  const when: Partial<Record<ProposalState, string>> = {
    pending: `; voting starts at ${iso(voteStart)}`,
    active: `; voting ends at ${iso(voteEnd)}`,
  }
  return new DaoError('wrong-state', `proposal ${id} is ${state}, not ${wanted}${when[state] ?? ''}`)
}

/** Unix seconds as ISO 8601, to the second. */
export function iso(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
}

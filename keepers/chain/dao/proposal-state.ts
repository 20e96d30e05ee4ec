// SPDX-License-Identifier: GPL-3.0-or-later
// A proposal as it stands, and what it can still become.
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

/** Whether the state that is waited for has come. @param now the governor's clock, Unix seconds */
export function isReady({ state, executableAt }: Proposal, wanted: Awaited, now: number): boolean {
  return wanted === 'executable' ? state === 'queued' && executableAt !== null && now >= executableAt : state === wanted
}

/** Whether the proposal can still come to the state that is waited for. */
export function isOnTheWay({ state }: Proposal, wanted: Awaited): boolean {
  return ON_THE_WAY[wanted].includes(state)
}

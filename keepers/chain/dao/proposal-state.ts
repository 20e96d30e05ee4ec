// SPDX-License-Identifier: GPL-3.0-or-later
// A proposal's current state, and the states that it can still reach.
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
  /** Unix seconds from which anybody can execute it; null unless it is queued. */
  readonly executableAt: number | null
  /** In units of 1e-18 token. */
  readonly votes: { readonly for: bigint; readonly against: bigint; readonly abstain: bigint }
}

/** The actions that a caller can wait for: voting, queueing, execution. */
export type Awaited = 'active' | 'succeeded' | 'executable'

export type WaitOptions = {
  /** Milliseconds. */
  readonly timeout: number
  readonly signal?: AbortSignal
  /** Called with each new state. */
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

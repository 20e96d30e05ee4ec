// SPDX-License-Identifier: GPL-3.0-or-later
// How `cohort dao` shows things, to people and to programs.
import type { Proposal, ServiceStatus } from '../chain/index.ts'

export type DaoStatus = {
  readonly account?: { readonly address: string; readonly balance: bigint; readonly votes: bigint }
  readonly services: readonly (ServiceStatus & {
    /** How many versions there are; `versions` may be a page of them. */
    readonly versionCount: number
    /** Binary CID of the requested version's model, in hexadecimal; null when the log does not have it. */
    readonly cid?: string | null
  })[]
  readonly proposalCount: number
  readonly proposals: readonly Proposal[]
}

export function daoStatusText(status: DaoStatus): string {
  const lines: string[] = []
  if (status.account !== undefined) {
    const { address, balance, votes } = status.account
    lines.push(`${address}: ${tokens(balance)} COH, ${tokens(votes)} votes`, '')
  }
  for (const { name, address, current, versions, versionCount, cid } of status.services) {
    lines.push(`${name} (${address}): ${current === null ? 'nothing released' : `version ${current} is released`}`)
    for (const { version, epoch, round, status: versionStatus, votes, updatedAt } of versions) {
      const since = updatedAt === 0 ? '' : ` since ${time(updatedAt)}`
      lines.push(
        `  version ${version}  epoch ${epoch} round ${round}  ${versionStatus}${since}  ${votes} members voted for it`,
      )
    }
    if (versions.length < versionCount) lines.push(`  ${versionCount} versions in all: --count, --skip`)
    if (cid !== undefined) lines.push(`  its model is ${cid ?? 'not in the log of the service'}`)
  }
  lines.push('', status.proposals.length === 0 ? 'No proposals.' : 'Proposals:')
  for (const proposal of status.proposals) lines.push(...proposalText(proposal).split('\n'))
  if (status.proposals.length > 1 && status.proposals.length < status.proposalCount) {
    lines.push(`${status.proposalCount} proposals in all: --count, --skip`)
  }
  return lines.join('\n')
}

export function proposalText(proposal: Proposal): string {
  const { id, state, actions, votes, voteStart, voteEnd, executableAt } = proposal
  const next: Partial<Record<Proposal['state'], string>> = {
    pending: `voting starts ${time(voteStart)}`,
    active: `voting ends ${time(voteEnd)}`,
    succeeded: 'ready to queue',
    queued: executableAt === null ? '' : `can be executed from ${time(executableAt)}`,
  }
  return [
    `proposal ${id}: ${[state, next[state]].filter(Boolean).join(', ')}`,
    ...actions.map((action) => `  ${action}`),
    `  for ${tokens(votes.for)}, against ${tokens(votes.against)}, abstain ${tokens(votes.abstain)}`,
  ].join('\n')
}

/** An amount in units of 1e-18 token as text for people, rounded down to a thousandth. */
export function tokens(amount: bigint): string {
  return (Number(amount / 10n ** 15n) / 1000).toLocaleString('en-US')
}

function time(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
}

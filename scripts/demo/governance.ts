// SPDX-License-Identifier: GPL-3.0-or-later
// The DAO's part of the demo: its members put a verifier and a version to the vote, wait for voting and timelock, and execute.
import type { JsonRpcProvider } from 'ethers'
import type { DeploymentFile, Proposal } from '../../keepers/chain/index.ts'
import { DaoClient } from '../../keepers/chain/index.ts'
import { accountSigner } from './accounts.ts'
import { ACCOUNT } from './deployment.ts'

const PATIENCE_MS = 120_000

/** The DAO members' clients, with their votes delegated to themselves: needed before the proposals' snapshot. */
export async function gatherDao(provider: JsonRpcProvider, deployment: DeploymentFile): Promise<DaoClient[]> {
  const members: DaoClient[] = []
  for (const account of ACCOUNT.daoMembers) {
    const member = await DaoClient.connect({ provider, deployment, signer: accountSigner(provider, account) })
    await member.delegate()
    members.push(member)
  }
  return members
}

/** Puts calls to the vote, one proposal after the other, then takes all through queue and timelock. @returns the proposals */
export async function passByVote(
  members: readonly DaoClient[],
  drafts: readonly ((proposer: DaoClient) => Promise<Proposal>)[],
  onStep: (text: string) => void,
): Promise<Proposal[]> {
  const [proposer] = members
  if (proposer === undefined) throw new Error('a DAO needs a member')
  const wait = { timeout: PATIENCE_MS }
  const proposals: Proposal[] = []
  for (const draft of drafts) {
    // Votes are cast before the next is proposed: a demo's voting period is over in seconds.
    const proposal = await draft(proposer)
    const { id, actions } = proposal
    proposals.push(proposal)
    onStep(`proposed: ${actions.map(shortened).join(', ')}`)
    await proposer.proposals.waitFor(id, 'active', wait)
    await Promise.all(members.map((member) => member.proposals.vote(id, 'for')))
  }
  for (const { id } of proposals) {
    const { votes } = await proposer.proposals.waitFor(id, 'succeeded', wait)
    onStep(`voted: ${votes.for / 10n ** 18n} tokens for, ${votes.against / 10n ** 18n} against`)
    await proposer.proposals.queue(id)
  }
  for (const { id } of proposals) {
    await proposer.proposals.waitFor(id, 'executable', wait)
    await proposer.proposals.execute(id)
  }
  onStep('executed by the timelock')
  return proposals
}

/** A guardian's term, in seconds. */
const TERM = 90 * 86_400

/** Puts the second member up as a guardian. */
export async function proposeGuardian(proposer: DaoClient, provider: JsonRpcProvider): Promise<Proposal> {
  const { address } = accountSigner(provider, ACCOUNT.daoMembers[1])
  const { timestamp } = (await provider.getBlock('latest'))!
  const call = { target: 'Guardian', call: 'appoint', args: [address, String(timestamp + TERM)] }
  return await proposer.proposeCalls([call], 'Appoint a guardian')
}

/** A call with its long arguments cut: they are addresses and hashes. */
function shortened(action: string): string {
  return action.replaceAll(/0x[0-9a-fA-F]{12,}/g, (word) => `${word.slice(0, 10)}…`)
}

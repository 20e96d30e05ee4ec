// SPDX-License-Identifier: GPL-3.0-or-later
// The DAO's part: its members put a verifier and a version to the vote, wait out voting and timelock, and execute.
import type { JsonRpcProvider } from 'ethers'
import { DaoClient, type VerifierTerms } from '../../keepers/chain/dao/client.ts'
import type { DeploymentFile } from '../../keepers/chain/dao/deployment-file.ts'
import { ACCOUNT } from './deployment.ts'

const PATIENCE_MS = 120_000

/** The DAO members' clients, with their votes delegated to themselves: needed before the proposals' snapshot. */
export async function gatherDao(provider: JsonRpcProvider, deployment: DeploymentFile): Promise<DaoClient[]> {
  const members: DaoClient[] = []
  for (const account of ACCOUNT.daoMembers) {
    const member = await DaoClient.connect({ provider, deployment, signer: await provider.getSigner(account) })
    await member.delegate()
    members.push(member)
  }
  return members
}

/**
 * Registers the verifier and releases the version, each by a proposal of its own.
 * @returns ids of the proposals, as executed
 */
export async function releaseByVote(
  members: readonly DaoClient[],
  terms: { readonly verifier: VerifierTerms; readonly service: string; readonly version: number },
  onStep: (text: string) => void,
): Promise<bigint[]> {
  const [proposer] = members
  if (proposer === undefined) throw new Error('a DAO needs a member')
  const proposals = [
    await proposer.proposeVerifier(terms.verifier),
    await proposer.proposeRelease(terms.service, terms.version),
  ]
  const wait = { timeout: PATIENCE_MS }
  for (const { id, actions } of proposals) {
    onStep(`proposed: ${actions.join(', ')}`)
    await proposer.proposals.waitFor(id, 'active', wait)
    for (const member of members) await member.proposals.vote(id, 'for')
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
  onStep(`executed by the timelock: version ${terms.version} is released`)
  return proposals.map(({ id }) => id)
}

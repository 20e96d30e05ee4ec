// SPDX-License-Identifier: GPL-3.0-or-later
// Shared by the commands that propose: a client of the DAO, and how a proposal is printed.
import type { DaoClient, Proposal } from '../chain/index.ts'
import { type ChainOptions, print, withChain } from './chain-command.ts'
import { proposalText } from './dao-text.ts'

export type ProposingOptions = ChainOptions & { readonly quiet?: boolean }

export async function withClient(
  options: ChainOptions,
  body: (client: DaoClient, signer: string | undefined) => Promise<void>,
): Promise<void> {
  const { DaoClient } = await import('../chain/index.ts')
  await withChain(options, async ({ provider, deployment, signer }) => {
    const client = await DaoClient.connect({ provider, deployment, ...(signer === undefined ? {} : { signer }) })
    await body(client, await signer?.getAddress())
  })
}

export function printProposal(options: ProposingOptions, proposal: Proposal): void {
  print(options, proposal, options.quiet === true ? String(proposal.id) : proposalText(proposal))
}

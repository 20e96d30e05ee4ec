// SPDX-License-Identifier: GPL-3.0-or-later
// An owner's part in a service that draws its members: become a candidate, and stop being one.
import { type Provider, type Signer, ZeroAddress } from 'ethers'
import { clients, type ServiceContracts, type Sortition, sortitionAt } from '../../chain/index.ts'
import { settle } from './settle.ts'

type Parts = {
  readonly contracts: ServiceContracts
  readonly provider: Provider
  readonly owner: Signer & { readonly address: string }
}

/** The contract that draws the service's members, called as the owner; null for a service without a draw. */
async function sortitionFor({ contracts, owner, provider }: Parts): Promise<Sortition | null> {
  const { admission } = await contracts.service.parameters()
  const found = admission === ZeroAddress ? null : await sortitionAt(admission, provider)
  return found === null ? null : clients.sortition(admission, owner)
}

/**
 * Lets the draw of a service bond the owner's stake, and enlists the keeper. Repeatable.
 * @returns whether the keeper is a candidate; null for a service that draws nobody
 */
export async function enlistKeeper(session: Parts, say: (text: string) => void): Promise<true | null> {
  const { contracts, owner } = session
  const sortition = await sortitionFor(session)
  if (sortition === null) return null
  const registry = clients.registry(await contracts.registry.getAddress(), owner)
  const address = await sortition.getAddress()
  if (!(await registry.isOptedIn(address, owner.address))) {
    say('letting the draw bond the stake')
    await settle('setOptIn', registry.setOptIn(owner.address, address, true))
  }
  if (!(await sortition.look(owner.address)).enlisted) {
    say('becoming a candidate')
    await settle('enlist', sortition.enlist(owner.address))
  }
  return true
}

/**
 * Stops being a candidate, for good: a running keeper does not enlist again until `cohort keeper register`.
 * @returns whether the keeper was one
 * @throws RevertError DrawLive while it is drawn and has not served
 */
export async function delistKeeper(session: Parts): Promise<boolean> {
  const { contracts, owner } = session
  const sortition = await sortitionFor(session)
  if (sortition === null) return false
  const registry = clients.registry(await contracts.registry.getAddress(), owner)
  const address = await sortition.getAddress()
  // Opting out comes first: otherwise the running keeper would enlist again.
  if (await registry.isOptedIn(address, owner.address)) {
    await settle('setOptIn', registry.setOptIn(owner.address, address, false))
  }
  if (!(await sortition.look(owner.address)).enlisted) return false
  await settle('delist', sortition.delist(owner.address))
  return true
}

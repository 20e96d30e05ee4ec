// SPDX-License-Identifier: GPL-3.0-or-later
// Who may be a keeper of a service.
import { type ContractRunner, getAddress, isAddress } from 'ethers'
import type { ILearningService } from '../../../types/index.ts'
import { clients } from '../contracts.ts'
import { DaoError } from './errors.ts'
import type { Call } from './proposals.ts'

type Service = {
  readonly name: string
  readonly contract: ILearningService
  /** Asks the service's registry of keepers. */
  readonly runner: ContractRunner
}

/**
 * Bars a keeper (its owner address) from a service, or lets it back.
 * @returns the call, and a description of it in words @throws DaoError unknown-keeper, wrong-status when nothing would change
 */
export async function membershipCall(
  act: 'ban' | 'unban',
  { name, contract, runner }: Service,
  keeper: string,
): Promise<{ readonly call: Call; readonly text: string }> {
  if (!isAddress(keeper)) throw new DaoError('unknown-keeper', `${keeper} is not an address: name a keeper's owner`)
  const owner = getAddress(keeper)
  const banned = await contract.isBanned(owner)
  if (banned !== (act === 'unban')) {
    throw new DaoError('wrong-status', `${owner} is ${banned ? 'banned already' : 'not banned'} at ${name}`)
  }
  const registry = clients.registry(await contract.keeperRegistry(), runner)
  if (!(await registry.isRegistered(owner))) {
    throw new DaoError('unknown-keeper', `${owner} owns no registered keeper: name the owner, not the operator`)
  }
  const data =
    act === 'ban'
      ? contract.interface.encodeFunctionData('ban', [owner])
      : contract.interface.encodeFunctionData('unban', [owner])
  const text = act === 'ban' ? `Bar keeper ${owner} from ${name}` : `Let keeper ${owner} back into ${name}`
  return { call: { target: await contract.getAddress(), data }, text }
}

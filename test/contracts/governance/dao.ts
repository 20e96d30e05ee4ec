// SPDX-License-Identifier: GPL-3.0-or-later
// A DAO on a simulated chain: what the governance and registry tests share.

import type { ContractTransactionResponse } from 'ethers'
import { network } from 'hardhat'
import { restored } from '../restored.ts'
import { accountsOf } from './accounts.ts'

export const DAY = 24 * 3600

export const SETTINGS = {
  votingDelay: DAY,
  votingPeriod: 7 * DAY,
  voteExtension: 2 * DAY,
  proposalThreshold: 1n,
  quorumPercent: 10n,
}

export const TIMELOCK_DELAY = 2 * DAY
export const UNBONDING = 30 * DAY
export const SUPPLY = 1_000n * 10n ** 18n

/** Roles of OpenZeppelin's contracts, by name. */
export function role(name: string, ethers: { id(text: string): string }): string {
  return name === 'DEFAULT_ADMIN_ROLE' ? `0x${'00'.repeat(32)}` : ethers.id(name)
}

/** A fresh chain with token (all votes with `holder`, delegated), timelock and governor, roles handed over. */
async function deployDao(settings: Partial<typeof SETTINGS> = {}) {
  const { ethers, networkHelpers } = await network.create()
  const [deployer, holder, minority, stranger] = await accountsOf(ethers)
  const shares = [(SUPPLY * 8n) / 10n, (SUPPLY * 2n) / 10n]
  const token = await ethers.deployContract('CohortToken', [deployer, [holder, minority], shares])
  const timelock = await ethers.deployContract('TimelockController', [TIMELOCK_DELAY, [], [], deployer])
  const keepers = await ethers.deployContract('KeeperRegistry', [
    token,
    deployer,
    { minStake: 1n, unbondingDelay: UNBONDING, jailDelay: DAY, treasury: timelock },
  ])
  const pools = await ethers.deployContract('StakePoolFactory', [keepers])
  const governor = await ethers.deployContract('CohortGovernor', [
    ...[token, keepers, pools, timelock],
    { ...SETTINGS, ...settings },
  ])
  for (const name of ['PROPOSER_ROLE', 'CANCELLER_ROLE', 'EXECUTOR_ROLE']) {
    await timelock.grantRole(role(name, ethers), governor)
  }
  await token.grantRole(role('MINTER_ROLE', ethers), timelock)
  await timelock.renounceRole(role('DEFAULT_ADMIN_ROLE', ethers), deployer)
  await token.connect(holder).delegate(holder)
  await token.connect(minority).delegate(minority)
  return { ethers, networkHelpers, deployer, holder, minority, stranger, token, keepers, pools, timelock, governor }
}

export const createDao = restored(deployDao)

export type Dao = Awaited<ReturnType<typeof createDao>>

/** One call, proposed, voted for by the majority holder, queued and executed after the delay. */
export async function pass(
  dao: Dao,
  call: { target: { getAddress(): Promise<string> }; data: string },
  description: string,
): Promise<ContractTransactionResponse> {
  const { governor, holder, stranger, networkHelpers } = dao
  const targets = [await call.target.getAddress()]
  const id = await governor.getProposalId(targets, [0], [call.data], dao.ethers.id(description))
  await governor.connect(holder).propose(targets, [0], [call.data], description)
  await networkHelpers.time.increase(SETTINGS.votingDelay + 1)
  await governor.connect(holder).castVote(id, 1)
  await networkHelpers.time.increaseTo((await governor.proposalDeadline(id)) + 1n)
  await governor.connect(stranger)['queue(uint256)'](id)
  await networkHelpers.time.increaseTo(await governor.proposalEta(id))
  return await governor.connect(stranger)['execute(uint256)'](id)
}

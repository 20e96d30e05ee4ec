// SPDX-License-Identifier: GPL-3.0-or-later
// A pool of stake over a registry: what its tests share.

import type { HardhatEthersSigner } from '@nomicfoundation/hardhat-ethers/types'
import { MaxUint256 } from 'ethers'
import type { StakePool } from '../../../types/index.ts'
import { restored } from '../restored.ts'
import { COH } from '../rounds/units.ts'
import { consentOf, createRegistry, DELAY, EVIDENCE, KEY, MULTIADDR, REASON } from './keepers.ts'

export const VIRTUAL = 1_000_000n
export const COMMISSION = 1000n

/** A pool that `owner` manages, of a keeper that has opted in to `service`; three delegators with tokens. */
async function deployPool() {
  const world = await createRegistry()
  const { ethers, registry, token, owner, admin, service } = world
  const factory = await ethers.deployContract('StakePoolFactory', [registry])
  await factory.connect(owner).createPool(COMMISSION)
  const [created] = await factory.queryFilter(factory.filters.PoolCreated())
  const pool = (await ethers.getContractAt('StakePool', created!.args.pool)) as unknown as StakePool
  const address = await pool.getAddress()
  const signers = await ethers.getSigners()
  const [alice, bob, carol, agent] = signers.slice(10, 14) as [
    HardhatEthersSigner,
    HardhatEthersSigner,
    HardhatEthersSigner,
    HardhatEthersSigner,
  ]
  const open = async () =>
    pool.connect(owner).open(agent, KEY, MULTIADDR, await consentOf(registry, { address }, agent))
  await open()
  await pool.connect(owner).optIn(service)
  for (const account of [alice, bob, carol]) {
    await token.connect(admin).transfer(account, 100n * COH)
    await token.connect(account).approve(pool, MaxUint256)
  }
  await registry.fund(service, 500n * COH)
  /** A round's reward for the keeper. */
  const reward = async (amount: bigint) => {
    await registry.connect(service).allocate(amount, 1)
    await registry.connect(service).credit(pool, amount)
  }
  const slash = (amount: bigint) => registry.connect(service).slash(pool, amount, REASON, EVIDENCE)
  /** Asks for everything of an account, waits, settles and pays. @returns what the account got. */
  const exit = async (account: HardhatEthersSigner, shares?: bigint) => {
    const batch = await pool.fillingBatch()
    await pool.connect(account).requestExit(shares ?? (await pool.sharesOf(account)))
    await pool.submitExits(batch)
    await world.pass(DELAY)
    await pool.settleExits()
    const before = await token.balanceOf(account)
    await pool.claimExit(batch, account)
    return (await token.balanceOf(account)) - before
  }
  return { ...world, factory, pool, address, alice, bob, carol, agent, open, reward, slash, exit }
}

export const createPool = restored(deployPool)

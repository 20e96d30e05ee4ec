// SPDX-License-Identifier: GPL-3.0-or-later
// A pool whose keeper sits in a true service: what its delegators should be able to rely on.

import type { HardhatEthersSigner } from '@nomicfoundation/hardhat-ethers/types'
import { expect } from 'chai'
import { id, MaxUint256 } from 'ethers'
import type { StakePool } from '../../../types/index.ts'
import { BOND, COH, createWorld, type Player, UNBONDING } from '../rounds/fixture.ts'
import { completeRound, passDeadline, reachTraining, stateOf } from '../rounds/play.ts'
import { consentOf } from './keepers.ts'

const ENGAGED = 2n ** 64n - 1n

/** Four keepers and a pool, five seats, in Training; the pool's whole stake is bonded. */
async function createPool(trainingWindow: number) {
  const world = await createWorld({ players: 4, parameters: { maxKeepers: 5, trainingWindow } })
  const { ethers, registry, token, service, players } = world
  const signers = await ethers.getSigners()
  const [manager, agent, alice, thief] = signers.slice(10, 14) as [
    HardhatEthersSigner,
    HardhatEthersSigner,
    HardhatEthersSigner,
    HardhatEthersSigner,
  ]
  const factory = await ethers.deployContract('StakePoolFactory', [registry])
  await factory.connect(manager).createPool(0)
  const [created] = await factory.queryFilter(factory.filters.PoolCreated())
  const pool = (await ethers.getContractAt('StakePool', created!.args.pool)) as unknown as StakePool
  const address = await pool.getAddress()
  await pool.connect(manager).open(agent, id('k'), '0x047f000001060fa1', await consentOf(registry, { address }, agent))
  await registry.connect(agent).setOptIn(pool, service, true)
  for (const account of [alice, thief]) {
    await token.transfer(account, 1000n * COH)
    await token.connect(account).approve(pool, MaxUint256)
  }
  await pool.connect(alice).deposit(alice, BOND, 0)
  const seated: Player = { owner: pool as never, operator: agent, seat: -1 }
  await reachTraining(world, [...players, seated])
  return { ...world, pool, seated, manager, agent, alice, thief }
}

describe('FINDING: a pool of stake', () => {
  it('lets a delegator out, though the operator tops the bond up and closes registration', async () => {
    const { pool, seated, agent, alice, registry, service, players, stranger, networkHelpers, ...world } =
      await createPool(20 * 24 * 3600)
    const accomplice = players[3]!
    await pool.connect(alice).requestExit(await pool.sharesOf(alice))
    await expect(pool.submitExits(0)).to.be.revertedWithCustomError(pool, 'StakeHeldByBonds')
    await networkHelpers.time.increase(UNBONDING + 10)
    await pool.connect(stranger).release(service, seated.seat)
    await service.connect(accomplice.operator).leave(accomplice.seat)
    // The end of the epoch, in one bundle.
    const all = { ...world, pool, registry, service, players, stranger, networkHelpers } as never
    await registry.connect(agent).setOptIn(pool, service, true)
    await service.connect(agent).topUp(seated.seat)
    await passDeadline(all)
    await service.poke()
    await service.connect(accomplice.operator).join(accomplice.owner)
    // Anybody again, as soon as anybody can.
    await pool.connect(stranger).release(service, seated.seat)
    expect([await stateOf(all), (await registry.bondOf(service, pool))[1]]).not.to.deep.equal(['KeyCommit', ENGAGED])
  })

  it('pays for rounds those whose stake was at risk in them', async () => {
    const { pool, seated, thief, alice, token, service, players, ...world } = await createPool(5000)
    const all = { ...world, pool, token, service, players } as never
    for (let round = 0; round < 2; round++) await completeRound(all, [...players, seated])
    const earned = await service.earned(seated.seat)
    expect(earned).to.be.greaterThan(0n)
    const before = await token.balanceOf(thief)
    await pool.connect(thief).deposit(thief, 9n * BOND, 0)
    await service.collect(seated.seat)
    await pool.claimRewards(thief)
    await pool.connect(thief).requestExit(await pool.sharesOf(thief))
    const taken = (await token.balanceOf(thief)) - before + 9n * BOND
    expect(taken, `of ${earned}, of which ${await pool.rewardsOf(alice)} is left`).to.equal(0n)
  })
})

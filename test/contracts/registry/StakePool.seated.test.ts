// SPDX-License-Identifier: GPL-3.0-or-later
// A pool whose keeper sits in a true service: what its delegators can rely on.

import type { HardhatEthersSigner } from '@nomicfoundation/hardhat-ethers/types'
import { expect } from 'chai'
import { id, MaxUint256 } from 'ethers'
import type { StakePool } from '../../../types/index.ts'
import { BOND, COH, createWorld, type Player, UNBONDING } from '../rounds/fixture.ts'
import { completeRound, passDeadline, reachTraining } from '../rounds/play.ts'
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
  await pool.connect(manager).optIn(service)
  for (const account of [alice, thief]) {
    await token.transfer(account, 1000n * COH)
    await token.connect(account).approve(pool, MaxUint256)
  }
  await pool.connect(alice).deposit(alice, BOND, 0)
  const seated: Player = { owner: pool as never, operator: agent, seat: -1 }
  await reachTraining(world, [...players, seated])
  const all = [...players, seated]
  const earn = async () => {
    for (let round = 0; round < 2; round++) await completeRound({ ...world, players: all }, all)
    const earned = await service.earned(seated.seat)
    expect(earned).to.be.greaterThan(0n)
    return earned
  }
  return { ...world, pool, seated, manager, agent, alice, thief, earn }
}

describe('StakePool, seated', () => {
  it('lets a delegator out, whatever operator and manager do to stay', async () => {
    const world = await createPool(20 * 24 * 3600)
    const { pool, seated, agent, manager, alice, registry, service, players, stranger, networkHelpers } = world
    const accomplice = players[3]!
    await pool.connect(alice).requestExit(await pool.sharesOf(alice))
    await expect(pool.submitExits(0)).to.be.revertedWithCustomError(pool, 'StakeHeldByBonds')
    await networkHelpers.time.increase(UNBONDING + 10)
    // Leaving already, so that it can be told to stay.
    await service.connect(agent).leave(seated.seat)
    await pool.connect(stranger).release(service, seated.seat)
    await service.connect(accomplice.operator).leave(accomplice.seat)
    // The end of the epoch, in one bundle.
    await expect(registry.connect(agent).setOptIn(pool, service, true)).to.be.revertedWithCustomError(
      registry,
      'NotKeeper',
    )
    await expect(pool.connect(manager).optIn(service)).to.be.revertedWithCustomError(pool, 'ExitsWait')
    await expect(service.connect(agent).topUp(seated.seat)).to.be.revertedWithCustomError(registry, 'NotOptedIn')
    await passDeadline(world)
    await service.poke()
    await service.connect(accomplice.operator).join(accomplice.owner)
    expect((await registry.bondOf(service, pool))[1]).to.be.lessThan(ENGAGED)
    await pool.submitExits(0)
  })

  for (const moved of [false, true]) {
    it(`shares what was earned before among those who stayed then${moved ? ', under a new operator, too' : ''}`, async () => {
      const { pool, seated, thief, manager, alice, service, ethers, registry, earn } = await createPool(5000)
      const earned = await earn()
      if (moved) {
        const [key] = (await ethers.getSigners()).slice(15) as [HardhatEthersSigner]
        const address = await pool.getAddress()
        await pool.connect(manager).setOperator(key, await consentOf(registry, { address }, key))
      }
      await pool.connect(thief).deposit(thief, 9n * BOND, 0)
      expect(await pool.rewardsOf(alice)).to.be.closeTo(earned, 1n)
      expect(await service.earned(seated.seat)).to.equal(0n)
      await expect(pool.claimRewards(thief)).to.be.revertedWithCustomError(pool, 'NothingToClaim')
    })
  }

  it('raises its commission for what is earned later, and not for what lay uncollected', async () => {
    const { pool, manager, alice, networkHelpers, earn } = await createPool(5000)
    await pool.connect(manager).setCommission(5000)
    const earned = await earn()
    await networkHelpers.time.increase(14 * 24 * 3600)
    await expect(pool.connect(manager).raiseCommission()).to.emit(pool, 'CommissionChanged')
    expect(await pool.rewardsOf(manager)).to.equal(0n)
    expect(await pool.rewardsOf(alice)).to.be.at.least(earned - 1n)
  })

  it('takes no deposit and changes no commission while a service does not say what it owes, and lets out all the same', async () => {
    const { pool, seated, manager, agent, alice, thief, service, networkHelpers, earn } = await createPool(5000)
    await pool.connect(manager).setCommission(5000)
    const earned = await earn()
    // The epoch has ended and nobody has recorded it: the seat is given up in the call that should collect from it.
    await service.connect(agent).leave(seated.seat)
    await networkHelpers.time.increase(14 * 24 * 3600)
    for (const attempt of [
      () => pool.connect(manager).raiseCommission(),
      () => pool.connect(thief).deposit(thief, BOND, 0),
    ]) {
      await expect(attempt()).to.be.revertedWithCustomError(pool, 'CollectionFailed')
    }
    await pool.connect(alice).requestExit(1)
    await service.poke()
    await pool.connect(manager).raiseCommission()
    expect(await pool.rewardsOf(manager)).to.equal(0n)
    expect(await pool.rewardsOf(alice)).to.be.at.least(earned - 1n)
  })
})

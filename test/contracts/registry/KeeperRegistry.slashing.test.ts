// SPDX-License-Identifier: GPL-3.0-or-later

import { expect } from 'chai'
import { ZeroAddress } from 'ethers'
import { COH } from '../rounds/fixture.ts'

import {
  createRegistry,
  DELAY,
  EVIDENCE,
  expectBalanced,
  JAIL,
  keeper,
  MIN,
  REASON,
  type Setup,
  STAKE,
} from './keepers.ts'

describe('penalties and rewards of a keeper', () => {
  let s: Setup
  beforeEach(async () => {
    s = await createRegistry()
  })
  afterEach(async () => {
    await expectBalanced(s)
  })

  describe('slashing', () => {
    it('never takes more than the bond, and reports the amount', async () => {
      const { registry, serviceRegistry, owner, service } = s
      await serviceRegistry.engage(owner, 20n * COH)
      await expect(serviceRegistry.slash(owner, 15n * COH, REASON, EVIDENCE)).to.emit(registry, 'Slashed')
      expect(await serviceRegistry.slash.staticCall(owner, 15n * COH, REASON, EVIDENCE)).to.equal(5n * COH)
      await expect(serviceRegistry.slash(owner, 15n * COH, REASON, EVIDENCE))
        .to.emit(registry, 'Slashed')
        .withArgs(2, owner.address, service.address, 15n * COH, 5n * COH, REASON, EVIDENCE)
      const found = await keeper(s)
      expect(found.stake).to.equal(80n * COH)
      expect(found.bonded).to.equal(0)
      expect(await registry.slashCount()).to.equal(2)
    })

    it('takes from the active stake first while engaged, whatever is unbonding', async () => {
      const { serviceRegistry, ownerRegistry, owner } = s
      await serviceRegistry.engage(owner, 50n * COH)
      await ownerRegistry.requestUnbonding(50n * COH)
      await serviceRegistry.slash(owner, 20n * COH, REASON, EVIDENCE)
      const found = await keeper(s)
      expect([found.stake, found.unbonding, found.bonded]).to.deep.equal([30n * COH, 50n * COH, 30n * COH])
    })

    it('reaches stake bonded elsewhere since, and keeps the books right', async () => {
      const { registry, serviceRegistry, ownerRegistry, other, owner, pass } = s
      await serviceRegistry.engage(owner, STAKE)
      await serviceRegistry.disengage(owner)
      await registry.connect(other).engage(owner, 80n * COH)
      await ownerRegistry.requestUnbonding(20n * COH)
      await serviceRegistry.slash(owner, 50n * COH, REASON, EVIDENCE)
      let found = await keeper(s)
      expect([found.stake, found.unbonding, found.bonded]).to.deep.equal([50n * COH, 0n, 80n * COH])
      await expect(ownerRegistry.requestUnbonding(1)).to.be.revertedWithCustomError(registry, 'InsufficientFreeStake')
      await registry.connect(other).slash(owner, 80n * COH, REASON, EVIDENCE)
      found = await keeper(s)
      expect([found.stake, found.bonded]).to.deep.equal([0n, 30n * COH])
      await registry.connect(other).disengage(owner)
      await pass(DELAY)
      await registry.stake(owner, 7n)
      await ownerRegistry.requestUnbonding(7n)
    })

    it('takes the amount that active stake lacks from unbonding stake that has not unlocked', async () => {
      const { registry, serviceRegistry, ownerRegistry, other, owner, pass } = s
      await serviceRegistry.engage(owner, 60n * COH)
      await serviceRegistry.disengage(owner)
      await registry.connect(other).engage(owner, 50n * COH)
      await ownerRegistry.requestUnbonding(50n * COH)
      // The first service's tail eats the unbonding stake and 10 of the stake bonded to the other.
      await serviceRegistry.slash(owner, 60n * COH, REASON, EVIDENCE)
      await registry.stake(owner, 20n * COH)
      await ownerRegistry.requestUnbonding(10n * COH)
      await registry.connect(other).slash(owner, 50n * COH, REASON, EVIDENCE)
      const found = await keeper(s)
      expect([found.stake, found.unbonding, found.bonded]).to.deep.equal([0n, 10n * COH, 0n])
      await pass(DELAY)
      await ownerRegistry.withdraw(owner)
    })

    it('cannot touch stake that has finished unbonding, withdrawn or not', async () => {
      const { registry, serviceRegistry, ownerRegistry, owner, pass } = s
      await serviceRegistry.engage(owner, MIN)
      await ownerRegistry.requestUnbonding(STAKE - MIN)
      await pass(DELAY)
      await serviceRegistry.slash(owner, STAKE, REASON, EVIDENCE)
      expect((await keeper(s)).unbonding).to.equal(STAKE - MIN)
      expect(await registry.slashedBalance()).to.equal(MIN)
    })

    it('takes nothing without a bond, and nothing for a suspended service', async () => {
      const { registry, serviceRegistry, owner, service, stranger } = s
      expect(await serviceRegistry.slash.staticCall(owner, COH, REASON, EVIDENCE)).to.equal(0)
      await serviceRegistry.engage(owner, STAKE)
      await registry.suspendService(service)
      await serviceRegistry.slash(owner, COH, REASON, EVIDENCE)
      await serviceRegistry.jail(owner)
      expect((await keeper(s)).stake).to.equal(STAKE)
      expect(await registry.isJailed(owner)).to.equal(false)
      await registry.resumeService(service)
      await serviceRegistry.slash(owner, COH, REASON, EVIDENCE)
      expect((await keeper(s)).stake).to.equal(STAKE - COH)
      await expect(registry.connect(stranger).slash(owner, 1, REASON, EVIDENCE)).to.be.revertedWithCustomError(
        registry,
        'NotAService',
      )
      await expect(serviceRegistry.slash(stranger, 1, REASON, EVIDENCE)).to.be.revertedWithCustomError(
        registry,
        'UnknownKeeper',
      )
    })

    it('sends everything slashed to the treasury', async () => {
      const { registry, serviceRegistry, owner, treasury, token } = s
      await expect(registry.sweepSlashed()).to.be.revertedWithCustomError(registry, 'NothingToSweep')
      await serviceRegistry.engage(owner, STAKE)
      await serviceRegistry.slash(owner, 9n, REASON, EVIDENCE)
      await expect(registry.sweepSlashed()).to.emit(registry, 'SlashedSwept').withArgs(treasury.address, 9n)
      expect(await token.balanceOf(treasury)).to.equal(9n)
    })
  })

  describe('jail', () => {
    it('ends by the keeper’s own call, after the delay', async () => {
      const { registry, serviceRegistry, ownerRegistry, owner, service, now, pass } = s
      await expect(ownerRegistry.unjail()).to.be.revertedWithCustomError(registry, 'NotJailed').withArgs(owner.address)
      await expect(serviceRegistry.jail(owner))
        .to.emit(registry, 'Jailed')
        .withArgs(owner.address, service.address, (await now()) + 1n + JAIL)
      const { jailedUntil } = await keeper(s)
      await expect(ownerRegistry.unjail())
        .to.be.revertedWithCustomError(registry, 'StillJailed')
        .withArgs(owner.address, jailedUntil, (await now()) + 1n)
      await pass(JAIL)
      expect(await registry.isJailed(owner)).to.equal(true)
      await expect(ownerRegistry.unjail()).to.emit(registry, 'Unjailed').withArgs(owner.address)
      expect(await registry.isJailed(owner)).to.equal(false)
    })

    it('is not shortened by another service, and is for services only', async () => {
      const { registry, serviceRegistry, owner, other, stranger, settings } = s
      await serviceRegistry.jail(owner)
      const { jailedUntil } = await keeper(s)
      await registry.setSettings({ ...settings, jailDelay: 1 })
      await registry.connect(other).jail(owner)
      expect((await keeper(s)).jailedUntil).to.equal(jailedUntil)
      await expect(registry.connect(stranger).jail(owner)).to.be.revertedWithCustomError(registry, 'NotAService')
      await expect(registry.connect(stranger).unjail()).to.be.revertedWithCustomError(registry, 'UnknownKeeper')
    })
  })

  describe('rewards', () => {
    it('are set aside for each share, rounded down; the rest stays in the pool', async () => {
      const { registry, serviceRegistry, service, owner } = s
      await registry.fund(service, 100n)
      await expect(serviceRegistry.allocate(50n, 7n))
        .to.emit(registry, 'RewardAllocated')
        .withArgs(service.address, 7n, 7n)
      expect(await registry.poolOf(service)).to.deep.equal([51n, 49n])
      await serviceRegistry.credit(owner, 21n)
      expect(await registry.poolOf(service)).to.deep.equal([51n, 28n])
      expect(await registry.rewardsOf(owner)).to.equal(21n)
    })

    it('never promise more than the pool holds', async () => {
      const { registry, serviceRegistry, service, owner } = s
      await registry.fund(service, 10n)
      expect(await serviceRegistry.allocate.staticCall(1000n, 3n)).to.equal(3n)
      expect(await serviceRegistry.allocate.staticCall(1000n, 0n)).to.equal(0n)
      expect(await serviceRegistry.allocate.staticCall(1000n, 11n)).to.equal(0n)
      await serviceRegistry.allocate(1000n, 3n)
      await expect(serviceRegistry.credit(owner, 10n))
        .to.be.revertedWithCustomError(registry, 'CreditExceedsAllocation')
        .withArgs(service.address, 9n, 10n)
      await registry.suspendService(service)
      expect(await serviceRegistry.allocate.staticCall(1n, 1n)).to.equal(0n)
      await serviceRegistry.credit(owner, 9n)
    })

    it('are pulled by the owner', async () => {
      const { registry, serviceRegistry, ownerRegistry, service, owner, stranger, token } = s
      await expect(ownerRegistry.claimRewards(owner)).to.be.revertedWithCustomError(registry, 'NoRewards')
      await registry.fund(service, 10n)
      await serviceRegistry.allocate(10n, 1n)
      await serviceRegistry.credit(owner, 10n)
      await expect(ownerRegistry.claimRewards(ZeroAddress)).to.be.revertedWithCustomError(registry, 'ZeroAddress')
      await expect(ownerRegistry.claimRewards(stranger))
        .to.emit(registry, 'RewardClaimed')
        .withArgs(owner.address, stranger.address, 10n)
      expect(await token.balanceOf(stranger)).to.equal(10n)
    })

    it('come from pools of registered services, which anyone may fund', async () => {
      const { registry, service, stranger, owner, treasury } = s
      await expect(registry.fund(stranger, 1))
        .to.be.revertedWithCustomError(registry, 'NotAService')
        .withArgs(stranger.address)
      await expect(registry.fund(service, 0)).to.be.revertedWithCustomError(registry, 'ZeroAmount')
      await expect(registry.fund(service, 9n)).to.emit(registry, 'PoolFunded')
      await expect(registry.withdrawPool(service, 0)).to.be.revertedWithCustomError(registry, 'ZeroAmount')
      await expect(registry.withdrawPool(service, 10n))
        .to.be.revertedWithCustomError(registry, 'PoolTooSmall')
        .withArgs(service.address, 9n, 10n)
      await expect(registry.withdrawPool(service, 4n))
        .to.emit(registry, 'PoolWithdrawn')
        .withArgs(service.address, treasury.address, 4n)
      for (const call of [
        () => registry.connect(stranger).allocate(1, 1),
        () => registry.connect(stranger).credit(owner, 1),
      ]) {
        await expect(call()).to.be.revertedWithCustomError(registry, 'NotAService')
      }
    })
  })
})

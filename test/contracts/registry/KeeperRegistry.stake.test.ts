// SPDX-License-Identifier: GPL-3.0-or-later

import { expect } from 'chai'
import { ZeroAddress } from 'ethers'
import { COH } from '../rounds/fixture.ts'

import {
  createRegistry,
  DELAY,
  ENGAGED,
  EVIDENCE,
  expectBalanced,
  field,
  keeper,
  MIN,
  REASON,
  type Setup,
  STAKE,
  STATUS,
} from './keepers.ts'

describe('stake of a keeper', () => {
  let s: Setup
  beforeEach(async () => {
    s = await createRegistry()
  })
  afterEach(async () => {
    await expectBalanced(s)
  })

  describe('stake', () => {
    it('is added by anyone, for a keeper that exists', async () => {
      const { registry, owner, admin, stranger } = s
      await expect(registry.stake(owner, 5n)).to.emit(registry, 'Staked').withArgs(owner.address, admin.address, 5n)
      expect((await keeper(s)).stake).to.equal(STAKE + 5n)
      await expect(registry.stake(stranger, 5n))
        .to.be.revertedWithCustomError(registry, 'UnknownKeeper')
        .withArgs(stranger.address)
      await expect(registry.stake(owner, 0)).to.be.revertedWithCustomError(registry, 'ZeroAmount')
      await expect(registry.stake(owner, 2n ** 128n)).to.be.revertedWithCustomError(
        registry,
        'SafeCastOverflowedUintDowncast',
      )
    })

    it('stays as long as was promised when it left a service, though the delay is shortened', async () => {
      const { registry, owner, ownerRegistry, serviceRegistry, service, settings, pass, now } = s
      await serviceRegistry.engage(owner, 60n * COH)
      await serviceRegistry.disengage(owner)
      const tail = (await now()) + DELAY
      await registry.setSettings({ ...settings, unbondingDelay: 1n })
      await ownerRegistry.requestUnbonding(STAKE)
      expect((await keeper(s)).unlocksAt).to.equal(tail)
      await pass(DELAY / 2n)
      await expect(ownerRegistry.withdraw(owner)).to.be.revertedWithCustomError(registry, 'StillUnbonding')
      await serviceRegistry.slash(owner, 60n * COH, REASON, EVIDENCE)
      expect((await keeper(s)).unbonding).to.equal(STAKE - 60n * COH)
      expect((await registry.bondOf(service, owner))[1]).to.equal(tail)
      await pass(DELAY)
      await ownerRegistry.withdraw(owner)
    })

    it('of an earlier request unlocks no earlier by a further one after the delay was shortened', async () => {
      const { registry, ownerRegistry, settings } = s
      await ownerRegistry.requestUnbonding(30n)
      const { unlocksAt } = await keeper(s)
      await registry.setSettings({ ...settings, unbondingDelay: 1n })
      await ownerRegistry.requestUnbonding(1n)
      expect((await keeper(s)).unlocksAt).to.equal(unlocksAt)
    })

    it('leaves after the delay and not before', async () => {
      const { ownerRegistry, registry, owner, stranger, token, pass, now } = s
      await expect(ownerRegistry.requestUnbonding(42n))
        .to.emit(registry, 'UnbondingRequested')
        .withArgs(owner.address, 42n, 42n, (await now()) + 1n + DELAY)
      const first = (await now()) + DELAY
      await expect(ownerRegistry.withdraw(owner))
        .to.be.revertedWithCustomError(registry, 'StillUnbonding')
        .withArgs(owner.address, first, (await now()) + 1n)
      await pass(DELAY)
      await expect(ownerRegistry.withdraw(stranger))
        .to.emit(registry, 'Withdrawn')
        .withArgs(owner.address, stranger.address, 42n)
      expect(await token.balanceOf(stranger)).to.equal(42n)
      expect((await keeper(s)).unlocksAt).to.equal(0)
      await expect(ownerRegistry.withdraw(stranger))
        .to.be.revertedWithCustomError(registry, 'NothingUnbonding')
        .withArgs(owner.address)
    })

    it('refuses to unbond nothing, more than is free, or to nobody', async () => {
      const { ownerRegistry, registry, owner, serviceRegistry, stranger } = s
      await serviceRegistry.engage(owner, 60n * COH)
      await expect(ownerRegistry.requestUnbonding(0)).to.be.revertedWithCustomError(registry, 'ZeroAmount')
      await expect(ownerRegistry.requestUnbonding(40n * COH + 1n))
        .to.be.revertedWithCustomError(registry, 'InsufficientFreeStake')
        .withArgs(owner.address, 40n * COH, 40n * COH + 1n)
      await ownerRegistry.requestUnbonding(40n * COH)
      await expect(ownerRegistry.withdraw(ZeroAddress))
        .to.be.revertedWithCustomError(registry, 'ZeroAddress')
        .withArgs(field('to'))
      await expect(registry.connect(stranger).requestUnbonding(1)).to.be.revertedWithCustomError(
        registry,
        'UnknownKeeper',
      )
      await expect(registry.connect(stranger).withdraw(stranger)).to.be.revertedWithCustomError(
        registry,
        'UnknownKeeper',
      )
    })
  })

  describe('bonds', () => {
    it('bind free stake to a service, and top up to the amount that it requires', async () => {
      const { registry, serviceRegistry, owner, service } = s
      await expect(serviceRegistry.engage(owner, 20n * COH))
        .to.emit(registry, 'Engaged')
        .withArgs(owner.address, service.address, 20n * COH)
      await serviceRegistry.engage(owner, 50n * COH)
      expect(await registry.bondOf(service, owner)).to.deep.equal([50n * COH, ENGAGED])
      await serviceRegistry.engage(owner, 10n * COH)
      expect((await keeper(s)).bonded).to.equal(50n * COH)
    })

    it('are refused without enough free stake, below the minimum, in jail, and to strangers', async () => {
      const { registry, serviceRegistry, ownerRegistry, owner, other, stranger, service } = s
      await registry.connect(other).engage(owner, 60n * COH)
      await expect(serviceRegistry.engage(owner, 41n * COH))
        .to.be.revertedWithCustomError(registry, 'InsufficientFreeStake')
        .withArgs(owner.address, 40n * COH, 41n * COH)
      await registry.connect(other).disengage(owner)
      await ownerRegistry.requestUnbonding(STAKE - MIN + 1n)
      await expect(serviceRegistry.engage(owner, 1))
        .to.be.revertedWithCustomError(registry, 'StakeBelowMinimum')
        .withArgs(owner.address, MIN - 1n, MIN)
      await registry.stake(owner, 1n)
      await serviceRegistry.jail(owner)
      const { jailedUntil } = await keeper(s)
      await expect(serviceRegistry.engage(owner, 1))
        .to.be.revertedWithCustomError(registry, 'KeeperJailed')
        .withArgs(owner.address, jailedUntil)
      await expect(registry.connect(stranger).engage(owner, 1))
        .to.be.revertedWithCustomError(registry, 'NotAService')
        .withArgs(stranger.address)
      await expect(serviceRegistry.engage(stranger, 1)).to.be.revertedWithCustomError(registry, 'UnknownKeeper')
      await registry.suspendService(service)
      await expect(serviceRegistry.engage(owner, 1))
        .to.be.revertedWithCustomError(registry, 'ServiceNotActive')
        .withArgs(service.address, STATUS.suspended)
    })

    it('are free after leaving, but stay slashable for one delay', async () => {
      const { registry, serviceRegistry, ownerRegistry, owner, service, now, pass } = s
      await serviceRegistry.engage(owner, STAKE)
      await serviceRegistry.disengage(owner)
      const until = (await now()) + DELAY
      expect(await registry.bondOf(service, owner)).to.deep.equal([STAKE, until])
      await ownerRegistry.requestUnbonding(STAKE)
      await expect(serviceRegistry.slash(owner, 30n * COH, REASON, EVIDENCE))
        .to.emit(registry, 'Slashed')
        .withArgs(1, owner.address, service.address, 30n * COH, 30n * COH, REASON, EVIDENCE)
      expect((await keeper(s)).unbonding).to.equal(70n * COH)
      await pass(DELAY)
      await expect(serviceRegistry.slash(owner, 30n * COH, REASON, EVIDENCE))
        .to.emit(registry, 'Slashed')
        .withArgs(2, owner.address, service.address, 30n * COH, 0, REASON, EVIDENCE)
      await ownerRegistry.withdraw(owner)
    })

    it('end once; a second disengage does nothing', async () => {
      const { registry, serviceRegistry, owner, service, pass } = s
      await expect(serviceRegistry.disengage(owner)).not.to.emit(registry, 'Disengaged')
      await serviceRegistry.engage(owner, COH)
      await serviceRegistry.disengage(owner)
      const [, until] = await registry.bondOf(service, owner)
      await pass(10n)
      await serviceRegistry.disengage(owner)
      expect((await registry.bondOf(service, owner))[1]).to.equal(until)
      await expect(registry.disengage(owner)).to.be.revertedWithCustomError(registry, 'NotAService')
    })

    it('can be taken back by the keeper itself when the service is suspended', async () => {
      const { registry, serviceRegistry, ownerRegistry, owner, service } = s
      await serviceRegistry.engage(owner, STAKE)
      await expect(ownerRegistry.disengageSuspended(service))
        .to.be.revertedWithCustomError(registry, 'UnexpectedServiceStatus')
        .withArgs(service.address, STATUS.active, STATUS.suspended)
      await registry.suspendService(service)
      await ownerRegistry.disengageSuspended(service)
      expect((await keeper(s)).bonded).to.equal(0)
      await expect(ownerRegistry.disengageSuspended(service))
        .to.be.revertedWithCustomError(registry, 'NotEngaged')
        .withArgs(owner.address, service.address)
    })
  })
})

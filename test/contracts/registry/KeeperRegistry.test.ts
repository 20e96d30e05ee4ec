// SPDX-License-Identifier: GPL-3.0-or-later

import type { HardhatEthersSigner } from '@nomicfoundation/hardhat-ethers/types'
import { expect } from 'chai'
import { encodeBytes32String, id, MaxUint256, ZeroAddress, ZeroHash } from 'ethers'
import { network } from 'hardhat'
import { COH } from '../rounds/fixture.ts'

const DELAY = 1000n
const JAIL = 500n
const MIN = 10n * COH
const STAKE = 100n * COH
const MULTIADDR = '0x047f000001060fa1'
const KEY = id('x25519')
const REASON = encodeBytes32String('SILENT')
const EVIDENCE = id('evidence')
const STATUS = { unknown: 0n, active: 1n, suspended: 2n }
const ENGAGED = 2n ** 64n - 1n
const field = encodeBytes32String

/** A registry with one keeper that has STAKE, and accounts that play services. */
async function createRegistry() {
  const { ethers, networkHelpers } = await network.create()
  const signers = await ethers.getSigners()
  const [admin, treasury, owner, operator, service, other, stranger, second] = signers as [
    HardhatEthersSigner,
    HardhatEthersSigner,
    HardhatEthersSigner,
    HardhatEthersSigner,
    HardhatEthersSigner,
    HardhatEthersSigner,
    HardhatEthersSigner,
    HardhatEthersSigner,
  ]
  const token = await ethers.deployContract('CohortToken', [admin, [admin, owner], [1000n * COH, 1000n * COH]])
  const settings = { minStake: MIN, unbondingDelay: DELAY, jailDelay: JAIL, treasury: treasury.address }
  const registry = await ethers.deployContract('KeeperRegistry', [token, admin, settings])
  await registry.grantRole(await registry.REGISTRAR_ROLE(), admin)
  for (const account of [service, other]) await registry.registerService(account)
  for (const payer of [admin, owner]) await token.connect(payer).approve(registry, MaxUint256)
  await registry.connect(owner).register(operator, KEY, MULTIADDR, STAKE)
  const ownerRegistry = registry.connect(owner)
  const serviceRegistry = registry.connect(service)
  const pass = (seconds: bigint) => networkHelpers.time.increase(seconds)
  const now = async () => BigInt(await networkHelpers.time.latest())
  return {
    ethers,
    networkHelpers,
    admin,
    treasury,
    owner,
    operator,
    service,
    other,
    stranger,
    second,
    token,
    registry,
    settings,
    ownerRegistry,
    serviceRegistry,
    pass,
    now,
  }
}

type Setup = Awaited<ReturnType<typeof createRegistry>>

async function keeper({ registry, owner }: Setup) {
  return await registry.keeperOf(owner)
}

/** The invariant that every test ends with: the books and the tokens agree. */
async function expectBalanced(
  { registry, token, owner, service, other }: Setup,
  rewards: bigint[] = [],
): Promise<void> {
  const { stake, unbonding } = await registry.keeperOf(owner)
  let booked = stake + unbonding + (await registry.slashedBalance()) + (await registry.rewardsOf(owner))
  for (const account of [service, other]) {
    const [available, allocated] = await registry.poolOf(account)
    booked += available + allocated
  }
  for (const reward of rewards) booked += reward
  expect(await token.balanceOf(registry)).to.equal(booked)
}

describe('KeeperRegistry', () => {
  let s: Setup
  beforeEach(async () => {
    s = await createRegistry()
  })
  afterEach(async () => {
    await expectBalanced(s)
  })

  describe('registration', () => {
    it('keeps keys and address where others can read them', async () => {
      const { operator, registry, owner } = s
      const found = await keeper(s)
      expect(found.operator).to.equal(operator.address)
      expect(found.encryptionKey).to.equal(KEY)
      expect(found.multiaddr).to.equal(MULTIADDR)
      expect(found.stake).to.equal(STAKE)
      expect(await registry.isRegistered(owner)).to.equal(true)
      expect(await registry.operatorOf(owner)).to.equal(operator.address)
      expect(await registry.ownerOfOperator(operator)).to.equal(owner.address)
      expect(await registry.ownerOfOperator(owner)).to.equal(ZeroAddress)
    })

    it('announces a keeper, and takes one without stake', async () => {
      const { registry, second, stranger } = s
      await expect(registry.connect(second).register(stranger, KEY, MULTIADDR, 0))
        .to.emit(registry, 'KeeperRegistered')
        .withArgs(second.address, stranger.address, KEY, MULTIADDR)
    })

    it('refuses to register twice', async () => {
      const { ownerRegistry, second, owner } = s
      await expect(ownerRegistry.register(second, KEY, MULTIADDR, 0))
        .to.be.revertedWithCustomError(ownerRegistry, 'AlreadyRegistered')
        .withArgs(owner.address)
    })

    it('refuses an operator that is the owner, acts for another keeper, or is nobody', async () => {
      const { registry, second, operator, owner } = s
      const mine = registry.connect(second)
      await expect(mine.register(second, KEY, MULTIADDR, 0))
        .to.be.revertedWithCustomError(registry, 'OperatorTaken')
        .withArgs(second.address, second.address)
      await expect(mine.register(operator, KEY, MULTIADDR, 0))
        .to.be.revertedWithCustomError(registry, 'OperatorTaken')
        .withArgs(operator.address, owner.address)
      await expect(mine.register(ZeroAddress, KEY, MULTIADDR, 0))
        .to.be.revertedWithCustomError(registry, 'ZeroAddress')
        .withArgs(field('operator'))
    })

    it('refuses an empty key, and an address that is empty or too long', async () => {
      const { registry, second, stranger } = s
      const mine = registry.connect(second)
      await expect(mine.register(stranger, ZeroHash, MULTIADDR, 0)).to.be.revertedWithCustomError(
        registry,
        'ZeroEncryptionKey',
      )
      await expect(mine.register(stranger, KEY, '0x', 0))
        .to.be.revertedWithCustomError(registry, 'MultiaddrLength')
        .withArgs(0, 256)
      await expect(mine.register(stranger, KEY, `0x${'00'.repeat(257)}`, 0))
        .to.be.revertedWithCustomError(registry, 'MultiaddrLength')
        .withArgs(257, 256)
      await mine.register(stranger, KEY, `0x${'00'.repeat(256)}`, 0)
    })

    it('lets only the owner change the operator, and frees the old one', async () => {
      const { registry, ownerRegistry, operator, second, owner, stranger } = s
      await expect(ownerRegistry.setOperator(second))
        .to.emit(registry, 'OperatorChanged')
        .withArgs(owner.address, operator.address, second.address)
      expect(await registry.ownerOfOperator(operator)).to.equal(ZeroAddress)
      await expect(registry.connect(operator).setOperator(stranger))
        .to.be.revertedWithCustomError(registry, 'UnknownKeeper')
        .withArgs(operator.address)
    })

    it('lets owner and operator, and nobody else, change encryption key and address', async () => {
      const { registry, ownerRegistry, operator, owner, stranger } = s
      const next = id('next')
      await expect(registry.connect(operator).setEncryptionKey(owner, next))
        .to.emit(registry, 'EncryptionKeyChanged')
        .withArgs(owner.address, KEY, next)
      await expect(ownerRegistry.setMultiaddr(owner, '0x01'))
        .to.emit(registry, 'MultiaddrChanged')
        .withArgs(owner.address, '0x01')
      await expect(registry.connect(stranger).setEncryptionKey(owner, next))
        .to.be.revertedWithCustomError(registry, 'NotKeeper')
        .withArgs(stranger.address, owner.address)
      await expect(registry.connect(stranger).setMultiaddr(owner, '0x01')).to.be.revertedWithCustomError(
        registry,
        'NotKeeper',
      )
      await expect(ownerRegistry.setEncryptionKey(owner, ZeroHash)).to.be.revertedWithCustomError(
        registry,
        'ZeroEncryptionKey',
      )
      await expect(ownerRegistry.setMultiaddr(owner, '0x')).to.be.revertedWithCustomError(registry, 'MultiaddrLength')
      await expect(registry.setMultiaddr(stranger, '0x01')).to.be.revertedWithCustomError(registry, 'UnknownKeeper')
    })
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

    it('leaves after the delay and not before; a further request restarts it', async () => {
      const { ownerRegistry, registry, owner, stranger, token, pass, now } = s
      await ownerRegistry.requestUnbonding(30n)
      const first = (await now()) + DELAY
      await expect(ownerRegistry.withdraw(owner))
        .to.be.revertedWithCustomError(registry, 'StillUnbonding')
        .withArgs(owner.address, first, (await now()) + 1n)
      await pass(DELAY - 10n)
      await expect(ownerRegistry.requestUnbonding(12n))
        .to.emit(registry, 'UnbondingRequested')
        .withArgs(owner.address, 12n, 42n, (await now()) + 1n + DELAY)
      await pass(20n)
      await expect(ownerRegistry.withdraw(stranger)).to.be.revertedWithCustomError(registry, 'StillUnbonding')
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
    it('bind free stake to a service, and top up to what it wants', async () => {
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

  describe('slashing', () => {
    it('never takes more than the bond, and says what it took', async () => {
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

    it('takes from unbonding stake what the active stake lacks, while that has not unlocked', async () => {
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

    it('cannot touch what has finished unbonding, withdrawn or not', async () => {
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

  describe('administration', () => {
    it('registers, suspends and resumes services', async () => {
      const { registry, service, second } = s
      await expect(registry.registerService(second))
        .to.emit(registry, 'ServiceStatusChanged')
        .withArgs(second.address, STATUS.unknown, STATUS.active)
      await expect(registry.registerService(second))
        .to.be.revertedWithCustomError(registry, 'UnexpectedServiceStatus')
        .withArgs(second.address, STATUS.active, STATUS.unknown)
      await expect(registry.registerService(ZeroAddress)).to.be.revertedWithCustomError(registry, 'ZeroAddress')
      await expect(registry.resumeService(service)).to.be.revertedWithCustomError(registry, 'UnexpectedServiceStatus')
      await registry.suspendService(service)
      await expect(registry.suspendService(service)).to.be.revertedWithCustomError(registry, 'UnexpectedServiceStatus')
      expect(await registry.serviceStatus(service)).to.equal(STATUS.suspended)
    })

    it('belongs to the roles alone', async () => {
      const { registry, stranger, service, settings } = s
      const theirs = registry.connect(stranger)
      for (const call of [
        () => theirs.registerService(stranger),
        () => theirs.suspendService(service),
        () => theirs.resumeService(service),
        () => theirs.withdrawPool(service, 1),
        () => theirs.setSettings(settings),
      ]) {
        await expect(call()).to.be.revertedWithCustomError(registry, 'AccessControlUnauthorizedAccount')
      }
    })

    it('refuses settings that would void the delays or lose the slashed stake', async () => {
      const { registry, settings, ethers, token, admin } = s
      const year = 365n * 24n * 3600n
      for (const name of ['unbondingDelay', 'jailDelay'] as const) {
        for (const found of [0n, year + 1n]) {
          await expect(registry.setSettings({ ...settings, [name]: found }))
            .to.be.revertedWithCustomError(registry, 'DelayOutOfRange')
            .withArgs(field(name), found, 1, year)
        }
      }
      await expect(registry.setSettings({ ...settings, treasury: ZeroAddress }))
        .to.be.revertedWithCustomError(registry, 'ZeroAddress')
        .withArgs(field('treasury'))
      await expect(registry.setSettings({ ...settings, minStake: 1n })).to.emit(registry, 'SettingsChanged')
      expect((await registry.settings()).minStake).to.equal(1n)
      expect(await registry.stakeToken()).to.equal(await token.getAddress())
      for (const args of [
        [ZeroAddress, admin, settings],
        [token, ZeroAddress, settings],
      ] as const) {
        await expect(ethers.deployContract('KeeperRegistry', [...args])).to.be.revertedWithCustomError(
          registry,
          'ZeroAddress',
        )
      }
    })

    it('finds tokens that came without a call', async () => {
      const { registry, token, treasury } = s
      await expect(registry.sweepSurplus()).to.be.revertedWithCustomError(registry, 'NoSurplus')
      await token.transfer(registry, 11n)
      await expect(registry.sweepSurplus()).to.emit(registry, 'SurplusSwept').withArgs(treasury.address, 11n)
    })
  })
})

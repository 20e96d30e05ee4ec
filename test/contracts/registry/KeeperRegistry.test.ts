// SPDX-License-Identifier: GPL-3.0-or-later

import { expect } from 'chai'
import { id, recoverAddress, ZeroAddress, ZeroHash } from 'ethers'

import {
  consentOf,
  createRegistry,
  expectBalanced,
  field,
  KEY,
  keeper,
  MULTIADDR,
  type Setup,
  STAKE,
  STATUS,
  signedKey,
} from './keepers.ts'

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
      await expect(
        registry.connect(second).register(stranger, KEY, MULTIADDR, 0, await consentOf(registry, second, stranger)),
      )
        .to.emit(registry, 'KeeperRegistered')
        .withArgs(second.address, stranger.address, KEY, MULTIADDR)
    })

    it('refuses to register twice', async () => {
      const { ownerRegistry, second, owner } = s
      await expect(ownerRegistry.register(second, KEY, MULTIADDR, 0, '0x'))
        .to.be.revertedWithCustomError(ownerRegistry, 'AlreadyRegistered')
        .withArgs(owner.address)
    })

    it('refuses an operator that is the owner, acts for another keeper, or is nobody', async () => {
      const { registry, second, operator, owner } = s
      const mine = registry.connect(second)
      await expect(mine.register(second, KEY, MULTIADDR, 0, '0x'))
        .to.be.revertedWithCustomError(registry, 'OperatorTaken')
        .withArgs(second.address, second.address)
      await expect(mine.register(operator, KEY, MULTIADDR, 0, '0x'))
        .to.be.revertedWithCustomError(registry, 'OperatorTaken')
        .withArgs(operator.address, owner.address)
      await expect(mine.register(ZeroAddress, KEY, MULTIADDR, 0, '0x'))
        .to.be.revertedWithCustomError(registry, 'ZeroAddress')
        .withArgs(field('operator'))
    })

    it('refuses an empty key, and an address that is empty or too long', async () => {
      const { registry, second, stranger } = s
      const mine = registry.connect(second)
      await expect(mine.register(stranger, ZeroHash, MULTIADDR, 0, '0x')).to.be.revertedWithCustomError(
        registry,
        'ZeroEncryptionKey',
      )
      await expect(mine.register(stranger, KEY, '0x', 0, '0x'))
        .to.be.revertedWithCustomError(registry, 'MultiaddrLength')
        .withArgs(0, 256)
      await expect(mine.register(stranger, KEY, `0x${'00'.repeat(257)}`, 0, '0x'))
        .to.be.revertedWithCustomError(registry, 'MultiaddrLength')
        .withArgs(257, 256)
      await mine.register(stranger, KEY, `0x${'00'.repeat(256)}`, 0, await consentOf(registry, second, stranger))
    })

    it('takes an operator key only with its consent, for this owner, once', async () => {
      const { registry, ownerRegistry, second, stranger, owner, operator } = s
      const squatting = registry.connect(second)
      const refuse = async (attempt: Promise<unknown>, of: { address: string }, by: string, nonce: number) =>
        await expect(attempt).to.be.revertedWithCustomError(registry, 'ConsentInvalid').withArgs(of.address, by, nonce)
      // A squatter knows the address, not the key.
      const forOwner = await consentOf(registry, owner, stranger)
      for (const forged of ['0x', `0x${'00'.repeat(65)}`, await consentOf(registry, second, operator), forOwner]) {
        await refuse(squatting.register(stranger, KEY, MULTIADDR, 0, forged), stranger, second.address, 0)
      }
      expect(await registry.isRegistered(second)).to.equal(false)
      await ownerRegistry.setOperator(stranger, forOwner)
      expect(await registry.consentNonce(stranger)).to.equal(1)
      await ownerRegistry.setOperator(operator, await consentOf(registry, owner, operator))
      // What was consented to once is not consented to for ever.
      await refuse(ownerRegistry.setOperator(stranger, forOwner), stranger, owner.address, 1)
      const fresh = await consentOf(registry, second, stranger)
      expect(recoverAddress(await registry.consentDigest(second, stranger), fresh)).to.equal(stranger.address)
      await squatting.register(stranger, KEY, MULTIADDR, 0, fresh)
    })

    it('lets only the owner change the operator, and frees the old one', async () => {
      const { registry, ownerRegistry, operator, second, owner, stranger } = s
      await expect(ownerRegistry.setOperator(second, await consentOf(registry, owner, second)))
        .to.emit(registry, 'OperatorChanged')
        .withArgs(owner.address, operator.address, second.address)
      expect(await registry.ownerOfOperator(operator)).to.equal(ZeroAddress)
      await expect(registry.connect(operator).setOperator(stranger, '0x'))
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

    it('takes no signed key of before the last change: whoever kept it back brings no old key back', async () => {
      const { registry, ownerRegistry, operator, owner, stranger } = s
      const [lost, next] = [id('lost'), id('next')]
      for (const changer of [registry.connect(operator), ownerRegistry]) {
        // A relayer is handed a key, and sends nothing.
        const signature = await signedKey(registry, owner, operator, lost)
        await changer.setEncryptionKey(owner, next)
        await expect(
          registry.connect(stranger).setEncryptionKeyFor(owner, lost, signature),
        ).to.be.revertedWithCustomError(registry, 'ConsentInvalid')
        expect((await registry.keeperOf(owner)).encryptionKey).to.equal(next)
      }
      const signature = await signedKey(registry, owner, operator, lost)
      await registry.connect(stranger).setEncryptionKeyFor(owner, lost, signature)
      expect((await registry.keeperOf(owner)).encryptionKey).to.equal(lost)
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

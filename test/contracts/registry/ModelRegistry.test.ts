// SPDX-License-Identifier: GPL-3.0-or-later

import { expect } from 'chai'
import { network } from 'hardhat'
import { accountsOf, fieldsOf } from '../governance/accounts.ts'
import { restored } from '../restored.ts'
import { deployVersions } from './versions.ts'

const STATUS = { accepted: 1n, released: 2n, deprecated: 3n }
const CID = `0x0170${'12'.repeat(34)}`

/** A registry with a service that has no rounds. What a LearningService says of its versions is tested with the rounds. */
async function deployRegistry() {
  const { ethers, networkHelpers } = await network.create()
  const [admin, registrar, releaser, stranger] = await accountsOf(ethers)
  const registry = await ethers.deployContract('ModelRegistry', [admin])
  await registry.grantRole(await registry.REGISTRAR_ROLE(), registrar)
  await registry.grantRole(await registry.RELEASE_ROLE(), releaser)
  const writer = await deployVersions(ethers)
  const service = writer.address
  await registry.connect(registrar).registerService(service)
  const commitment = (n: number) => ethers.toBeHex(n, 32)
  const publish = async (count: number, by = writer) => {
    for (let i = 0; i < count; i++) await by.publish(1, i + 1, commitment(i + 1), CID, 7)
  }
  const base = { ethers, networkHelpers, registry, admin, registrar, releaser, stranger }
  return { ...base, writer, service, commitment, publish }
}

const createRegistry = restored(deployRegistry)

describe('ModelRegistry', () => {
  describe('services', () => {
    it('are registered once, by the registrar, and listed', async () => {
      const { registry, registrar, stranger, service, ethers } = await createRegistry()
      const other = (await deployVersions(ethers)).address
      await expect(registry.connect(stranger).registerService(other))
        .to.be.revertedWithCustomError(registry, 'AccessControlUnauthorizedAccount')
        .withArgs(stranger.address, await registry.REGISTRAR_ROLE())
      await expect(registry.connect(registrar).registerService(other))
        .to.emit(registry, 'ServiceRegistered')
        .withArgs(other, 1)
      await expect(registry.connect(registrar).registerService(service))
        .to.be.revertedWithCustomError(registry, 'ServiceAlreadyRegistered')
        .withArgs(service)
      for (const codeless of [stranger.address, ethers.ZeroAddress]) {
        await expect(registry.connect(registrar).registerService(codeless))
          .to.be.revertedWithCustomError(registry, 'ServiceHasNoCode')
          .withArgs(codeless)
      }
      expect(await registry.serviceCount()).to.equal(2)
      expect([await registry.serviceAt(0), await registry.serviceAt(1)]).to.deep.equal([service, other])
      expect(await registry.isService(other)).to.equal(true)
      expect(await registry.isService(stranger)).to.equal(false)
      await expect(registry.serviceAt(2)).to.be.revertedWithCustomError(registry, 'UnknownServiceIndex').withArgs(2, 2)
    })

    it('need an administrator to begin with', async () => {
      const { ethers, registry } = await createRegistry()
      await expect(ethers.deployContract('ModelRegistry', [ethers.ZeroAddress])).to.be.revertedWithCustomError(
        registry,
        'ZeroAdmin',
      )
    })
  })

  describe('versions', () => {
    it('are there as soon as the members have accepted them, at no other cost', async () => {
      const { registry, service, writer, commitment, networkHelpers } = await createRegistry()
      expect(await registry.versionCount(service)).to.equal(0)
      await writer.publish(3, 9, commitment(42), CID, (1n << 255n) | 0b1011n)
      const version = await registry.getVersion(service, 1)
      expect(fieldsOf(version)).to.deep.equal({
        epoch: 3n,
        round: 9n,
        updatedAt: BigInt(await networkHelpers.time.latest()),
        votes: 4n,
        status: STATUS.accepted,
        releaseOrder: 0n,
        weightsCommitment: commitment(42),
      })
      expect(await registry.versionCount(service)).to.equal(1)
    })

    it('of contracts that nobody registered do not count', async () => {
      const { registry, releaser, publish, ethers } = await createRegistry()
      const other = await deployVersions(ethers)
      await publish(1, other)
      expect(await registry.versionCount(other.address)).to.equal(0)
      await expect(registry.getVersion(other.address, 1)).to.be.revertedWithCustomError(registry, 'UnknownService')
      await expect(registry.connect(releaser).release(other.address, 1)).to.be.revertedWithCustomError(
        registry,
        'UnknownService',
      )
    })

    it('of two services do not mix', async () => {
      const { registry, registrar, service, ethers, publish } = await createRegistry()
      const other = await deployVersions(ethers)
      await registry.connect(registrar).registerService(other.address)
      await publish(2)
      await publish(1, other)
      expect(await registry.versionCount(service)).to.equal(2)
      expect(await registry.versionCount(other.address)).to.equal(1)
      await expect(registry.getVersion(other.address, 2)).to.be.revertedWithCustomError(registry, 'UnknownVersion')
    })

    it('are looked up without reverting', async () => {
      const { registry, releaser, service, stranger, publish, commitment, ethers } = await createRegistry()
      await publish(2)
      await registry.connect(releaser).release(service, 2)
      const lookUp = async (of: string, version: number) => [...(await registry.lookUp(of, version))]
      expect(await lookUp(service, 1)).to.deep.equal([STATUS.accepted, commitment(1), 2n])
      expect(await lookUp(service, 2)).to.deep.equal([STATUS.released, commitment(2), 2n])
      expect(await lookUp(service, 3)).to.deep.equal([0n, ethers.ZeroHash, 2n])
      await registry.connect(releaser).deprecate(service, 1, ethers.ZeroHash)
      expect(await lookUp(service, 1)).to.deep.equal([STATUS.deprecated, commitment(1), 2n])
      expect(await lookUp(stranger.address, 1)).to.deep.equal([0n, ethers.ZeroHash, 0n])
    })

    it('are listed a page at a time', async () => {
      const { registry, service, stranger, publish } = await createRegistry()
      await publish(5)
      const rounds = async (first: number, limit: number) =>
        (await registry.listVersions(service, first, limit)).map((version) => Number(version.round))
      expect(await rounds(1, 2)).to.deep.equal([1, 2])
      expect(await rounds(3, 100)).to.deep.equal([3, 4, 5])
      expect(await rounds(5, 0)).to.deep.equal([])
      for (const beyond of [0, 6]) {
        await expect(registry.listVersions(service, beyond, 1))
          .to.be.revertedWithCustomError(registry, 'UnknownVersion')
          .withArgs(service, beyond, 5)
      }
      await expect(registry.listVersions(stranger, 1, 1)).to.be.revertedWithCustomError(registry, 'UnknownService')
    })
  })

  describe('releases', () => {
    it('are the releaser’s alone', async () => {
      const { registry, admin, registrar, stranger, service, publish, ethers } = await createRegistry()
      await publish(1)
      for (const caller of [admin, registrar, stranger]) {
        for (const attempt of [
          () => registry.connect(caller).release(service, 1),
          () => registry.connect(caller).rollback(service, 1),
          () => registry.connect(caller).deprecate(service, 1, ethers.ZeroHash),
        ]) {
          await expect(attempt())
            .to.be.revertedWithCustomError(registry, 'AccessControlUnauthorizedAccount')
            .withArgs(caller.address, await registry.RELEASE_ROLE())
        }
      }
    })

    it('make an accepted version the current one', async () => {
      const { registry, releaser, service, publish } = await createRegistry()
      await publish(2)
      await expect(registry.currentVersion(service))
        .to.be.revertedWithCustomError(registry, 'NoReleasedVersion')
        .withArgs(service)
      await expect(registry.connect(releaser).release(service, 1))
        .to.emit(registry, 'VersionReleased')
        .withArgs(service, 1, 0)
      await expect(registry.connect(releaser).release(service, 2))
        .to.emit(registry, 'VersionReleased')
        .withArgs(service, 2, 1)
      expect(await registry.currentVersion(service)).to.equal(2)
      expect(await registry.isReleased(service, 1)).to.equal(true)
      expect((await registry.getVersion(service, 2)).releaseOrder).to.equal(2)
      expect(await registry.listReleases(service)).to.deep.equal([1n, 2n])
    })

    it('can return to an earlier version without deprecating the present one', async () => {
      const { registry, releaser, service, publish } = await createRegistry()
      await publish(2)
      const dao = registry.connect(releaser)
      await dao.release(service, 2)
      await dao.release(service, 1)
      await expect(dao.release(service, 2)).to.emit(registry, 'VersionReleased').withArgs(service, 2, 1)
      // By time: it was released after version 1, so it can be rolled back to that.
      expect((await registry.getVersion(service, 2)).releaseOrder).to.equal(3)
      expect((await registry.getVersion(service, 1)).releaseOrder).to.equal(2)
      expect(await registry.listReleases(service)).to.deep.equal([2n, 1n, 2n])
      await expect(dao.release(service, 2))
        .to.be.revertedWithCustomError(registry, 'AlreadyCurrent')
        .withArgs(service, 2)
    })

    it('roll back a version that was released again to a version released in between', async () => {
      const { registry, releaser, service, publish } = await createRegistry()
      await publish(2)
      const dao = registry.connect(releaser)
      for (const version of [1, 2, 1]) await dao.release(service, version)
      await expect(dao.rollback(service, 2)).to.emit(registry, 'RolledBack').withArgs(service, 1, 2)
      expect(await registry.currentVersion(service)).to.equal(2)
      expect(await registry.isReleased(service, 1)).to.equal(false)
    })

    it('are refused for a version that is not there, and for one that is deprecated', async () => {
      const { registry, releaser, service, publish, ethers, stranger } = await createRegistry()
      const dao = registry.connect(releaser)
      await publish(2)
      const expected = (1n << STATUS.accepted) | (1n << STATUS.released)
      await dao.deprecate(service, 2, ethers.ZeroHash)
      await expect(dao.release(service, 2))
        .to.be.revertedWithCustomError(registry, 'UnexpectedStatus')
        .withArgs(service, 2, STATUS.deprecated, expected)
      await expect(dao.release(service, 3)).to.be.revertedWithCustomError(registry, 'UnknownVersion')
      await expect(dao.release(service, 0)).to.be.revertedWithCustomError(registry, 'UnknownVersion')
      await expect(dao.release(stranger, 1)).to.be.revertedWithCustomError(registry, 'UnknownService')
      expect(await registry.isReleased(service, 0)).to.equal(false)
      expect(await registry.isReleased(service, 3)).to.equal(false)
      expect(await registry.isReleased(stranger, 1)).to.equal(false)
    })

    it('roll back: the bad version is deprecated and the earlier one current', async () => {
      const { registry, releaser, service, publish } = await createRegistry()
      await publish(3)
      const dao = registry.connect(releaser)
      await expect(dao.rollback(service, 1)).to.be.revertedWithCustomError(registry, 'NoReleasedVersion')
      for (const version of [1, 2, 3]) await dao.release(service, version)
      await expect(dao.rollback(service, 1)).to.emit(registry, 'RolledBack').withArgs(service, 3, 1)
      expect(await registry.currentVersion(service)).to.equal(1)
      expect((await registry.getVersion(service, 3)).status).to.equal(STATUS.deprecated)
      expect(await registry.isReleased(service, 2)).to.equal(true)
      expect(await registry.listReleases(service)).to.deep.equal([1n, 2n, 3n, 1n])
      for (const target of [1, 2]) {
        await expect(dao.rollback(service, target))
          .to.be.revertedWithCustomError(registry, 'NotEarlierRelease')
          .withArgs(service, 1, target)
      }
      await expect(dao.rollback(service, 3))
        .to.be.revertedWithCustomError(registry, 'UnexpectedStatus')
        .withArgs(service, 3, STATUS.deprecated, 1n << STATUS.released)
      await publish(1)
      await expect(dao.rollback(service, 4))
        .to.be.revertedWithCustomError(registry, 'UnexpectedStatus')
        .withArgs(service, 4, STATUS.accepted, 1n << STATUS.released)
      await expect(dao.rollback(service, 5)).to.be.revertedWithCustomError(registry, 'UnknownVersion')
    })

    it('end by deprecation, for good', async () => {
      const { registry, releaser, service, publish, ethers } = await createRegistry()
      await publish(3)
      const dao = registry.connect(releaser)
      const reason = ethers.encodeBytes32String('backdoor')
      await dao.release(service, 1)
      await dao.release(service, 2)
      await dao.deprecate(service, 1, reason)
      expect(await registry.currentVersion(service)).to.equal(2)
      await expect(dao.deprecate(service, 2, reason))
        .to.emit(registry, 'VersionDeprecated')
        .withArgs(service, 2, reason)
      await expect(registry.currentVersion(service)).to.be.revertedWithCustomError(registry, 'NoReleasedVersion')
      await dao.deprecate(service, 3, reason)
      await expect(dao.deprecate(service, 3, reason))
        .to.be.revertedWithCustomError(registry, 'UnexpectedStatus')
        .withArgs(service, 3, STATUS.deprecated, 0b110n)
      await expect(dao.deprecate(service, 4, reason)).to.be.revertedWithCustomError(registry, 'UnknownVersion')
    })
  })
})

// SPDX-License-Identifier: GPL-3.0-or-later

import { expect } from 'chai'
import { network } from 'hardhat'
import { accountsOf, fieldsOf } from '../governance/accounts.ts'

const STATUS = { proposed: 1n, accepted: 2n, released: 3n, deprecated: 4n }
const FIELD_ORDER = 21888242871839275222246405745257275088548364400416034343698204186575808495617n
const CID = `0x0170${'12'.repeat(34)}`

/**
 * A registry whose service is an account with code that the test speaks for. What a LearningService itself writes is
 * tested with the rounds.
 */
async function createRegistry() {
  const { ethers, networkHelpers } = await network.create()
  const [admin, registrar, releaser, stranger] = await accountsOf(ethers)
  const registry = await ethers.deployContract('ModelRegistry', [admin])
  await registry.grantRole(await registry.REGISTRAR_ROLE(), registrar)
  await registry.grantRole(await registry.RELEASE_ROLE(), releaser)
  const speakFor = async () => {
    const account = await ethers.deployContract('CohortToken', [admin, [], []])
    const address = await account.getAddress()
    await networkHelpers.impersonateAccount(address)
    await networkHelpers.setBalance(address, 10n ** 20n)
    return await ethers.getSigner(address)
  }
  const service = await speakFor()
  await registry.connect(registrar).registerService(service)
  const commitment = (n: number) => ethers.toBeHex(n, 32)
  const publish = async (count: number, by = service) => {
    for (let i = 0; i < count; i++) await registry.connect(by).publish(1, i, commitment(i + 1), CID, 7)
  }
  return {
    ethers,
    networkHelpers,
    registry,
    admin,
    registrar,
    releaser,
    stranger,
    service,
    speakFor,
    commitment,
    publish,
  }
}

describe('ModelRegistry', () => {
  describe('services', () => {
    it('are registered once, by the registrar, and listed', async () => {
      const { registry, registrar, stranger, service, speakFor, ethers } = await createRegistry()
      const other = await speakFor()
      await expect(registry.connect(stranger).registerService(other))
        .to.be.revertedWithCustomError(registry, 'AccessControlUnauthorizedAccount')
        .withArgs(stranger.address, await registry.REGISTRAR_ROLE())
      await expect(registry.connect(registrar).registerService(other))
        .to.emit(registry, 'ServiceRegistered')
        .withArgs(other.address, 1)
      await expect(registry.connect(registrar).registerService(service))
        .to.be.revertedWithCustomError(registry, 'ServiceAlreadyRegistered')
        .withArgs(service.address)
      for (const codeless of [stranger.address, ethers.ZeroAddress]) {
        await expect(registry.connect(registrar).registerService(codeless))
          .to.be.revertedWithCustomError(registry, 'ServiceHasNoCode')
          .withArgs(codeless)
      }
      expect(await registry.serviceCount()).to.equal(2)
      expect([await registry.serviceAt(0), await registry.serviceAt(1)]).to.deep.equal([service.address, other.address])
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
    it('are proposed, then accepted by the members that voted', async () => {
      const { registry, service, commitment, ethers, networkHelpers } = await createRegistry()
      await expect(registry.connect(service).propose(3, 9, commitment(42), CID))
        .to.emit(registry, 'VersionProposed')
        .withArgs(service.address, 1, 3, 9, commitment(42), CID)
      expect((await registry.getVersion(service, 1)).status).to.equal(STATUS.proposed)
      const voters = (1n << 255n) | 0b1011n
      await expect(registry.connect(service).accept(1, voters))
        .to.emit(registry, 'VersionAccepted')
        .withArgs(service.address, 1, voters)
      const version = await registry.getVersion(service, 1)
      expect(fieldsOf(version)).to.deep.equal({
        epoch: 3n,
        round: 9n,
        updatedAt: BigInt(await networkHelpers.time.latest()),
        votes: 4n,
        status: STATUS.accepted,
        releaseOrder: 0n,
        weightsCommitment: commitment(42),
        cidHash: ethers.keccak256(CID),
      })
    })

    it('are published in one call, which tells the same story', async () => {
      const { registry, service, commitment } = await createRegistry()
      const publish = registry.connect(service).publish(1, 2, commitment(5), CID, 0b110)
      await expect(publish).to.emit(registry, 'VersionProposed').withArgs(service.address, 1, 1, 2, commitment(5), CID)
      await expect(publish).to.emit(registry, 'VersionAccepted').withArgs(service.address, 1, 0b110)
      const version = await registry.getVersion(service, 1)
      expect([version.status, version.votes]).to.deep.equal([STATUS.accepted, 2n])
      expect(await registry.versionCount(service)).to.equal(1)
    })

    it('count the votes of any bitmap of 256 members', async () => {
      const { registry, service, commitment, ethers } = await createRegistry()
      const bitmaps = [1n, 1n << 255n, (1n << 256n) - 1n, (1n << 256n) - 2n, (1n << 255n) - 1n]
      for (let i = 0; i < 24; i++) bitmaps.push(BigInt(ethers.id(`votes ${i}`)) >> BigInt(i * 9))
      for (const [i, voters] of bitmaps.entries()) {
        await registry.connect(service).publish(1, i, commitment(1), CID, voters)
        const expected = BigInt([...voters.toString(2)].filter((bit) => bit === '1').length)
        expect((await registry.getVersion(service, i + 1)).votes, voters.toString(16)).to.equal(expected)
      }
    })

    it('are refused from anyone but a registered service', async () => {
      const { registry, stranger, commitment } = await createRegistry()
      for (const attempt of [
        () => registry.connect(stranger).propose(1, 1, commitment(1), CID),
        () => registry.connect(stranger).publish(1, 1, commitment(1), CID, 1),
        () => registry.connect(stranger).accept(1, 1),
      ]) {
        await expect(attempt()).to.be.revertedWithCustomError(registry, 'UnknownService').withArgs(stranger.address)
      }
    })

    it('are refused with a commitment out of the field, a CID of the wrong size, or no votes', async () => {
      const { registry, service, commitment, ethers } = await createRegistry()
      const write = registry.connect(service)
      for (const bad of [0n, FIELD_ORDER, (1n << 256n) - 1n]) {
        await expect(write.propose(1, 1, ethers.toBeHex(bad, 32), CID))
          .to.be.revertedWithCustomError(registry, 'InvalidWeightsCommitment')
          .withArgs(ethers.toBeHex(bad, 32))
      }
      await write.propose(1, 1, ethers.toBeHex(FIELD_ORDER - 1n, 32), CID)
      for (const length of [0, 69]) {
        await expect(write.propose(1, 1, commitment(1), `0x${'ab'.repeat(length)}`))
          .to.be.revertedWithCustomError(registry, 'InvalidCidLength')
          .withArgs(length, 68)
      }
      await write.propose(1, 1, commitment(1), `0x${'ab'.repeat(68)}`)
      await expect(write.publish(1, 1, commitment(1), CID, 0))
        .to.be.revertedWithCustomError(registry, 'NoVotes')
        .withArgs(service.address, 3)
      await expect(write.accept(1, 0)).to.be.revertedWithCustomError(registry, 'NoVotes').withArgs(service.address, 1)
      expect(await registry.versionCount(service)).to.equal(2)
    })

    it('are accepted once', async () => {
      const { registry, service, publish } = await createRegistry()
      await publish(1)
      await expect(registry.connect(service).accept(1, 1))
        .to.be.revertedWithCustomError(registry, 'UnexpectedStatus')
        .withArgs(service.address, 1, STATUS.accepted, 1n << STATUS.proposed)
      await expect(registry.connect(service).accept(2, 1))
        .to.be.revertedWithCustomError(registry, 'UnknownVersion')
        .withArgs(service.address, 2, 1)
    })

    it('of two services do not mix', async () => {
      const { registry, registrar, service, speakFor, publish } = await createRegistry()
      const other = await speakFor()
      await registry.connect(registrar).registerService(other)
      await publish(2)
      await publish(1, other)
      expect(await registry.versionCount(service)).to.equal(2)
      expect(await registry.versionCount(other)).to.equal(1)
      await expect(registry.getVersion(other, 2)).to.be.revertedWithCustomError(registry, 'UnknownVersion')
    })

    it('are looked up without reverting', async () => {
      const { registry, releaser, service, stranger, publish, commitment, ethers } = await createRegistry()
      await publish(2)
      await registry.connect(releaser).release(service, 2)
      const lookUp = async (of: { address: string }, version: number) => [
        ...(await registry.lookUp(of.address, version)),
      ]
      expect(await lookUp(service, 1)).to.deep.equal([STATUS.accepted, commitment(1), 2n])
      expect(await lookUp(service, 2)).to.deep.equal([STATUS.released, commitment(2), 2n])
      expect(await lookUp(service, 3)).to.deep.equal([0n, ethers.ZeroHash, 2n])
      expect(await lookUp(stranger, 1)).to.deep.equal([0n, ethers.ZeroHash, 0n])
    })

    it('are listed a page at a time', async () => {
      const { registry, service, stranger, publish } = await createRegistry()
      await publish(5)
      const rounds = async (first: number, limit: number) =>
        (await registry.listVersions(service, first, limit)).map((version) => Number(version.round))
      expect(await rounds(1, 2)).to.deep.equal([0, 1])
      expect(await rounds(3, 100)).to.deep.equal([2, 3, 4])
      expect(await rounds(5, 0)).to.deep.equal([])
      for (const beyond of [0, 6]) {
        await expect(registry.listVersions(service, beyond, 1))
          .to.be.revertedWithCustomError(registry, 'UnknownVersion')
          .withArgs(service.address, beyond, 5)
      }
      await expect(registry.listVersions(stranger, 1, 1)).to.be.revertedWithCustomError(registry, 'UnknownService')
    })
  })

  describe('releases', () => {
    it('are the releaser’s alone', async () => {
      const { registry, admin, registrar, stranger, service, publish, ethers } = await createRegistry()
      await publish(1)
      for (const caller of [admin, registrar, stranger, service]) {
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
        .withArgs(service.address)
      await expect(registry.connect(releaser).release(service, 1))
        .to.emit(registry, 'VersionReleased')
        .withArgs(service.address, 1, 0)
      await expect(registry.connect(releaser).release(service, 2))
        .to.emit(registry, 'VersionReleased')
        .withArgs(service.address, 2, 1)
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
      await expect(dao.release(service, 2)).to.emit(registry, 'VersionReleased').withArgs(service.address, 2, 1)
      expect((await registry.getVersion(service, 2)).releaseOrder).to.equal(1)
      expect(await registry.listReleases(service)).to.deep.equal([2n, 1n, 2n])
      await expect(dao.release(service, 2))
        .to.be.revertedWithCustomError(registry, 'AlreadyCurrent')
        .withArgs(service.address, 2)
    })

    it('are refused for a version that the members did not accept, and for one that is deprecated', async () => {
      const { registry, releaser, service, commitment, publish, ethers, stranger } = await createRegistry()
      const dao = registry.connect(releaser)
      await registry.connect(service).propose(1, 1, commitment(1), CID)
      await publish(1)
      const expected = (1n << STATUS.accepted) | (1n << STATUS.released)
      await expect(dao.release(service, 1))
        .to.be.revertedWithCustomError(registry, 'UnexpectedStatus')
        .withArgs(service.address, 1, STATUS.proposed, expected)
      await dao.deprecate(service, 2, ethers.ZeroHash)
      await expect(dao.release(service, 2))
        .to.be.revertedWithCustomError(registry, 'UnexpectedStatus')
        .withArgs(service.address, 2, STATUS.deprecated, expected)
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
      await expect(dao.rollback(service, 1)).to.emit(registry, 'RolledBack').withArgs(service.address, 3, 1)
      expect(await registry.currentVersion(service)).to.equal(1)
      expect((await registry.getVersion(service, 3)).status).to.equal(STATUS.deprecated)
      expect(await registry.isReleased(service, 2)).to.equal(true)
      expect(await registry.listReleases(service)).to.deep.equal([1n, 2n, 3n, 1n])
      for (const target of [1, 2]) {
        await expect(dao.rollback(service, target))
          .to.be.revertedWithCustomError(registry, 'NotEarlierRelease')
          .withArgs(service.address, 1, target)
      }
      await expect(dao.rollback(service, 3))
        .to.be.revertedWithCustomError(registry, 'UnexpectedStatus')
        .withArgs(service.address, 3, STATUS.deprecated, 1n << STATUS.released)
    })

    it('end by deprecation, for good', async () => {
      const { registry, releaser, service, publish, commitment, ethers } = await createRegistry()
      await publish(2)
      await registry.connect(service).propose(1, 9, commitment(9), CID)
      const dao = registry.connect(releaser)
      const reason = ethers.encodeBytes32String('backdoor')
      await dao.release(service, 1)
      await dao.release(service, 2)
      await dao.deprecate(service, 1, reason)
      expect(await registry.currentVersion(service)).to.equal(2)
      await expect(dao.deprecate(service, 2, reason))
        .to.emit(registry, 'VersionDeprecated')
        .withArgs(service.address, 2, reason)
      await expect(registry.currentVersion(service)).to.be.revertedWithCustomError(registry, 'NoReleasedVersion')
      await dao.deprecate(service, 3, reason)
      await expect(dao.deprecate(service, 3, reason))
        .to.be.revertedWithCustomError(registry, 'UnexpectedStatus')
        .withArgs(service.address, 3, STATUS.deprecated, 0b1110n)
    })
  })
})

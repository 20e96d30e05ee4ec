// SPDX-License-Identifier: GPL-3.0-or-later

import { expect } from 'chai'
import { network } from 'hardhat'
import { accountsOf, fieldsOf } from '../governance/accounts.ts'
import { deployConstant, productCircuit } from '../inference/product-circuit.ts'
import { restored } from '../restored.ts'

const KIND = { none: 0, local: 1, ceremony: 2 }
const CID = `0x0155${'34'.repeat(34)}`

async function deployRegistry() {
  const { ethers, networkHelpers } = await network.create()
  const [admin, registrar, stranger] = await accountsOf(ethers)
  const registry = await ethers.deployContract('VerifierRegistry', [admin])
  await registry.grantRole(await registry.REGISTRAR_ROLE(), registrar)
  const circuit = await productCircuit()
  const verifier = await circuit.deployVerifier(admin)
  const address = await verifier.getAddress()
  return {
    ethers,
    networkHelpers,
    registry,
    dao: registry.connect(registrar),
    admin,
    registrar,
    stranger,
    circuit,
    address,
  }
}

const createRegistry = restored(deployRegistry)

describe('VerifierRegistry', () => {
  it('keeps a circuit’s verifier, key hash and the origin of the key', async () => {
    const { ethers, registry, dao, admin, circuit, address, networkHelpers } = await createRegistry()
    const ceremony = ethers.id('the same circuit, from a ceremony')
    await expect(dao.register(circuit.id, address, circuit.vkHash, KIND.local, '0x'))
      .to.emit(registry, 'VerifierRegistered')
      .withArgs(circuit.id, address, circuit.vkHash, KIND.local, '0x')
    const genuine = await (await circuit.deployVerifier(admin, 'ceremony')).getAddress()
    await dao.register(ceremony, genuine, circuit.vkHash, KIND.ceremony, CID)
    const record = await registry.getVerifier(ceremony)
    expect(fieldsOf(record)).to.deep.equal({
      verifier: genuine,
      setup: BigInt(KIND.ceremony),
      registeredAt: BigInt(await networkHelpers.time.latest()),
      revokedAt: 0n,
      vkHash: circuit.vkHash,
      transcriptHash: ethers.keccak256(CID),
      codeHash: ethers.keccak256(await ethers.provider.getCode(genuine)),
    })
    expect((await registry.getVerifier(circuit.id)).transcriptHash).to.equal(ethers.ZeroHash)
    expect(await registry.resolve(circuit.id)).to.equal(address)
    expect(await registry.circuitCount()).to.equal(2)
    expect([await registry.circuitAt(0), await registry.circuitAt(1)]).to.deep.equal([circuit.id, ceremony])
    await expect(registry.circuitAt(2)).to.be.revertedWithCustomError(registry, 'UnknownCircuitIndex').withArgs(2, 2)
  })

  it('is written once for each circuit, by the registrar', async () => {
    const { registry, dao, stranger, admin, circuit, address } = await createRegistry()
    await expect(registry.connect(stranger).register(circuit.id, address, circuit.vkHash, KIND.local, '0x'))
      .to.be.revertedWithCustomError(registry, 'AccessControlUnauthorizedAccount')
      .withArgs(stranger.address, await registry.REGISTRAR_ROLE())
    await dao.register(circuit.id, address, circuit.vkHash, KIND.local, '0x')
    const other = await (await circuit.deployVerifier(admin)).getAddress()
    await expect(dao.register(circuit.id, other, circuit.vkHash, KIND.local, '0x'))
      .to.be.revertedWithCustomError(registry, 'VerifierAlreadyRegistered')
      .withArgs(circuit.id, address)
    expect((await registry.getVerifier(circuit.id)).verifier).to.equal(address)
  })

  it('refuses what does not name a circuit, a contract, its key and the key’s origin', async () => {
    const { ethers, registry, dao, stranger, circuit, address } = await createRegistry()
    const wrong = ethers.id('another key')
    await expect(
      dao.register(ethers.ZeroHash, address, circuit.vkHash, KIND.local, '0x'),
    ).to.be.revertedWithCustomError(registry, 'ZeroCircuitId')
    await expect(dao.register(circuit.id, stranger, circuit.vkHash, KIND.local, '0x'))
      .to.be.revertedWithCustomError(registry, 'VerifierHasNoCode')
      .withArgs(stranger.address)
    await expect(dao.register(circuit.id, address, wrong, KIND.local, '0x'))
      .to.be.revertedWithCustomError(registry, 'VkHashMismatch')
      .withArgs(circuit.id, wrong, circuit.vkHash)
    await expect(dao.register(circuit.id, address, circuit.vkHash, KIND.none, '0x'))
      .to.be.revertedWithCustomError(registry, 'SetupKindMissing')
      .withArgs(circuit.id)
    for (const [kind, length] of [
      [KIND.local, 1],
      [KIND.ceremony, 0],
      [KIND.ceremony, 69],
    ] as const) {
      await expect(dao.register(circuit.id, address, circuit.vkHash, kind, `0x${'ab'.repeat(length)}`))
        .to.be.revertedWithCustomError(registry, 'InvalidTranscript')
        .withArgs(circuit.id, kind, length)
    }
    expect(await registry.circuitCount()).to.equal(0)
    for (const attempt of [() => registry.getVerifier(circuit.id), () => registry.resolve(circuit.id)]) {
      await expect(attempt()).to.be.revertedWithCustomError(registry, 'UnknownCircuit').withArgs(circuit.id)
    }
  })

  it('refuses a verifier that states no key', async () => {
    const { registry, dao, circuit, admin } = await createRegistry()
    const zero = `0x${'00'.repeat(32)}`
    await expect(dao.register(circuit.id, await deployConstant(admin, 0n), zero, KIND.local, '0x'))
      .to.be.revertedWithCustomError(registry, 'VkHashMismatch')
      .withArgs(circuit.id, zero, zero)
  })

  it('stops resolving when the verifier’s code is not what was registered', async () => {
    const { ethers, networkHelpers, registry, dao, circuit, address } = await createRegistry()
    await dao.register(circuit.id, address, circuit.vkHash, KIND.local, '0x')
    const before = ethers.keccak256(await ethers.provider.getCode(address))
    await networkHelpers.setCode(address, '0x600160005260206000f3')
    await expect(registry.resolve(circuit.id))
      .to.be.revertedWithCustomError(registry, 'VerifierCodeChanged')
      .withArgs(circuit.id, before, ethers.keccak256('0x600160005260206000f3'))
  })

  it('compares the origin of the key with what the verifier says of itself', async () => {
    const { registry, dao, circuit, address } = await createRegistry()
    await expect(dao.register(circuit.id, address, circuit.vkHash, KIND.ceremony, CID))
      .to.be.revertedWithCustomError(registry, 'SetupKindMismatch')
      .withArgs(circuit.id, KIND.ceremony, KIND.local)
  })

  it('revokes a circuit for good, by the registrar or the guardian', async () => {
    for (const role of ['REGISTRAR_ROLE', 'GUARDIAN_ROLE'] as const) {
      const { ethers, networkHelpers, registry, dao, stranger, circuit, address } = await createRegistry()
      await dao.register(circuit.id, address, circuit.vkHash, KIND.local, '0x')
      await expect(registry.connect(stranger).revoke(circuit.id))
        .to.be.revertedWithCustomError(registry, 'NotEmergencyRole')
        .withArgs(stranger.address)
      await registry.grantRole(await registry[role](), stranger)
      await expect(registry.connect(stranger).revoke(ethers.id('none'))).to.be.revertedWithCustomError(
        registry,
        'UnknownCircuit',
      )
      expect(await registry.isRevoked(circuit.id)).to.equal(false)
      await expect(registry.connect(stranger).revoke(circuit.id))
        .to.emit(registry, 'CircuitRevoked')
        .withArgs(circuit.id, stranger.address)
      const at = await networkHelpers.time.latest()
      expect(await registry.isRevoked(circuit.id)).to.equal(true)
      for (const attempt of [
        () => registry.resolve(circuit.id),
        () => registry.requireIntakeFor(circuit.id),
        () => dao.revoke(circuit.id),
      ]) {
        await expect(attempt()).to.be.revertedWithCustomError(registry, 'CircuitIsRevoked').withArgs(circuit.id, at)
      }
      await expect(dao.register(circuit.id, address, circuit.vkHash, KIND.local, '0x')).to.be.revertedWithCustomError(
        registry,
        'VerifierAlreadyRegistered',
      )
      expect((await registry.getVerifier(circuit.id)).verifier).to.equal(address)
    }
  })

  it('pauses intake for a fortnight at most, until it ends by itself or is ended', async () => {
    const { networkHelpers, registry, dao, stranger } = await createRegistry()
    await registry.requireIntake()
    await expect(
      registry.connect(stranger).pauseIntake((await networkHelpers.time.latest()) + 86_400),
    ).to.be.revertedWithCustomError(registry, 'NotEmergencyRole')
    const until = (await networkHelpers.time.latest()) + 14 * 86_400
    await expect(dao.pauseIntake(until + 2))
      .to.be.revertedWithCustomError(registry, 'PauseTooLong')
      .withArgs(until + 2, until + 1)
    await registry.grantRole(await registry.GUARDIAN_ROLE(), stranger)
    await registry.connect(stranger).pauseIntake(until)
    await expect(registry.requireIntake()).to.be.revertedWithCustomError(registry, 'IntakeIsPaused').withArgs(until)
    await dao.pauseIntake(0)
    await registry.requireIntake()
    await dao.pauseIntake(until)
    await networkHelpers.time.increaseTo(until)
    await registry.requireIntake()
  })

  it('needs an administrator to begin with', async () => {
    const { ethers, registry } = await createRegistry()
    await expect(ethers.deployContract('VerifierRegistry', [ethers.ZeroAddress])).to.be.revertedWithCustomError(
      registry,
      'ZeroAdmin',
    )
  })
})

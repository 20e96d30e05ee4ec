// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { createHub, WEIGHTS } from './hub.ts'
import { FORM, OUTPUT } from './output-schema.ts'
import { commitment, deployConstant } from './product-circuit.ts'

describe('InferenceHub models', () => {
  it('are registered by anyone, and never change', async () => {
    const { hub, stranger, service, described, circuit, ethers } = await createHub()
    await expect(hub.connect(stranger).registerModel(described(), service, 0, OUTPUT.label))
      .to.emit(hub, 'ModelBound')
      .withArgs(3, service, 0, circuit.id)
    expect(await hub.modelCount()).to.equal(3)
    const [given, deprecated, owner] = await hub.getModel(3)
    expect([given.modelHash, given.circuitHash, given.vkHash, given.uri]).to.deep.equal([
      ethers.ZeroHash,
      circuit.id,
      circuit.vkHash,
      'ipfs://card',
    ])
    expect([deprecated, owner]).to.deep.equal([false, stranger.address])
    expect(await hub.proofSystemOf(3)).to.equal(ethers.id('groth16-bn254-v1').slice(0, 10))
    expect(await hub.registry()).to.equal(await hub.getAddress())
  })

  it('say what their outputs are, for good', async () => {
    const { hub, service, described } = await createHub()
    await expect(hub.registerModel(described(), service, 0, { form: FORM.score, scale: 1000 }))
      .to.emit(hub, 'OutputStated')
      .withArgs(3, FORM.score, 1000)
    const { form, scale } = await hub.modelOf(3)
    expect([form, scale]).to.deep.equal([BigInt(FORM.score), 1000n])
    // A form that nobody states, a score in units of nothing, and a scale of what is no number.
    for (const schema of [
      { form: FORM.unstated, scale: 0 },
      { form: FORM.score, scale: 0 },
      { form: FORM.label, scale: 1 },
      { form: FORM.hash, scale: 1 },
    ]) {
      await expect(hub.registerModel(described(), service, 0, schema))
        .to.be.revertedWithCustomError(hub, 'OutputSchemaInvalid')
        .withArgs(schema.form, schema.scale)
    }
    expect(await hub.modelCount()).to.equal(3n)
  })

  it('follow the current release, or pin one version', async () => {
    const { hub, models, service, owner } = await createHub()
    expect(await hub.versionInForce(1)).to.equal(1)
    await models.release(service, 3)
    expect(await hub.versionInForce(1)).to.equal(3)
    expect(await hub.versionInForce(2)).to.equal(2)
    expect((await hub.getModel(2)).commitment.modelHash).to.equal(commitment(WEIGHTS[1]!))
    const model = await hub.modelOf(2)
    expect([model.service, model.pinned, model.owner]).to.deep.equal([service, 2n, owner.address])
  })

  it('are refused when they contradict the registries', async () => {
    const { hub, models, verifiers, keepers, service, described, circuit, ethers, stranger, CID } = await createHub()
    const wrong = ethers.id('wrong')
    await expect(hub.registerModel(described(undefined, { proofSystemId: '0x12345678' }), service, 0, OUTPUT.label))
      .to.be.revertedWithCustomError(hub, 'UnsupportedProofSystem')
      .withArgs('0x12345678')
    await expect(hub.registerModel(described(undefined, { uri: 'x'.repeat(257) }), service, 0, OUTPUT.label))
      .to.be.revertedWithCustomError(hub, 'UriTooLong')
      .withArgs(257, 256)
    await expect(hub.registerModel(described(undefined, { circuitHash: wrong }), service, 0, OUTPUT.label))
      .to.be.revertedWithCustomError(verifiers, 'UnknownCircuit')
      .withArgs(wrong)
    await expect(hub.registerModel(described(undefined, { vkHash: wrong }), service, 0, OUTPUT.label))
      .to.be.revertedWithCustomError(hub, 'VkHashMismatch')
      .withArgs(circuit.id, wrong, circuit.vkHash)
    await expect(hub.registerModel(described(), stranger, 0, OUTPUT.label))
      .to.be.revertedWithCustomError(models, 'UnknownService')
      .withArgs(stranger.address)
    await expect(hub.registerModel(described(wrong), service, 0, OUTPUT.label))
      .to.be.revertedWithCustomError(hub, 'ModelHashMismatch')
      .withArgs(service, 0, wrong, ethers.ZeroHash)
    await expect(hub.registerModel(described(wrong), service, 2, OUTPUT.label))
      .to.be.revertedWithCustomError(hub, 'ModelHashMismatch')
      .withArgs(service, 2, wrong, commitment(WEIGHTS[1]!))
    await keepers.publish(1, 9, commitment(11n), CID, 7)
    await models.deprecate(service, 4, ethers.ZeroHash)
    await expect(hub.registerModel(described(commitment(11n)), service, 4, OUTPUT.label))
      .to.be.revertedWithCustomError(hub, 'VersionNotUsable')
      .withArgs(3, 4)
    await models.deprecate(service, 2, ethers.ZeroHash)
    await expect(
      hub.registerModel(described(commitment(WEIGHTS[1]!)), service, 2, OUTPUT.label),
    ).to.be.revertedWithCustomError(hub, 'VersionNotUsable')
    expect(await hub.modelCount()).to.equal(2)
  })

  it('are withdrawn by their owner, once, and answer nothing after that', async () => {
    const { hub, owner, stranger } = await createHub()
    await expect(hub.connect(stranger).deprecateModel(1))
      .to.be.revertedWithCustomError(hub, 'NotModelOwner')
      .withArgs(1, stranger.address)
    await expect(hub.connect(owner).deprecateModel(1)).to.emit(hub, 'ModelDeprecated').withArgs(1)
    expect((await hub.getModel(1)).deprecated).to.equal(true)
    for (const attempt of [() => hub.connect(owner).deprecateModel(1), () => hub.versionInForce(1)]) {
      await expect(attempt()).to.be.revertedWithCustomError(hub, 'VerificationRefusedModelDeprecated').withArgs(1)
    }
  })

  it('that nobody registered are named in the error', async () => {
    const { hub, owner } = await createHub()
    for (const attempt of [
      () => hub.getModel(3),
      () => hub.modelOf(0),
      () => hub.proofSystemOf(9),
      () => hub.versionInForce(9),
      () => hub.connect(owner).deprecateModel(9),
    ]) {
      await expect(attempt()).to.be.revertedWithCustomError(hub, 'ModelNotFound')
    }
  })

  it('have no version in force before the first release', async () => {
    const { hub, models, service, ethers } = await createHub()
    await models.deprecate(service, 1, ethers.ZeroHash)
    await expect(hub.versionInForce(1)).to.be.revertedWithCustomError(models, 'NoReleasedVersion').withArgs(service)
  })

  it('cannot be bound to a verifier with replaced code', async () => {
    const { hub, verifiers, service, described, circuit, networkHelpers, dao, ethers } = await createHub()
    const constant = await deployConstant(dao, 1n)
    const { verifier } = await verifiers.getVerifier(circuit.id)
    await networkHelpers.setCode(verifier, await ethers.provider.getCode(constant))
    await expect(hub.registerModel(described(), service, 0, OUTPUT.label)).to.be.revertedWithCustomError(
      verifiers,
      'VerifierCodeChanged',
    )
  })

  it('announce the interfaces', async () => {
    const { hub, ethers } = await createHub()
    const id = (signatures: string[]) =>
      ethers.toBeHex(
        signatures.reduce((sum, signature) => sum ^ BigInt(ethers.id(signature).slice(0, 10)), 0n),
        4,
      )
    const erc7992 = id(['verifyInference(uint256,bytes32,bytes,bytes)', 'proofSystemOf(uint256)', 'registry()'])
    expect(await hub.supportsInterface(erc7992)).to.equal(true)
    expect(await hub.supportsInterface(id(['withdraw(address,address)', 'balanceOf(address)']))).to.equal(true)
    expect(await hub.supportsInterface('0x01ffc9a7')).to.equal(true)
    expect(await hub.supportsInterface('0xffffffff')).to.equal(false)
  })
})

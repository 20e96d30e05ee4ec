// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { ContractFactory } from 'ethers'
import { compile } from '../../../scripts/solc.ts'
import { type Batch, honestBatch, swapped } from './batch.ts'
import { deployConsumer } from './consumers.ts'
import { createHub, HOUR, type Hub, INPUT, PRICE, WEIGHTS } from './hub.ts'
import { OUTPUT } from './output-schema.ts'
import { BASE_ORDER, FIELD_ORDER, type Proof, productCircuit, rerandomise } from './product-circuit.ts'

const send = ({ hub, user }: Hub, { inputs, outputs, proofs, ticket }: Batch, modelId = 1, by = user) =>
  hub.connect(by).verifyInferenceBatch(modelId, inputs, outputs, proofs, ticket)

const invalidIn = ({ hub, user }: Hub, { inputs, outputs, proofs, ticket }: Batch) =>
  hub.findInvalid(user, 1, inputs, outputs, proofs, ticket)

describe('InferenceHub batch verification', () => {
  it('accepts and records eight inferences at once; each could also be sent alone', async () => {
    const world = await createHub()
    const { hub, user, word } = world
    const batch = await honestBatch(world, 8)
    expect(await invalidIn(world, batch)).to.equal(0n)
    const { inputs, outputs, ticket, proofs } = batch
    const alone = { ...ticket, nonce: await hub.batchNonce(ticket.nonce, 7) }
    await hub
      .connect(user)
      .verifyInference.staticCall(1, inputs[7]!, word(outputs[7]!), world.encode(proofs[7]!, alone))
    const sent = await send(world, batch)
    for (const [i, input] of inputs.entries()) {
      await expect(sent).to.emit(hub, 'InferenceVerified').withArgs(1, input, word(outputs[i]!), user.address)
      const id = await hub.directRequestId(user.address, await hub.batchNonce(ticket.nonce, i))
      expect(await hub.isVerified(id)).to.equal(true)
    }
  })

  it('refuses a batch again, under re-randomised proofs too, and an item of it alone', async () => {
    const world = await createHub()
    const { hub, user, word } = world
    const batch = await honestBatch(world, 2)
    const changed = { ...batch, proofs: await Promise.all(batch.proofs.map((proof) => rerandomise(proof))) }
    await send(world, changed)
    for (const replay of [batch, changed]) {
      await expect(send(world, replay)).to.be.revertedWithCustomError(hub, 'AlreadyVerified')
    }
    const alone = { ...batch.ticket, nonce: await hub.batchNonce(batch.ticket.nonce, 1) }
    const bytes = world.encode(batch.proofs[1]!, alone)
    await expect(hub.connect(user).verifyInference(1, batch.inputs[1]!, word(batch.outputs[1]!), bytes))
      .to.be.revertedWithCustomError(hub, 'AlreadyVerified')
      .withArgs(await hub.directRequestId(user.address, alone.nonce))
  })

  it('refuses eight with a bad one at any place; findInvalid names only that one', async () => {
    const world = await createHub()
    const batch = await honestBatch(world, 8)
    for (let bad = 0; bad < 8; bad++) {
      const outputs = batch.outputs.map((output, i) => (i === bad ? output + 1n : output))
      await expect(send(world, { ...batch, outputs })).to.be.revertedWithCustomError(world.hub, 'InvalidProof')
      expect(await invalidIn(world, { ...batch, outputs })).to.equal(1n << BigInt(bad))
    }
    await send(world, batch)
  })

  it('refuses forged proofs with errors that cancel each other', async () => {
    const world = await createHub()
    const batch = await honestBatch(world, 4)
    const [one, two, ...rest] = batch.proofs as [Proof, Proof, ...Proof[]]
    const { inputs, outputs } = batch
    // Each keeps the plain (unweighted) sum of what it changes, so only the coefficients tell.
    const forgeries: Partial<Batch>[] = [
      { proofs: [{ ...one, c: two.c }, { ...two, c: one.c }, ...rest] },
      { proofs: [{ ...one, a: two.a, b: two.b }, { ...two, a: one.a, b: one.b }, ...rest] },
      { outputs: [outputs[0]! + 1n, outputs[1]! - 1n, ...outputs.slice(2)] },
      { outputs: swapped(outputs, 0, 1) },
      { inputs: swapped(inputs, 0, 1) },
    ]
    for (const forgery of forgeries) {
      const forged = { ...batch, ...forgery }
      await expect(send(world, forged)).to.be.revertedWithCustomError(world.hub, 'InvalidProof')
      expect(await invalidIn(world, forged)).to.equal(0b11n)
    }
    await send(world, batch)
  })

  it('refuses items in another order: each proof is bound to its place', async () => {
    const world = await createHub()
    const { inputs, outputs, proofs, ticket } = await honestBatch(world, 3)
    const order = { inputs: swapped(inputs, 0, 2), outputs: swapped(outputs, 0, 2), proofs: swapped(proofs, 0, 2) }
    await expect(send(world, { ...order, ticket })).to.be.revertedWithCustomError(world.hub, 'InvalidProof')
  })

  it('refuses a batch with any one field of the context changed', async () => {
    const world = await createHub()
    const { hub, stranger, owner, service, described, models, verifiers, ethers, word } = world
    const batch = await honestBatch(world, 2)
    await hub.connect(owner).registerModel(described(), service, 0, OUTPUT.label)
    const twin = await ethers.deployContract('InferenceHub', [models, verifiers])
    await twin.connect(owner).registerModel(described(), service, 0, OUTPUT.label)
    const { ticket } = batch
    const attempts = {
      caller: () => send(world, batch, 1, stranger),
      'request id': () => send(world, { ...batch, ticket: { ...ticket, nonce: word(1) } }),
      model: () => send(world, batch, 3),
      deadline: () => send(world, { ...batch, ticket: { ...ticket, deadline: ticket.deadline + 1n } }),
      hub: () => send({ ...world, hub: twin }, batch),
    }
    for (const [field, attempt] of Object.entries(attempts)) {
      await expect(attempt(), field).to.be.revertedWithCustomError(hub, 'InvalidProof')
    }
    await models.release(service, 2)
    await expect(
      send(world, { ...batch, ticket: { ...ticket, version: 2n } }),
      'version',
    ).to.be.revertedWithCustomError(hub, 'InvalidProof')
  })

  it('refuses coordinates and signals out of their fields, and a proof of another circuit', async () => {
    const world = await createHub()
    const { hub, word } = world
    const batch = await honestBatch(world, 2)
    const [one, two] = batch.proofs as [Proof, Proof]
    const forged: Proof[] = [
      { ...two, a: [two.a[0] + BASE_ORDER, two.a[1]] },
      { ...two, b: [two.b[0], [two.b[1][0], two.b[1][1] + BASE_ORDER]] },
      { ...two, c: [two.c[0], two.c[1] + BASE_ORDER] },
      { ...two, c: [two.c[0], two.c[1] + 1n] },
      await (await productCircuit('link')).prove(3n, 11n, await hub.contextOf(word(0), hub, 1, 1, 1)),
    ]
    for (const proof of forged) {
      const attempt = send(world, { ...batch, proofs: [one, proof] })
      await expect(attempt).to.be.revertedWithCustomError(hub, 'InvalidProof')
    }
    const inputs = [batch.inputs[0]!, word(BigInt(batch.inputs[1]!) + FIELD_ORDER)]
    await expect(send(world, { ...batch, inputs }))
      .to.be.revertedWithCustomError(hub, 'SignalOutOfField')
      .withArgs(1, inputs[1]!)
    const outputs = [batch.outputs[0]! + FIELD_ORDER, batch.outputs[1]!]
    await expect(send(world, { ...batch, outputs }))
      .to.be.revertedWithCustomError(hub, 'SignalOutOfField')
      .withArgs(2, outputs[0]!)
  })

  it('refuses empty batches, too large ones and lists of different lengths', async () => {
    const world = await createHub()
    const { hub } = world
    const batch = await honestBatch(world, 2)
    const empty = { ...batch, inputs: [], outputs: [], proofs: [] }
    await expect(send(world, empty)).to.be.revertedWithCustomError(hub, 'BatchSizeInvalid').withArgs(0, 64)
    const many = <T>(list: T[]): T[] => Array.from({ length: 65 }, () => list[0]!)
    const large = { ...batch, inputs: many(batch.inputs), outputs: many(batch.outputs), proofs: many(batch.proofs) }
    await expect(send(world, large)).to.be.revertedWithCustomError(hub, 'BatchSizeInvalid').withArgs(65, 64)
    await expect(send(world, { ...batch, inputs: batch.inputs.slice(1) }))
      .to.be.revertedWithCustomError(hub, 'BatchLengthsDiffer')
      .withArgs(1, 2, 2)
    await expect(invalidIn(world, { ...batch, outputs: batch.outputs.slice(1) }))
      .to.be.revertedWithCustomError(hub, 'BatchLengthsDiffer')
      .withArgs(2, 1, 2)
  })

  it('refuses a batch after its deadline, about a version not in force, or about a withdrawn model', async () => {
    const world = await createHub()
    const { hub, owner, models, service, networkHelpers, ethers } = world
    const pinned = await honestBatch(world, 2, WEIGHTS[1]!, 2, 2n)
    await models.deprecate(service, 2, ethers.ZeroHash)
    await expect(send(world, pinned, 2))
      .to.be.revertedWithCustomError(hub, 'VersionNotUsable')
      .withArgs(2, 2)
    const batch = await honestBatch(world, 2)
    await models.release(service, 3)
    await expect(send(world, batch)).to.be.revertedWithCustomError(hub, 'NotVersionInForce').withArgs(1, 1, 3)
    await hub.connect(owner).deprecateModel(1)
    await expect(send(world, batch)).to.be.revertedWithCustomError(hub, 'VerificationRefusedModelDeprecated')
    await networkHelpers.time.increaseTo(batch.ticket.deadline)
    await expect(send(world, batch)).to.be.revertedWithCustomError(hub, 'DeadlinePassed')
  })

  it('asks a verifier that has no batch for each proof alone', async () => {
    const world = await createHub()
    const { hub, verifiers, circuit, dao, networkHelpers, ethers } = world
    const batch = await honestBatch(world, 3)
    // In the registered verifier's place, one that passes single proofs on to it and knows nothing else. The registry
    // would notice the exchange, so a second registry holds it.
    const { Single } = compile(
      `// SPDX-License-Identifier: MIT
      pragma solidity ^0.8.28;
      interface I { function verifyProof(uint256[2] calldata, uint256[2][2] calldata, uint256[2] calldata,
        uint256[4] calldata) external view returns (bool); function vkHash() external view returns (bytes32); }
      contract Single {
        I immutable INNER;
        constructor(I inner) { INNER = inner; }
        uint8 public constant SETUP_KIND = 1;
        function vkHash() external view returns (bytes32) { return INNER.vkHash(); }
        function verifyProof(uint256[2] calldata a, uint256[2][2] calldata b, uint256[2] calldata c,
          uint256[4] calldata s) external view returns (bool) { return INNER.verifyProof(a, b, c, s); }
      }`,
      { quick: true },
    )
    const { verifier } = await verifiers.getVerifier(circuit.id)
    const single = await new ContractFactory(Single!.abi, Single!.bytecode, dao).deploy(verifier)
    const other = await ethers.deployContract('VerifierRegistry', [dao])
    await other.grantRole(await other.REGISTRAR_ROLE(), dao)
    await other.register(circuit.id, single, circuit.vkHash, 1, '0x')
    const immutables = await ethers.deployContract('InferenceHub', [world.models, other])
    // The same address, so that the proofs' contexts hold.
    await networkHelpers.setCode(await hub.getAddress(), await ethers.provider.getCode(immutables))
    const outputs = [...batch.outputs.slice(0, 2), batch.outputs[2]! + 1n]
    await expect(send(world, { ...batch, outputs })).to.be.revertedWithCustomError(hub, 'InvalidProof')
    await send(world, batch)
  })
})

describe('InferenceHub batches of answers', () => {
  const answerAll = async (world: Hub, ids: string[], by = world.prover) => {
    const answers = []
    for (const id of ids) answers.push(await world.answer(id, by))
    return { outputs: answers.map(({ output }) => output), proofs: answers.map(({ proof }) => proof) }
  }

  it('settle and pay several requests, of several models of one circuit, and call back', async () => {
    const world = await createHub()
    const { hub, prover, dao, networkHelpers, ask, word } = world
    const ids = [await ask(), await ask({ modelId: 2, price: 5n })]
    const consumer = await deployConsumer('Asker', await hub.getAddress(), dao)
    await consumer.ask(1, INPUT, (await networkHelpers.time.latest()) + HOUR, 100_000, PRICE)
    ids.push(word(3))
    const { outputs, proofs } = await answerAll(world, ids)
    const fulfilment = hub.connect(prover).fulfilBatch(ids, outputs, proofs)
    for (const [i, id] of ids.entries()) {
      const [modelId, version] = i === 1 ? [2, 2] : [1, 1]
      await expect(fulfilment)
        .to.emit(hub, 'InferenceFulfilled')
        .withArgs(id, modelId, prover.address, version, outputs[i]!, i === 2)
      expect([...(await hub.resultOf(id))]).to.deep.equal([BigInt(version), outputs[i]!])
    }
    expect(await hub.balanceOf(prover)).to.equal(2n * PRICE + 5n)
    expect([await consumer.calls(), await consumer.output()]).to.deep.equal([1n, outputs[2]!])
  })

  it('pay nothing when one proof is bad, a request is given twice, answered before or expired', async () => {
    const world = await createHub()
    const { hub, prover, stranger, ask, networkHelpers } = world
    const ids = [await ask(), await ask()]
    const { outputs, proofs } = await answerAll(world, ids)
    const send = (requestIds = ids, given = outputs, by = prover) =>
      hub.connect(by).fulfilBatch(requestIds, given, proofs)
    await expect(send(ids, [outputs[0]!, outputs[1]! + 1n])).to.be.revertedWithCustomError(hub, 'InvalidProof')
    await expect(send(ids, [outputs[0]!, FIELD_ORDER])).to.be.revertedWithCustomError(hub, 'SignalOutOfField')
    await expect(send(ids.toReversed())).to.be.revertedWithCustomError(hub, 'InvalidProof')
    await expect(send(ids, outputs, stranger)).to.be.revertedWithCustomError(hub, 'InvalidProof')
    await expect(send([ids[0]!, ids[0]!]))
      .to.be.revertedWithCustomError(hub, 'RequestNotOpen')
      .withArgs(ids[0], 3)
    await expect(hub.connect(prover).fulfilBatch(ids, outputs, proofs.slice(1)))
      .to.be.revertedWithCustomError(hub, 'BatchLengthsDiffer')
      .withArgs(2, 2, 1)
    await expect(hub.connect(prover).fulfilBatch([], [], [])).to.be.revertedWithCustomError(hub, 'BatchSizeInvalid')
    expect(await hub.balanceOf(prover)).to.equal(0n)
    await hub.connect(prover).fulfil(ids[1]!, outputs[1]!, proofs[1]!)
    await expect(send()).to.be.revertedWithCustomError(hub, 'RequestNotOpen').withArgs(ids[1], 3)
    await networkHelpers.time.increase(HOUR + 1)
    await expect(send()).to.be.revertedWithCustomError(hub, 'RequestNotOpen').withArgs(ids[0], 2)
    await hub.refund(ids[0]!)
    expect(await hub.balanceOf(prover)).to.equal(PRICE)
  })

  it('must be about one circuit', async () => {
    const world = await createHub()
    const { hub, owner, prover, dao, verifiers, service, described, ask, circuit } = world
    const link = await productCircuit('link')
    await verifiers.register(link.id, await (await link.deployVerifier(dao)).getAddress(), link.vkHash, 1, '0x')
    await hub
      .connect(owner)
      .registerModel(described(undefined, { circuitHash: link.id, vkHash: link.vkHash }), service, 0, OUTPUT.label)
    const ids = [await ask(), await ask({ modelId: 3 })]
    const { outputs, proofs } = await answerAll(world, ids)
    await expect(hub.connect(prover).fulfilBatch(ids, outputs, proofs))
      .to.be.revertedWithCustomError(hub, 'BatchOfOneCircuit')
      .withArgs(ids[1], link.id, circuit.id)
  })

  it('of consumers that misbehave cost nobody else anything', async () => {
    const world = await createHub()
    const { hub, dao, prover, networkHelpers, word } = world
    const deadline = (await networkHelpers.time.latest()) + HOUR
    const honest = await deployConsumer('Asker', await hub.getAddress(), dao)
    const hostile = await deployConsumer('Reenterer', await hub.getAddress(), dao)
    for (const name of ['Reverter', 'Bomber'] as const) {
      await (await deployConsumer(name, await hub.getAddress(), dao)).ask(1, INPUT, deadline, 300_000, PRICE)
    }
    await hostile.ask(1, INPUT, deadline, 1_500_000, PRICE)
    await honest.ask(1, INPUT, deadline, 100_000, PRICE)
    const ids = [1, 2, 3, 4].map(word)
    const { outputs, proofs } = await answerAll(world, ids)
    await hostile.arm(proofs[3]!)
    await hub.connect(prover).fulfilBatch(ids, outputs, proofs)
    expect(await hostile.paidAgain()).to.equal(false)
    expect(await hostile.answeredAgain()).to.equal(false)
    expect(await honest.calls()).to.equal(1n)
    expect(await hub.balanceOf(prover)).to.equal(4n * PRICE)
  })
})

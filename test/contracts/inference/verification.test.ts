// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { createHub, FEATURE, type Hub, INPUT, WEIGHTS } from './hub.ts'
import { FORM } from './output-schema.ts'
import {
  BASE_ORDER,
  commitment,
  deployConstant,
  FIELD_ORDER,
  type Proof,
  productCircuit,
  rerandomise,
} from './product-circuit.ts'

const OUTPUT = WEIGHTS[0]! * FEATURE
const LABEL = { form: FORM.label, scale: 0 }

/** A direct verification by `user` that holds, ready to be spoilt. */
async function honest(world: Hub, modelId = 1, weight = WEIGHTS[0]!, version = 1n) {
  const ticket = await world.ticket({ version })
  const context = await world.contextFor(world.user.address, modelId, ticket)
  const proof = await world.circuit.prove(weight, FEATURE, context)
  return { ticket, context, proof, output: world.word(weight * FEATURE), bytes: world.encode(proof, ticket) }
}

describe('InferenceHub direct verification', () => {
  it('accepts a proof about the version in force and records it', async () => {
    const world = await createHub()
    const { hub, user } = world
    const { ticket, bytes, output } = await honest(world)
    const id = await hub.directRequestId(user.address, ticket.nonce)
    expect(await hub.isVerified(id)).to.equal(false)
    await expect(hub.connect(user).verifyInference(1, INPUT, output, bytes))
      .to.emit(hub, 'InferenceVerified')
      .withArgs(1, INPUT, output, user.address)
    expect(await hub.isVerified(id)).to.equal(true)
  })

  it('accepts a proof about a pinned version that is accepted but not released', async () => {
    const world = await createHub()
    const { bytes, output } = await honest(world, 2, WEIGHTS[1]!, 2n)
    await world.hub.connect(world.user).verifyInference(2, INPUT, output, bytes)
  })

  it('builds the context as the specification says', async () => {
    const { hub, user, ethers, word } = await createHub()
    const encoded = ethers.AbiCoder.defaultAbiCoder().encode(
      ['bytes32', 'uint256', 'address', 'bytes32', 'address', 'uint256', 'uint64', 'uint64'],
      [
        ethers.id('cohort.inference.context.v1'),
        (await ethers.provider.getNetwork()).chainId,
        await hub.getAddress(),
        word(9),
        user.address,
        1,
        2,
        3,
      ],
    )
    const context = await hub.contextOf(word(9), user, 1, 2, 3)
    expect(context).to.equal(BigInt(ethers.keccak256(encoded)) >> 8n)
    expect(context < 1n << 248n).to.equal(true)
  })

  it('refuses the same request again, even under another proof of the same statement', async () => {
    const world = await createHub()
    const { hub, user } = world
    const { ticket, context, bytes, output, proof } = await honest(world)
    const other = await world.circuit.prove(WEIGHTS[0]!, FEATURE, context)
    expect(other.a[0]).to.not.equal(proof.a[0], 'Groth16 proofs are randomised')
    await hub.connect(user).verifyInference(1, INPUT, output, bytes)
    const id = await hub.directRequestId(user.address, ticket.nonce)
    for (const replay of [bytes, world.encode(other, ticket), world.encode(await rerandomise(proof), ticket)]) {
      await expect(hub.connect(user).verifyInference(1, INPUT, output, replay))
        .to.be.revertedWithCustomError(hub, 'AlreadyVerified')
        .withArgs(id)
    }
  })

  it('accepts a proof that somebody re-randomised, once', async () => {
    const world = await createHub()
    const { hub, user } = world
    const { ticket, bytes, output, proof } = await honest(world)
    const changed = world.encode(await rerandomise(proof), ticket)
    expect(changed).to.not.equal(bytes)
    await hub.connect(user).verifyInference(1, INPUT, output, changed)
    await expect(hub.connect(user).verifyInference(1, INPUT, output, bytes)).to.be.revertedWithCustomError(
      hub,
      'AlreadyVerified',
    )
  })

  it('refuses a proof of another circuit, though it says the same of the same signals', async () => {
    const world = await createHub()
    const { hub, user, word } = world
    const { ticket, context } = await honest(world)
    // Zero has the same product and square: all four signals are equal, only the circuit differs.
    const [mine, foreign] = [world.circuit, await productCircuit('link')]
    expect(mine.resultOf(WEIGHTS[0]!, 0n)).to.equal(foreign.resultOf(WEIGHTS[0]!, 0n))
    const send = async (circuit: typeof mine) =>
      hub
        .connect(user)
        .verifyInference(1, word(0), word(0), world.encode(await circuit.prove(WEIGHTS[0]!, 0n, context), ticket))
    await expect(send(foreign)).to.be.revertedWithCustomError(hub, 'InvalidProof')
    await send(mine)
  })

  it('refuses a proof with any one field of the context changed', async () => {
    const world = await createHub()
    const { hub, user, stranger, owner, service, described, word } = world
    const { ticket, proof, bytes, output } = await honest(world)
    await hub.connect(owner).registerModel(described(), service, 0, LABEL)
    const send = (changes: object) => world.encode(proof, { ...ticket, ...changes })
    const attempts = {
      caller: () => hub.connect(stranger).verifyInference(1, INPUT, output, bytes),
      'request id': () => hub.connect(user).verifyInference(1, INPUT, output, send({ nonce: word(1) })),
      model: () => hub.connect(user).verifyInference(3, INPUT, output, bytes),
      deadline: () => hub.connect(user).verifyInference(1, INPUT, output, send({ deadline: ticket.deadline + 1n })),
    }
    for (const [field, attempt] of Object.entries(attempts)) {
      await expect(attempt(), field).to.be.revertedWithCustomError(hub, 'InvalidProof')
    }
    await hub.connect(user).verifyInference(1, INPUT, output, bytes)
  })

  it('refuses a proof made for another hub', async () => {
    const world = await createHub()
    const { ethers, models, verifiers, user, owner, service, described } = world
    const { bytes, output } = await honest(world)
    const twin = await ethers.deployContract('InferenceHub', [models, verifiers])
    await twin.connect(owner).registerModel(described(), service, 0, LABEL)
    await expect(twin.connect(user).verifyInference(1, INPUT, output, bytes)).to.be.revertedWithCustomError(
      twin,
      'InvalidProof',
    )
  })

  it('refuses another output, another input and another model’s weights', async () => {
    const world = await createHub()
    const { hub, user, word, ticket, contextFor, circuit, encode } = world
    const { bytes, output } = await honest(world)
    for (const [input, result] of [
      [INPUT, word(OUTPUT + 1n)],
      [commitment(5n), output],
    ] as const) {
      await expect(hub.connect(user).verifyInference(1, input, result, bytes)).to.be.revertedWithCustomError(
        hub,
        'InvalidProof',
      )
    }
    // An honest proof, but about version 2's weights, submitted as version 1.
    const given = await ticket()
    const foreign = await circuit.prove(WEIGHTS[1]!, FEATURE, await contextFor(user.address, 1, given))
    await expect(
      hub.connect(user).verifyInference(1, INPUT, word(WEIGHTS[1]! * FEATURE), encode(foreign, given)),
    ).to.be.revertedWithCustomError(hub, 'InvalidProof')
  })

  it('refuses signals out of the field, though they are congruent to the right ones', async () => {
    const world = await createHub()
    const { hub, user, word } = world
    const { bytes, output } = await honest(world)
    await expect(hub.connect(user).verifyInference(1, word(BigInt(INPUT) + FIELD_ORDER), output, bytes))
      .to.be.revertedWithCustomError(hub, 'SignalOutOfField')
      .withArgs(1, BigInt(INPUT) + FIELD_ORDER)
    await expect(hub.connect(user).verifyInference(1, INPUT, word(OUTPUT + FIELD_ORDER), bytes))
      .to.be.revertedWithCustomError(hub, 'SignalOutOfField')
      .withArgs(2, OUTPUT + FIELD_ORDER)
  })

  it('refuses coordinates out of the field, and points that are not on the curve', async () => {
    const world = await createHub()
    const { hub, user, encode } = world
    const { proof, ticket, output } = await honest(world)
    const { a, b, c } = proof
    const forgeries = [
      ...[0, 1, 2, 3].map((at) => {
        const spoilt = structuredClone(b)
        spoilt[at >> 1]![at & 1]! += BASE_ORDER
        return { ...proof, b: spoilt }
      }),
      { ...proof, c: [c[0] + BASE_ORDER, c[1]] },
      { ...proof, a: [a[0] + BASE_ORDER, a[1]] },
      { ...proof, a: [a[0], a[1] + BASE_ORDER] },
      { ...proof, c: [c[0], c[1] + BASE_ORDER] },
      { ...proof, a: [a[0], a[1] + 1n] },
      { ...proof, a: c, c: a },
      {
        a: [0n, 0n],
        b: [
          [0n, 0n],
          [0n, 0n],
        ],
        c: [0n, 0n],
      },
    ] as Proof[]
    for (const forgery of forgeries) {
      const attempt = hub.connect(user).verifyInference(1, INPUT, output, encode(forgery, ticket))
      await expect(attempt).to.be.revertedWithCustomError(hub, 'InvalidProof')
    }
    await hub.connect(user).verifyInference(1, INPUT, output, encode(proof, ticket))
  })

  it('refuses output and proof bytes of the wrong length', async () => {
    const world = await createHub()
    const { hub, user } = world
    const { bytes, output } = await honest(world)
    for (const bad of ['0x', `${output}00`]) {
      await expect(hub.connect(user).verifyInference(1, INPUT, bad, bytes))
        .to.be.revertedWithCustomError(hub, 'OutputLengthInvalid')
        .withArgs((bad.length - 2) / 2, 32)
    }
    for (const bad of ['0x', `${bytes}00`, bytes.slice(0, -2)]) {
      await expect(hub.connect(user).verifyInference(1, INPUT, output, bad))
        .to.be.revertedWithCustomError(hub, 'ProofLengthInvalid')
        .withArgs((bad.length - 2) / 2, 352)
    }
  })

  it('refuses a proof after its deadline', async () => {
    const world = await createHub()
    const { hub, user, networkHelpers } = world
    const { bytes, output, ticket } = await honest(world)
    await networkHelpers.time.increaseTo(ticket.deadline)
    await expect(hub.connect(user).verifyInference(1, INPUT, output, bytes))
      .to.be.revertedWithCustomError(hub, 'DeadlinePassed')
      .withArgs(ticket.deadline, ticket.deadline + 1n)
  })

  it('refuses a version before and after it is in force', async () => {
    const world = await createHub()
    const { hub, user, models, service } = world
    const { bytes, output } = await honest(world)
    await models.release(service, 2)
    await expect(hub.connect(user).verifyInference(1, INPUT, output, bytes))
      .to.be.revertedWithCustomError(hub, 'NotVersionInForce')
      .withArgs(1, 1, 2)
    const early = await honest(world, 1, WEIGHTS[2]!, 3n)
    await expect(hub.connect(user).verifyInference(1, INPUT, early.output, early.bytes))
      .to.be.revertedWithCustomError(hub, 'NotVersionInForce')
      .withArgs(1, 3, 2)
  })

  it('refuses a pinned version that was deprecated, and a withdrawn model', async () => {
    const world = await createHub()
    const { hub, user, owner, models, service, ethers } = world
    const pinned = await honest(world, 2, WEIGHTS[1]!, 2n)
    await models.deprecate(service, 2, ethers.ZeroHash)
    await expect(hub.connect(user).verifyInference(2, INPUT, pinned.output, pinned.bytes))
      .to.be.revertedWithCustomError(hub, 'VersionNotUsable')
      .withArgs(2, 2)
    const { bytes, output } = await honest(world)
    await hub.connect(owner).deprecateModel(1)
    await expect(hub.connect(user).verifyInference(1, INPUT, output, bytes))
      .to.be.revertedWithCustomError(hub, 'VerificationRefusedModelDeprecated')
      .withArgs(1)
  })

  it('refuses to ask a verifier with replaced code', async () => {
    const world = await createHub()
    const { hub, user, dao, verifiers, circuit, networkHelpers, ethers } = world
    const { bytes, output } = await honest(world)
    const { verifier } = await verifiers.getVerifier(circuit.id)
    const agreeable = await deployConstant(dao, 1n)
    await networkHelpers.setCode(verifier, await ethers.provider.getCode(agreeable))
    await expect(hub.connect(user).verifyInference(1, INPUT, output, bytes)).to.be.revertedWithCustomError(
      verifiers,
      'VerifierCodeChanged',
    )
  })
})

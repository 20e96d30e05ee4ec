// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { WEIGHTS } from '../inference/hub.ts'
import { OUTPUT } from '../inference/output-schema.ts'
import { BASE_ORDER, FIELD_ORDER } from '../inference/product-circuit.ts'
import { actOn, createPilot, LABEL, LEAST } from './pilot.ts'
import { labelled } from './reading-circuit.ts'

describe('DaoPilot forgeries', () => {
  it('refuses orders of another key, for another mandate, and altered ones', async () => {
    const world = await createPilot()
    const { publishers, rival, grant, order, pay } = world
    const [id, twin] = [await grant(), await grant()]
    const ordered = await order(id)
    const foreign = await order(id, { key: rival })
    for (const [what, forged] of Object.entries({
      key: foreign,
      mandate: { ...ordered, order: { ...ordered.order, mandateId: twin } },
      amount: { ...ordered, order: { ...ordered.order, data: pay(41n) } },
      payee: { ...ordered, order: { ...ordered.order, data: pay(40n, world.prover.address) } },
      content: { ...ordered, order: { ...ordered.order, content: Buffer.from('Delivery 18') } },
    })) {
      await expect(actOn(world, id, forged as typeof ordered), what).to.be.revertedWithCustomError(
        publishers,
        'SignatureMismatch',
      )
    }
    const rivals = { ...foreign, order: { ...foreign.order, keyId: 2 } }
    await expect(actOn(world, id, rivals)).to.be.revertedWithCustomError(publishers, 'KeyOfAnotherPublisher')
    await expect(actOn(world, id, { ...ordered, order: { ...ordered.order, mandateId: 9n } }))
      .to.be.revertedWithCustomError(world.pilot, 'UnknownMandate')
      .withArgs(9, 2)
  })

  it('refuses the same verdict again, under a new proof and a new order as well', async () => {
    const world = await createPilot()
    const { pilot, reading, grant, order } = world
    const id = await grant()
    const ordered = await order(id)
    const proof = await reading.prove({ ...ordered, weight: WEIGHTS[0]!, inputCommitment: BigInt(ordered.input) })
    expect(proof.a[0]).to.not.equal(ordered.proof.a[0], 'Groth16 proofs are randomised')
    await actOn(world, id, ordered)
    for (const replay of [ordered, { ...ordered, proof }, await order(id, { amount: 1n })]) {
      await expect(actOn(world, id, replay))
        .to.be.revertedWithCustomError(pilot, 'InputUsed')
        .withArgs(id, ordered.input)
    }
  })

  it('refuses proofs of other contexts, circuits, outputs, and coordinates ≥ q', async () => {
    const world = await createPilot()
    const { pilot, hub, reading, circuit, user, ethers, grant, order } = world
    const [id, twin] = [await grant(), await grant()]
    const ordered = await order(id)
    const reproven = async (changes: object) => ({
      ...ordered,
      proof: await reading.prove({
        ...ordered,
        weight: WEIGHTS[0]!,
        inputCommitment: BigInt(ordered.input),
        ...changes,
      }),
    })
    const { a } = ordered.proof
    const request = await hub.directRequestId(user, ethers.ZeroHash)
    const forgeries = {
      mandate: await reproven({ context: await pilot.contextOf(twin, ordered.input) }),
      caller: await reproven({ context: await hub.contextOf(request, user, 3, 1, 1n) }),
      input: await reproven({ inputCommitment: 5n }),
      weights: await reproven({ weight: WEIGHTS[1]! }),
      output: { ...(await order(id, { output: labelled(1, 0) })), output: ordered.output },
      circuit: { ...ordered, proof: await circuit.prove(WEIGHTS[0]!, 4n, ordered.context) },
      coordinate: { ...ordered, proof: { ...ordered.proof, a: [a[0] + BASE_ORDER, a[1]] as [bigint, bigint] } },
    }
    for (const [what, forged] of Object.entries(forgeries)) {
      await expect(actOn(world, id, forged), what).to.be.revertedWithCustomError(hub, 'InvalidProof')
    }
    const wrapped = { ...ordered, output: ordered.output + FIELD_ORDER }
    // r ≡ 1 modulo 2^16, so that the same field element reads as the next label.
    await expect(actOn(world, id, wrapped))
      .to.be.revertedWithCustomError(pilot, 'LabelMismatch')
      .withArgs(id, LABEL + 1, LABEL)
    const next = await order(id, { output: labelled(LABEL - 1, LEAST) })
    await expect(actOn(world, id, { ...next, output: next.output + FIELD_ORDER })).to.be.revertedWithCustomError(
      hub,
      'SignalOutOfField',
    )
    await actOn(world, id, ordered)
  })

  it('asks a following model in the version in force', async () => {
    const world = await createPilot()
    const { pilot, hub, models, service, owner, described, reads, ethers, grant, order } = world
    await hub.connect(owner).registerModel(described(ethers.ZeroHash, reads), service, 0, OUTPUT.labelAndMargin)
    const id = await grant({ modelId: 4 })
    const before = await order(id)
    await models.release(service, 2)
    await expect(actOn(world, id, before)).to.be.revertedWithCustomError(hub, 'InvalidProof')
    const context = await pilot.contextOf(id, before.input)
    expect(context).to.not.equal(before.context)
    const proof = await world.reading.prove({
      ...before,
      weight: WEIGHTS[1]!,
      inputCommitment: BigInt(before.input),
      context,
    })
    await actOn(world, id, { ...before, proof })
  })
})

// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { WEIGHTS } from '../inference/hub.ts'
import { BASE_ORDER, FIELD_ORDER } from '../inference/product-circuit.ts'
import { createMarkets } from './market.ts'

describe('PredictionMarket forged proofs', () => {
  it('refuses coordinates ≥ q, points off the curve, and the neutral element', async () => {
    const { hub, open, tell, submit } = await createMarkets()
    const telling = await tell(await open())
    const { a, b, c } = telling.proof
    const { proof } = telling
    const forgeries = [
      { ...proof, a: [a[0] + BASE_ORDER, a[1]] },
      { ...proof, a: [a[0], a[1] + BASE_ORDER] },
      { ...proof, b: [[b[0][0] + BASE_ORDER, b[0][1]], b[1]] },
      { ...proof, b: [b[0], [b[1][0], b[1][1] + BASE_ORDER]] },
      { ...proof, c: [c[0] + BASE_ORDER, c[1]] },
      { ...proof, a: [a[0], BASE_ORDER - a[1]] },
      { ...proof, c: [c[0], c[1] + 1n] },
      { a: [0n, 0n], b: Array(2).fill([0n, 0n]), c: [0n, 0n] },
    ] as (typeof proof)[]
    for (const forgery of forgeries) {
      await expect(submit({ ...telling, proof: forgery })).to.be.revertedWithCustomError(hub, 'InvalidProof')
    }
    await submit(telling)
  })

  it('refuses an output ≥ r that is congruent to the proven one, and reads as another label', async () => {
    const { hub, open, tell, submit } = await createMarkets()
    const telling = await tell(await open())
    // r ≡ 1 modulo 2^16: the same field element, read as label 1 with an enormous margin.
    const output = telling.output + FIELD_ORDER
    expect(output & 0xffffn).to.equal(1n)
    await expect(submit({ ...telling, output }))
      .to.be.revertedWithCustomError(hub, 'SignalOutOfField')
      .withArgs(2, output)
  })

  it('refuses a proof for another circuit, and for another version’s weights', async () => {
    const { hub, circuit, open, tell, submit } = await createMarkets()
    const id = await open()
    const telling = await tell(id)
    // A real proof of the product circuit: same model and context, its own input and output.
    const foreign = await circuit.prove(WEIGHTS[0]!, 4n, telling.context)
    const second = await tell(id, { weight: WEIGHTS[1]! })
    for (const proof of [foreign, second.proof]) {
      await expect(submit({ ...telling, proof })).to.be.revertedWithCustomError(hub, 'InvalidProof')
    }
  })

  it('refuses a context with any one field changed', async () => {
    const { market, hub, reading, models, verifiers, user, ethers, open, tell, submit } = await createMarkets()
    const id = await open()
    const telling = await tell(id)
    const address = await market.getAddress()
    const { deadline } = await market.questionOf(id)
    const request = await hub.directRequestId(address, ethers.toBeHex(id, 32))
    const twin = await ethers.deployContract('InferenceHub', [models, verifiers])
    const contexts = {
      hub: await twin.contextOf(request, address, 3, 1, deadline),
      'request id': await hub.contextOf(
        await hub.directRequestId(address, ethers.toBeHex(2, 32)),
        address,
        3,
        1,
        deadline,
      ),
      'caller in the request': await hub.contextOf(
        await hub.directRequestId(user, ethers.toBeHex(id, 32)),
        address,
        3,
        1,
        deadline,
      ),
      caller: await hub.contextOf(request, user, 3, 1, deadline),
      model: await hub.contextOf(request, address, 2, 1, deadline),
      version: await hub.contextOf(request, address, 3, 2, deadline),
      deadline: await hub.contextOf(request, address, 3, 1, deadline + 1n),
      nothing: telling.context,
    }
    for (const [field, context] of Object.entries(contexts)) {
      const proof = await reading.prove({ ...telling, weight: WEIGHTS[0]!, context })
      if (field === 'nothing') await submit({ ...telling, proof })
      else await expect(submit({ ...telling, proof }), field).to.be.revertedWithCustomError(hub, 'InvalidProof')
    }
  })

  it('refuses the proof of one market for another with the same story', async () => {
    const { hub, press, open, tell, submit } = await createMarkets()
    const [first, second] = [await open(), await open()]
    const [mine, other] = [await tell(first), await tell(second)]
    await expect(submit({ ...other, proof: mine.proof })).to.be.revertedWithCustomError(hub, 'InvalidProof')
    await submit({ ...other, signature: press.sign(other.story) })
  })
})

// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { labelled } from '../inference/ensemble.ts'
import { createHub, FEATURE, INPUT, PRICE, WEIGHTS } from '../inference/hub.ts'
import { OUTPUT } from '../inference/output-schema.ts'
import { commitment } from '../inference/product-circuit.ts'

describe('the example consumer', () => {
  it('asks, and believes the hub alone', async () => {
    const world = await createHub()
    const { hub, user, prover, stranger, answer, word, ethers } = world
    const { owner, service, keepers, models, described, circuit, CID } = world
    const reader = await ethers.deployContract('DigitReader', [hub])
    await reader.connect(user).ask(1, INPUT, { value: PRICE })
    const { output, proof } = await answer(word(1), prover)
    await hub.connect(prover).fulfil(word(1), output, proof)
    expect(await reader.digitOf(word(1))).to.equal(WEIGHTS[0]! * FEATURE)
    // A model that says how sure it is: the digit is what is below the margin.
    const digit = labelled(7, 12)
    await keepers.publish(1, 9, commitment(digit), CID, 7)
    const version = await models.versionCount(service)
    await hub.connect(owner).registerModel(described(commitment(digit)), service, version, OUTPUT.labelAndMargin)
    await reader.connect(user).ask(3, commitment(1n), { value: PRICE })
    const { deadline } = await hub.getRequest(word(2))
    const context = await hub.contextOf(word(2), prover.address, 3, version, deadline)
    await hub.connect(prover).fulfil(word(2), digit, await circuit.prove(digit, 1n, context))
    expect(await reader.digitOf(word(2))).to.equal(7n)
    await expect(reader.connect(stranger).onInference(word(1), 1, 1, INPUT, 9))
      .to.be.revertedWithCustomError(reader, 'NotTheHub')
      .withArgs(stranger.address)
  })
})

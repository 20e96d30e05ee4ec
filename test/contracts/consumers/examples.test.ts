// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { createHub, FEATURE, INPUT, PRICE, WEIGHTS } from '../inference/hub.ts'

describe('the example consumer', () => {
  it('asks, and believes the hub alone', async () => {
    const { hub, user, prover, stranger, answer, word, ethers } = await createHub()
    const reader = await ethers.deployContract('DigitReader', [hub])
    await reader.connect(user).ask(1, INPUT, { value: PRICE })
    const { output, proof } = await answer(word(1), prover)
    await hub.connect(prover).fulfil(word(1), output, proof)
    expect(await reader.digitOf(word(1))).to.equal(WEIGHTS[0]! * FEATURE)
    await expect(reader.connect(stranger).onInference(word(1), 1, 1, INPUT, 9))
      .to.be.revertedWithCustomError(reader, 'NotTheHub')
      .withArgs(stranger.address)
  })
})

// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { type ConsumerName, deployConsumer } from './consumers.ts'
import { createHub, FEATURE, HOUR, type Hub, INPUT, PRICE, WEIGHTS } from './hub.ts'

const OUTPUT = WEIGHTS[0]! * FEATURE
const OPEN = 1n

/** A contract asks with a callback; the honest answer to it, ready to send. */
async function askFrom(world: Hub, name: ConsumerName, gasCap: number) {
  const { hub, dao, prover, answer, networkHelpers, word } = world
  const consumer = await deployConsumer(name, await hub.getAddress(), dao)
  await consumer.ask(1, INPUT, (await networkHelpers.time.latest()) + HOUR, gasCap, PRICE)
  const id = word(1)
  return { consumer, id, ...(await answer(id, prover)) }
}

describe('InferenceHub callbacks', () => {
  it('give the consumer the model’s output', async () => {
    const world = await createHub()
    const { hub, prover } = world
    const { consumer, id, output, proof } = await askFrom(world, 'Asker', 200_000)
    await expect(hub.connect(prover).fulfil(id, output, proof))
      .to.emit(hub, 'InferenceFulfilled')
      .withArgs(id, 1, prover.address, 1, OUTPUT, true)
    expect([await consumer.calls(), await consumer.version(), await consumer.output()]).to.deep.equal([1n, 1n, OUTPUT])
  })

  for (const name of ['Reverter', 'Glutton', 'Bomber'] as const) {
    it(`of a consumer that misbehaves (${name}) cost it the callback and nobody else anything`, async () => {
      const world = await createHub()
      const { hub, prover } = world
      const { consumer, id, output, proof } = await askFrom(world, name, 300_000)
      const fulfilment = await hub.connect(prover).fulfil(id, output, proof)
      await expect(fulfilment).to.emit(hub, 'InferenceFulfilled').withArgs(id, 1, prover.address, 1, OUTPUT, false)
      const receipt = await fulfilment.wait()
      expect(Number(receipt?.gasUsed)).to.be.lessThan(400_000 + 300_000)
      expect(await consumer.calls()).to.equal(0n)
      expect(await hub.balanceOf(prover)).to.equal(PRICE)
      expect([...(await hub.resultOf(id))]).to.deep.equal([1n, OUTPUT])
    })
  }

  it('are paid for ahead, at twice the base fee', async () => {
    const { hub, dao, networkHelpers } = await createHub()
    const consumer = await deployConsumer('Asker', await hub.getAddress(), dao)
    const deadline = (await networkHelpers.time.latest()) + HOUR
    const fee = 10n ** 9n
    for (const [price, enough] of [
      [200_000n * 2n * fee - 1n, false],
      [200_000n * 2n * fee, true],
    ] as const) {
      await networkHelpers.setNextBlockBaseFeePerGas(fee)
      const asking = consumer.ask(1, INPUT, deadline, 200_000, price)
      if (enough) await asking
      else
        await expect(asking)
          .to.be.revertedWithCustomError(hub, 'PriceBelowCallback')
          .withArgs(price, price + 1n)
    }
  })

  it('of a consumer that re-enters change nothing that is settled', async () => {
    const world = await createHub()
    const { hub, prover, ethers } = world
    const { consumer, id, output, proof } = await askFrom(world, 'Reenterer', 1_500_000)
    await consumer.arm(proof)
    await hub.connect(prover).fulfil(id, output, proof)
    expect(await consumer.calls()).to.equal(1n)
    expect(await consumer.paidAgain()).to.equal(false)
    expect(await consumer.answeredAgain()).to.equal(false)
    expect(await consumer.askedAgain()).to.equal(true)
    expect(await hub.balanceOf(prover)).to.equal(PRICE)
    expect(await ethers.provider.getBalance(hub)).to.equal(PRICE + 1n)
  })

  it('get the gas they asked for, or the answer is refused', async () => {
    const world = await createHub()
    const { hub, prover } = world
    const { consumer, id, output, proof } = await askFrom(world, 'Asker', 2_000_000)
    await expect(hub.connect(prover).fulfil(id, output, proof, { gasLimit: 1_500_000 })).to.be.revertedWithCustomError(
      hub,
      'GasTooLowForCallback',
    )
    expect(await hub.statusOf(id)).to.equal(OPEN)
    await hub.connect(prover).fulfil(id, output, proof, { gasLimit: 2_600_000 })
    expect(await consumer.calls()).to.equal(1n)
  })

  it('leave a contract’s refund where the contract can reach it', async () => {
    const world = await createHub()
    const { hub, stranger, networkHelpers, ethers } = world
    const { consumer, id } = await askFrom(world, 'Asker', 0)
    await networkHelpers.time.increase(HOUR + 1)
    await hub.refund(id)
    const address = await consumer.getAddress()
    await expect(hub.withdraw(address, address)).to.be.revertedWithCustomError(hub, 'TransferFailed')
    await expect(consumer.collect(stranger.address)).to.changeEtherBalances(ethers, [hub, stranger], [-PRICE, PRICE])
  })
})

// SPDX-License-Identifier: GPL-3.0-or-later
// What a challenge without grounds must cost.
import { expect } from 'chai'
import { createMarkets, FALLBACK, STATUS, UNIT } from './market.ts'

describe('PredictionMarket challenges without grounds', () => {
  it('cost whoever makes them, also one that stands up against itself with a second account', async () => {
    const { market, token, prover, stranger, open, tell, submit, networkHelpers } = await createMarkets()
    const id = await open()
    await market.connect(prover).split(id, 1000n * UNIT)
    await submit(await tell(id, { label: 0 }))
    // One person, two accounts: with the bonds of both it holds up everybody's money for the whole fallback delay.
    const second = prover
    const before = (await token.balanceOf(stranger)) + (await token.balanceOf(second))
    await market.connect(stranger).challenge(id)
    await market.connect(second).defend(id)
    await networkHelpers.time.increase(FALLBACK)
    expect(await market.statusOf(id)).to.equal(STATUS.final)
    for (const account of [stranger, second]) await market.returnBond(id, account).catch(() => undefined)
    const after = (await token.balanceOf(stranger)) + (await token.balanceOf(second))
    expect(before - after, 'what 90 days of everybody’s money cost').to.be.above(0n)
  })

  it('pay those who stood up while it was open who is right, and nobody who waited until that was certain', async () => {
    const { market, token, prover, stranger, treasury, open, tell, submit, networkHelpers } = await createMarkets()
    const id = await open()
    await market.connect(prover).split(id, 1000n * UNIT)
    await submit(await tell(id, { label: 0 }))
    await market.connect(stranger).challenge(id)
    const { flaggedAt } = await market.resolutionOf(id)
    // The DAO has not spoken, nothing can be scheduled in time any more (or its verdict waits in the timelock for all to see).
    await networkHelpers.time.increaseTo(Number(flaggedAt) + FALLBACK - 2)
    const before = await token.balanceOf(prover)
    await market
      .connect(prover)
      .defend(id)
      .catch(() => undefined)
    await networkHelpers.time.increase(2)
    await market.returnBond(id, prover).catch(() => undefined)
    expect((await token.balanceOf(prover)) - before, 'without any risk').to.equal(0n)
    await market.returnBond(id, treasury)
  })
})

// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { createMarkets, DISPUTE, FALLBACK, INVALID, STATUS, UNIT } from './market.ts'

const REASON = { key: 0, version: 1, model: 2 }

/** A market with 10 UNIT of sets in two hands (user: yes, prover: no), resolved "yes" a moment ago. */
async function resolved() {
  const world = await createMarkets()
  const { market, user, prover, open, tell, submit, ids } = world
  const id = await open()
  await market.connect(user).split(id, 10n * UNIT)
  await market.connect(user).safeTransferFrom(user, prover, ids(id)[1]!, 10n * UNIT, '0x')
  await submit(await tell(id))
  return { ...world, id }
}

describe('PredictionMarket disputes', () => {
  it('a key revoked during the delay stops the payout until the DAO decides', async () => {
    const { market, publishers, owner, dao, stranger, user, prover, token, networkHelpers, ethers, id } =
      await resolved()
    await expect(market.flag(id)).to.be.revertedWithCustomError(market, 'NoGroundsToFlag').withArgs(id)
    await publishers.connect(owner).revokeKey(1)
    await expect(market.connect(stranger).flag(id))
      .to.emit(market, 'MarketFlagged')
      .withArgs(id, REASON.key, stranger.address)
    await networkHelpers.time.increase(DISPUTE + 1)
    expect(await market.statusOf(id)).to.equal(STATUS.flagged)
    await expect(market.connect(user).redeem(id))
      .to.be.revertedWithCustomError(market, 'UnexpectedStatus')
      .withArgs(id, STATUS.flagged, (1n << STATUS.final) | (1n << STATUS.invalid))
    await expect(market.flag(id))
      .to.be.revertedWithCustomError(market, 'UnexpectedStatus')
      .withArgs(id, STATUS.flagged, 1n << STATUS.pending)
    await expect(market.connect(stranger).settle(id, 1))
      .to.be.revertedWithCustomError(market, 'AccessControlUnauthorizedAccount')
      .withArgs(stranger.address, await market.SETTLER_ROLE())
    await expect(market.connect(dao).settle(id, 2))
      .to.be.revertedWithCustomError(market, 'UnknownOutcome')
      .withArgs(id, 2, 2)
    await expect(market.connect(dao).settle(id, 1)).to.emit(market, 'MarketSettled').withArgs(id, 1)
    expect(await market.statusOf(id)).to.equal(STATUS.final)
    await expect(market.connect(dao).settle(id, 0)).to.be.revertedWithCustomError(market, 'UnexpectedStatus')
    await expect(market.connect(prover).redeem(id)).to.changeTokenBalance(ethers, token, prover, 10n * UNIT)
    await expect(market.connect(user).redeem(id)).to.changeTokenBalance(ethers, token, user, 0n)
  })

  it('a version withdrawn during the delay flags too, and the DAO may split the pot', async () => {
    const { market, models, service, dao, user, prover, token, networkHelpers, ethers, id } = await resolved()
    await models.deprecate(service, 1, ethers.ZeroHash)
    await expect(market.flag(id)).to.emit(market, 'MarketFlagged').withArgs(id, REASON.version, dao.address)
    await market.connect(dao).settle(id, INVALID)
    expect(await market.statusOf(id)).to.equal(STATUS.invalid)
    await networkHelpers.time.increase(FALLBACK)
    for (const half of [user, prover]) {
      await expect(market.connect(half).redeem(id)).to.changeTokenBalance(ethers, token, half, 5n * UNIT)
    }
  })

  it('a model withdrawn from the hub flags too', async () => {
    const { market, hub, owner, dao, id } = await resolved()
    await hub.connect(owner).deprecateModel(3)
    await expect(market.flag(id)).to.emit(market, 'MarketFlagged').withArgs(id, REASON.model, dao.address)
  })

  it('a DAO that stays silent leaves an equal split, after the fallback delay', async () => {
    const { market, publishers, owner, dao, user, prover, token, networkHelpers, ethers, id } = await resolved()
    await publishers.connect(owner).revokeKey(1)
    await market.flag(id)
    const { flaggedAt } = await market.resolutionOf(id)
    await networkHelpers.time.increaseTo(Number(flaggedAt) + FALLBACK - 1)
    expect(await market.statusOf(id)).to.equal(STATUS.flagged)
    await networkHelpers.time.increaseTo(Number(flaggedAt) + FALLBACK)
    expect(await market.statusOf(id)).to.equal(STATUS.invalid)
    await expect(market.connect(dao).settle(id, 0)).to.be.revertedWithCustomError(market, 'UnexpectedStatus')
    for (const half of [user, prover]) {
      await expect(market.connect(half).redeem(id)).to.changeTokenBalance(ethers, token, half, 5n * UNIT)
    }
    expect(await market.potOf(id)).to.deep.equal([0n, 0n])
  })

  it('what happens to key and model after the delay changes nothing', async () => {
    const { market, publishers, models, service, owner, networkHelpers, ethers, id } = await resolved()
    const { resolvedAt } = await market.resolutionOf(id)
    await networkHelpers.time.increaseTo(Number(resolvedAt) + DISPUTE - 1)
    expect(await market.statusOf(id)).to.equal(STATUS.pending)
    await networkHelpers.time.increaseTo(Number(resolvedAt) + DISPUTE)
    await publishers.connect(owner).revokeKey(1)
    await models.deprecate(service, 1, ethers.ZeroHash)
    await expect(market.flag(id)).to.be.revertedWithCustomError(market, 'UnexpectedStatus')
    expect(await market.statusOf(id)).to.equal(STATUS.final)
  })
})

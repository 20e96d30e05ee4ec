// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { createMarkets, DISPUTE, FALLBACK, INVALID, STATUS, UNIT } from './market.ts'

const REASON = { key: 1n, version: 2n, circuit: 3n, challenged: 4n, frozen: 5n }

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

  it('a circuit revoked during the delay flags too', async () => {
    const { market, verifiers, reading, dao, id } = await resolved()
    await verifiers.revoke(reading.id)
    await expect(market.flag(id)).to.emit(market, 'MarketFlagged').withArgs(id, REASON.circuit, dao.address)
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

describe('PredictionMarket challenges', () => {
  const BOND = UNIT / 5n + 1n

  /** Resolved "yes", and challenged by a stranger. */
  async function challenged() {
    const world = await resolved()
    await world.market.connect(world.stranger).challenge(world.id)
    return world
  }

  it('put a bond of 2 % of the pot on a reading that is wrong, and the DAO decides', async () => {
    const { market, token, stranger, owner, dao, prover, treasury, ethers, id } = await resolved()
    expect(await market.challengeBond(id)).to.equal(BOND)
    await expect(market.returnBond(id, stranger)).to.be.revertedWithCustomError(market, 'NotChallenged').withArgs(id)
    await expect(market.defend(id)).to.be.revertedWithCustomError(market, 'NotChallenged')
    await expect(market.connect(stranger).challenge(id)).to.changeTokenBalance(ethers, token, stranger, -BOND)
    await expect(market.challenge(id))
      .to.be.revertedWithCustomError(market, 'AlreadyChallenged')
      .withArgs(id, stranger.address)
    expect(await market.statusOf(id)).to.equal(STATUS.flagged)
    expect((await market.resolutionOf(id)).reason).to.equal(REASON.challenged)
    await expect(market.connect(owner).defend(id)).to.changeTokenBalance(ethers, token, owner, -BOND)
    await expect(market.connect(owner).defend(id))
      .to.be.revertedWithCustomError(market, 'AlreadyDefended')
      .withArgs(id, owner.address)
    await expect(market.returnBond(id, stranger)).to.be.revertedWithCustomError(market, 'UnexpectedStatus')
    await market.connect(dao).settle(id, 1)
    await expect(market.returnBond(id, owner))
      .to.be.revertedWithCustomError(market, 'NoBondOwed')
      .withArgs(id, owner.address)
    await expect(market.returnBond(id, stranger)).to.changeTokenBalance(ethers, token, stranger, BOND + BOND / 2n)
    await expect(market.returnBond(id, treasury)).to.changeTokenBalance(ethers, token, treasury, BOND - BOND / 2n)
    await expect(market.returnBond(id, stranger)).to.be.revertedWithCustomError(market, 'NoBondOwed')
    await expect(market.connect(prover).redeem(id)).to.changeTokenBalance(ethers, token, prover, 10n * UNIT)
    const entry = await market.challengeOf(id)
    expect([entry.challenger, entry.defender, entry.bond, entry.upheld]).to.deep.equal([
      stranger.address,
      owner.address,
      BOND,
      true,
    ])
  })

  it('lose it to whoever stood up for a reading that is right and to the treasury, or to the treasury alone', async () => {
    for (const defended of [true, false]) {
      const { market, token, stranger, owner, dao, treasury, ethers, id } = await challenged()
      if (defended) await market.connect(owner).defend(id)
      await market.connect(dao).settle(id, 0)
      await expect(market.returnBond(id, stranger)).to.be.revertedWithCustomError(market, 'NoBondOwed')
      const due: [string, bigint][] = defended
        ? [
            [owner.address, BOND + BOND / 2n],
            [treasury, BOND - BOND / 2n],
          ]
        : [[treasury, BOND]]
      for (const [account, amount] of due) {
        await expect(market.returnBond(id, account)).to.changeTokenBalance(ethers, token, account, amount)
      }
      await expect(market.returnBond(id, ethers.ZeroAddress)).to.be.revertedWithCustomError(market, 'NoBondOwed')
    }
  })

  it('also cost an account that defends against itself, because it holds up everybody’s money', async () => {
    const { market, token, stranger, prover, treasury, networkHelpers, id } = await resolved()
    const balances = async () => (await token.balanceOf(stranger)) + (await token.balanceOf(prover))
    const before = await balances()
    await market.connect(stranger).challenge(id)
    await market.connect(prover).defend(id)
    await networkHelpers.time.increase(FALLBACK)
    for (const account of [prover.address, treasury]) await market.returnBond(id, account)
    await expect(market.returnBond(id, stranger)).to.be.revertedWithCustomError(market, 'NoBondOwed')
    expect(before - (await balances())).to.equal(BOND - BOND / 2n)
  })

  it('are stood up against in the dispute delay only: later the answer may be known', async () => {
    const { market, owner, networkHelpers, id } = await challenged()
    const { flaggedAt } = await market.resolutionOf(id)
    await networkHelpers.time.increaseTo(Number(flaggedAt) + DISPUTE)
    await expect(market.connect(owner).defend(id))
      .to.be.revertedWithCustomError(market, 'DefenceTooLate')
      .withArgs(id, flaggedAt + BigInt(DISPUTE))
  })

  it('cost and win nothing when they are upheld without an opponent', async () => {
    const { market, token, stranger, treasury, dao, ethers, id } = await challenged()
    await market.connect(dao).settle(id, 1)
    await expect(market.returnBond(id, treasury)).to.be.revertedWithCustomError(market, 'NoBondOwed')
    await expect(market.returnBond(id, stranger)).to.changeTokenBalance(ethers, token, stranger, BOND)
  })

  it('do not buy an equal split: when the DAO stays silent the reading stands', async () => {
    const { market, token, user, prover, treasury, networkHelpers, ethers, id } = await challenged()
    const { flaggedAt } = await market.resolutionOf(id)
    await networkHelpers.time.increaseTo(Number(flaggedAt) + FALLBACK)
    expect(await market.statusOf(id)).to.equal(STATUS.final)
    await expect(market.connect(user).redeem(id)).to.changeTokenBalance(ethers, token, user, 10n * UNIT)
    await expect(market.connect(prover).redeem(id)).to.changeTokenBalance(ethers, token, prover, 0n)
    await expect(market.returnBond(id, treasury)).to.changeTokenBalance(ethers, token, treasury, BOND)
    expect(await token.balanceOf(market)).to.equal(0n)
  })

  it('give way to a flag, in the dispute delay only; then each bond goes back if the DAO stays silent', async () => {
    const { market, publishers, token, owner, stranger, networkHelpers, ethers, id } = await challenged()
    await market.connect(owner).defend(id)
    await expect(market.flag(id)).to.be.revertedWithCustomError(market, 'NoGroundsToFlag')
    await publishers.connect(owner).revokeKey(1)
    await market.flag(id)
    await expect(market.flag(id)).to.be.revertedWithCustomError(market, 'UnexpectedStatus')
    expect((await market.resolutionOf(id)).reason).to.equal(REASON.key)
    await networkHelpers.time.increase(FALLBACK)
    expect(await market.statusOf(id)).to.equal(STATUS.invalid)
    for (const account of [stranger, owner]) {
      await expect(market.returnBond(id, account)).to.changeTokenBalance(ethers, token, account, BOND)
      await expect(market.returnBond(id, account)).to.be.revertedWithCustomError(market, 'NoBondOwed')
    }
  })

  it('do not give the key’s owner more time to revoke it', async () => {
    const { market, publishers, owner, networkHelpers, id } = await challenged()
    const { resolvedAt } = await market.resolutionOf(id)
    await networkHelpers.time.increaseTo(Number(resolvedAt) + DISPUTE)
    await publishers.connect(owner).revokeKey(1)
    await expect(market.flag(id)).to.be.revertedWithCustomError(market, 'UnexpectedStatus')
  })

  it('are taken while the market is pending only', async () => {
    const { market, networkHelpers, open, id } = await resolved()
    const trading = await open()
    await networkHelpers.time.increase(DISPUTE)
    for (const other of [trading, id]) {
      await expect(market.challenge(other)).to.be.revertedWithCustomError(market, 'UnexpectedStatus')
    }
  })
})

describe('PredictionMarket freezes', () => {
  it('make a pending market wait for the DAO; if it stays silent, the reading stands', async () => {
    const { market, owner, stranger, networkHelpers, open, id } = await resolved()
    await expect(market.connect(stranger).freeze(id)).to.be.revertedWithCustomError(
      market,
      'AccessControlUnauthorizedAccount',
    )
    await expect(market.connect(owner).freeze(await open())).to.be.revertedWithCustomError(market, 'UnexpectedStatus')
    await expect(market.connect(owner).freeze(id))
      .to.emit(market, 'MarketFlagged')
      .withArgs(id, REASON.frozen, owner.address)
    expect(await market.statusOf(id)).to.equal(STATUS.flagged)
    await networkHelpers.time.increase(FALLBACK)
    expect(await market.statusOf(id)).to.equal(STATUS.final)
  })
})

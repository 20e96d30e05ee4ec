// SPDX-License-Identifier: GPL-3.0-or-later
// Markets on any input: pinned or signed by its commitment, paid by classes, bins or in proportion to a score.
import { expect } from 'chai'
import { toBeHex, ZeroHash } from 'ethers'
import { FIELD_ORDER } from '../inference/product-circuit.ts'
import { createInputMarkets, field, IMAGE, LABELS, LINEAR, OTHER, PAYOUT, SCORES } from './input-market.ts'
import { CLASS_MAP, DISPUTE, INVALID, MARGIN, STATUS, UNIT } from './market.ts'
import { labelled } from './reading-circuit.ts'

describe('InputMarket', () => {
  it('is settled by what the model says of the input that it was pinned to, and of no other', async () => {
    const { inputs, open, proofOf, resolve, token, user, prover, ethers, networkHelpers } = await createInputMarkets()
    const id = await open()
    await inputs.connect(user).split(id, 10n * UNIT)
    await inputs.connect(user).safeTransferFrom(user, prover, (id << 8n) | 1n, 10n * UNIT, '0x')
    const output = labelled(1, MARGIN)
    await expect(inputs.resolve(id, OTHER, 0, '0x', output, await proofOf(id, output, OTHER)))
      .to.be.revertedWithCustomError(inputs, 'InputMismatch')
      .withArgs(id, OTHER, IMAGE)
    await expect(
      inputs.resolve(id, IMAGE, 0, '0x', output, await proofOf(id, output, OTHER)),
    ).to.be.revertedWithCustomError(inputs, 'InvalidProof')
    await expect(inputs.resolve(id, IMAGE, 1, '0x', output, await proofOf(id, output))).to.be.revertedWithCustomError(
      inputs,
      'InputMismatch',
    )
    await expect(inputs.recordInput(id, IMAGE, 1, '0x')).to.be.revertedWithCustomError(inputs, 'InputMismatch')
    await expect(resolve(id, output)).to.emit(inputs, 'InputMarketResolved')
    await expect(inputs.flag(id)).to.be.revertedWithCustomError(inputs, 'NoGroundsToFlag')
    await networkHelpers.time.increase(DISPUTE)
    await expect(inputs.connect(prover).redeem(id)).to.changeTokenBalance(ethers, token, prover, 10n * UNIT)
    await expect(inputs.connect(user).redeem(id)).to.changeTokenBalance(ethers, token, user, 0n)
  })

  it('is settled by an input of any length whose commitment its publisher signed for this market', async () => {
    const { inputs, open, proofOf, signed, press, rival, publishers, networkHelpers } = await createInputMarkets()
    const id = await open({}, { input: ZeroHash })
    const output = labelled(0, MARGIN)
    const proof = await proofOf(id, output)
    for (const signature of [await signed(id, rival), await signed(id, press, OTHER)]) {
      await expect(inputs.resolve(id, IMAGE, 1, signature, output, proof)).to.be.revertedWithCustomError(
        publishers,
        'SignatureMismatch',
      )
    }
    const signature = await signed(id, press)
    await expect(inputs.recordInput(id, IMAGE, 1, signature))
      .to.emit(inputs, 'InputRecorded')
      .withArgs(id, IMAGE, 1)
    await expect(inputs.recordInput(id, IMAGE, 1, signature)).to.be.revertedWithCustomError(
      inputs,
      'StoryAlreadyRecorded',
    )
    expect(await inputs.recordedAt(id, IMAGE)).to.equal((await inputs.tradingOf(id))[2])
    const { closesAt } = await inputs.questionOf(id)
    await networkHelpers.time.increaseTo(closesAt + 10n)
    await inputs.resolve(id, IMAGE, 1, signature, output, proof)
    expect((await inputs.resolutionOf(id)).outcome).to.equal(0n)
  })

  it('pays in proportion to a proven score, between its bounds, and never more than the pot', async () => {
    const { inputs, linear, resolve, user, prover, token, networkHelpers } = await createInputMarkets()
    for (const [output, long] of [
      [25n, 75n],
      [-50n, 0n],
      [-51n, 0n],
      [50n, 100n],
      [4000n, 100n],
      [0n, 50n],
    ] as const) {
      const id = await linear(-50n, 100n)
      await inputs.connect(user).split(id, 100n * UNIT)
      await inputs.connect(user).safeTransferFrom(user, prover, (id << 8n) | 1n, 100n * UNIT, '0x')
      await resolve(id, field(output))
      expect((await inputs.resolutionOf(id)).outcome).to.equal(LINEAR)
      expect((await inputs.termsOf(id)).share).to.equal((long * UNIT) / 100n)
      await networkHelpers.time.increase(DISPUTE)
      const [before, holders] = [await token.balanceOf(prover), await token.balanceOf(user)]
      await inputs.connect(prover).redeem(id)
      await inputs.connect(user).redeem(id)
      expect((await token.balanceOf(prover)) - before).to.equal(long * UNIT)
      expect((await token.balanceOf(user)) - holders).to.equal((100n - long) * UNIT)
      expect(await inputs.potOf(id)).to.deep.equal([0n, 0n])
    }
  })

  it('rounds a share down for each, and gives the dust to the last', async () => {
    const { inputs, linear, resolve, user, prover, stranger, networkHelpers } = await createInputMarkets()
    const id = await linear(0n, 3n)
    await inputs.connect(user).split(id, 10n)
    for (const [to, outcome, amount] of [
      [prover, 1n, 5n],
      [stranger, 1n, 5n],
    ] as const) {
      await inputs.connect(user).safeTransferFrom(user, to, (id << 8n) | outcome, amount, '0x')
    }
    await resolve(id, 1n)
    await networkHelpers.time.increase(DISPUTE)
    const paid = []
    for (const who of [prover, stranger, user]) {
      paid.push(await inputs.connect(who).redeem.staticCall(id))
      await inputs.connect(who).redeem(id)
    }
    expect(paid).to.deep.equal([1n, 1n, 8n])
  })

  it('pays the bin that a proven score falls into', async () => {
    const { inputs, open, score, resolve } = await createInputMarkets()
    for (const [output, outcome] of [
      [-11n, 0n],
      [-10n, 1n],
      [0n, 1n],
      [19n, 1n],
      [20n, 2n],
      [49n, 2n],
      [50n, 3n],
      [4000n, 3n],
    ] as const) {
      const id = await open({ ...score, outcomes: 4 }, { payout: PAYOUT.bins, lower: -10n, width: 30n })
      await resolve(id, field(output))
      expect((await inputs.resolutionOf(id)).outcome, `${output}`).to.equal(outcome)
    }
  })

  it('of a wrong score is challenged, and the DAO says what the score is', async () => {
    const { inputs, linear, resolve, dao, user, stranger, token, networkHelpers, ethers } = await createInputMarkets()
    const id = await linear(0n, 10n)
    await inputs.connect(user).split(id, 100n * UNIT)
    await resolve(id, 9n)
    await inputs.connect(stranger).challenge(id)
    await expect(inputs.connect(stranger).settleScore(id, 0)).to.be.revertedWithCustomError(
      inputs,
      'AccessControlUnauthorizedAccount',
    )
    await expect(inputs.connect(dao).settleScore(id, 2))
      .to.emit(inputs, 'ScoreSettled')
      .withArgs(id, 2, UNIT / 5n)
    const bond = (await inputs.challengeOf(id)).bond
    await expect(inputs.returnBond(id, stranger)).to.changeTokenBalance(ethers, token, stranger, bond)
    expect((await inputs.termsOf(id)).share).to.equal(UNIT / 5n)
    expect(await inputs.statusOf(id)).to.equal(STATUS.final)
    await expect(inputs.connect(user).redeem(id)).to.changeTokenBalance(ethers, token, user, 100n * UNIT)
    // All or nothing is `settle`'s; a score that the DAO confirms upholds no challenge.
    const other = await linear(0n, 10n)
    await resolve(other, 5n)
    await inputs.connect(stranger).challenge(other)
    await inputs.connect(dao).settleScore(other, 5)
    expect((await inputs.challengeOf(other)).upheld).to.equal(false)
    const classes = await linear(0n, 10n)
    await resolve(classes, 5n)
    await inputs.connect(stranger).challenge(classes)
    await inputs.connect(dao).settle(classes, 1)
    expect((await inputs.resolutionOf(classes)).outcome).to.equal(1n)
    expect((await inputs.challengeOf(classes)).upheld).to.equal(true)
    // All as it was read is a confirmation, whichever way the DAO says it.
    for (const [score, outcome] of [
      [10n, 1],
      [0n, 0],
    ] as const) {
      const full = await linear(0n, 10n)
      await resolve(full, score)
      await inputs.connect(stranger).challenge(full)
      await inputs.connect(dao).settle(full, outcome)
      expect((await inputs.challengeOf(full)).upheld, `${score}`).to.equal(false)
    }
    await networkHelpers.time.increase(1)
  })

  it('upholds a challenge exactly when the score that the DAO names pays otherwise, however the share is rounded', async () => {
    const { inputs, linear, resolve, dao, user, stranger, owner } = await createInputMarkets()
    const far = 2n ** 255n
    for (const [lower, width, read, named, upheld] of [
      // Thirds: the share of a reading is rounded down, and a DAO that wrote the share itself might round it up.
      [0n, 3n, 2n, 2n, false],
      [0n, 3n, 2n, 1n, true],
      [-7n, 9n, -3n, -3n, false],
      [-7n, 9n, -3n, -4n, true],
      // Next to each other on a scale finer than the unit of shares: they pay the same, so neither is wrong.
      [0n, 3n * UNIT, UNIT, UNIT + 1n, false],
      [0n, 3n * UNIT, UNIT, UNIT + 3n, true],
      // Beyond a bound there is nothing more to win.
      [0n, 10n, 10n, 11n, false],
      [0n, 10n, 4000n, far - 1n, false],
      [-10n, 10n, -10n, -far, false],
      [-(2n ** 127n), 2n ** 128n - 1n, -11n, far - 1n, true],
    ] as const) {
      const id = await linear(lower, width)
      await inputs.connect(user).split(id, 100n * UNIT)
      await resolve(id, field(read))
      await inputs.connect(stranger).challenge(id)
      await inputs.connect(owner).defend(id)
      await inputs.connect(dao).settleScore(id, named)
      expect((await inputs.challengeOf(id)).upheld, `${read} of ${width}, ${named}`).to.equal(upheld)
      const [winner, loser] = upheld ? [stranger, owner] : [owner, stranger]
      await inputs.returnBond(id, winner)
      await expect(inputs.returnBond(id, loser)).to.be.revertedWithCustomError(inputs, 'NoBondOwed')
    }
  })

  it('upholds no challenge of one half by an equal split: nobody is paid otherwise for it', async () => {
    const { inputs, linear, resolve, dao, user, stranger, owner, token, ethers } = await createInputMarkets()
    for (const [read, upheld] of [
      [5n, false],
      [4n, true],
      [10n, true],
    ] as const) {
      const id = await linear(0n, 10n)
      await inputs.connect(user).split(id, 100n * UNIT)
      await inputs.connect(user).safeTransferFrom(user, stranger, (id << 8n) | 1n, 30n * UNIT, '0x')
      await resolve(id, read)
      await inputs.connect(stranger).challenge(id)
      await inputs.connect(owner).defend(id)
      await inputs.connect(dao).settle(id, INVALID)
      expect((await inputs.challengeOf(id)).upheld, `${read}`).to.equal(upheld)
      const [winner, loser] = upheld ? [stranger, owner] : [owner, stranger]
      await inputs.returnBond(id, winner)
      await expect(inputs.returnBond(id, loser)).to.be.revertedWithCustomError(inputs, 'NoBondOwed')
      // What the split pays: for the first of these readings the same as the reading did.
      await expect(inputs.connect(user).redeem(id)).to.changeTokenBalance(ethers, token, user, 85n * UNIT)
    }
  })

  it('has a price: a pool trades its outcomes as those of any market', async () => {
    const { inputs, linear, token, user, stranger, ethers } = await createInputMarkets()
    const id = await linear(0n, 10n)
    const pool = await ethers.deployContract('OutcomePool', [inputs, id, 100])
    for (const account of [user, stranger]) {
      await token.connect(account).approve(pool, 2n ** 200n)
      await inputs.connect(account).setApprovalForAll(pool, true)
    }
    await pool.connect(user).start(100n * UNIT, [1, 1], 2n ** 40n)
    await pool.connect(stranger).buy(1, 10n * UNIT, 0, 2n ** 40n)
    expect(await pool.priceOf(1)).to.be.greaterThan(UNIT / 2n)
  })

  it('refuses what could never be settled', async () => {
    const { inputs, open, terms, score, hub, publishers } = await createInputMarkets()
    const scored = { payout: PAYOUT.linear, lower: 0n, width: 1n }
    const bins = { payout: PAYOUT.bins, lower: 0n, width: 1n }
    for (const [changes, given, error] of [
      [{ publisherId: 1 }, {}, 'InputInvalid'],
      [{ publisherId: 0 }, { input: ZeroHash }, 'InputInvalid'],
      [{}, { input: toBeHex(FIELD_ORDER, 32) }, 'InputInvalid'],
      [{}, { lower: 1n }, 'BoundsInvalid'],
      [{}, { width: 1n }, 'BoundsInvalid'],
      [{ classMap: '0x' }, {}, 'ClassMapLength'],
      [{ modelId: SCORES }, {}, 'OutputNotALabel'],
      [{ ...score, modelId: LABELS }, scored, 'OutputNotAScore'],
      [{ ...score, outcomes: 3 }, scored, 'OutcomeCount'],
      [{ ...score, outcomes: 0 }, bins, 'OutcomeCount'],
      [{ ...score, outcomes: 17 }, bins, 'OutcomeCount'],
      [{ ...score, classMap: CLASS_MAP }, scored, 'ClassesNotRead'],
      [{ ...score, minMargin: 1n }, scored, 'ClassesNotRead'],
      [score, { ...scored, width: 0n }, 'BoundsInvalid'],
      [score, { ...bins, width: 0n }, 'BoundsInvalid'],
    ] as const) {
      await expect(
        inputs.createMarket(await terms(changes, given), ''),
        `${error} ${JSON.stringify(Object.keys(changes))}`,
      ).to.be.revertedWithCustomError(inputs, error)
    }
    await expect(open({ publisherId: 99 }, { input: ZeroHash })).to.be.revertedWithCustomError(
      publishers,
      'UnknownPublisher',
    )
    await expect(open({ modelId: 99 })).to.be.revertedWithCustomError(hub, 'ModelNotFound')
    await expect(inputs.termsOf(1)).to.be.revertedWithCustomError(inputs, 'UnknownMarket')
  })

  it('says what it is by ERC-165', async () => {
    const { inputs, market } = await createInputMarkets()
    for (const id of ['0x01ffc9a7', '0xd9b67a26']) {
      expect([await inputs.supportsInterface(id), await market.supportsInterface(id)]).to.deep.equal([true, true])
    }
    expect(await inputs.tagOf(1)).not.to.equal(await market.tagOf(1))
  })
})

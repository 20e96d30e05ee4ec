// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { DISPUTE, STATUS, UNIT } from './market.ts'
import { createPool, DEAD, EVEN, LATE, MAX, NOBODY, THREE } from './pool.ts'

/** The reserves as a provider sees them before it signs. */
async function quote(pool: { reserves(): Promise<bigint[]> }): Promise<bigint[]> {
  return [...(await pool.reserves())]
}

describe('OutcomePool liquidity', () => {
  it('starts at even odds, one share a unit, but those that nobody owns', async () => {
    const { pool, user, held } = await createPool(THREE)
    await expect(pool.connect(user).start(90n * UNIT, [5, 5, 5], LATE))
      .to.emit(pool, 'LiquidityAdded')
      .withArgs(user.address, 90n * UNIT, 90n * UNIT - DEAD)
    expect(await pool.balanceOf(NOBODY)).to.equal(DEAD)
    expect(await held()).to.deep.equal([90n * UNIT, 90n * UNIT, 90n * UNIT])
    for (const outcome of [0, 1, 2]) expect(await pool.priceOf(outcome)).to.be.closeTo(UNIT / 3n, 1n)
  })

  it('starts at the odds that the first provider gives', async () => {
    const { pool, market, id, user, held } = await createPool(THREE)
    await pool.connect(user).start(90n * UNIT, [6, 3, 1], LATE)
    expect(await held()).to.deep.equal([15n * UNIT, 30n * UNIT, 90n * UNIT])
    for (const [outcome, tenths] of [6n, 3n, 1n].entries()) {
      expect(await pool.priceOf(outcome)).to.be.closeTo((tenths * UNIT) / 10n, 10n)
    }
    expect(await market.balanceOf(user, await market.positionId(id, 0))).to.equal(75n * UNIT)
  })

  it('refuses a first deposit that is too small, at such odds too, odds of nothing, and a second one', async () => {
    const { pool, user } = await createPool()
    const mine = pool.connect(user)
    for (const [amount, odds, found, least] of [
      [99_999n, EVEN, 99_999n, 100_000n],
      [100_000n, [1, 101], 990n, DEAD],
      [100_000n, [0, 1], 0n, DEAD],
    ] as const) {
      await expect(mine.start(amount, [...odds], LATE))
        .to.be.revertedWithCustomError(pool, 'DepositTooSmall')
        .withArgs(found, least)
    }
    await expect(mine.start(100_000n, [1, 1, 1], LATE))
      .to.be.revertedWithCustomError(pool, 'OddsInvalid')
      .withArgs(3, 2)
    await expect(mine.addLiquidity(100_000n, 0, await quote(pool), 100, LATE)).to.be.revertedWithCustomError(
      pool,
      'PoolEmpty',
    )
    await mine.start(100_000n, [1, 100], LATE)
    await expect(mine.start(100_000n, EVEN, LATE)).to.be.revertedWithCustomError(pool, 'PoolStarted')
  })

  it('charges a new provider the true worth of the shares, however the first one inflated their price by trades', async () => {
    const { pool, token, market, id, user, prover } = await createPool({}, 0n)
    // The attacker leaves as little as it can, and trades until a share is worth a lot.
    await pool.connect(user).start(100_000n, EVEN, LATE)
    await pool.connect(user).removeLiquidity(100_000n - DEAD, 0, LATE)
    await pool.connect(user).buy(0, 10n * UNIT, 0, LATE)
    const [, largest] = await pool.reserves()
    const deposit = (2n * largest!) / DEAD - 1n
    const before = await token.balanceOf(prover)
    await pool.connect(prover).addLiquidity(deposit, 1n, await quote(pool), 100, LATE)
    const paid = before - (await token.balanceOf(prover))
    expect(paid <= deposit, `${paid}`).to.equal(true)
    await pool.connect(prover).removeLiquidity(await pool.balanceOf(prover), 0, LATE)
    const back = (await token.balanceOf(prover)) - (before - paid)
    // Of each outcome, as tokens or in complete sets, everything comes out that went in: the attacker took a quarter.
    for (const outcome of [0, 1]) {
      const tokens = await market.balanceOf(prover, await market.positionId(id, outcome))
      expect(back + tokens, `outcome ${outcome}`).to.be.closeTo(paid, 2n)
    }
  })

  it('keeps the odds when somebody joins, and returns the surplus', async () => {
    const { pool, market, id, user, prover, stranger, held } = await createPool()
    await pool.connect(user).start(100n * UNIT, EVEN, LATE)
    await pool.connect(stranger).buy(0, 50n * UNIT, 0, LATE)
    const price = await pool.priceOf(0)
    const [yes, no] = (await held()) as [bigint, bigint]
    await pool.connect(prover).addLiquidity(30n * UNIT, 0, await quote(pool), 100, LATE)
    expect(await pool.priceOf(0)).to.be.closeTo(price, 10n)
    expect(await pool.balanceOf(prover)).to.equal((30n * UNIT * 100n * UNIT) / no)
    expect(await market.balanceOf(prover, await market.positionId(id, 0))).to.be.closeTo(
      30n * UNIT - (30n * UNIT * yes) / no,
      1n,
    )
    expect(await market.balanceOf(prover, await market.positionId(id, 1))).to.equal(0n)
  })

  it('refuses who joins at odds that a trade has moved since they were quoted, though that gives more shares', async () => {
    const { pool, user, prover: provider, stranger: attacker } = await createPool({}, 0n)
    await pool.connect(user).start(200n * UNIT, [1, 4], LATE)
    const quoted = await quote(pool)
    const join = (tolerance: bigint) =>
      pool.connect(provider).addLiquidity(1000n * UNIT, 1000n * UNIT - 4000n, quoted, tolerance, LATE)
    // Pushed to even in front of the provider, to be traded back behind it: that cost it a third of its deposit.
    await pool.connect(attacker).buy(0, 100n * UNIT, 0, LATE)
    await expect(join(100n)).to.be.revertedWithCustomError(pool, 'OddsMoved')
    await expect(pool.connect(provider).addLiquidity(UNIT, 0, [1n], 100n, LATE))
      .to.be.revertedWithCustomError(pool, 'OddsInvalid')
      .withArgs(1, 2)
    // Whoever asks for no protection has none.
    await join(1_000_000n)
  })

  it('pays shares out as collateral and remaining outcomes, down to the very last', async () => {
    const { pool, market, token, ethers, id, user, prover, stranger, held } = await createPool()
    await pool.connect(user).start(100n * UNIT, EVEN, LATE)
    await pool.connect(stranger).buy(1, 20n * UNIT, 0, LATE)
    await pool.connect(prover).addLiquidity(40n * UNIT, 0, await quote(pool), 100, LATE)
    const shares = await pool.balanceOf(prover)
    await expect(pool.connect(prover).removeLiquidity(shares, MAX, LATE)).to.be.revertedWithCustomError(
      pool,
      'TooLittleCollateral',
    )
    const [, least] = (await held()) as [bigint, bigint]
    const due = (least * shares) / (await pool.totalSupply())
    await expect(pool.connect(prover).removeLiquidity(shares, due, LATE)).to.changeTokenBalance(
      ethers,
      token,
      prover,
      due,
    )
    await held()
    await pool.connect(user).removeLiquidity(100n * UNIT - DEAD, 0, LATE)
    for (const reserve of await held()) expect(reserve > 0n && reserve < 2n * DEAD, `${reserve}`).to.equal(true)
    expect(await pool.totalSupply()).to.equal(DEAD)
    expect(await token.balanceOf(pool)).to.equal(0n)
    expect(await market.potOf(id)).to.deep.equal([await token.balanceOf(market), 2n * (await token.balanceOf(market))])
  })

  it('pays a share that is too small for a complete set in the tokens that it has', async () => {
    const { pool, market, token, ethers, id, user, stranger, held } = await createPool({}, 0n)
    await pool.connect(user).start(100_000n, EVEN, LATE)
    await pool.connect(stranger).buy(0, 100_000n, 0, LATE)
    expect(await held()).to.deep.equal([50_000n, 200_000n])
    await expect(pool.connect(user).removeLiquidity(1n, 0, LATE)).to.changeTokenBalance(ethers, token, user, 0n)
    expect(await market.balanceOf(user, await market.positionId(id, 1))).to.equal(2n)
    expect(await held()).to.deep.equal([50_000n, 199_998n])
  })

  it('can leave after the end, and redeem', async () => {
    const { pool, market, token, ethers, id, user, stranger, networkHelpers, tell, submit } = await createPool()
    await pool.connect(user).start(100n * UNIT, EVEN, LATE)
    await pool.connect(stranger).buy(0, 20n * UNIT, 0, LATE)
    await submit(await tell(id))
    for (const attempt of [
      async () => pool.connect(user).addLiquidity(1n, 0, await quote(pool), 100, LATE),
      () => pool.connect(user).buy(0, 1n, 0, LATE),
      () => pool.connect(user).sell(0, 1n, MAX, LATE),
    ]) {
      await expect(attempt()).to.be.revertedWithCustomError(pool, 'MarketNotTrading').withArgs(id, STATUS.pending)
    }
    await networkHelpers.time.increase(DISPUTE)
    await pool.connect(user).removeLiquidity(100n * UNIT - DEAD, 0, LATE)
    await market.connect(user).redeem(id)
    const won = await market.balanceOf(stranger, await market.positionId(id, 0))
    await expect(market.connect(stranger).redeem(id)).to.changeTokenBalance(ethers, token, stranger, won)
    expect((await token.balanceOf(market)) <= DEAD, 'what nobody owns').to.equal(true)
  })

  it('stops when the window closes, and at the first story on the record; leaving is possible', async () => {
    for (const recorded of [true, false]) {
      const { pool, market, id, user, stranger, networkHelpers, tell } = await createPool()
      await pool.connect(user).start(100n * UNIT, EVEN, LATE)
      await market.connect(stranger).split(id, UNIT)
      const { closesAt } = await market.questionOf(id)
      let at = 0n
      if (recorded) {
        const { story, signature } = await tell(id)
        await market.recordStory(id, story, 1, signature)
        at = BigInt(await networkHelpers.time.latest())
      } else {
        await networkHelpers.time.increaseTo(closesAt)
      }
      expect(await market.tradingOf(id)).to.deep.equal([STATUS.trading, closesAt, at])
      for (const attempt of [
        async () => pool.connect(user).addLiquidity(UNIT, 0, await quote(pool), 100, LATE),
        () => pool.connect(stranger).buy(0, UNIT, 0, LATE),
        () => pool.connect(stranger).sell(0, UNIT / 2n, MAX, LATE),
      ]) {
        await expect(attempt()).to.be.revertedWithCustomError(pool, 'TradingEnded').withArgs(id, closesAt, at)
      }
      await pool.connect(user).removeLiquidity(UNIT, UNIT, LATE)
    }
  })

  it('stops when the circuit is revoked or the version withdrawn: only an equal split can follow; leaving is possible', async () => {
    for (const withdraw of ['circuit', 'version']) {
      const { pool, models, verifiers, service, reading, id, user, stranger, ethers } = await createPool()
      await pool.connect(user).start(100n * UNIT, [1, 4], LATE)
      if (withdraw === 'circuit') await verifiers.revoke(reading.id)
      else await models.deprecate(service, 1, ethers.id('unsound'))
      for (const attempt of [
        async () => pool.connect(user).addLiquidity(UNIT, 0, await quote(pool), 100, LATE),
        () => pool.connect(stranger).buy(0, UNIT, 0, LATE),
      ]) {
        await expect(attempt()).to.be.revertedWithCustomError(pool, 'GroundsWithdrawn').withArgs(id)
      }
      await pool.connect(user).removeLiquidity(UNIT, 0, LATE)
    }
  })

  it('refuses every call that comes after its deadline', async () => {
    const { pool, user, networkHelpers } = await createPool()
    const deadline = (await networkHelpers.time.latest()) + 1
    const mine = pool.connect(user)
    await mine.start(100_000n, EVEN, deadline)
    for (const attempt of [
      async () => mine.addLiquidity(10n, 0, await quote(pool), 100, deadline),
      () => mine.removeLiquidity(10n, 0, deadline),
      () => mine.buy(0, 10n, 0, deadline),
      () => mine.sell(0, 10n, MAX, deadline),
    ]) {
      await expect(attempt()).to.be.revertedWithCustomError(pool, 'DeadlinePassed')
    }
  })

  it('refuses nothing, and fewer shares than asked for', async () => {
    const { pool, user, stranger } = await createPool()
    await pool.connect(user).start(100_000n, EVEN, LATE)
    await expect(pool.connect(user).addLiquidity(0n, 0, await quote(pool), 100, LATE)).to.be.revertedWithCustomError(
      pool,
      'NothingGiven',
    )
    await expect(pool.connect(user).removeLiquidity(0n, 0, LATE)).to.be.revertedWithCustomError(pool, 'NothingGiven')
    await expect(pool.connect(user).addLiquidity(10n, 11n, await quote(pool), 100, LATE))
      .to.be.revertedWithCustomError(pool, 'TooFewShares')
      .withArgs(10n, 11n)
    await pool.connect(stranger).buy(0, 100_000n, 0, LATE)
    await expect(pool.connect(stranger).addLiquidity(1n, 0, await quote(pool), 100, LATE))
      .to.be.revertedWithCustomError(pool, 'TooFewShares')
      .withArgs(0n, 0n)
    await expect(pool.connect(stranger).removeLiquidity(1n, 0, LATE)).to.be.revertedWithCustomError(
      pool,
      'ERC20InsufficientBalance',
    )
  })
})

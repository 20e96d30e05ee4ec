// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { deployHostile, MOOD } from './hostile.ts'
import { UNIT } from './market.ts'
import { createPool, DEAD, EVEN, LATE, MAX } from './pool.ts'

describe('OutcomePool trades', () => {
  it('buy by the constant product, after the fee', async () => {
    const { pool, market, token, ethers, id, user, stranger } = await createPool({}, 0n)
    await pool.connect(user).start(100n * UNIT, EVEN, LATE)
    // 100 · 100 = 10,000; 100 more of each, less x of the first: (200 − x) · 200 = 10,000 → x = 150.
    expect(await pool.quoteBuy(0, 100n * UNIT)).to.deep.equal([150n * UNIT, 0n])
    await expect(pool.connect(stranger).buy(0, 100n * UNIT, 150n * UNIT, LATE)).to.changeTokenBalances(
      ethers,
      token,
      [stranger, market],
      [-100n * UNIT, 100n * UNIT],
    )
    expect(await market.balanceOf(stranger, await market.positionId(id, 0))).to.equal(150n * UNIT)
    // 1/50 against 1/200.
    expect(await pool.priceOf(0)).to.equal((8n * UNIT) / 10n)
    expect(await pool.priceOf(1)).to.equal((2n * UNIT) / 10n)
    // And back again: 100 of collateral costs the 150 tokens.
    expect(await pool.quoteSell(0, 100n * UNIT)).to.deep.equal([150n * UNIT, 0n])
    await expect(pool.connect(stranger).sell(0, 100n * UNIT, 150n * UNIT, LATE)).to.changeTokenBalance(
      ethers,
      token,
      stranger,
      100n * UNIT,
    )
    expect(await pool.priceOf(0)).to.equal(UNIT / 2n)
  })

  it('leave the fee to the shares', async () => {
    const { pool, token, user, stranger, product } = await createPool()
    await pool.connect(user).start(1000n * UNIT, EVEN, LATE)
    const before = await product()
    const [tokens, fee] = await pool.quoteBuy(1, 50n * UNIT)
    expect(fee).to.equal(UNIT)
    await expect(pool.connect(stranger).buy(1, 50n * UNIT, tokens, LATE))
      .to.emit(pool, 'Bought')
      .withArgs(stranger.address, 1, 50n * UNIT, fee, tokens)
    const [cost, second] = await pool.quoteSell(1, 20n * UNIT)
    expect(second).to.equal((20n * UNIT * 200n + 9799n) / 9800n)
    await expect(pool.connect(stranger).sell(1, 20n * UNIT, cost, LATE))
      .to.emit(pool, 'Sold')
      .withArgs(stranger.address, 1, 20n * UNIT, second, cost)
    expect((await product()) > before).to.equal(true)
    // At even odds again, what came in above the first liquidity is the fees.
    const price = async () => (await pool.priceOf(1)) - (await pool.priceOf(0))
    while ((await price()) > UNIT / 1000n) await pool.connect(stranger).buy(0, UNIT, 0, LATE)
    await expect(pool.connect(user).removeLiquidity(1000n * UNIT - DEAD, 1000n * UNIT, LATE)).to.emit(
      pool,
      'LiquidityRemoved',
    )
    expect(await token.balanceOf(pool)).to.equal(0n)
  })

  it('refuse a price that moved', async () => {
    const { pool, user, stranger } = await createPool()
    await pool.connect(user).start(100n * UNIT, EVEN, LATE)
    const [tokens] = await pool.quoteBuy(0, UNIT)
    await expect(pool.connect(stranger).buy(0, UNIT, tokens + 1n, LATE))
      .to.be.revertedWithCustomError(pool, 'TooFewTokens')
      .withArgs(tokens, tokens + 1n)
    const [cost] = await pool.quoteSell(0, UNIT)
    await expect(pool.connect(stranger).sell(0, UNIT, cost - 1n, LATE))
      .to.be.revertedWithCustomError(pool, 'TooManyTokens')
      .withArgs(cost, cost - 1n)
  })

  it('refuse outcomes that do not exist, nothing, an empty pool, and more than it has', async () => {
    const { pool, user, stranger } = await createPool()
    await expect(pool.connect(stranger).buy(0, 1n, 0, LATE)).to.be.revertedWithCustomError(pool, 'PoolEmpty')
    await pool.connect(user).start(100_000n, EVEN, LATE)
    await expect(pool.connect(stranger).buy(2, 1n, 0, LATE))
      .to.be.revertedWithCustomError(pool, 'OutcomeOutOfRange')
      .withArgs(2, 2)
    for (const attempt of [
      () => pool.connect(stranger).buy(0, 0n, 0, LATE),
      () => pool.connect(stranger).sell(0, 0n, MAX, LATE),
    ]) {
      await expect(attempt()).to.be.revertedWithCustomError(pool, 'NothingGiven')
    }
    await expect(pool.connect(stranger).sell(0, 98_000n, MAX, LATE))
      .to.be.revertedWithCustomError(pool, 'ReserveTooLow')
      .withArgs(1, 100_000n, 100_000n)
  })

  it('refuse unsolicited tokens, and senseless deployments', async () => {
    const { pool, market, id, user, ethers, ids } = await createPool()
    await market.connect(user).split(id, 10n)
    const [first] = ids(id)
    await expect(market.connect(user).safeTransferFrom(user, pool, first!, 1n, '0x'))
      .to.be.revertedWithCustomError(pool, 'UnsolicitedTokens')
      .withArgs(await market.getAddress(), user.address)
    await expect(market.connect(user).safeBatchTransferFrom(user, pool, ids(id), [1n, 1n], '0x'))
      .to.be.revertedWithCustomError(pool, 'UnsolicitedTokens')
      .withArgs(await market.getAddress(), user.address)
    await expect(pool.onERC1155Received(pool, user, 1, 1, '0x')).to.be.revertedWithCustomError(
      pool,
      'UnsolicitedTokens',
    )
    await expect(ethers.deployContract('OutcomePool', [market, id, 1001]))
      .to.be.revertedWithCustomError(pool, 'FeeTooHigh')
      .withArgs(1001, 1000)
    await expect(ethers.deployContract('OutcomePool', [market, id + 1n, 0])).to.be.revertedWithCustomError(
      market,
      'UnknownMarket',
    )
    expect(await pool.supportsInterface('0x4e2312e0')).to.equal(true)
  })

  it('let receivers that revert or re-enter harm only themselves', async () => {
    const { pool, market, token, dao, user, held } = await createPool()
    await pool.connect(user).start(100_000n, EVEN, LATE)
    const receiver = await deployHostile('Receiver', dao)
    const [target, address] = [await pool.getAddress(), await receiver.getAddress()]
    await token.connect(user).transfer(address, 100n)
    await receiver.run(await token.getAddress(), token.interface.encodeFunctionData('approve', [target, 100n]))
    const buy = pool.interface.encodeFunctionData('buy', [0, 10n, 0, LATE])
    for (const mood of [MOOD.reverting, MOOD.wrongAnswer, MOOD.gluttonous]) {
      await receiver.set(mood, target, '0x')
      let failed = false
      await receiver.run(target, buy, { gasLimit: 2_000_000 }).catch(() => (failed = true))
      expect(failed, `mood ${mood}`).to.equal(true)
      expect(await held()).to.deep.equal([100_000n, 100_000n])
    }
    await receiver.set(MOOD.reentering, target, buy)
    await receiver.run(target, buy)
    expect(await receiver.succeeded()).to.equal(false)
    const [yes, no] = await held()
    expect(no).to.equal(100_010n)
    expect(await market.balanceOf(address, await market.positionId(1, 0))).to.equal(100_010n - yes!)
  })
})

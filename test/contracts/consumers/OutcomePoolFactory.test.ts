// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { ZeroAddress } from 'ethers'
import { createMarkets, UNIT } from './market.ts'

async function createFactory() {
  const world = await createMarkets()
  const factory = await world.ethers.deployContract('OutcomePoolFactory', [world.market])
  return { ...world, factory, id: await world.open() }
}

describe('OutcomePoolFactory', () => {
  it('makes a pool that trades the market, and says where it is', async () => {
    const { factory, market, token, user, stranger, ethers, id } = await createFactory()
    expect(await factory.poolOf(id, 100)).to.equal(ZeroAddress)
    const address = await factory.createPool.staticCall(id, 100)
    await expect(factory.connect(stranger).createPool(id, 100))
      .to.emit(factory, 'PoolCreated')
      .withArgs(id, 100, address, stranger.address)
    expect(await factory.poolOf(id, 100)).to.equal(address)
    const pool = await ethers.getContractAt('OutcomePool', address)
    expect([await pool.MARKET(), await pool.MARKET_ID(), await pool.FEE_BPS()]).to.deep.equal([
      await market.getAddress(),
      id,
      100n,
    ])
    for (const account of [user, stranger]) await token.connect(account).approve(pool, 100n * UNIT)
    await pool.connect(user).start(100n * UNIT, [1, 1], 2n ** 40n)
    await pool.connect(stranger).buy(0, 50n * UNIT, 0, 2n ** 40n)
    expect(await pool.priceOf(0)).to.be.above(await pool.priceOf(1))
  })

  it('makes one for each market and fee', async () => {
    const { factory, id, open } = await createFactory()
    const other = await open()
    const places: [bigint, number][] = [
      [id, 0],
      [id, 100],
      [other, 100],
    ]
    for (const [market, fee] of places) await factory.createPool(market, fee)
    const pools = await Promise.all(places.map(([market, fee]) => factory.poolOf(market, fee)))
    expect(new Set(pools).size).to.equal(3)
    await expect(factory.createPool(id, 100))
      .to.be.revertedWithCustomError(factory, 'PoolExists')
      .withArgs(id, 100, pools[1])
  })

  it('passes on refusals of the market and the pool', async () => {
    const { factory, market, ethers, id } = await createFactory()
    await expect(factory.createPool(id + 1n, 0)).to.be.revertedWithCustomError(market, 'UnknownMarket')
    const pools = await ethers.getContractFactory('OutcomePool')
    await expect(factory.createPool(id, 1001)).to.be.revertedWithCustomError(pools, 'FeeTooHigh').withArgs(1001, 1000)
    expect(await factory.poolOf(id, 1001)).to.equal(ZeroAddress)
    await expect(ethers.deployContract('OutcomePoolFactory', [ZeroAddress])).to.be.revertedWithCustomError(
      factory,
      'ZeroMarket',
    )
  })
})

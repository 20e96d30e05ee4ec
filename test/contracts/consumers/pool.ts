// SPDX-License-Identifier: GPL-3.0-or-later
// A market with an automated market maker: what the tests of pools share.
import { expect } from 'chai'
import { restored } from '../restored.ts'
import { createMarkets } from './market.ts'

export const FEE_BPS = 200n
export const THREE = { outcomes: 3, classMap: '0x000102ff' }
export const MAX = 2n ** 255n
export const LATE = 2n ** 40n
export const EVEN = [1, 1]
export const DEAD = 1000n
export const NOBODY = '0x000000000000000000000000000000000000dEaD'

/** A market with a pool; user, prover, stranger and owner have approved both. */
async function deployPool(changes: object = {}, feeBps = FEE_BPS) {
  const world = await createMarkets()
  const { market, token, user, prover, stranger, owner, ethers, open } = world
  const id = await open(changes)
  const pool = await ethers.deployContract('OutcomePool', [market, id, feeBps])
  for (const account of [user, prover, stranger, owner]) {
    await token.connect(account).approve(pool, MAX)
    await market.connect(account).setApprovalForAll(pool, true)
  }
  /** The reserves are exactly what the pool has. */
  const held = async () => {
    const reserves = [...(await pool.reserves())]
    for (const [outcome, reserve] of reserves.entries()) {
      expect(await market.balanceOf(pool, await market.positionId(id, outcome))).to.equal(reserve)
    }
    return reserves
  }
  const product = async () => (await held()).reduce((k, reserve) => k * reserve, 1n)
  return { ...world, id, pool, held, product }
}

export const createPool = restored(deployPool)

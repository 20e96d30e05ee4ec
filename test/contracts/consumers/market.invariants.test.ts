// SPDX-License-Identifier: GPL-3.0-or-later
// What must hold of markets and pools whatever anyone does, with real proofs; invariants/play/Markets.t.sol looks at the same books in
// 10,000 calls without them. A longer run:
//   COHORT_INVARIANT_CALLS=20000 COHORT_INVARIANT_SEED=7 npx hardhat test test/contracts/consumers/market.invariants.test.ts
import { expect } from 'chai'
import { MarketDriver } from './market-driver.ts'

const CALLS = Number(process.env.COHORT_INVARIANT_CALLS ?? 500)
const SEED = Number(process.env.COHORT_INVARIANT_SEED ?? 20_261_120)
const RUNS = 2

describe('prediction markets and their pools', () => {
  it('pay out exactly the amount paid in, and no trade lowers the product of the reserves', async function () {
    this.timeout(0)
    const done: Record<string, number> = {}
    for (let run = 0; run < RUNS; run++) {
      const driver = await MarketDriver.create(SEED + run)
      let call = 0
      try {
        for (; call < CALLS / RUNS; call++) {
          const name = await driver.step()
          if (['split', 'merge', 'redeem', 'settle', 'resolve'].includes(name) || call % 10 === 0) await driver.check()
        }
        await driver.check()
        // Money is never stuck: whoever holds what pays gets it, but for what stands behind the shares that nobody owns.
        for (const [left, dead] of await driver.windUp())
          expect(left <= dead, `${left} is left of ${dead}`).to.equal(true)
      } catch (error) {
        throw new Error(`seed ${SEED + run}, call ${call}: ${(error as Error).message}`, { cause: error })
      }
      for (const [name, count] of Object.entries(driver.done)) done[name] = (done[name] ?? 0) + count
    }
    // The sequences were not idle.
    expect(done.resolve, 'resolve').to.be.above(0)
    for (const name of ['split', 'merge', 'transfer', 'add liquidity', 'remove liquidity', 'buy', 'sell']) {
      expect(done[name] ?? 0, name).to.be.above(4)
    }
  })
})

// SPDX-License-Identifier: GPL-3.0-or-later
// What a provider of liquidity may rely on while others trade around its transaction.
import { expect } from 'chai'
import { createMarkets, DAY, STATUS, UNIT } from './market.ts'

const MAX = 2n ** 255n
const LATE = 2n ** 40n

/** A pool that says what everybody knows: outcome 1 comes true four times in five. */
async function createPool(feeBps: bigint) {
  const world = await createMarkets()
  const { market, token, user, prover, stranger, ethers, open } = world
  const id = await open()
  const pool = await ethers.deployContract('OutcomePool', [market, id, feeBps])
  for (const account of [user, prover, stranger]) {
    await token.connect(account).approve(pool, MAX)
    await market.connect(account).setApprovalForAll(pool, true)
  }
  await pool.connect(user).start(200n * UNIT, [1, 4], LATE)
  const tokensOf = async (account: string) =>
    await Promise.all([0n, 1n].map(async (outcome) => await market.balanceOf(account, (id << 8n) | outcome)))
  /** What an account has, in collateral, when outcome 1 comes true four times in five. */
  const worth = async (account: string) => {
    const [yes, no] = await tokensOf(account)
    return (await token.balanceOf(account)) + (yes! + 4n * no!) / 5n
  }
  return { ...world, id, pool, tokensOf, worth }
}

/** Square root, to nine digits or so. */
function root(square: bigint): bigint {
  return BigInt(Math.floor(Math.sqrt(Number(square / UNIT)))) * 10n ** 9n
}

describe('OutcomePool beside other traders', () => {
  it('lets a provider who names the shares that it expects lose nothing to a trade right before its own', async () => {
    const { pool, market, token, prover: provider, stranger: attacker, id, worth, ethers } = await createPool(0n)
    // The attacker comes with complete sets, and trades one outcome for the other.
    await token.connect(attacker).approve(market, MAX)
    await market.connect(attacker).split(id, 5000n * UNIT)
    const [before, attackers] = [await worth(provider.address), await worth(attacker.address)]
    // What the provider sees, computes and signs: at these reserves a deposit is worth so many shares.
    const amount = 1000n * UNIT
    const [yes, no] = (await pool.reserves()) as unknown as [bigint, bigint]
    const supply = await pool.totalSupply()
    const expected = (amount * supply) / (yes > no ? yes : no)

    const snapshot = await ethers.provider.send('evm_snapshot', [])
    // In front of it: the odds are pushed to even.
    await pool.connect(attacker).buy(0, 100n * UNIT, 0, LATE)
    const joined = await pool
      .connect(provider)
      .addLiquidity(amount, expected, LATE)
      .then(
        () => true,
        () => false,
      )
    if (!joined) {
      await ethers.provider.send('evm_revert', [snapshot])
      return
    }
    // Behind it: back to the odds that are true, against reserves that are now many times as deep.
    const [r0, r1] = (await pool.reserves()) as unknown as [bigint, bigint]
    await pool.connect(attacker).buy(1, 2n * root(r0 * r1) - r0, 0, LATE)
    await pool.connect(provider).removeLiquidity(await pool.balanceOf(provider), 0, LATE)
    const lost = before - (await worth(provider.address))
    const gained = (await worth(attacker.address)) - attackers
    expect(
      lost,
      `the provider lost ${lost / 10n ** 15n}, the attacker gained ${gained / 10n ** 15n} thousandths`,
    ).to.be.below(amount / 100n)
  })

  it('sells and buys nothing of a market that can only end in an equal split: its circuit is revoked, for all to see', async () => {
    const world = await createPool(200n)
    const { pool, market, token, verifiers, reading, dao, user: provider, prover: informed, id, networkHelpers } = world
    const before = await token.balanceOf(informed)
    await verifiers.connect(dao).revoke(reading.id)
    // Outcome 0 costs a fifth, and will pay a half.
    await pool
      .connect(informed)
      .buy(0, 100n * UNIT, 0, LATE)
      .catch(() => undefined)
    await networkHelpers.time.increase(13 * DAY)
    expect(await market.statusOf(id)).to.equal(STATUS.invalid)
    await market
      .connect(informed)
      .redeem(id)
      .catch(() => undefined)
    const gained = (await token.balanceOf(informed)) - before
    expect(gained, `${gained / 10n ** 15n} thousandths of those who provide liquidity, ${provider.address}`).to.equal(
      0n,
    )
  })
})

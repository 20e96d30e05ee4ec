// SPDX-License-Identifier: GPL-3.0-or-later
// Attacks on rewards, played again without the rule that prevents them: then they work.
import { expect } from 'chai'
import { type Change, compiled, deployedCode } from '../rounds/without.ts'
import { createMarket, type Market, RATE } from './market.ts'

const FILE = 'contracts/market/ImprovementRewards.sol'

/** Puts changed code in the place of this world's rewards; what it stores stays. */
async function changeRewards(world: Market, ...changes: Change[]) {
  const placed = changes.map(({ file, ...rest }) => ({ file: `contracts/market/${file}`, ...rest }))
  const changed = compiled(FILE, 'ImprovementRewards', null, placed)
  const code = await deployedCode(world, changed, world.claims, world.models)
  await world.networkHelpers.setCode(await world.rewards.getAddress(), code)
}

/** Two versions of the same quality. @returns wei paid for both */
async function sameTwice(world: Market): Promise<bigint> {
  const { rewards, open, version, presented, settled } = world
  const id = await open()
  for (let i = 0; i < 2; i++) await version(id)
  await presented(id, 1n, 130)
  await presented(id, 2n, 130)
  await settled(id)
  return (await rewards.measuredOf(id, 1)).prize + (await rewards.measuredOf(id, 2)).prize
}

/** A version whose claim falls before it is settled. @returns wei paid */
async function luckyDraw(world: Market): Promise<bigint> {
  const { rewards, open, version, presented, fell, networkHelpers } = world
  const id = await open()
  await version(id)
  const { claimIds } = await presented(id, 1n, 180)
  await fell(claimIds[0]!)
  await networkHelpers.time.increase(3 * 86_400)
  await rewards.settle(id)
  return (await rewards.measuredOf(id, 1)).prize
}

/** Draws until the pool is used up. @returns batches that were drawn more than once */
async function seenAgain(world: Market): Promise<number> {
  const { open, version, drawn } = world
  const id = await open({ draws: 6 })
  for (let i = 0; i < 2; i++) await version(id)
  const seen = [...(await drawn(id, 1n)), ...(await drawn(id, 2n))]
  return seen.length - new Set(seen).size
}

describe('ImprovementRewards: attacks', () => {
  it('one improvement is paid once; if the record did not rise, it would be paid with each version', async () => {
    expect(await sameTwice(await createMarket(4))).to.be.within(20n * RATE - 3n, 20n * RATE)
    const world = await createMarket(4)
    await changeRewards(world, { file: 'ImprovementRewards.sol', from: 'campaign.best = level;', to: '' })
    expect(await sameTwice(world)).to.be.within(40n * RATE - 6n, 40n * RATE)
  })

  it('a lucky draw that a counter-batch refutes is not paid; if fallen claims counted, it would be', async () => {
    expect(await luckyDraw(await createMarket(4))).to.equal(0n)
    const world = await createMarket(4)
    await changeRewards(world, {
      file: 'ImprovementRewards.sol',
      from: 'if (!_allStand(campaignId, version, measured)) {',
      to: 'if (_allStand(campaignId, version, measured) && false) {',
    })
    expect(await luckyDraw(world)).to.be.within(70n * RATE - 4n, 70n * RATE)
  })

  it('a batch that was opened is not drawn again; if batches were put back, members could train on the next version’s', async () => {
    expect(await seenAgain(await createMarket(4))).to.equal(0)
    const world = await createMarket(4)
    await changeRewards(
      world,
      { file: 'HoldOut.sol', from: 'deck.moved[place] = _at(deck, left) + 1;', to: '' },
      { file: 'HoldOut.sol', from: 'deck.seen[index] = true;\n            indices', to: 'indices' },
    )
    // Twelve draws of six and six: without repetition by luck alone in fewer than one of a hundred.
    expect(await seenAgain(world)).to.be.greaterThan(0)
  })
})

// SPDX-License-Identifier: GPL-3.0-or-later
// What rewards and offers cost, against snapshots/market.json. To accept new figures:
//   COHORT_UPDATE_SNAPSHOTS=1 npx hardhat test test/contracts/market/market.gas.test.ts
import { codeSizes, compareSnapshot, type Figures, gasOf } from '../governance/gas-snapshot.ts'
import { BATCHES, BUDGET, createMarket, DAY, DEPOSIT, PRICE } from './market.ts'

describe('data market: gas', () => {
  it('stays within the snapshot', async () => {
    const world = await createMarket(7)
    const { rewards, offers, terms, version, claim, tree, settled, offerTerms, players, service, networkHelpers } =
      world
    const figures: Figures = {}
    figures['open a campaign'] = await gasOf(rewards.open(await terms(), { value: BUDGET }))
    const made = await version(1n)
    await version(1n)
    figures['note an epoch of 7'] = await gasOf(rewards.noteEpoch(service))
    for (const about of [made, made + 1n]) {
      figures['ask for a draw'] = await gasOf(rewards.draw(1, about))
      await networkHelpers.mine(3)
      // What it costs depends on what is drawn.
      await rewards.fixDraw(1, about)
      const indices = (await rewards.measuredOf(1, about)).indices.map(Number)
      const claimIds = []
      for (const index of indices) claimIds.push(await claim(about, BATCHES[index]!, 70 + 5 * Number(about)))
      const paths = indices.map((index) => tree.path(index))
      figures['present 2 claims'] = await gasOf(rewards.present(1, about, claimIds, paths))
    }
    await networkHelpers.time.increase(2 * DAY + 3600)
    figures['settle and pay 7 members, the first time'] = await gasOf(rewards.settle(1))
    figures['settle and pay 7 members'] = await gasOf(rewards.settle(1))
    await settled(1n)
    const seller = players[0]!.owner
    figures.offer = await gasOf(offers.connect(seller).offer(await offerTerms(), { value: DEPOSIT }))
    figures['buy in'] = await gasOf(offers.buyIn(1, service, { value: PRICE }))
    figures['admit, within a call'] = Number(await offers.admit.estimateGas(service, seller)) - 21_000
    const { crsSeed } = await service.epochInfo()
    figures['who sits out, of 7'] = Number(await rewards.sittersOf.estimateGas(1, 20)) - 21_000
    if (crsSeed === `0x${'00'.repeat(32)}`) throw new Error('no epoch')
    compareSnapshot('market', { gas: figures, bytes: await codeSizes(['ImprovementRewards', 'DataOffers']) })
  })
})

// SPDX-License-Identifier: GPL-3.0-or-later
// What rewards and offers cost, against snapshots/market.json. To accept new figures:
//   COHORT_UPDATE_SNAPSHOTS=1 npx hardhat test test/contracts/market/market.gas.test.ts
import { p256 } from '@noble/curves/nist.js'
import { AbiCoder, getBytes, keccak256 } from 'ethers'
import { BatchTree } from '../../../keepers/chain/claims/batch-tree.ts'
import { codeSizes, compareSnapshot, type Figures, gasOf } from '../governance/gas-snapshot.ts'
import { BATCHES, BUDGET, createMarket, DAY, DEPOSIT, LEAVES, type Market, PRICE } from './market.ts'

/** Gas of a maker's P-256 signature over an offer, where the chain has the precompile. */
async function byKey({ offers, offer, stranger: maker, players }: Market): Promise<number> {
  const seller = players[1]!.owner
  const id = await offer({ maker: maker.address, root: new BatchTree(LEAVES.slice(1)).root, size: 4 }, seller)
  const secret = getBytes(`0x${'2b'.repeat(32)}`)
  const point = p256.getPublicKey(secret, false)
  const [qx, qy] = [point.slice(1, 33), point.slice(33)]
  await offers.connect(maker).listKey(keccak256(AbiCoder.defaultAbiCoder().encode(['bytes32[2]'], [[qx, qy]])), true)
  const signature = p256.sign(getBytes(await offers.offerDigest(id)), secret, { prehash: false, lowS: true })
  return await gasOf(offers.connect(seller).attestByKey(id, qx, qy, signature.slice(0, 32), signature.slice(32)))
}

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
    figures['attest by a P-256 key'] = await byKey(world)
    const { crsSeed } = await service.epochInfo()
    figures['who sits out, of 7'] = Number(await rewards.sittersOf.estimateGas(1, 20)) - 21_000
    if (crsSeed === `0x${'00'.repeat(32)}`) throw new Error('no epoch')
    compareSnapshot('market', { gas: figures, bytes: await codeSizes(['ImprovementRewards', 'DataOffers']) })
  })
})

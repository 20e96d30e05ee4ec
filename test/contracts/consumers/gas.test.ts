// SPDX-License-Identifier: GPL-3.0-or-later
// What a market costs, against snapshots/consumers.json. To accept new figures:
//   COHORT_UPDATE_SNAPSHOTS=1 npx hardhat test test/contracts/consumers/gas.test.ts
import { expect } from 'chai'
import { ZeroHash } from 'ethers'
import { eddsaMaterial, eddsaPublicKey, signedCommitment } from '../../../keepers/zkml/index.ts'
import { codeSizes, compareSnapshot, type Figures, gasOf } from '../governance/gas-snapshot.ts'
import { WEIGHTS } from '../inference/hub.ts'
import { createInputMarkets, IMAGE, PAYOUT } from './input-market.ts'
import { createMarkets, DAY, DISPUTE, MARGIN, UNIT } from './market.ts'
import { actOn, createPilot } from './pilot.ts'
import { KIND } from './publisher.ts'
import { labelled } from './reading-circuit.ts'

/** Resolving a market: P-256 signature (EIP-7951 precompile), proof and bookkeeping, the whole transaction. */
const RESOLVE_LIMIT = 420_000

/** By a key that signs for circuits: the signature is in the proof. */
async function resolvePrivately({
  market,
  publishers,
  owner,
  stranger,
  reading,
  networkHelpers,
  open,
}: Awaited<ReturnType<typeof createMarkets>>) {
  const key = eddsaPublicKey(new Uint8Array(32).fill(1))
  const now = await networkHelpers.time.latest()
  await publishers.connect(owner).addKey(1, KIND.eddsa, now, now + 1000 * DAY, eddsaMaterial(key))
  const id = await open()
  const inputCommitment = signedCommitment(key, BigInt(await market.tagOf(id)))
  const [output, context] = [labelled(0, MARGIN), await market.contextOf(id)]
  const proof = await reading.prove({ weight: WEIGHTS[0]!, inputCommitment, output, context })
  return await gasOf(market.connect(stranger).resolvePrivate(id, await publishers.keyCount(), output, proof))
}

/** A market on a pinned image that pays in proportion to a score, and one on an image that is signed. */
async function inputFigures(): Promise<Figures> {
  const world = await createInputMarkets()
  const { inputs, terms, score, user, press, linear, open, proofOf, signed, networkHelpers } = world
  const figures: Figures = {}
  const given = await terms(score, { payout: PAYOUT.linear, lower: 0n, width: 10n })
  figures.create = await gasOf(inputs.createMarket(given, 'How many people are on the picture?'))
  const id = await linear(0n, 10n)
  await inputs.connect(user).split(id, UNIT)
  figures['resolve, pinned'] = await gasOf(inputs.resolve(id, IMAGE, 0, '0x', 5n, await proofOf(id, 5n)))
  const told = await open({}, { input: ZeroHash })
  const output = labelled(0, MARGIN)
  const signature = await signed(told, press)
  figures['resolve, signed'] = await gasOf(
    inputs.resolve(told, IMAGE, 1, signature, output, await proofOf(told, output)),
  )
  await networkHelpers.time.increase(DISPUTE)
  figures['redeem a share'] = await gasOf(inputs.connect(user).redeem(id))
  return figures
}

const LATE = 2n ** 40n

describe('gas of a prediction market', () => {
  it('is at most 2 % above the snapshot, and below the limit', async () => {
    const world = await createMarkets()
    const { market, token, user, stranger, networkHelpers, ethers, open, question, tell, submit } = world
    const markets: Figures = {}
    markets.create = await gasOf(market.createMarket(await question(), 'Does the harbour stay closed for a week?'))
    const id = await open()
    markets['split, first of an account'] = await gasOf(market.connect(user).split(id, UNIT))
    markets.split = await gasOf(market.connect(user).split(id, UNIT))
    markets.merge = await gasOf(market.connect(user).merge(id, UNIT))
    const telling = await tell(id)
    markets['record a story'] = await gasOf(market.recordStory(id, telling.story, telling.keyId, telling.signature))
    markets.resolve = await gasOf(submit(telling))
    markets['resolve privately'] = await resolvePrivately(world)
    await networkHelpers.time.increase(DISPUTE)
    markets.redeem = await gasOf(market.connect(user).redeem(id))

    const traded = await open()
    const pool = await ethers.deployContract('OutcomePool', [market, traded, 100])
    for (const account of [user, stranger]) {
      await token.connect(account).approve(pool, 1000n * UNIT)
      await market.connect(account).setApprovalForAll(pool, true)
    }
    const pools: Figures = {}
    pools['first liquidity'] = await gasOf(pool.connect(user).start(100n * UNIT, [1, 1], LATE))
    pools['buy, first of an account'] = await gasOf(pool.connect(stranger).buy(0, 10n * UNIT, 0, LATE))
    pools.buy = await gasOf(pool.connect(stranger).buy(0, 10n * UNIT, 0, LATE))
    pools.sell = await gasOf(pool.connect(stranger).sell(0, 5n * UNIT, 100n * UNIT, LATE))
    pools['add liquidity'] = await gasOf(
      pool.connect(user).addLiquidity(10n * UNIT, 0, [...(await pool.reserves())], 100, LATE),
    )
    pools['remove liquidity'] = await gasOf(pool.connect(user).removeLiquidity(50n * UNIT, 0, LATE))

    const pilots = await createPilot()
    const act: Figures = { act: await gasOf(actOn(pilots, await pilots.grant())) }

    expect(markets.resolve).to.be.lessThanOrEqual(RESOLVE_LIMIT)
    compareSnapshot('consumers', {
      market: markets,
      pool: pools,
      inputs: await inputFigures(),
      pilot: act,
      bytes: await codeSizes(['PredictionMarket', 'InputMarket', 'OutcomePool', 'DaoPilot']),
    })
  })
})

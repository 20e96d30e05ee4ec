// SPDX-License-Identifier: GPL-3.0-or-later
// What a job costs whom, against snapshots/prover-market.json. To accept new figures:
//   COHORT_UPDATE_SNAPSHOTS=1 npx hardhat test test/contracts/inference/prover-market-gas.test.ts
import { codeSizes, compareSnapshot, type Figures, gasOf } from '../governance/gas-snapshot.ts'
import { type Answer, createMarket } from './prover-market.ts'

describe('gas of a proving job', () => {
  it('is no more than 2 % above the snapshot', async () => {
    const world = await createMarket()
    const { market, poster, alice, bob, carol, segments, terms, escrowOf, answer, serve, post } = world
    const figures: Figures = {}
    const given = await terms()
    figures['post three segments'] = await gasOf(
      market.connect(poster).post(given, segments, `0x${'5a'.repeat(36)}`, { value: escrowOf(given) }),
    )
    const answers: Answer[] = []
    for (const [segment, by] of [alice, bob, carol].entries()) {
      const mine = await answer(1n, by, segment)
      figures.claim = await gasOf(market.connect(by).claim(1, segment, 0))
      figures.submit = await gasOf(market.connect(by).submit(1, segment, 0, mine.output, mine.proof))
      answers.push(mine)
    }
    figures['settle three segments of two circuits'] = await gasOf(market.settle(1, answers))
    await post()
    const lie = await serve(2n, alice, 0, { feature: 99n })
    figures.accuse = await gasOf(market.accuse(2, lie))
    figures['settle one segment'] = await gasOf(market.settle(2, [await serve(2n, bob, 0)]))
    compareSnapshot('prover-market', { gas: figures, bytes: await codeSizes(['ProverMarket']) })
  })
})

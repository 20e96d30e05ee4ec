// SPDX-License-Identifier: GPL-3.0-or-later
// What an opinion costs, against snapshots/ensemble.json. To accept new figures:
//   COHORT_UPDATE_SNAPSHOTS=1 npx hardhat test test/contracts/inference/ensemble.gas.test.ts
import { expect } from 'chai'
import { codeSizes, compareSnapshot, type Figures, gasOf } from '../governance/gas-snapshot.ts'
import { createOracle, DECODING, INPUT, labelled, type Model } from './ensemble.ts'

/** The most members that an ensemble has, and the most that closing it may cost. */
const MEMBERS = 16
const CLOSE_LIMIT = 1_000_000

describe('gas of an opinion', () => {
  it('is at most 2 % above the snapshot, and bounded for the largest ensemble', async () => {
    const { oracle, addModel, seat, settings, soon, prove, prover } = await createOracle()
    const figures: Figures = {}
    const models: Model[] = []
    for (let i = 0; i < MEMBERS; i++) models.push(await addModel(labelled(i % 3, 1 + i)))
    const seats = models.map((model) => seat(model, { decoding: DECODING.labelAndMargin }))
    for (const [ensemble, count] of [3, MEMBERS].entries()) {
      const found = oracle.createEnsemble(settings({ adaptation: 4 }), seats.slice(0, count))
      figures[`found an ensemble of ${count}`] = await gasOf(found)
      const question = BigInt(ensemble + 1)
      figures[`ask ${count}, rewarded`] = await gasOf(oracle.ask(question, INPUT, await soon(), { value: 1000n }))
      for (let i = 0; i < count; i++) {
        const { proof, version } = await prove(question, i, models[i]!)
        const answer = oracle.connect(prover).answer(question, i, INPUT, version, models[i]!.output, proof)
        figures[i === 0 ? `first answer of ${count}` : `last answer of ${count}`] = await gasOf(answer)
      }
      figures[`decide among ${count}`] = await gasOf(oracle.close(question))
    }
    expect(figures[`decide among ${MEMBERS}`]).to.be.lessThanOrEqual(CLOSE_LIMIT)
    compareSnapshot('ensemble', { gas: figures, bytes: await codeSizes(['EnsembleOracle']) })
  })
})

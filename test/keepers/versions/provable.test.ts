// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { initialWeights, MODEL_NAMES, modelSpec } from '../../../keepers/learning/index.ts'
import {
  commitToWeights,
  exampleManifest,
  openManifest,
  type PlannedModel,
  provableModel,
  saltOf,
} from '../../../keepers/versions/index.ts'
import { programCost } from '../../../keepers/zkml/index.ts'

describe('provable models', () => {
  let smallCnn: PlannedModel
  before(async () => {
    smallCnn = await openManifest(exampleManifest('small-cnn'))
  })

  it('exist for every example, with plans for committed weights', async () => {
    for (const name of MODEL_NAMES) {
      const { spec, plan } = await openManifest(exampleManifest(name))
      expect(plan.mode, name).to.equal('committed')
      expect(spec).to.deep.include({ name, parameterCount: modelSpec(name).parameterCount })
    }
  })

  it('of the small CNN fit a circuit of 2^16 constraints with private weights', () => {
    const { program } = provableModel(smallCnn, initialWeights(modelSpec('small-cnn'), 1))
    expect(programCost(program).total).to.be.at.most(65_000)
  })

  it('give equal commitments for equal weights, and another for a weight that moved by more than a rounding step', () => {
    const weights = initialWeights(modelSpec('small-cnn'), 1)
    const { commitment } = commitToWeights(smallCnn, weights)
    expect(commitToWeights(smallCnn, weights.slice()).commitment).to.equal(commitment)
    const moved = weights.slice()
    moved[0] = moved[0]! + 0.25
    expect(commitToWeights(smallCnn, moved).commitment).to.not.equal(commitment)
  })

  it('hide behind a salt that follows from the exact weights', () => {
    const weights = initialWeights(modelSpec('small-cnn'), 1)
    const nudged = weights.slice()
    nudged[7] = Math.fround(nudged[7]! * (1 + 2 ** -22))
    expect(saltOf(nudged)).to.not.equal(saltOf(weights))
  })

  it('clip weights that outgrow the plan, and count them', () => {
    const weights = initialWeights(modelSpec('small-cnn'), 1)
    weights[0] = 1e6
    expect(provableModel(smallCnn, weights).clipped).to.equal(1)
  })

  it('refuse weights that are not finite', () => {
    const weights = initialWeights(modelSpec('small-cnn'), 1)
    weights[3] = Number.NaN
    expect(() => provableModel(smallCnn, weights)).to.throw(/finite|NaN/)
  })
})

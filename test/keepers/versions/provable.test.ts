// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { initialWeights, MODEL_NAMES, modelSpec } from '../../../keepers/learning/index.ts'
import { commitToWeights, planOf, provableModel, saltOf } from '../../../keepers/versions/provable.ts'
import { programCost } from '../../../keepers/zkml/index.ts'

describe('provable models', () => {
  it('exist for every model that a profile can name, with plans for committed weights', () => {
    for (const name of MODEL_NAMES) expect(planOf(name).mode, name).to.equal('committed')
  })

  it('of the small CNN fit a circuit of 2^16 constraints with private weights', () => {
    const { program } = provableModel('small-cnn', initialWeights(modelSpec('small-cnn'), 1))
    expect(programCost(program).total).to.be.at.most(65_000)
  })

  it('give equal commitments for equal weights, and another for a weight that moved by more than a rounding step', () => {
    const weights = initialWeights(modelSpec('small-cnn'), 1)
    const { commitment } = commitToWeights('small-cnn', weights)
    expect(commitToWeights('small-cnn', weights.slice()).commitment).to.equal(commitment)
    const moved = weights.slice()
    moved[0] = moved[0]! + 0.25
    expect(commitToWeights('small-cnn', moved).commitment).to.not.equal(commitment)
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
    expect(provableModel('small-cnn', weights).clipped).to.equal(1)
  })

  it('refuse weights that are not finite', () => {
    const weights = initialWeights(modelSpec('small-cnn'), 1)
    weights[3] = Number.NaN
    expect(() => provableModel('small-cnn', weights)).to.throw(/finite|NaN/)
  })
})

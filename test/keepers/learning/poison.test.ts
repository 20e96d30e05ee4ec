// SPDX-License-Identifier: GPL-3.0-or-later
// What bad members of a simulated federation send, to the norm, and what a bound on each member's update leaves them.
import { expect } from 'chai'
import {
  initialWeights,
  modelSpec,
  normOf,
  proceduralDigits,
  type SimulationSettings,
  simulate,
  weightedMean,
} from '../../../keepers/learning/index.ts'
import { deriveSeed } from '../../../keepers/learning/random.ts'
import { STREAM } from '../../../keepers/learning/simulate/round.ts'
import { refuses } from './refusal.ts'

const { train, test } = proceduralDigits({ seed: 5, train: 1000, test: 300 })
const BOUND = 0.5
const BASE: SimulationSettings = {
  keepers: 10,
  rounds: 1,
  training: { epochs: 1, batchSize: 10, optimizer: { kind: 'sgd', learningRate: 0.1 } },
  bound: { norm: BOUND, check: 'none' },
  seed: 11,
}

/** Plays, and collects the norm of each update of the first round (in order of members) and its mean update. */
async function play(settings: Partial<SimulationSettings>) {
  let norms: number[] = []
  let mean = new Float64Array()
  const result = await simulate({
    spec: modelSpec('logistic'),
    data: { train, test },
    settings: { ...BASE, ...settings },
    workers: 0,
    combine: async (updates, { round, global }) => {
      const centre = weightedMean(updates)
      if (round === 0) {
        const change = (weights: Float32Array) => Float64Array.from(weights, (w, i) => w - global[i]!)
        norms = updates.map(({ weights }) => normOf(change(weights)))
        mean = change(centre)
      }
      return centre
    },
  })
  return { ...result, norms, mean }
}

const poison = { share: 0.2, attack: 'sign-flip', strength: 100, within: true } as const

describe('learning: bad members and the bound', function () {
  this.timeout(30_000)

  it('the honest clip to the bound; sign flips within it have exactly its norm', async () => {
    const clean = await play({})
    expect(Math.max(...clean.norms)).to.be.closeTo(BOUND, 1e-4)
    const { norms } = await play({ poison })
    expect(norms).to.have.length(10)
    expect(norms.filter((norm) => Math.abs(norm - BOUND) < 1e-4)).to.have.length.at.least(2)
    expect(Math.max(...norms)).to.be.below(BOUND * (1 + 1e-4))
  })

  it('without keeping to the bound, each attack has the norm that it says', async () => {
    const bust = await play({ poison: { share: 0.2, attack: 'norm-bust', strength: 7 } })
    const longest = [...bust.norms].sort((a, b) => b - a)
    for (const norm of longest.slice(0, 2)) expect(norm).to.be.closeTo(7 * BOUND, 1e-3)
    expect(longest[2]).to.be.below(BOUND * (1 + 1e-4))
    const flips = await play({ poison: { share: 0.1, attack: 'sign-flip', strength: 4 } })
    const unbounded = await play({ bound: { norm: 1e6, check: 'none' } })
    // The same member trains alike in both; only the factor differs.
    expect(Math.max(...flips.norms) / 4).to.be.within(
      Math.min(...unbounded.norms) * 0.999,
      Math.max(...unbounded.norms) * 1.001,
    )
  })

  it('flipped labels keep to the bound when told to', async () => {
    const { norms } = await play({ poison: { share: 0.5, attack: 'label-flip', within: true } })
    expect(Math.max(...norms)).to.be.below(BOUND * (1 + 1e-4))
    expect(
      (await play({ poison: { share: 0.5, attack: 'label-flip' } })).norms.some((norm) => norm > 2 * BOUND),
    ).to.equal(true)
  })

  it('two of ten within the bound move the mean by at most a fifth of twice the bound', async () => {
    const clean = await play({})
    for (const attack of ['sign-flip', 'label-flip', 'scaling', 'norm-bust'] as const) {
      const { mean } = await play({ poison: { ...poison, attack } })
      const shift = normOf(mean.map((value, i) => value - clean.mean[i]!))
      expect(shift, attack).to.be.within(0.01 * BOUND, 0.2 * 2 * BOUND * (1 + 1e-3))
    }
  })

  it('checked member by member, who exceeds the bound is left out and costs the others nothing', async () => {
    const settings = { rounds: 4, poison: { share: 0.2, attack: 'norm-bust', strength: 50 } } as const
    const { records, norms } = await play({ ...settings, bound: { norm: BOUND, check: 'member' } })
    expect(norms).to.have.length(8)
    expect(records.map(({ refused }) => refused)).to.deep.equal([2, 2, 2, 2])
    expect(records.every(({ members, poisoned, lost }) => members === 8 && poisoned === 0 && !lost)).to.equal(true)
    const clean = await play({ rounds: 4 })
    expect(records[3]!.accuracy).to.be.above(clean.records[3]!.accuracy - 0.05)
  })

  it('checked by the mean alone, the model is safe from the gross and every round is lost', async () => {
    const settings = { rounds: 3, poison: { share: 0.2, attack: 'norm-bust', strength: 50 } } as const
    const { records, weights } = await play({ ...settings, bound: { norm: BOUND, check: 'mean' } })
    expect(records.map(({ lost }) => lost)).to.deep.equal([true, true, true])
    expect(weights).to.deep.equal(initialWeights(modelSpec('logistic'), deriveSeed(11, STREAM.weights)))
    const unchecked = await play({ ...settings, bound: { norm: BOUND, check: 'none' } })
    expect(unchecked.records.some(({ lost }) => lost)).to.equal(false)
    expect(unchecked.records[2]!.loss).to.be.above(records[2]!.loss)
  })

  it('honest noise for privacy is no reason to leave an update out or to lose a round', async () => {
    const privacy = { clippingNorm: BOUND, noiseMultiplier: 1, delta: 1e-5 }
    for (const check of ['member', 'mean'] as const) {
      const { records, norms } = await play({ rounds: 2, privacy, bound: { norm: BOUND, check } })
      expect(Math.min(...norms)).to.be.above(2 * BOUND)
      expect(records.map(({ refused, lost, members }) => [refused, lost, members])).to.deep.equal([
        [0, false, 10],
        [0, false, 10],
      ])
    }
  })

  it('refuses attacks that are about a bound when there is none', async () => {
    const { bound: _, ...unbound } = BASE
    for (const bad of [poison, { share: 0.2, attack: 'norm-bust' }] as const) {
      await refuses(
        () =>
          simulate({
            spec: modelSpec('logistic'),
            data: { train, test },
            settings: { ...unbound, poison: bad },
            workers: 0,
          }),
        'BAD_SIMULATION',
        /needs bound\.norm/,
      )
    }
  })
})

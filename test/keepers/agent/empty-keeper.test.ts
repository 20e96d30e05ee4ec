// SPDX-License-Identifier: GPL-3.0-or-later
// A member without samples, in a round of the behaviours that keepers run.
import { expect } from 'chai'
import { aggregate } from '../../../keepers/agent/behaviours/aggregate.ts'
import { decrypt } from '../../../keepers/agent/behaviours/decrypt.ts'
import { reveal } from '../../../keepers/agent/behaviours/reveal.ts'
import { vote } from '../../../keepers/agent/behaviours/vote.ts'
import { lastAttested, noteAttested } from '../../../keepers/agent/steps/attestation.ts'
import { RevertError } from '../../../keepers/chain/errors.ts'
import { bitmapOf } from '../../../keepers/chain/seats.ts'
import { clientPrivacySpent } from '../../../keepers/learning/index.ts'
import { declaredWeight } from '../../../keepers/versions/index.ts'
import { ROUND, vectorOf } from '../fhe/ceremony.ts'
import { type RoundStage, roundStage, seatOfIndex } from './round-stage.ts'
import { decryptAll, giveModel, judge, trainAll } from './whole-round.ts'

const MEMBERS = 4
const THRESHOLD = 3
const EMPTY = 2
const LENGTH = 50
const SAMPLES = [100, 40, 0, 260]

describe('a keeper without samples', function () {
  this.timeout(120_000)
  let stages: RoundStage[]
  const global = new Float32Array(LENGTH).fill(0.5)
  let kept: { next: { weights: Float32Array } | null }[]
  let lines: Record<string, unknown>[]

  const open = async (samples: readonly number[], terms: object = {}) => {
    stages = []
    lines = []
    for (const [self, count] of samples.entries()) {
      const stage = await roundStage({ members: MEMBERS, threshold: THRESHOLD, self })
      const trained = async (weights: Float32Array) => {
        if (count === 0) return { weights: weights.slice(), samples: 0, loss: Number.NaN }
        return { weights: weights.map((value, i) => value + vectorOf(LENGTH, self, 0.5)[i]!), samples: count, loss: 1 }
      }
      const score = { accuracy: 0.9, loss: 0.5, testAccuracy: null, testLoss: null, figures: {} }
      Object.assign(stage.context.trainer, {
        shard: { parameterCount: LENGTH, samples: count, heldOut: count / 10 },
        train: trained,
        evaluate: async () => score,
      })
      Object.assign(stage.context.manifest, { vote: { metric: 'accuracy', tolerance: 0.1 } })
      Object.assign(stage.context.manifest.rounds, terms)
      Object.assign(stage.context.log, { info: (line: Record<string, unknown>) => lines.push({ self, ...line }) })
      stages.push(stage)
    }
    kept = stages.map((stage) => giveModel(stage, { weights: global, moments: [] }))
  }
  afterEach(() => Promise.all(stages.map((stage) => stage.close())))

  const meanOf = (weights: readonly number[]) => {
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    return Float64Array.from({ length: LENGTH }, (_, i) =>
      weights.reduce((sum, weight, self) => sum + (weight / total) * vectorOf(LENGTH, self, 0.5)[i]!, 0),
    )
  }
  const furthest = (mean: Float64Array) =>
    kept[0]!.next!.weights.reduce((most, weight, i) => Math.max(most, Math.abs(weight - global[i]! - mean[i]!)), 0)

  it('is in the sum and the draft, and the mean is that of the others, to the precision of the plan', async () => {
    await open(SAMPLES)
    expect(await trainAll(stages)).to.deep.equal([100, 40, 0, 260])
    await decryptAll(stages, THRESHOLD)
    const candidates = []
    for (const stage of stages) candidates.push(await judge(stage))
    expect(candidates[0]).to.include({ good: true })
    for (const { next } of kept.slice(1)) expect(next!.weights).to.deep.equal(kept[0]!.next!.weights)
    const exact = meanOf([100, 40, 0, 260])
    const error = furthest(exact)
    expect(error).to.be.below(3e-5)
    // The control: had it counted as one sample, the mean would be visibly shorter.
    expect(furthest(exact.map((value) => (value * 400) / 401))).to.be.above(20 * error)
    const candidate = lines.find(({ event }) => event === 'candidate')!
    expect(candidate).to.include({ samples: 400, contributors: 3, empty: 1 })
    expect(lines.find(({ event }) => event === 'no samples')).to.include({ self: EMPTY, declared: 0 })
  })

  it('leaves the vote to members who can judge, and would give its share of any sum that has enough of them', async () => {
    await open(SAMPLES)
    await trainAll(stages)
    await decryptAll(stages, THRESHOLD)
    for (const self of [0, EMPTY]) expect(await vote(stages[self]!.step({ state: 'Vote' }))).to.equal('done')
    const votes = stages.map(({ sent }) => sent.filter(({ method }) => method === 'vote').length)
    expect(votes).to.deep.equal([1, 0, 0, 0])
    expect(stages[EMPTY]!.sent.map(({ method }) => method)).to.include.members(['attest', 'submitShare'])
    expect(lines.find(({ event, self }) => event === 'no judgement' && self === EMPTY)).not.to.equal(undefined)
  })

  it('does not help to hide anybody: a sum with fewer members that train than a quorum is attested, which ends the round, and not opened', async () => {
    await open([100, 40, 0, 0])
    await trainAll(stages)
    for (const stage of stages) {
      const all = bitmapOf(stages.map((_, index) => seatOfIndex(index)))
      const roundInfo = { ...stage.snapshot.roundInfo, committed: all, revealed: all }
      stage.snapshot = { ...stage.snapshot, roundInfo }
      await aggregate(stage.step({ state: 'Aggregate' }))
      // On the chain that sum falls short.
      expect(lastAttested(stage.step())!.included).to.equal(all)
      // Should an endpoint say that another one was drafted, which it has attested, it gives no share of it.
      const what = { hash: `0x${'ab'.repeat(32)}`, included: all, convicted: 0n }
      noteAttested(stage.step(), what)
      stage.tell('MembersDrafted', {
        ...{ round: ROUND.round, drafted: all, aggregateHash: what.hash, included: all, convicted: 0n, attesters: all },
      })
      const opened = stage.step({ state: 'Decrypt', roundInfo: { ...roundInfo, drafted: all, included: all } })
      expect(await decrypt(opened)).to.equal('done')
      expect(stage.sent.filter(({ method }) => method === 'submitShare')).to.deep.equal([])
    }
  })

  it('adds its noise and weighs like everybody where members agreed on privacy, so nobody sees that it has none', async () => {
    const privacy = { noiseMultiplier: 0.01, contributors: 4, colluders: 0, delta: 1e-5 }
    await open(SAMPLES, { privacy, clipNorm: 4 })
    expect(await trainAll(stages)).to.deep.equal([1000, 1000, 1000, 1000])
    await decryptAll(stages, THRESHOLD)
    expect(await judge(stages[0]!)).to.include({ good: true })
    const quarters = meanOf([1, 1, 1, 1]).map((value, i) => value - vectorOf(LENGTH, EMPTY, 0.5)[i]! / 4)
    const noise = Float64Array.from(kept[0]!.next!.weights, (weight, i) => weight - global[i]! - quarters[i]!)
    const deviation = Math.sqrt(noise.reduce((sum, value) => sum + value * value, 0) / LENGTH)
    // Four shares of σC/√k each, in a mean of four: σC/4 = 0.01. Of fifty values the estimate is within a third, nearly always.
    expect(deviation).to.be.within(0.0065, 0.0135)
    // Charged for a sum of four, as whoever counts contributors on the chain does.
    expect(lines.find(({ event }) => event === 'candidate')).to.include({ contributors: 4, samples: 4000 })
    expect(clientPrivacySpent(privacy, [4]).epsilon).to.be.above(0)
  })

  it('is told apart by what it declares alone', () => {
    const terms = { clipBound: 1, clipNorm: 1, maxSamples: 50, minTotalSamples: 1, statisticalBits: 40 }
    expect([0, 1, 2, 30, 90].map((samples) => declaredWeight(terms, samples))).to.deep.equal([0, 1, 2, 30, 50])
    const alike = { ...terms, maxSamples: 1 }
    expect([0, 9].map((samples) => declaredWeight(alike, samples))).to.deep.equal([0, 1])
  })

  it('says so when the service has no room for it, and does not try again in that round', async () => {
    await open(SAMPLES)
    await trainAll(stages)
    const stage = stages[EMPTY]!
    const errors: Record<string, unknown>[] = []
    Object.assign(stage.context.log, { error: (line: Record<string, unknown>) => errors.push(line) })
    stage.refuse = ({ method }) =>
      method === 'revealUpdate'
        ? new RevertError(method, 'NoRoomWithoutSamples', { taken: 3n, room: 1n }, '0x', null)
        : null
    const committed = bitmapOf(stages.map((_, index) => seatOfIndex(index)))
    const step = stage.step({ state: 'Reveal', roundInfo: { ...stage.snapshot.roundInfo, committed, revealed: 0n } })
    expect(await reveal(step)).to.equal('done')
    expect(errors[0]).to.include({ event: 'no room', reason: 'revealUpdate: NoRoomWithoutSamples(taken=3, room=1)' })
  })
})

// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { ControlVariate } from '../../../keepers/agent/control-variate.ts'
import type { Fact, Facts } from '../../../keepers/agent/facts.ts'
import {
  createDataset,
  DEFAULT_TRAINING,
  initialWeights,
  LocalTrainer,
  modelSpec,
} from '../../../keepers/learning/index.ts'
import { controlled, nextControl } from '../../../keepers/learning/strategy/control.ts'
import { factsOf } from './round-stage.ts'

describe('control variates', () => {
  const control = (own: number[] | null, server: number[]) => ({
    localRate: 0.5,
    server: Float32Array.from(server),
    own: own === null ? null : Float32Array.from(own),
  })

  it('correct gradients by c − cᵢ, in steps that come to the agreed rate whatever the samples', () => {
    const training = { ...DEFAULT_TRAINING, epochs: 3, batchSize: 8 }
    const held = controlled(training, 20, control([1, 2], [4, 4]))
    // Nine steps.
    expect(held.training.optimizer).to.deep.equal({ kind: 'sgd', learningRate: 0.5 / 9 })
    expect([...held.correction]).to.deep.equal([3, 2])
    expect([...controlled(training, 20, control(null, [4, 4])).correction]).to.deep.equal([4, 4])
    expect(() => controlled(training, 20, control([1], [4, 4]))).to.throw(/control variates of 1 and 2 values/)
  })

  it('become cᵢ − c − Δ/(Kη)', () => {
    expect([...nextControl(control([1, 2], [4, 4]), Float32Array.of(-1, 0.5))]).to.deep.equal([-1, -3])
    expect([...nextControl(control(null, [0, 1]), Float32Array.of(-1, 0.5))]).to.deep.equal([2, -2])
  })

  it('are the mean gradient of the member after its first round, as the paper means them to be', async () => {
    const spec = modelSpec('logistic', { inputShape: [3], classes: 2 })
    const inputs = Float32Array.from({ length: 24 }, (_, i) => Math.sin(i))
    const labels = Array.from({ length: 8 }, (_, i) => i % 2)
    const trainer = await LocalTrainer.create({ spec })
    trainer.loadData(createDataset({ name: 'x', origin: 'memory', inputShape: [3], classes: 2, inputs, labels }))
    const start = initialWeights(spec, 1)
    const zeros = new Float32Array(spec.parameterCount)
    // One step over everything: Δ = −η·g, so cᵢ is g.
    const step = { localRate: 0.1, server: zeros, own: null }
    const held = controlled({ ...DEFAULT_TRAINING, batchSize: 8 }, 8, step)
    const run = async (correction: Float32Array) => {
      trainer.setWeights(start)
      trainer.setParameters(held.training)
      const { weights } = await trainer.train({ correction })
      return weights.map((value, i) => value - start[i]!)
    }
    const own = nextControl(step, await run(held.correction))
    expect(Math.max(...own.map(Math.abs))).to.be.above(0.01)
    // Corrected by minus its own gradient, it stays where it is.
    const stays = await run(own.map((value) => -value))
    expect(Math.max(...stays.map(Math.abs))).to.be.below(1e-6)
    trainer.teardown()
  })

  describe('of a keeper', () => {
    const secrets = new Map<string, Uint8Array>()
    const store = {
      getSecret: (name: string) => secrets.get(name) ?? null,
      putSecret: (name: string, value: Uint8Array) => void secrets.set(name, value),
    }
    const facts: Fact[] = []
    const tell = (name: string, args: Record<string, unknown>) => facts.push({ name, block: 1, blockHash: '0x', args })
    const at = (round: number, seat = 2) => ({ round, seat, facts: factsOf(facts) as unknown as Facts })
    const server = [Float32Array.of(1, 1)]
    const update = Float32Array.of(0.5, 0)

    it('count once the members have accepted a model with its update in it, and never before', () => {
      const variate = () => new ControlVariate(store, 0.5, 2)
      const first = variate().settled(at(1), server)
      expect(first.own).to.equal(null)
      variate().propose(1, first, update)
      // The same round again, after a crash; then a round that came to nothing; then one without its update.
      expect(variate().settled(at(1), server).own).to.equal(null)
      variate().propose(1, first, update)
      expect(variate().settled(at(2), server).own).to.equal(null)
      variate().propose(2, first, update)
      tell('MembersDrafted', { round: 2, included: 0b1000n })
      tell('UpdateCompleted', { round: 2 })
      expect(variate().settled(at(3), server).own).to.equal(null)
      variate().propose(3, first, update)
      tell('MembersDrafted', { round: 3, included: 0b1100n })
      tell('UpdateCompleted', { round: 3 })
      const own = variate().settled(at(4), server).own!
      expect([...own]).to.deep.equal([-2, -1])
      // It stays, until another takes its place.
      expect([...variate().settled(at(9), server).own!]).to.deep.equal([-2, -1])
      expect(new ControlVariate(store, 0.5, 3).settled(at(9), []).own).to.equal(null)
    })
  })
})

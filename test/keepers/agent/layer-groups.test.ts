// SPDX-License-Identifier: GPL-3.0-or-later
// Rounds that cover a group of layers each, with the keeper's own behaviours and messages.
import { expect } from 'chai'
import { applyCovered, applyUpdate, type ModelState } from '../../../keepers/agent/models.ts'
import { revealedIn, reviewUpdate } from '../../../keepers/agent/steps/review.ts'
import { noteNoRoom } from '../../../keepers/agent/steps/sitting-out.ts'
import { nextModel } from '../../../keepers/agent/strategy.ts'
import type { TrainOutcome } from '../../../keepers/agent/training/protocol.ts'
import type { KeeperStrategy, ParameterSpec, ServerSettings } from '../../../keepers/learning/index.ts'
import { Coverage } from '../../../keepers/versions/index.ts'
import { type RoundStage, roundStage, seatOfIndex } from './round-stage.ts'
import { decryptAll, giveModel, judge, trainAll } from './whole-round.ts'

/** One of them may be without samples: three others are an update quorum. */
const MEMBERS = 4
const THRESHOLD = 3
const CLIP = 100
const PARAMETERS: ParameterSpec[] = [
  { name: 'body/kernel', shape: [30], offset: 0, length: 30 },
  { name: 'head/kernel', shape: [20], offset: 30, length: 20 },
  { name: 'body/bias', shape: [5], offset: 50, length: 5 },
]
const COUNT = 55
const [BODY, HEAD] = [
  { name: 'body', layers: ['body'] },
  { name: 'head', layers: ['head'] },
]
const COVERAGE = new Coverage({ layerGroups: [BODY, HEAD] }, PARAMETERS)
const isHead = (i: number) => i >= 30 && i < 50

describe('rounds that cover a group of layers each', function () {
  this.timeout(120_000)
  let stages: RoundStage[]
  let blank: RoundStage['snapshot']['roundInfo']
  /** Rounds that each member trained in. */
  let trained: number[][]
  /** Against each member, by the chain. */
  let strikes: bigint

  beforeEach(async () => {
    stages = []
    trained = []
    strikes = 0n
    for (let self = 0; self < MEMBERS; self++) {
      const plan = { vectorLength: COVERAGE.updateLength }
      const stage = await roundStage({ members: MEMBERS, threshold: THRESHOLD, self, plan })
      const rounds: number[] = []
      // Like a program that trains whatever it likes: a thousand everywhere, and in what is covered a value of its own.
      const train = async (weights: Float32Array, at: { round: number }): Promise<TrainOutcome> => {
        rounds.push(at.round)
        const change = (i: number) => (isHead(i) === (COVERAGE.of(at.round)!.name === 'head') ? (self + 1) / 4 : 1000)
        return { weights: weights.map((value, i) => value + change(i)), samples: 100, loss: 1 }
      }
      Object.assign(stage.context, { coverage: COVERAGE, trainer: { shard: { heldOut: 0 }, train } })
      Object.assign(stage.context.config, { training: {} })
      const { service } = stage.context.contracts
      Object.assign(service, { seatInfo: async () => ({ strikes }) })
      Object.assign(stage.context.manifest, { vote: { metric: 'accuracy', tolerance: 1 } })
      stages.push(stage)
      trained.push(rounds)
      blank = stage.snapshot.roundInfo
    }
  })
  afterEach(async () => {
    for (const stage of stages) await stage.close()
  })

  const start = (): ModelState => ({ weights: Float32Array.from({ length: COUNT }, (_, i) => i / 8), moments: [] })
  /** A whole round. @returns the model that each member makes of it, and the declared samples */
  const play = async (round: number, before: ModelState) => {
    for (const stage of stages) stage.snapshot = { ...stage.snapshot, round, roundInfo: blank }
    const kept = stages.map((stage) => giveModel(stage, before))
    const declared = await trainAll(stages)
    await decryptAll(stages, THRESHOLD)
    for (const stage of stages) await judge(stage)
    return { models: kept.map(({ next }) => next!), declared }
  }
  const close = (model: ModelState, before: ModelState, change: (i: number) => number) => {
    for (const [i, value] of model.weights.entries()) {
      const expected = change(i)
      if (expected === 0) expect(value, `weight ${i}`).to.equal(before.weights[i])
      else expect(value - before.weights[i]!, `weight ${i}`).to.be.closeTo(expected, 1e-3)
    }
  }

  it('move the group by the mean of all members, clipped by itself, and nothing else', async () => {
    const first = await play(1, start())
    for (const model of first.models) expect(model).to.deep.equal(first.models[0])
    close(first.models[0]!, start(), (i) => (isHead(i) ? 0 : 0.625))
    const second = await play(2, first.models[0]!)
    for (const model of second.models) expect(model).to.deep.equal(second.models[0])
    close(second.models[0]!, first.models[0]!, (i) => (isHead(i) ? 0.625 : 0))
    for (const rounds of trained) expect(rounds).to.deep.equal([1, 2])
  })

  it('go on without a member that leaves the group to others: it trains nothing and weighs nothing', async () => {
    Object.assign(stages[3]!.context.config, { training: { layerGroups: ['body'] } })
    const first = await play(1, start())
    expect(first.declared).to.deep.equal([100, 100, 100, 100])
    const second = await play(2, first.models[0]!)
    expect(second.declared).to.deep.equal([100, 100, 100, 0])
    expect(trained[3]).to.deep.equal([1])
    for (const model of second.models) expect(model).to.deep.equal(second.models[0])
    close(second.models[0]!, first.models[0]!, (i) => (isHead(i) ? 0.5 : 0))
  })

  it('have a member with a strike, or one that there was no room for, train whatever they cover', async () => {
    const small = stages[3]!
    Object.assign(small.context.config, { training: { layerGroups: ['body'] } })
    strikes = 1n
    expect((await play(2, start())).declared).to.deep.equal([100, 100, 100, 100])
    strikes = 0n
    noteNoRoom(small.store, small.snapshot.epoch)
    expect((await play(3, start())).declared).to.deep.equal([100, 100, 100, 100])
    expect(trained[3]).to.deep.equal([2, 3])
    noteNoRoom(small.store, small.snapshot.epoch - 1)
    expect((await play(6, start())).declared).to.deep.equal([100, 100, 100, 0])
  })

  it('do not let a member that trains another group touch what the round does not cover, nor go past the clip', async () => {
    const liar = stages[0]!
    // The groups the other way round: in round 2 it sends 35 values of the body where the others send 20 of the head.
    Object.assign(liar.context, { coverage: new Coverage({ layerGroups: [HEAD, BODY] }, PARAMETERS) })
    const { models } = await play(2, start())
    expect(models[1]).to.deep.equal(models[2])
    const [honest] = [models[1]!]
    for (const [i, value] of honest.weights.entries()) if (!isHead(i)) expect(value).to.equal(start().weights[i])
    const change = Math.hypot(...honest.weights.map((value, i) => value - start().weights[i]!))
    expect(change).to.be.within(1, CLIP)
    // What it makes of the round by its own groups is another model, which nobody else votes for.
    expect(models[0]).to.not.deep.equal(honest)
  })

  it('refuse the message of another group`s round, though it has the same size', async () => {
    await play(1, start())
    const reader = stages[0]!
    const sender = seatOfIndex(1)
    const old = reader.facts.find(({ name, args }) => name === 'UpdateRevealed' && args.seat === sender)!
    reader.tell('UpdateRevealed', { ...old.args, round: 2 })
    const step = reader.step({ round: 2 })
    const { frame, keys } = reader
    const review = (round: number) => {
      const revealed = revealedIn(step, frame, round).find(({ seat }) => seat === sender)!
      return reviewUpdate(step, frame, keys.keyHash, revealed)
    }
    expect(await review(1)).to.include({ kind: 'sound', agrees: true })
    const again = await review(2)
    expect(again.kind === 'refused' && again.reason).to.match(/round/)
  })
})

describe('the step of a strategy in a round of some layers', () => {
  const head = COVERAGE.of(2)!
  const before: ModelState = {
    weights: Float32Array.from({ length: COUNT }, (_, i) => i / 8),
    moments: [new Float32Array(COUNT).fill(1)],
  }
  const mean = new Float64Array(head.length).fill(0.25)
  const momentum: ServerSettings = { kind: 'fedavg', momentum: 0.5 }

  it('leaves weights and momentum of all others alone, which the whole step would move', () => {
    const { weights, moments } = applyCovered(before, mean, momentum, head)
    for (const i of before.weights.keys()) {
      expect(weights[i]).to.equal(before.weights[i]! + (isHead(i) ? 0.75 : 0))
      expect(moments[0]![i]).to.equal(isHead(i) ? 0.75 : 1)
    }
    const whole = new Float64Array(COUNT).map((_, i) => (isHead(i) ? 0.25 : 0))
    expect(applyUpdate(before, whole, momentum).weights[0]).to.equal(0.5)
  })

  it('begins moments that a model has none of', () => {
    const { moments } = applyCovered({ ...before, moments: [] }, mean, momentum, head)
    expect(moments[0]!.every((value, i) => value === (isHead(i) ? 0.25 : 0))).to.equal(true)
  })

  it('holds a module to it: what it does to other layers does not count', async () => {
    const strategy = {
      initial: () => [new Float32Array(COUNT)],
      step: (state: { weights: Float32Array; vectors: readonly Float32Array[] }, whole: Float64Array) => ({
        weights: state.weights.map((value, i) => value + whole[i]! + 7),
        vectors: [new Float32Array(COUNT).fill(9)],
      }),
    } as unknown as KeeperStrategy
    const facts = { round: 2, contributors: 3, members: 3 }
    const manifest = { rounds: {} } as Parameters<typeof nextModel>[0]['manifest']
    const next = await nextModel({ strategy, manifest }, before, mean, facts, head)
    for (const i of before.weights.keys()) {
      expect(next.weights[i]).to.equal(before.weights[i]! + (isHead(i) ? 7.25 : 0))
      expect(next.moments[0]![i]).to.equal(isHead(i) ? 9 : 1)
    }
    const fresh = await nextModel({ strategy, manifest }, { ...before, moments: [] }, mean, facts, head)
    expect(fresh.moments[0]![0]).to.equal(0)
  })
})

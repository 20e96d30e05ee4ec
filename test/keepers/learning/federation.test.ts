// SPDX-License-Identifier: GPL-3.0-or-later
// Ensembles, co-training and whole simulated federations, on digits that the project draws itself.
import { expect } from 'chai'
import {
  agree,
  combine,
  coTrain,
  decodeSimulation,
  Ensemble,
  encodeSimulation,
  head,
  initialWeights,
  LocalTrainer,
  modelSpec,
  partitionIid,
  proceduralDigits,
  type RoundRecord,
  roundsChart,
  roundsCsv,
  type SimulationSettings,
  type SimulationState,
  simulate,
  subset,
} from '../../../keepers/learning/index.ts'
import { refuses } from './refusal.ts'

const { train, test } = proceduralDigits({ seed: 5, train: 2400, test: 600 })

const BASE: SimulationSettings = {
  keepers: 10,
  rounds: 4,
  training: { epochs: 1, batchSize: 10, optimizer: { kind: 'sgd', learningRate: 0.1 } },
  seed: 11,
}

describe('learning: ensembles', function () {
  this.timeout(30_000)

  it('combines by mean and by vote, weighted, by hand', () => {
    const members = [Float32Array.of(0.6, 0.4, 0.2, 0.8), Float32Array.of(0.1, 0.9, 0.3, 0.7)]
    const close = (values: Float32Array, expected: number[]) =>
      expected.forEach((value, i) => {
        expect(values[i]).to.be.closeTo(value, 1e-6)
      })
    close(combine(members, [1, 1], 2, 'mean'), [0.35, 0.65, 0.25, 0.75])
    close(combine(members, [3, 1], 2, 'vote'), [0.75, 0.25, 0, 1])
  })

  it('different architectures together do better than their worst, and report like one model', async () => {
    const members: { predictor: LocalTrainer; weight: number }[] = []
    const alone: number[] = []
    for (const [i, name] of (['small-cnn', 'logistic', 'mlp'] as const).entries()) {
      const trainer = await LocalTrainer.create({ spec: modelSpec(name) })
      trainer.setWeights(initialWeights(trainer.spec, i))
      trainer.loadData(subset(train, partitionIid(train, { parts: 3, seed: 1 }).shards[i]!))
      trainer.setParameters({ epochs: 4, batchSize: 16, optimizer: { kind: 'adam', learningRate: 0.003 }, seed: i })
      await trainer.train()
      alone.push((await trainer.evaluate(test)).accuracy)
      members.push({ predictor: trainer, weight: alone.at(-1)! })
    }
    for (const rule of ['mean', 'vote'] as const) {
      const together = await new Ensemble(members, rule).evaluate(test)
      expect(together.accuracy, rule).to.be.above(Math.min(...alone) + 0.01)
      expect(together.confusion.reduce((a, b) => a + b, 0)).to.equal(600)
    }
  })

  it('refuses members that answer different questions', async () => {
    const a = await LocalTrainer.create({ spec: modelSpec('logistic') })
    const b = await LocalTrainer.create({ spec: modelSpec('logistic', { classes: 3 }) })
    await refuses(
      () =>
        new Ensemble([
          { predictor: a, weight: 1 },
          { predictor: b, weight: 1 },
        ]),
      'MODEL_DATA_MISMATCH',
      /28×28×1 to 3 classes/,
    )
    await refuses(() => combine([Float32Array.of(1, 0)], [0], 2, 'mean'), 'BAD_PARAMETERS', /positive sum/)
  })

  it('agrees only where the mean opinion is sure enough', async () => {
    const opinions = [
      { probabilities: Float32Array.of(0.9, 0.1, 0.5, 0.5, 0.2, 0.8), weight: 1 },
      { probabilities: Float32Array.of(1, 0, 0.6, 0.4, 0.1, 0.9), weight: 3 },
    ]
    const { indices, labels } = agree(opinions, 2, 0.8)
    expect([...indices]).to.deep.equal([0, 2])
    expect([...labels]).to.deep.equal([0, 1])
    await refuses(() => agree(opinions, 2, 0.5), 'BAD_PARAMETERS', /confidence is 0\.5/)
  })

  it('co-training lifts a member with little data, without exchanging data or weights', async () => {
    const names = ['small-cnn', 'mlp'] as const
    const shards = [
      head(train, 60),
      subset(
        train,
        Uint32Array.from({ length: 600 }, (_, i) => 100 + i),
      ),
    ]
    const members = []
    for (const [i, name] of names.entries()) {
      const trainer = await LocalTrainer.create({ spec: modelSpec(name) })
      trainer.setWeights(initialWeights(trainer.spec, i))
      trainer.setParameters({ epochs: 12, batchSize: 10, optimizer: { kind: 'adam', learningRate: 0.003 }, seed: i })
      trainer.loadData(shards[i]!)
      await trainer.train()
      members.push({ trainer, data: shards[i]! })
    }
    const before = (await members[0]!.trainer.evaluate(test)).accuracy
    const unlabelled = Float32Array.from(train.inputs.subarray(784 * 1000, 784 * 2000), (value) => value / 255)
    members[0]!.trainer.setParameters({
      epochs: 4,
      batchSize: 10,
      optimizer: { kind: 'adam', learningRate: 0.003 },
      seed: 3,
    })
    const reports = await coTrain(members, unlabelled, { rounds: 1, confidence: 0.9 })
    const after = (await members[0]!.trainer.evaluate(test)).accuracy
    expect(reports[0]!.pseudoLabels[0]).to.be.within(200, 1000)
    expect(after).to.be.above(before + 0.05)
  })
})

describe('learning: simulation', function () {
  this.timeout(60_000)
  const data = { train, test }
  const run = (settings: Partial<SimulationSettings>, extra: object = {}) =>
    simulate({ spec: modelSpec('logistic'), data, settings: { ...BASE, ...settings }, workers: 0, ...extra })

  it('learns, and its result does not depend on the number of threads', async () => {
    const alone = await simulate({ spec: modelSpec('small-cnn'), data, settings: BASE, workers: 0 })
    const threads = await simulate({ spec: modelSpec('small-cnn'), data, settings: BASE, workers: 2 })
    expect(threads.weights).to.deep.equal(alone.weights)
    expect(threads.records).to.deep.equal(alone.records)
    expect(alone.records.every(({ norm }) => norm! > 0)).to.equal(true)
    expect(alone.records).to.have.length(4)
    expect(alone.records[3]!.accuracy).to.be.above(alone.records[0]!.accuracy)
    expect(alone.histograms).to.have.length(10)
  })

  it('stopped, stored and resumed, it reaches the same bits', async () => {
    const settings: Partial<SimulationSettings> = {
      server: { kind: 'fedyogi', learningRate: 0.02 },
      partition: { kind: 'dirichlet', alpha: 0.5 },
      fraction: 0.5,
      dropOut: 0.2,
    }
    const whole = await run(settings)
    const controller = new AbortController()
    let saved: Uint8Array | null = null
    const stopped = await run(settings, {
      signal: controller.signal,
      onRound: (record: RoundRecord, state: SimulationState) => {
        if (record.round === 2) {
          saved = encodeSimulation(state)
          controller.abort(new Error('enough'))
        }
      },
    }).catch((error: Error) => error.message)
    expect(stopped).to.equal('enough')
    const resumed = await run(settings, { resume: decodeSimulation(saved!) })
    expect(resumed.weights).to.deep.equal(whole.weights)
    expect(resumed.records).to.deep.equal(whole.records)
    await refuses(
      () => run({ ...settings, dropOut: 0 }, { resume: decodeSimulation(saved!) }),
      'BAD_CHECKPOINT',
      /other settings/,
    )
    await refuses(() => decodeSimulation(saved!.subarray(0, 300)), 'BAD_CHECKPOINT', /saved simulation: the SHA-256/)
  })

  it('an abort in the middle of a round of threads ends at once', async () => {
    const controller = new AbortController()
    const started = performance.now()
    const outcome = await simulate({
      spec: modelSpec('mlp'),
      data,
      settings: { ...BASE, rounds: 50, training: { ...BASE.training, epochs: 50 } },
      workers: 2,
      signal: controller.signal,
      onMember: () => controller.abort(new Error('now')),
    }).catch((error: Error) => error.message)
    expect(outcome).to.equal('now')
    expect(performance.now() - started).to.be.below(30_000)
  })

  const poison = { share: 0.2, attack: 'sign-flip', strength: 4 } as const
  it('20 % sign-flippers ruin plain FedAvg; the median of group means stays close to the clean run', async () => {
    const settings: Partial<SimulationSettings> = { keepers: 20, rounds: 10 }
    const last = async (extra: Partial<SimulationSettings>) => (await run({ ...settings, ...extra })).records.at(-1)!
    const clean = await last({})
    const plain = await last({ poison })
    const robust = await last({ poison, centre: { kind: 'median', groups: 10 } })
    const trimmed = await last({ poison, centre: { kind: 'trimmed-mean', groups: 20, trim: 5 } })
    expect(plain.poisoned).to.equal(4)
    expect(clean.accuracy - plain.accuracy).to.be.above(0.1)
    expect(clean.accuracy - robust.accuracy).to.be.below(0.04)
    expect(clean.accuracy - trimmed.accuracy).to.be.below(0.04)
  })

  it('drop-outs are counted, and a round without anybody changes nothing', async () => {
    const { records } = await run({ dropOut: 0.5, rounds: 6 })
    expect(records.every(({ members, dropped }) => members + dropped === 10)).to.equal(true)
    expect(records.reduce((sum, { dropped }) => sum + dropped, 0)).to.be.within(15, 45)
    const lonely = await run({ keepers: 1, dropOut: 0.99, rounds: 3, seed: 2 })
    expect(lonely.records.map(({ members }) => members)).to.deep.equal([0, 0, 0])
    expect(lonely.records[2]!.accuracy).to.equal(lonely.records[0]!.accuracy)
    expect(lonely.records[2]!.trainLoss).to.equal(null)
  })

  it('differential privacy reports a growing ε; the target stops a run early', async () => {
    const { records } = await run({
      fraction: 0.5,
      privacy: { clippingNorm: 1, noiseMultiplier: 1, delta: 1e-5 },
    })
    const epsilons = records.map(({ epsilon }) => epsilon!)
    expect(epsilons.every((epsilon, i) => i === 0 || epsilon > epsilons[i - 1]!)).to.equal(true)
    const early = await run({ rounds: 50, targetAccuracy: 0.5 })
    expect(early.reachedTarget).to.equal(true)
    expect(early.round).to.be.below(50)
  })

  it('writes CSV that lines up and an SVG that is well formed', async () => {
    const { records } = await run({ rounds: 3, dropOut: 0.1 })
    const lines = roundsCsv(records).trimEnd().split('\n')
    expect(lines[0]).to.equal(
      'round,accuracy,loss,trainLoss,members,dropped,poisoned,refused,lost,epsilon,idle,macroF1,norm',
    )
    expect(lines).to.have.length(4)
    expect(lines.every((line) => line.split(',').length === 13)).to.equal(true)
    const svg = roundsChart(records, 'a <b> & "c"')
    expect(svg).to.contain('a &#60;b&#62; &#38; &#34;c&#34;')
    expect(svg.match(/<path d="M[\d.]+ [\d.]+(L[\d.]+ [\d.]+){2}"/g)).to.have.length(2)
    expect(svg).to.not.match(/NaN|Infinity|undefined/)
  })

  const bad: [string, Partial<SimulationSettings>, RegExp][] = [
    ['no keepers', { keepers: 0 }, /keepers is 0/],
    ['a bad share', { poison: { ...poison, share: 1 } }, /poison\.share is 1/],
    ['more groups than members', { centre: { kind: 'median', groups: 11 } }, /11 groups, but only 10 keepers/],
    ['trimming everything', { centre: { kind: 'trimmed-mean', groups: 4, trim: 2 } }, /leaves nothing of 4 groups/],
    ['sizes that do not match', { partition: { kind: 'sizes', sizes: [5] } }, /1 sizes for 10 keepers/],
    ['unknown fields', { round: 3 } as object, /round/],
  ]
  for (const [what, change, message] of bad) {
    it(`refuses ${what}`, () => refuses(() => run(change), 'BAD_SIMULATION', message))
  }

  it('more keepers than samples is refused', () =>
    refuses(
      () =>
        simulate({ spec: modelSpec('logistic'), data: { train: head(train, 5), test }, settings: BASE, workers: 0 }),
      'EMPTY_SHARD',
      /5 samples, too few for 10 parts/,
    ))
})

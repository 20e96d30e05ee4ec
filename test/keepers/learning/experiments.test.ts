// SPDX-License-Identifier: GPL-3.0-or-later
// What simulations do beyond rounds of the same: schedules, patience, keepers without samples, modules, figures, ε of groups.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import {
  aggregate,
  dealGroups,
  decodeSimulation,
  encodeSimulation,
  modelSpec,
  PrivacyAccountant,
  proceduralDigits,
  type RoundRecord,
  SeededRandom,
  type SimulationSettings,
  type SimulationState,
  StrategyModule,
  simulate,
  strategyHash,
} from '../../../keepers/learning/index.ts'
import { privatise, seededNormal } from '../../../keepers/learning/privacy/mechanism.ts'
import { mixedFigures } from '../../../keepers/learning/simulate/client-figures.ts'
import { isOutOfPatience, type Schedule, scheduleFactor } from '../../../keepers/learning/simulate/schedule.ts'
import { classFigures, macroF1 } from '../../../keepers/learning/train/figures.ts'
import { ROOT } from '../../../scripts/bootstrap/paths.mjs'
import { refuses } from './refusal.ts'

const spec = modelSpec('logistic')
const data = proceduralDigits({ seed: 3, train: 300, test: 150 })
const TRAINING = { epochs: 1, batchSize: 10, optimizer: { kind: 'sgd' as const, learningRate: 0.1 } }
const play = (settings: Partial<SimulationSettings>, more: Partial<Parameters<typeof simulate>[0]> = {}) =>
  simulate({ spec, data, workers: 0, settings: { keepers: 4, rounds: 3, training: TRAINING, ...settings }, ...more })
const strategy = (name: string, settings: ConstructorParameters<typeof StrategyModule>[1]['settings']) => {
  const source = readFileSync(join(ROOT, 'strategies', `${name}.cjs`))
  return new StrategyModule(source, { sha256: strategyHash(source), settings }, spec.parameters, name)
}

describe('learning: experiments', function () {
  this.timeout(60_000)

  it('learning rates follow their schedule', async () => {
    const factors = (schedule: Schedule) => [0, 1, 2, 3, 4].map((round) => scheduleFactor(schedule, round, 5))
    expect(factors({ kind: 'exponential', factor: 0.5 })).to.deep.equal([1, 0.5, 0.25, 0.125, 0.0625])
    expect(factors({ kind: 'step', every: 2, factor: 0.5 })).to.deep.equal([1, 1, 0.5, 0.5, 0.25])
    expect(factors({ kind: 'warm-up', rounds: 4 })).to.deep.equal([0.25, 0.5, 0.75, 1, 1])
    const cosine = factors({ kind: 'cosine', least: 0.2 })
    expect(cosine[0]).to.equal(1)
    expect(cosine[2]).to.be.closeTo(0.6, 1e-12)
    expect(cosine[4]).to.be.closeTo(0.2, 1e-12)
    // A rate that has come down to nothing moves nothing.
    const still = await play({ rounds: 2, schedule: { kind: 'exponential', factor: 1e-9 } })
    const once = await play({ rounds: 1, schedule: { kind: 'exponential', factor: 1e-9 } })
    expect(still.weights.every((value, i) => Math.abs(value - once.weights[i]!) < 1e-6)).to.equal(true)
    expect((await play({ rounds: 2 })).weights).not.to.deep.equal(once.weights)
  })

  it('patience stops a run that gets no better, and says so', async () => {
    const of = (losses: number[]) => losses.map((loss) => ({ loss, accuracy: 1 - loss }) as RoundRecord)
    const patience = { rounds: 2, metric: 'loss' as const, least: 0.1 }
    expect(isOutOfPatience(patience, of([3, 2, 1]))).to.equal(false)
    expect(isOutOfPatience(patience, of([3, 2, 2, 1]))).to.equal(false)
    expect(isOutOfPatience(patience, of([3, 2, 1.95, 1.95]))).to.equal(true)
    expect(isOutOfPatience({ ...patience, metric: 'accuracy' }, of([0.5, 0.5, 0.6]))).to.equal(true)
    expect(isOutOfPatience(undefined, of([1, 1, 1, 1]))).to.equal(false)
    const schedule = { kind: 'exponential' as const, factor: 1e-9 }
    const result = await play({ rounds: 20, schedule, patience: { rounds: 2, least: 1e-4 } })
    expect([result.round, result.stopped]).to.deep.equal([3, 'patience'])
    expect((await play({ rounds: 1 })).stopped).to.equal('rounds')
  })

  it('keepers without samples are there and send nothing', async () => {
    const { records, histograms } = await play({ keepers: 5, empty: 2 })
    expect(records.map(({ members, idle, dropped }) => [members, idle, dropped])).to.deep.equal(
      Array(3).fill([3, 2, 0]),
    )
    expect(histograms[4]!.every((count) => count === 0)).to.equal(true)
    // The same as without them, but for the seeds that go by place: three keepers, the same shards.
    const sized = await play({ keepers: 3, partition: { kind: 'sizes', sizes: [200, 0, 100] }, perClient: true })
    expect(sized.records[0]!.members).to.equal(2)
    expect(sized.records[0]!.clients![1]).to.equal(null)
    await refuses(() => play({ empty: 4 }), 'BAD_SIMULATION', /empty is 4 of 4 keepers: none has samples/)
    await refuses(() => play({ keepers: 2, partition: { kind: 'sizes', sizes: [0, 0] } }), 'BAD_SIMULATION', /all 0/)
  })

  it('figures of classes and clients, by hand', () => {
    // Truth a: 3 right, 1 as b; b: 2 right, none wrong; c: not in the test set, answered once for a b.
    const confusion = Uint32Array.of(3, 1, 0, 0, 2, 1, 0, 0, 0)
    const classes = classFigures({ confusion }, ['a', 'b'])
    const recall = classes.map((figures) => figures.recall)
    expect(classes.map(({ name, samples }) => [name, samples])).to.deep.equal([
      ['a', 4],
      ['b', 3],
      ['2', 0],
    ])
    expect(recall).to.deep.equal([0.75, 2 / 3, null])
    expect(classes.map(({ precision }) => precision)).to.deep.equal([1, 2 / 3, 0])
    expect(classes[2]!.f1).to.equal(0)
    expect(classFigures({ confusion: new Uint32Array(4) })[0]).to.include({ recall: null, precision: null, f1: null })
    expect(macroF1([])).to.equal(null)
    expect(macroF1(classes)).to.be.closeTo((6 / 7 + 2 / 3) / 2, 1e-12)
    const seen = { confusion, classLoss: Float64Array.of(8, 3, 0) }
    const mixed = mixedFigures(seen, Uint32Array.of(10, 30, 500))!
    expect(mixed.accuracy).to.be.closeTo((10 * 0.75 + 20) / 40, 1e-12)
    // 2 for each sample of a, 1 for each of b.
    expect(mixed.loss).to.be.closeTo((10 * 2 + 30) / 40, 1e-12)
    // Of 10 a, 7.5 are found and 2.5 called b; of 30 b, 20 are found and 10 called c.
    expect(mixed.f1).to.be.closeTo((15 / 17.5 + 40 / 52.5) / 2, 1e-12)
    expect(mixedFigures(seen, Uint32Array.of(0, 0, 5))).to.equal(null)
  })

  it('a round records recall, precision and F1 of each class, and each client`s figures', async () => {
    const { records } = await play({ partition: { kind: 'shards', shardsPerPart: 2 }, perClient: true, rounds: 6 })
    const { recall, accuracy, clients } = records.at(-1)!
    const counts = [...Array(10).keys()].map((c) => data.test.labels.filter((label) => label === c).length)
    const hits = counts.reduce((sum, count, c) => sum + count * (recall[c] ?? 0), 0)
    expect(hits / 150).to.be.closeTo(accuracy, 1e-9)
    expect(clients!.length).to.equal(4)
    for (const figure of ['accuracy', 'loss', 'f1'] as const) {
      expect(new Set(clients!.map((client) => client![figure])).size).to.be.above(1)
    }
    // The clients together have the mix of all samples, here dealt evenly over classes.
    const alike = (await play({ keepers: 2, rounds: 1, perClient: true })).records[0]!
    for (const client of alike.clients!) expect(client!.accuracy).to.be.closeTo(alike.accuracy, 0.05)
  })

  describe('with a module for a strategy', () => {
    it('FedAvgM is that of the built-in strategy, threads or not', async () => {
      const server = { kind: 'fedavg' as const, momentum: 0.5 }
      const builtIn = await play({ server })
      for (const workers of [0, 2]) {
        const own = await play({}, { strategy: strategy('fedavgm', { momentum: 0.5 }), workers })
        const gap = Math.max(...own.weights.map((value, i) => Math.abs(value - builtIn.weights[i]!)))
        expect(gap).to.be.below(1e-6)
      }
    })

    it('personal layers learn at home and stay where they are in the service`s model', async () => {
      const home = spec.parameters.at(-1)!
      const personal = strategy('personal-layers', { home: [home.name] })
      const first = await play({ rounds: 1 }, { strategy: personal })
      const part = (weights: Float32Array) => [...weights.subarray(home.offset, home.offset + home.length)]
      const plain = await play({ rounds: 1 })
      expect(part(first.weights)).to.deep.equal(Array(home.length).fill(0))
      expect(part(plain.weights)).not.to.deep.equal(Array(home.length).fill(0))
      expect([...first.homes.keys()]).to.deep.equal([0, 1, 2, 3])
      expect(first.homes.get(0)).not.to.deep.equal(first.homes.get(1))
      // Stored, resumed, the same bits as in one go.
      const saved = decodeSimulation(encodeSimulation(first as SimulationState))
      const resumed = await play({ rounds: 3 }, { strategy: personal, resume: saved })
      const straight = await play({ rounds: 3 }, { strategy: personal })
      expect(resumed.weights).to.deep.equal(straight.weights)
      expect(resumed.homes).to.deep.equal(straight.homes)
    })

    it('q-FedAvg goes elsewhere than FedAvg when few samples are served badly, and learns', async () => {
      const settings: Partial<SimulationSettings> = {
        ...{ partition: { kind: 'sizes', sizes: [200, 20, 20, 20] }, perClient: true, rounds: 5 },
      }
      const fair = await play(settings, { strategy: strategy('q-fedavg', { q: 2, most: 4 }) })
      const plain = await play(settings)
      expect(fair.weights).not.to.deep.equal(plain.weights)
      expect(fair.records.at(-1)!.accuracy).to.be.above(0.3)
    })

    it('is part of what a saved run remembers, and not to be had with privacy where it weighs', async () => {
      const saved = await play({ rounds: 1 }, { strategy: strategy('fedavgm', { momentum: 0.5 }) })
      const other = { strategy: strategy('fedavgm', { momentum: 0.6 }), resume: saved }
      await refuses(() => play({ rounds: 2 }, other), 'BAD_CHECKPOINT', /other settings/)
      const privacy = { clippingNorm: 1, noiseMultiplier: 1, delta: 1e-5 }
      await refuses(
        () => play({ privacy }, { strategy: strategy('q-fedavg', {}) }),
        'BAD_SIMULATION',
        /privacy has all weigh the same/,
      )
    })
  })

  describe('ε', () => {
    const privacy = { clippingNorm: 1, noiseMultiplier: 2, delta: 1e-5 }
    const spent = (sigma: number, steps: number) =>
      new PrivacyAccountant().add({ noiseMultiplier: sigma, samplingRate: 1, steps }).spent(1e-5).epsilon

    it('of a mean is that of all the noise together', async () => {
      const { records } = await play({ keepers: 9, rounds: 2, privacy })
      expect(records.map(({ epsilon }) => epsilon)).to.deep.equal([spent(2, 1), spent(2, 2)])
    })

    for (const centre of [
      { kind: 'median' as const, groups: 3 },
      { kind: 'trimmed-mean' as const, groups: 3, trim: 1 },
    ]) {
      it(`of a ${centre.kind} is that of one group: √3 less noise for three`, async () => {
        const { records } = await play({ keepers: 9, rounds: 2, privacy, centre })
        expect(records[1]!.epsilon).to.be.closeTo(spent(2 / Math.sqrt(3), 2), 1e-9)
        expect(records[1]!.epsilon).to.be.above(1.5 * spent(2, 2))
      })
    }

    it('goes by the smallest group, and by those who delivered', async () => {
      const { records } = await play({ keepers: 10, rounds: 1, privacy, centre: { kind: 'median', groups: 4 } })
      expect(records[0]!.noise).to.be.closeTo(2 * Math.sqrt(2 / 10), 1e-12)
      const alone = await play({ keepers: 6, rounds: 4, dropOut: 0.5, privacy })
      for (const { members, noise } of alone.records) expect(noise).to.equal(members === 0 ? undefined : 2)
    })

    it('is of the noise that is really on a group`s sum', () => {
      const [members, groups, length] = [12, 4, 4000]
      const global = new Float32Array(length)
      const normal = seededNormal(new SeededRandom(4))
      const sent = Array.from({ length: members }, () =>
        privatise(
          global,
          new Float32Array(length),
          { clippingNorm: 1, noiseMultiplier: 2, contributors: members },
          normal,
        ),
      )
      const deviation = (indices: Iterable<number>) => {
        let square = 0
        for (let i = 0; i < length; i++) {
          let sum = 0
          for (const index of indices) sum += sent[index]![i]!
          square += sum * sum
        }
        return Math.sqrt(square / length)
      }
      expect(deviation([...sent.keys()])).to.be.closeTo(2, 0.1)
      for (const group of dealGroups(members, groups, 7))
        expect(deviation([...group])).to.be.closeTo(2 / Math.sqrt(groups), 0.06)
      expect(
        aggregate(
          { kind: 'median', groups },
          sent.map((weights) => ({ weights, weight: 1 })),
          7,
        ).length,
      ).to.equal(length)
    })
  })
})

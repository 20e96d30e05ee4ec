// SPDX-License-Identifier: GPL-3.0-or-later
// A simulation promises a keeper's own trainer and strategies: the same rounds, played by both.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { controlVariate } from '../../../keepers/agent/control-variate.ts'
import { parseConfig } from '../../../keepers/agent/index.ts'
import type { ModelState } from '../../../keepers/agent/models.ts'
import { homeLayers } from '../../../keepers/agent/strategy.ts'
import { Trainer } from '../../../keepers/agent/training/trainer.ts'
import {
  type Dataset,
  initialWeights,
  type ModelSpec,
  parseCsv,
  parseSimulationConfig,
  type ServerSettings,
  type SimulationConfig,
  type SimulationState,
  StrategyModule,
  sequentialSpec,
  strategyHash,
  subset,
} from '../../../keepers/learning/index.ts'
import { openPool } from '../../../keepers/learning/simulate/pool.ts'
import { playRound } from '../../../keepers/learning/simulate/round.ts'
import { initialServerState } from '../../../keepers/learning/strategy/server.ts'
import { Coverage, exampleManifest, modelPart, type ServiceManifest, specOf } from '../../../keepers/versions/index.ts'
import { ROOT } from '../../../scripts/bootstrap/paths.mjs'
import { type RoundStage, roundStage } from './round-stage.ts'
import { acceptAll, decryptAll, giveModel, judge, trainAll } from './whole-round.ts'

/** Every member checks every update: the time is their square. */
const MEMBERS = 3
const THRESHOLD = 2
const ROUNDS = 2
/** With a bias and two classes the stage's fifty parameters. */
const FEATURES = 24
const CLASSES = ['a', 'b']
const SEEDS = [3, 14, 15]
/** Members differ in how many rows they have, and in what they are about. */
const ROWS = [40, 90, 30]
/** What encryption leaves of two rounds' means, and no more. */
const PRECISION = 2e-4
const TRAINING = { epochs: 2, batchSize: 8, learningRate: 0.05 }
const MOST = 1000

type Strategy = {
  readonly grouped?: true
  readonly file?: string
  readonly settings?: object
  readonly server?: ServerSettings
}
const STRATEGIES: Readonly<Record<string, Strategy>> = {
  'plain averaging': {},
  'server momentum, built in': { server: { kind: 'fedavg', momentum: 0.5 } },
  'FedAvgM, a module': { file: 'fedavgm.cjs', settings: { momentum: 0.5 } },
  'q-FedAvg': { file: 'q-fedavg.cjs', settings: { q: 2, most: 1 } },
  SCAFFOLD: { file: 'scaffold.cjs', settings: { localRate: 0.8 } },
  'layers in two groups, with momentum': { grouped: true, server: { kind: 'fedavg', momentum: 0.5 } },
  'personal layers': { file: 'personal-layers.cjs', settings: { home: ['dense/bias'] } },
}

/** Two layers, so that there can be two groups. */
function twoLayers(): ModelSpec {
  const dense = (name: string, units: number, activation: string, more: object = {}) => ({
    class_name: 'Dense',
    config: { name, units, activation, use_bias: true, ...more },
  })
  const layers = [
    dense('hidden', 4, 'relu', { batch_input_shape: [null, FEATURES] }),
    dense('classes', CLASSES.length, 'softmax'),
  ]
  return sequentialSpec({ class_name: 'Sequential', config: { name: 'two', layers } }, [FEATURES])
}
const LAYER_GROUPS = [
  { name: 'classes', layers: ['classes'] },
  { name: 'hidden', layers: ['hidden'] },
]

type Network = { readonly manifest: ServiceManifest; readonly spec: ModelSpec; readonly trainers: Trainer[] }

describe('a round of keepers and a round of the simulation', function () {
  this.timeout(180_000)
  const manifest = exampleManifest('logistic', {
    classes: CLASSES,
    input: {
      ...{ kind: 'table', shape: [FEATURES], label: 'kind', delimiter: ',' },
      features: Array.from({ length: FEATURES }, (_, i) => `x${i}`),
    },
  })
  const example = readFileSync(new URL('../../../keepers/agent/keeper.example.yaml', import.meta.url), 'utf8')
  const grouped: ServiceManifest = {
    ...manifest,
    model: modelPart(twoLayers()),
    rounds: { ...manifest.rounds, layerGroups: LAYER_GROUPS },
  }
  let folder: string
  let spec: ModelSpec
  let networks: { readonly plain: Network; readonly grouped: Network }
  /** What each member trains on, one after the other. */
  let data: Dataset
  let shards: Uint32Array[]

  const configOf = (member: number, manifest: ServiceManifest) => {
    const text = example.replace('source: digits ', `source: csv\n  path: ${member}.csv `)
    const config = parseConfig(text, folder, manifest)
    const training = { ...config.training, ...TRAINING, optimizer: 'sgd' as const, seed: SEEDS[member]! }
    return { ...config, training }
  }

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-same-'))
    spec = await specOf(manifest)
    const { features, label, delimiter } = manifest.input as { features: string[]; label: string; delimiter: string }
    const parts = ROWS.map((count, member) => {
      const rows = Array.from({ length: count }, (_, row) => {
        const kind = (row * 7 + member) % (member + 2) === 0 ? 1 : 0
        const values = features.map(
          (_name, i) => Math.sin((row + 1) * (i + 1) * (member + 1)) + kind * ((i % 3) - member / 4),
        )
        return [...values.map((value) => value.toFixed(4)), CLASSES[kind]].join(',')
      })
      const text = `${[...features, label].join(',')}\n${rows.join('\n')}\n`
      writeFileSync(join(folder, `${member}.csv`), text)
      const all = parseCsv(text, { features, label, delimiter, classes: [...CLASSES] })
      const every = Math.round(1 / manifest.vote.holdOut)
      return subset(
        all,
        Uint32Array.from(all.labels.keys()).filter((row) => row % every !== 0),
      )
    })
    let from = 0
    shards = parts.map(({ count }) => {
      from += count
      return Uint32Array.from({ length: count }, (_, i) => from - count + i)
    })
    data = {
      ...parts[0]!,
      count: from,
      inputs: Float32Array.from(parts.flatMap(({ inputs }) => [...inputs])),
      labels: Uint16Array.from(parts.flatMap(({ labels }) => [...labels])),
    }
    const open = async (of: ServiceManifest): Promise<Network> => {
      const trainers: Trainer[] = []
      for (const member of ROWS.keys()) trainers.push(await Trainer.start(configOf(member, of)))
      return { manifest: of, spec: await specOf(of), trainers }
    }
    networks = { plain: await open(manifest), grouped: await open(grouped) }
  })
  after(async () => {
    const trainers = Object.values(networks ?? {}).flatMap((network) => network.trainers)
    await Promise.all(trainers.map((trainer) => trainer.stop()))
    rmSync(folder, { recursive: true, force: true })
  })

  const moduleOf = ({ file, settings = {} }: Strategy): StrategyModule | null => {
    if (file === undefined) return null
    const source = readFileSync(join(ROOT, 'strategies', file))
    const terms = { sha256: strategyHash(source), settings: settings as Record<string, never> }
    return new StrategyModule(source, terms, spec.parameters, file)
  }

  /** Weights that each member trained to in the first round, and the model after the last. */
  type Played = { readonly trained: Float32Array[]; readonly weights: Float32Array }

  const playKeepers = async (of: Strategy): Promise<Played> => {
    const strategy = moduleOf(of)
    const { manifest, spec, trainers } = of.grouped ? networks.grouped : networks.plain
    const coverage = new Coverage(manifest.rounds, spec.parameters)
    const trained: Float32Array[] = []
    const stages: RoundStage[] = []
    let blank: RoundStage['snapshot']['roundInfo'] | null = null
    let state: ModelState = { weights: initialWeights(spec, 1), moments: [] }
    try {
      for (const [self, trainer] of trainers.entries()) {
        const stage = await roundStage({
          ...{ members: MEMBERS, threshold: THRESHOLD, self },
          ...(of.grouped ? { plan: { vectorLength: coverage.updateLength } } : {}),
        })
        const config = configOf(self, manifest)
        const train: Trainer['train'] = async (weights, at, training, options) => {
          const outcome = await trainer.train(weights, at, training, options)
          if (at.round === 1) trained.push(outcome.weights.slice())
          return outcome
        }
        Object.assign(stage.context, {
          coverage,
          strategy,
          home: homeLayers(stage.store, strategy, spec),
          control: controlVariate(config, stage.store, strategy, spec.parameterCount),
          trainer: { shard: trainer.shard, train, evaluate: trainer.evaluate.bind(trainer) },
        })
        Object.assign(stage.context.config, { training: config.training })
        Object.assign(stage.context.manifest, { vote: { metric: 'accuracy', tolerance: 1 } })
        Object.assign(stage.context.manifest.rounds, of.server === undefined ? {} : { strategy: of.server })
        blank ??= stage.snapshot.roundInfo
        stages.push(stage)
      }
      for (let round = 1; round <= ROUNDS; round++) {
        for (const stage of stages) stage.snapshot = { ...stage.snapshot, round, roundInfo: blank! }
        const kept = stages.map((stage) => giveModel(stage, state))
        await trainAll(stages)
        await decryptAll(stages, THRESHOLD)
        for (const stage of stages) await judge(stage)
        acceptAll(stages)
        for (const { next } of kept) expect(next).to.deep.equal(kept[0]!.next)
        state = kept[0]!.next!
      }
      return { trained, weights: state.weights }
    } finally {
      for (const stage of stages) await stage.close()
    }
  }

  const playSimulation = async (of: Strategy): Promise<Played> => {
    const strategy = moduleOf(of) ?? undefined
    const { spec } = of.grouped ? networks.grouped : networks.plain
    const layerGroups = of.grouped ? LAYER_GROUPS : []
    const config: SimulationConfig = parseSimulationConfig({
      ...{ keepers: MEMBERS, rounds: ROUNDS, seeds: SEEDS, maxSamples: MOST },
      training: {
        ...{ epochs: TRAINING.epochs, batchSize: TRAINING.batchSize },
        optimizer: { kind: 'sgd', learningRate: TRAINING.learningRate },
      },
      ...(of.server === undefined ? {} : { server: of.server }),
    })
    const pool = await openPool(spec, { train: data, test: data }, 0)
    const trained: Float32Array[] = []
    const play: typeof pool.play = async (task) => {
      const outcome = await pool.play(task)
      if (task.round === 0) trained.push(outcome.weights.slice())
      return outcome
    }
    const histograms = shards.map(() => new Uint32Array(CLASSES.length))
    let state: SimulationState = {
      ...{
        configHash: '',
        round: 0,
        weights: initialWeights(spec, 1),
        records: [],
        homes: new Map(),
        controls: new Map(),
      },
      server: initialServerState(config.server, spec.parameterCount),
    }
    try {
      const federation = {
        ...{ spec, config, shards, histograms, test: data, pool: { ...pool, play } },
        ...{ strategy, layerGroups },
      }
      for (let round = 0; round < ROUNDS; round++) state = await playRound(federation, state)
      return { trained, weights: state.weights }
    } finally {
      await pool.close()
    }
  }

  const furthest = (a: Float32Array, b: Float32Array) =>
    a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0)
  let plain: Float32Array

  for (const [name, strategy] of Object.entries(STRATEGIES)) {
    it(`come to the same weights: ${name}`, async () => {
      const [live, simulated] = [await playKeepers(strategy), await playSimulation(strategy)]
      // Up to what is sent, bit for bit; a simulation puts the service's layers back where they stay at home, as a keeper does later.
      if (name !== 'personal layers') expect(simulated.trained).to.deep.equal(live.trained)
      expect(furthest(simulated.weights, live.weights)).to.be.below(PRECISION)
      plain ??= live.weights
      // The control: the strategies tell apart.
      if (Object.keys(strategy).length > 0 && strategy.grouped !== true)
        expect(furthest(live.weights, plain)).to.be.above(10 * PRECISION)
    })
  }
})

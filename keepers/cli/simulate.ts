// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort simulate`: a federation of virtual keepers on one machine, to try before anyone stakes a coin.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { type Command, Option } from 'commander'
import type { SimulationSettings, SimulationState } from '../learning/index.ts'
import {
  bar,
  chooseSpec,
  interruptible,
  numberBetween,
  ProgressLine,
  replaceFile,
  wholeNumber,
} from './learning-options.ts'

const STATE_FILE = 'state.bin'
/** Of --strategy fedavgm: Hsu et al. 2019, the middle of what they tried. */
const SERVER_MOMENTUM = 0.9
const STRATEGIES = ['fedavg', 'fedavgm', 'fedprox', 'fedadam', 'fedyogi', 'trimmed-mean', 'median'] as const

type Options = {
  readonly keepers: number
  readonly rounds: number
  readonly model: string
  readonly data?: string
  readonly limit?: number
  readonly partition: 'iid' | 'dirichlet' | 'shards'
  readonly alpha: number
  readonly fraction: number
  readonly epochs: number
  readonly batch: number
  readonly optimizer: 'adam' | 'sgd'
  readonly lr: number
  readonly strategy: (typeof STRATEGIES)[number]
  readonly serverLr?: number
  readonly serverClip?: number
  readonly mu: number
  readonly groups?: number
  readonly trim?: number
  readonly equalWeights?: boolean
  readonly dropOut: number
  readonly poison: number
  readonly attack: 'label-flip' | 'sign-flip' | 'scaling' | 'norm-bust'
  readonly strength: number
  readonly within?: boolean
  readonly bound?: number
  readonly boundCheck: 'none' | 'mean' | 'member'
  readonly dpClip?: number
  readonly dpNoise?: number
  readonly dpDelta: number
  readonly target?: number
  readonly seed: number
  readonly workers?: number
  readonly out?: string
  readonly resume?: boolean
  readonly json?: boolean
}

export function registerSimulate(program: Command): void {
  program
    .command('simulate')
    .description('run rounds of federated learning with virtual keepers on this machine')
    .option('--keepers <n>', 'how many keepers hold a shard', wholeNumber(1), 10)
    .option('--rounds <n>', 'how many rounds', wholeNumber(1), 20)
    .option(
      '--model <name-or-dir>',
      'article-cnn, small-cnn, mlp, logistic, a directory with a model.json, or a manifest',
      'small-cnn',
    )
    .option(
      '--data <dir>',
      'IDX files, CSV with schema.json, or image folders (default: MNIST, else procedural digits)',
    )
    .option('--limit <n>', 'use only the first n training samples', wholeNumber(10))
    .addOption(
      new Option('--partition <kind>', 'how the data is dealt').choices(['iid', 'dirichlet', 'shards']).default('iid'),
    )
    .option('--alpha <a>', 'of --partition dirichlet: the smaller, the more unlike', numberBetween(1e-3, 1e6), 0.5)
    .option('--fraction <share>', 'share of the keepers in each round', numberBetween(1e-6, 1), 1)
    .option('--epochs <n>', 'local passes per round', wholeNumber(1), 1)
    .option('--batch <n>', 'local batch size', wholeNumber(1), 10)
    .addOption(new Option('--optimizer <kind>', 'local update rule').choices(['sgd', 'adam']).default('sgd'))
    .option('--lr <rate>', 'local learning rate', numberBetween(1e-9, 100), 0.1)
    .addOption(
      new Option('--strategy <name>', 'how updates become the next model').choices(STRATEGIES).default('fedavg'),
    )
    .option('--server-lr <rate>', 'server learning rate (fedavg 1, fedadam and fedyogi 0.01)', numberBetween(1e-9, 10))
    .option('--server-clip <norm>', 'scale the mean update down to this norm', numberBetween(1e-9, 1e9))
    .option('--mu <m>', 'pull towards the global model, for fedprox', numberBetween(0, 1e3), 0.01)
    .option('--groups <n>', 'groups whose means are combined (trimmed-mean, median)', wholeNumber(3))
    .option('--trim <n>', 'groups dropped on each side (trimmed-mean)', wholeNumber(1))
    .option('--equal-weights', 'every keeper counts alike, whatever the size of its shard')
    .option('--drop-out <share>', 'chance that a keeper does not deliver', numberBetween(0, 0.99), 0)
    .option('--poison <share>', 'share of bad keepers', numberBetween(0, 0.99), 0)
    .addOption(
      new Option('--attack <kind>', 'what bad keepers do')
        .choices(['label-flip', 'sign-flip', 'scaling', 'norm-bust'])
        .default('sign-flip'),
    )
    .option(
      '--strength <factor>',
      'how much sign-flip, scaling (× update) and norm-bust (× --bound) exaggerate',
      numberBetween(1e-3, 1e6),
      4,
    )
    .option('--within', 'bad keepers scale what they send down to --bound')
    .option('--bound <norm>', 'what an update may be at most; the honest clip to it', numberBetween(1e-9, 1e9))
    .addOption(
      new Option(
        '--bound-check <what>',
        'who is held to --bound: nobody, the mean (a lost round), each update (left out)',
      )
        .choices(['none', 'mean', 'member'])
        .default('member'),
    )
    .option('--dp-clip <norm>', 'differential privacy: bound on a keeper’s update', numberBetween(1e-9, 1e9))
    .option('--dp-noise <sigma>', 'differential privacy: noise in multiples of --dp-clip', numberBetween(0, 1e6))
    .option('--dp-delta <delta>', 'differential privacy: delta', numberBetween(1e-15, 0.1), 1e-5)
    .option('--target <accuracy>', 'stop once the test accuracy reaches this (0 to 1)', numberBetween(1e-6, 1))
    .option('--seed <n>', 'everything random follows from it', wholeNumber(0), 1)
    .option('--workers <n>', 'threads (default: all cores; 0 = no threads)', wholeNumber(0))
    .option('--out <dir>', 'write rounds.csv, result.json, chart.svg, the model and the resumable state there')
    .option('--resume', 'go on with the simulation in --out')
    .option('--json', 'print the result as JSON')
    .action(async (options: Options) => interruptible((signal) => run(options, signal)))
}

/** The options as the library takes them. */
export function toSettings(options: Options): SimulationSettings {
  const { strategy, lr } = options
  const groups = options.groups ?? Math.max(3, Math.min(10, Math.round(options.keepers * options.fraction)))
  const adaptive = strategy === 'fedadam' || strategy === 'fedyogi'
  return {
    keepers: options.keepers,
    rounds: options.rounds,
    fraction: options.fraction,
    partition:
      options.partition === 'dirichlet' ? { kind: 'dirichlet', alpha: options.alpha } : { kind: options.partition },
    training: {
      epochs: options.epochs,
      batchSize: options.batch,
      optimizer: { kind: options.optimizer, learningRate: lr },
      ...(strategy === 'fedprox' ? { proximalMu: options.mu } : {}),
    },
    weighting: options.equalWeights ? 'equal' : 'samples',
    server: {
      ...(adaptive
        ? { kind: strategy, learningRate: options.serverLr ?? 0.01 }
        : {
            kind: 'fedavg' as const,
            ...(options.serverLr === undefined ? {} : { learningRate: options.serverLr }),
            ...(strategy === 'fedavgm' ? { momentum: SERVER_MOMENTUM } : {}),
          }),
      ...(options.serverClip === undefined ? {} : { clip: options.serverClip }),
    },
    centre:
      strategy === 'trimmed-mean'
        ? { kind: 'trimmed-mean', groups, trim: options.trim ?? Math.max(1, Math.floor(0.3 * groups)) }
        : strategy === 'median'
          ? { kind: 'median', groups }
          : { kind: 'mean' },
    dropOut: options.dropOut,
    ...(options.poison > 0
      ? {
          poison: {
            share: options.poison,
            attack: options.attack,
            strength: options.strength,
            within: options.within ?? false,
          },
        }
      : {}),
    ...(options.bound === undefined ? {} : { bound: { norm: options.bound, check: options.boundCheck } }),
    ...(options.dpClip === undefined
      ? {}
      : {
          privacy: { clippingNorm: options.dpClip, noiseMultiplier: options.dpNoise ?? 0, delta: options.dpDelta },
        }),
    seed: options.seed,
    ...(options.target === undefined ? {} : { targetAccuracy: options.target }),
  }
}

async function run(options: Options, signal: AbortSignal): Promise<void> {
  const room = await import('../learning/index.ts')
  if (options.dpNoise !== undefined && options.dpClip === undefined) {
    throw new room.LearningError('BAD_PARAMETERS', '--dp-noise needs --dp-clip: the noise is in multiples of it')
  }
  const config = room.parseSimulationConfig(toSettings(options))
  const opened = await room.openData({ ...(options.data === undefined ? {} : { dir: options.data }), signal })
  const train = options.limit === undefined ? opened.train : room.head(opened.train, options.limit)
  const line = new ProgressLine()
  line.lasting(opened.announcement)
  const spec = await chooseSpec(options.model, train)
  const resume = await readState(options)
  const started = performance.now()
  const title = `${spec.name}, ${config.keepers} keepers, ${options.strategy}, ${options.partition}`
  const write = async (state: SimulationState) => {
    if (options.out === undefined) return
    const result = { title, data: train.name, specHash: room.specHash(spec), config, rounds: state.records }
    await replaceFile(join(options.out, STATE_FILE), room.encodeSimulation(state))
    await replaceFile(join(options.out, 'rounds.csv'), room.roundsCsv(state.records))
    await replaceFile(join(options.out, 'result.json'), `${JSON.stringify(result, null, 2)}\n`)
    await replaceFile(join(options.out, 'chart.svg'), room.roundsChart(state.records, title))
  }
  const result = await room
    .simulate({
      spec,
      data: { train, test: opened.test },
      settings: config,
      signal,
      ...(options.workers === undefined ? {} : { workers: options.workers }),
      ...(resume === undefined ? {} : { resume }),
      onMember: (round, done, members) =>
        line.update(`round ${round + 1}/${config.rounds} ${bar(done / members)} ${done}/${members} keepers`),
      onRound: async (record, state) => {
        const privacy = record.epsilon === undefined ? '' : `, ε ${record.epsilon.toFixed(2)}`
        line.lasting(
          `round ${record.round}: accuracy ${(100 * record.accuracy).toFixed(2)} %, loss ${record.loss.toFixed(4)}, ` +
            `${record.members} keepers${record.dropped > 0 ? `, ${record.dropped} absent` : ''}` +
            `${record.refused > 0 ? `, ${record.refused} beyond the bound` : ''}${record.lost ? ', lost' : ''}${privacy}`,
        )
        await write(state)
      },
    })
    .finally(() => line.clear())
  const seconds = (performance.now() - started) / 1000
  if (options.out !== undefined) {
    await room.saveModel({ spec, weights: result.weights }, join(options.out, 'model'))
  }
  const last = result.records.at(-1)
  if (options.json) {
    const histograms = result.histograms.map((counts) => [...counts])
    const report = { title, data: train.name, seconds, config, histograms, rounds: result.records }
    process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
  } else {
    process.stdout.write(
      `${title}: ${(100 * (last?.accuracy ?? 0)).toFixed(2)} % after ${result.round} rounds in ${seconds.toFixed(1)} s` +
        `${options.out === undefined ? '' : `; see ${options.out}`}\n`,
    )
  }
}

async function readState(options: Options): Promise<SimulationState | undefined> {
  const { decodeSimulation, LearningError } = await import('../learning/index.ts')
  if (options.out === undefined) {
    if (options.resume) throw new LearningError('BAD_PARAMETERS', '--resume needs --out, the directory to go on from')
    return undefined
  }
  const file = join(options.out, STATE_FILE)
  const bytes = await readFile(file).catch(() => null)
  if (bytes === null) {
    if (options.resume) throw new LearningError('DATA_NOT_FOUND', `nothing to resume: ${file} cannot be read`)
    return undefined
  }
  if (!options.resume) {
    throw new LearningError(
      'BAD_PARAMETERS',
      `${options.out} holds a simulation; add --resume, or choose another --out`,
    )
  }
  return decodeSimulation(bytes)
}

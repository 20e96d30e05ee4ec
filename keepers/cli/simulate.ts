// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort simulate`: a federation of virtual keepers on one machine, to try before anyone stakes a coin.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { type Command, Option } from 'commander'
import type { SimulationState } from '../learning/index.ts'
import { chooseSpec, numberBetween, ProgressLine, wholeNumber } from './learning-options.ts'
import { playSimulation, STATE_FILE, summaryOf } from './simulate-run.ts'
import { ATTACKS, type SimulateOptions, STRATEGIES, toSettings } from './simulate-settings.ts'
import { interruptible } from './stopping.ts'

/** Options that an experiment file leaves to the command line. */
const WITH_EXPERIMENT: ReadonlySet<string> = new Set(['experiment', 'out', 'workers', 'json'])

type Options = SimulateOptions & {
  readonly model: string
  readonly data?: string
  readonly digits?: boolean
  readonly limit?: number
  readonly workers?: number
  readonly experiment?: string
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
    .option('--digits', 'use the project’s own procedural digits, even if MNIST is there')
    .option('--limit <n>', 'use only the first n training samples', wholeNumber(10))
    .addOption(
      new Option('--partition <kind>', 'how the data is dealt').choices(['iid', 'dirichlet', 'shards']).default('iid'),
    )
    .option(
      '--alpha <a>',
      'for --partition dirichlet: a smaller value makes the shards more different',
      numberBetween(1e-3, 1e6),
      0.5,
    )
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
    .option('--groups <n>', 'groups of updates; their means are combined (trimmed-mean, median)', wholeNumber(3))
    .option('--trim <n>', 'groups dropped on each side (trimmed-mean)', wholeNumber(1))
    .option('--layer-groups <n>', 'divide the layers into this many groups, which rounds cover in turn', wholeNumber(2))
    .option('--equal-weights', 'every keeper counts alike, whatever the size of its shard')
    .option('--drop-out <share>', 'chance that a keeper does not deliver', numberBetween(0, 0.99), 0)
    .option('--poison <share>', 'share of bad keepers', numberBetween(0, 0.99), 0)
    .addOption(new Option('--attack <kind>', 'what bad keepers do').choices(ATTACKS).default('sign-flip'))
    .option(
      '--strength <factor>',
      'factor by which sign-flip and scaling (of the update) and norm-bust (of --bound) exaggerate',
      numberBetween(1e-3, 1e6),
      4,
    )
    .option('--within', 'bad keepers scale their updates down to --bound')
    .option('--bound <norm>', 'largest norm of an update; honest keepers clip to it', numberBetween(1e-9, 1e9))
    .addOption(
      new Option(
        '--bound-check <what>',
        'what is held to --bound: nothing, the mean (else the round is lost), or each update (else it is left out)',
      )
        .choices(['none', 'mean', 'member'])
        .default('member'),
    )
    .option('--dp-clip <norm>', 'differential privacy: bound on a keeper’s update', numberBetween(1e-9, 1e9))
    .option('--dp-noise <sigma>', 'differential privacy: noise in multiples of --dp-clip', numberBetween(0, 1e6))
    .option('--dp-delta <delta>', 'differential privacy: delta', numberBetween(1e-15, 0.1), 1e-5)
    .option('--target <accuracy>', 'stop once the test accuracy reaches this (0 to 1)', numberBetween(1e-6, 1))
    .option('--seed <n>', 'determines everything random', wholeNumber(0), 1)
    .option('--workers <n>', 'threads (default: all cores; 0 = no threads)', wholeNumber(0))
    .option('--experiment <file>', 'settings from a YAML file, with sweeps; goes only with --out, --workers and --json')
    .option(
      '--out <dir>',
      'write rounds.csv, result.json, chart.svg, TensorBoard events, the model and the resumable state there',
    )
    .option('--resume', 'go on with the simulation in --out')
    .option('--json', 'print the result as JSON')
    .action(async (options: Options, command: Command) =>
      interruptible(async (signal) => {
        if (options.experiment === undefined) return await run(options, signal)
        const { runExperiment } = await import('./simulate-experiment.ts')
        const given = command.options.map((option) => option.attributeName())
        const stray = given.filter((name) => command.getOptionValueSource(name) === 'cli' && !WITH_EXPERIMENT.has(name))
        await runExperiment({ ...options, experiment: options.experiment, stray }, signal)
      }),
    )
}

async function run(options: Options, signal: AbortSignal): Promise<void> {
  const room = await import('../learning/index.ts')
  if (options.dpNoise !== undefined && options.dpClip === undefined) {
    throw new room.LearningError('BAD_PARAMETERS', '--dp-noise needs --dp-clip: the noise is in multiples of it')
  }
  const config = room.parseSimulationConfig(toSettings(options))
  if (options.digits === true && options.data !== undefined) {
    throw new room.LearningError('BAD_PARAMETERS', '--digits and --data both say which samples: leave one out')
  }
  const opened =
    options.digits === true
      ? { ...room.proceduralDigits(room.USUAL_DIGITS), announcement: 'data: procedural digits' }
      : await room.openData({ ...(options.data === undefined ? {} : { dir: options.data }), signal })
  const train = options.limit === undefined ? opened.train : room.head(opened.train, options.limit)
  const line = new ProgressLine()
  line.lasting(opened.announcement)
  const spec = await chooseSpec(options.model, train)
  const resume = await readState(options)
  const title = `${spec.name}, ${config.keepers} keepers, ${options.strategy}, ${options.partition}`
  const played = await playSimulation({
    ...{ title, spec, config, signal, line },
    data: { train, test: opened.test },
    ...{ workers: options.workers, out: options.out, resume },
  })
  const report = { title, data: train.name, ...played }
  if (options.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
  else process.stdout.write(`${summaryOf(report, options.out)}\n`)
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

// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort learning`: train, evaluate and describe models on one machine, without a federation.
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { type Command, Option } from 'commander'
import type { BackendChoice, TrainingCheckpoint, TrainingParameters } from '../learning/index.ts'
import { UsageError } from './failure.ts'
import { type EvaluateOptions, evaluate } from './learning-evaluate.ts'
import { bar, chooseSpec, numberBetween, ProgressLine, replaceFile, wholeNumber } from './learning-options.ts'
import { interruptible } from './stopping.ts'

const BACKENDS = ['auto', 'fused', 'tfjs-node', 'tfjs-wasm', 'tfjs-cpu'] as const
const CHECKPOINT_FILE = 'training.checkpoint'

type TrainOptions = {
  readonly model: string
  readonly out: string
  readonly data?: string
  readonly epochs: number
  readonly batch: number
  readonly optimizer: 'adam' | 'sgd'
  readonly lr: number
  readonly momentum: number
  readonly clip?: number
  readonly seed: number
  readonly workers: number
  readonly backend: BackendChoice
  readonly resume?: boolean
  readonly json?: boolean
}

type SamplesOptions = {
  readonly out: string
  readonly data?: string
  readonly set: 'train' | 'test'
  readonly count: number
  readonly index?: number
  readonly json?: boolean
}

export function registerLearning(program: Command): void {
  const learning = program.command('learning').description('train and evaluate models on this machine alone')

  learning
    .command('train')
    .description('train one model on all the data and save it as a tfjs LayersModel')
    .requiredOption('--out <dir>', 'folder for model.json and weights.bin')
    .option(
      '--model <name-or-dir>',
      'article-cnn, small-cnn, mlp, logistic, a directory with a model.json, or a manifest',
      'small-cnn',
    )
    .option(
      '--data <dir>',
      'IDX files, CSV with schema.json, or image folders (default: MNIST, else procedural digits)',
    )
    .option('--epochs <n>', 'passes over the data', wholeNumber(1), 6)
    .option('--batch <n>', 'samples per step', wholeNumber(1), 32)
    .addOption(new Option('--optimizer <kind>', 'update rule').choices(['adam', 'sgd']).default('adam'))
    .option('--lr <rate>', 'learning rate', numberBetween(1e-9, 100), 0.002)
    .option('--momentum <share>', 'momentum of sgd', numberBetween(0, 0.9999), 0)
    .option('--clip <norm>', 'bound on the norm of each gradient', numberBetween(1e-9, 1e9))
    .option('--seed <n>', 'determines the first weights and the order of the samples', wholeNumber(0), 1)
    .option(
      '--workers <n>',
      'threads that share each batch; seed and number of threads determine the bits',
      wholeNumber(1),
      1,
    )
    .addOption(new Option('--backend <name>', 'where to compute').choices(BACKENDS).default('auto'))
    .option('--resume', 'go on with an interrupted training in --out')
    .option('--json', 'print the result as JSON')
    .action(async (options: TrainOptions) => interruptible((signal) => train(options, signal)))

  learning
    .command('evaluate')
    .description('show accuracy, loss, f1 and confusion of a saved model on the test set; for an amount, its errors')
    .argument('<dir>', 'directory with model.json and weights.bin')
    .option('--data <path>', 'as for `train`; with --manifest, a CSV file, IDX files or pictures by class')
    .option('--manifest <file>', 'the service’s manifest; it says how samples are read and judged')
    .option('--json', 'print the result as JSON')
    .action(async (directory: string, options: EvaluateOptions) =>
      interruptible((signal) => evaluate(directory, options, signal)),
    )

  learning
    .command('samples')
    .description('write samples as JSON, for `cohort zkml` and `cohort infer`')
    .requiredOption('--out <file>', 'file for the samples')
    .option('--data <dir>', 'as for `train`')
    .addOption(new Option('--set <which>', 'the set to take them from').choices(['train', 'test']).default('train'))
    .option('--count <n>', 'how many samples, with their labels', wholeNumber(1), 200)
    .option('--index <n>', 'only the values of the sample with this index: an input to prove', wholeNumber(0))
    .option('--json', 'print the result as JSON')
    .action(async (options: SamplesOptions) => interruptible((signal) => samples(options, signal)))

  learning
    .command('models')
    .description('list the models that have a name')
    .option('--json', 'print as JSON')
    .action(async (options: { json?: boolean }) => {
      const { MODEL_NAMES, modelSpec, specHash } = await import('../learning/index.ts')
      const models = MODEL_NAMES.map((name) => modelSpec(name)).map((spec) => ({
        name: spec.name,
        parameters: spec.parameterCount,
        specHash: specHash(spec),
      }))
      if (options.json) print(models)
      else
        for (const { name, parameters, specHash } of models) {
          process.stdout.write(`${name.padEnd(12)} ${String(parameters).padStart(8)} parameters  ${specHash}\n`)
        }
    })
}

async function samples(options: SamplesOptions, signal: AbortSignal): Promise<void> {
  const { openData } = await import('../learning/index.ts')
  const opened = await openData({ ...(options.data === undefined ? {} : { dir: options.data }), signal })
  process.stderr.write(`${opened.announcement}\n`)
  const { inputs, labels, scale, count, name } = opened[options.set]
  const size = inputs.length / count
  const sample = (at: number): number[] =>
    Array.from(inputs.subarray(at * size, (at + 1) * size), (value) => value * scale)
  const { index } = options
  if (index !== undefined && index >= count) {
    throw new UsageError(`--index is ${index}; ${name} has ${count} samples`)
  }
  const kept = Math.min(options.count, count)
  const content =
    index === undefined
      ? { inputs: Array.from({ length: kept }, (_, at) => sample(at)), labels: [...labels.subarray(0, kept)] }
      : sample(index)
  await replaceFile(options.out, `${JSON.stringify(content)}\n`)
  const written = index === undefined ? { count: kept } : { index, label: labels[index]! }
  if (options.json) print({ out: options.out, data: name, ...written })
  else process.stdout.write(`${options.out}: ${index === undefined ? `${kept} samples` : `label ${labels[index]}`}\n`)
}

async function train(options: TrainOptions, signal: AbortSignal): Promise<void> {
  const room = await import('../learning/index.ts')
  const data = await room.openData({ ...(options.data === undefined ? {} : { dir: options.data }), signal })
  const line = new ProgressLine()
  line.lasting(data.announcement)
  const spec = await chooseSpec(options.model, data.train)
  const parameters = room.parseTrainingParameters({
    epochs: options.epochs,
    batchSize: options.batch,
    optimizer:
      options.optimizer === 'adam'
        ? { kind: 'adam', learningRate: options.lr }
        : { kind: 'sgd', learningRate: options.lr, momentum: options.momentum },
    seed: options.seed,
    ...(options.clip === undefined ? {} : { clipGradientNorm: options.clip }),
  } satisfies TrainingParameters)
  const checkpointFile = join(options.out, CHECKPOINT_FILE)
  const resume = await interruptedTraining(checkpointFile, options)
  const kept = new CheckpointFile(checkpointFile, (checkpoint) => room.encodeCheckpoint(checkpoint))
  const trainer = await room.LocalTrainer.create({ spec, backend: options.backend, onWarning: warn })
  trainer.loadData(data.train)
  trainer.setParameters(parameters)
  trainer.setWeights(room.initialWeights(spec, options.seed))
  const started = performance.now()
  try {
    const result = await trainer.train({
      signal,
      workers: options.workers,
      ...(resume === undefined ? {} : { resume }),
      onProgress: ({ epoch, epochs, step, steps, loss, accuracy }) => {
        line.update(
          `epoch ${epoch + 1}/${epochs} ${bar(step / steps)} loss ${loss.toFixed(4)} accuracy ${(100 * accuracy).toFixed(2)} %`,
        )
        if (step === steps) kept.offer(trainer.checkpoint())
      },
    })
    const seconds = (performance.now() - started) / 1000
    // Saved before the evaluation, so that an interrupted one loses nothing.
    await room.saveModel({ spec, weights: result.weights }, options.out)
    await kept.remove()
    const { accuracy, loss } = await trainer.evaluate(data.test, { signal })
    line.clear()
    const report = {
      model: spec.name,
      parameters: spec.parameterCount,
      specHash: room.specHash(spec),
      data: data.train.name,
      backend: trainer.backend,
      epochs: result.history.length,
      seconds,
      accuracy,
      loss,
      directory: options.out,
    }
    if (options.json) print(report)
    else {
      process.stdout.write(
        `${spec.name} (${spec.parameterCount} parameters): ${(100 * accuracy).toFixed(2)} % on ${data.test.count} test samples ` +
          `after ${report.epochs} epochs in ${seconds.toFixed(1)} s; saved in ${options.out}\n`,
      )
    }
  } catch (error) {
    const died = error instanceof room.LearningError && error.code === 'WORKER_DIED'
    const checkpoint = signal.aborted || died ? trainer.checkpoint() : null
    if (checkpoint !== null) {
      await kept.write(checkpoint)
      line.lasting(`stopped; go on with the same command and --resume`)
    }
    throw error
  } finally {
    line.clear()
    trainer.teardown()
  }
}

/**
 * Keeps the state of a running training after each epoch, so that a sudden end (a power cut, kill -9) costs at most one epoch.
 */
class CheckpointFile {
  readonly #file: string
  readonly #encode: (checkpoint: TrainingCheckpoint) => Uint8Array
  #writing: Promise<void> | null = null

  constructor(file: string, encode: (checkpoint: TrainingCheckpoint) => Uint8Array) {
    this.#file = file
    this.#encode = encode
  }

  /** Writes the state while the training goes on. Skips it while an earlier state is still being written. */
  offer(checkpoint: TrainingCheckpoint | null): void {
    if (checkpoint === null || this.#writing !== null) return
    this.#writing = replaceFile(this.#file, this.#encode(checkpoint))
      .catch((error: Error) => warn(`the state of this training cannot be kept: ${error.message}`))
      .finally(() => {
        this.#writing = null
      })
  }

  /** Throws the file system's errors. */
  async write(checkpoint: TrainingCheckpoint): Promise<void> {
    await this.#writing
    await replaceFile(this.#file, this.#encode(checkpoint))
  }

  async remove(): Promise<void> {
    await this.#writing
    await rm(this.#file, { force: true })
  }
}

/** The state from which `--resume` continues; undefined for a new training, which must not overwrite an interrupted one. */
async function interruptedTraining(file: string, options: TrainOptions): Promise<TrainingCheckpoint | undefined> {
  const { decodeCheckpoint, LearningError } = await import('../learning/index.ts')
  const bytes = await readFile(file).catch(() => null)
  if (bytes === null) {
    if (options.resume) throw new LearningError('DATA_NOT_FOUND', `nothing to resume: ${file} cannot be read`)
    return undefined
  }
  if (options.resume) return decodeCheckpoint(bytes)
  throw new LearningError(
    'BAD_PARAMETERS',
    `${options.out} holds an interrupted training; add --resume, choose another --out, or delete ${file}`,
  )
}

function warn(text: string): void {
  process.stderr.write(`warning: ${text}\n`)
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`)
}

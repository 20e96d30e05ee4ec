// SPDX-License-Identifier: GPL-3.0-or-later
// A trainer that is somebody else's program: files in, files out, nothing believed unread. docs/trainers.md has the format.
import { constants, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { LearningError } from '../errors.ts'
import { parseJson } from '../json.ts'
import type { Dataset, ModelSpec, ParameterSpec, TrainingParameters } from '../types.ts'
import type { TrainerCommand } from './command.ts'
import { checkRunnable, runLimited } from './process.ts'
import { removeTree } from './remove-tree.ts'
import { decodeSafetensors, encodeSafetensors, type Tensor } from './safetensors.ts'

/** The description of a round, besides weights and samples. */
export type ExternalRound = {
  /** Counts from 1. */
  readonly round: number
  /** Of the service; null in a simulation. */
  readonly epoch: number | null
  readonly training: TrainingParameters
  /** Afterwards the keeper scales the update down to this Euclidean norm, then cuts each entry to this size. Null: neither. */
  readonly clip: { readonly norm: number; readonly entry: number | null } | null
  /** Noise that the keeper adds afterwards, as members agree on it; null without. */
  readonly privacy: Readonly<Record<string, number>> | null
  /** SHA-256 of the service's manifest, 0x…; null in a simulation. */
  readonly manifest: string | null
  /** The strategy's memory, one vector of the model's length each: SCAFFOLD's control variate, for example. */
  readonly state?: readonly Float32Array[]
  /** Parameters that the round covers; the keeper ignores what the program does to others. All by default. */
  readonly only?: readonly ParameterSpec[]
}

export type ExternalOutcome = {
  readonly weights: Float32Array<ArrayBuffer>
  readonly samples: number
  /** NaN when the program states none. */
  readonly loss: number
  /** Further figures that it states, by name. */
  readonly metrics: Readonly<Record<string, number>>
}

const MOST_METRICS_BYTES = 65_536
/** Bytes that a header may take besides the values of a file of weights. */
const HEADER_ROOM = 1 << 20
const MOST_METRICS = 64

const metricsSchema = z.strictObject({
  samples: z.int().min(1).optional(),
  loss: z.number().optional(),
  metrics: z
    .record(z.string().regex(/^[\w .:/-]{1,64}$/, 'names are 1 to 64 letters, digits and " _.:/-"'), z.number())
    .refine((all) => Object.keys(all).length <= MOST_METRICS, `at most ${MOST_METRICS} figures`)
    .default({}),
})

/** Trains by running a program once a round. */
export class ExternalTrainer {
  readonly #spec: ModelSpec
  readonly #trainer: TrainerCommand
  readonly #place: string

  /**
   * @param place Folder for the rounds' own; made if need be.
   * @throws LearningError NO_TRAINER when the program cannot be run or its limits cannot be kept here
   */
  constructor(spec: ModelSpec, trainer: TrainerCommand, place: string) {
    checkRunnable(trainer)
    this.#spec = spec
    this.#trainer = trainer
    this.#place = place
    mkdirSync(place, { recursive: true, mode: 0o700 })
  }

  /**
   * One round: weights, samples and settings into a fresh folder, the program, weights and figures out of it, the folder away.
   * @throws LearningError TRAINER_FAILED naming the program and its failure; the signal's reason
   */
  async train(
    weights: Float32Array,
    data: Dataset,
    round: ExternalRound,
    signal?: AbortSignal,
  ): Promise<ExternalOutcome> {
    // Weights and samples are private: mkdtemp makes the folder with mode 0700.
    const folder = mkdtempSync(join(this.#place, `round-${round.round}-`))
    const files = filesIn(folder)
    try {
      mkdirSync(files.scratch)
      writeFileSync(files.weights, encodeSafetensors(tensorsOf(this.#spec, weights)))
      writeFileSync(files.samples, encodeSafetensors(samplesOf(data)))
      if (round.state !== undefined && round.state.length > 0) {
        const state = round.state.flatMap((vector, i) => prefixed(`${i}/`, tensorsOf(this.#spec, vector)))
        writeFileSync(files.state, encodeSafetensors(new Map(state)))
      }
      writeFileSync(files.settings, `${JSON.stringify(settingsOf(this.#spec, data, round, files), null, 2)}\n`)
      const environment = { ...this.#trainer.environment, COHORT_TRAINING: folder, TMPDIR: files.scratch }
      await runLimited({ ...this.#trainer, environment, signal, mark: 'COHORT_TRAINING' })
      return await this.#read(files, data.count)
    } finally {
      removeTree(folder)
    }
  }

  async #read(files: Files, given: number): Promise<ExternalOutcome> {
    const failed = (why: string): never => {
      throw new LearningError('TRAINER_FAILED', `training.command \`${this.#trainer.command.join(' ')}\`: ${why}`)
    }
    const most = HEADER_ROOM + 4 * this.#spec.parameterCount
    const trained = await readBounded(files.trained, 'trained.safetensors', most, failed)
    const text = await readBounded(files.metrics, 'metrics.json', MOST_METRICS_BYTES, failed)
    let weights: Float32Array<ArrayBuffer>
    try {
      weights = weightsOf(this.#spec, decodeSafetensors(trained, 'trained.safetensors'))
    } catch (cause) {
      if (!(cause instanceof LearningError)) throw cause
      return failed(cause.message)
    }
    let json: unknown
    try {
      json = parseJson(Buffer.from(text).toString('utf8'))
    } catch (cause) {
      const why = (cause as Error).message.split('\n')[0]
      return failed(`metrics.json: not JSON (${why}); NaN and Infinity are not JSON: leave such a figure out`)
    }
    const parsed = metricsSchema.safeParse(json)
    if (!parsed.success) {
      const issue = parsed.error.issues[0]!
      return failed(`metrics.json: ${issue.path.join('.') || 'document'}: ${issue.message}`)
    }
    const { samples = given, loss = Number.NaN, metrics } = parsed.data
    if (samples > given) return failed(`metrics.json: samples: ${samples}, but it was given ${given}`)
    return { weights, samples, loss, metrics }
  }
}

type Files = ReturnType<typeof filesIn>

function filesIn(folder: string) {
  return {
    settings: join(folder, 'settings.json'),
    weights: join(folder, 'weights.safetensors'),
    samples: join(folder, 'samples.safetensors'),
    state: join(folder, 'state.safetensors'),
    trained: join(folder, 'trained.safetensors'),
    metrics: join(folder, 'metrics.json'),
    scratch: join(folder, 'scratch'),
  }
}

function settingsOf(spec: ModelSpec, data: Dataset, round: ExternalRound, files: Files) {
  const { training, clip, privacy, manifest, only, state = [] } = round
  const { optimizer, epochs, batchSize, seed, proximalMu = 0 } = training
  return {
    format: 'cohort/training/1',
    round: round.round,
    epoch: round.epoch,
    epochs,
    batchSize,
    optimizer: optimizer.kind,
    learningRate: optimizer.learningRate,
    proximalMu,
    seed,
    clip,
    privacy,
    manifest,
    model: {
      parameters: spec.parameters.map(({ name, shape }) => ({ name, shape })),
      parameterCount: spec.parameterCount,
      topology: spec.topology,
    },
    data: {
      samples: data.count,
      inputShape: data.inputShape,
      classes: data.classes,
      ...(data.classNames === undefined ? {} : { classNames: data.classNames }),
      scale: data.scale,
    },
    ...(only === undefined ? {} : { only: only.map(({ name }) => name) }),
    strategyState: state.length,
    files,
  }
}

function tensorsOf(spec: ModelSpec, vector: Float32Array): Map<string, Tensor> {
  return new Map(
    spec.parameters.map(({ name, shape, offset, length }) => [
      name,
      { type: 'F32' as const, shape, bytes: bytesOf(vector.subarray(offset, offset + length)) },
    ]),
  )
}

function prefixed(prefix: string, tensors: ReadonlyMap<string, Tensor>): [string, Tensor][] {
  return [...tensors].map(([name, tensor]) => [prefix + name, tensor])
}

/** `inputs` as they are kept (bytes or floats, to be multiplied by the settings' `data.scale`), `labels` as I32. */
function samplesOf({ inputs, labels, count, inputShape }: Dataset): Map<string, Tensor> {
  return new Map<string, Tensor>([
    [
      'inputs',
      { type: inputs instanceof Uint8Array ? 'U8' : 'F32', shape: [count, ...inputShape], bytes: bytesOf(inputs) },
    ],
    ['labels', { type: 'I32', shape: [count], bytes: bytesOf(Int32Array.from(labels)) }],
  ])
}

/** Every parameter, with its shape, as F32, finite, and nothing else. */
function weightsOf(spec: ModelSpec, tensors: ReadonlyMap<string, Tensor>): Float32Array<ArrayBuffer> {
  const bad = (what: string): never => {
    throw new LearningError('BAD_TENSORS', `trained.safetensors: ${what}`)
  }
  const vector = new Float32Array(spec.parameterCount)
  for (const { name, shape, offset, length } of spec.parameters) {
    const tensor = tensors.get(name)
    if (tensor === undefined) return bad(`tensor ${name} is missing`)
    if (tensor.type !== 'F32') bad(`tensor ${name} is ${tensor.type}, expected F32`)
    if (`${tensor.shape}` !== `${shape}`) bad(`tensor ${name} has shape [${tensor.shape}], the model's is [${shape}]`)
    const view = new DataView(tensor.bytes.buffer, tensor.bytes.byteOffset, tensor.bytes.byteLength)
    for (let i = 0; i < length; i++) {
      const value = view.getFloat32(4 * i, true)
      if (!Number.isFinite(value)) bad(`tensor ${name}, value ${i} is ${value}: the training diverged`)
      vector[offset + i] = value
    }
  }
  if (tensors.size !== spec.parameters.length) {
    const known = new Set(spec.parameters.map(({ name }) => name))
    bad(`tensor ${JSON.stringify([...tensors.keys()].find((name) => !known.has(name)))} is not the model's`)
  }
  return vector
}

/** A regular file of at most that many bytes: no link, pipe or device, which could be endless. */
async function readBounded(
  file: string,
  name: string,
  most: number,
  failed: (why: string) => never,
): Promise<Uint8Array> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
  const handle = await open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch((cause: NodeJS.ErrnoException) =>
    failed(cause.code === 'ENOENT' ? `it wrote no ${name}` : `${name} cannot be read (${cause.code})`),
  )
  try {
    const stats = await handle.stat()
    if (!stats.isFile()) return failed(`${name} is not a regular file`)
    if (stats.size > most) return failed(`${name} has ${stats.size} bytes, at most ${most} are read`)
    // No further: a process that the program left behind may go on writing.
    const bytes = new Uint8Array(stats.size)
    let at = 0
    for (let read = 1; at < bytes.length && read > 0; at += read) read = (await handle.read(bytes, at)).bytesRead
    return bytes.subarray(0, at)
  } finally {
    await handle.close()
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView<ArrayBufferLike>): Uint8Array {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength)
}

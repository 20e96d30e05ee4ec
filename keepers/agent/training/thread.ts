// SPDX-License-Identifier: GPL-3.0-or-later
// Runs in a worker thread of the keeper: the only place that ever holds samples. Loads the shard once, then trains and
// evaluates on request, one job at a time, while the daemon's loop keeps up with the chain. Only when a training outlives its round may a model
// have to be judged during a training. That gets a trainer of its own, which works in turns with the training.
import { flushCompileCache } from 'node:module'
import { join } from 'node:path'
import { parentPort } from 'node:worker_threads'
import { Calculators, gradients, openQueue, type QueueAccess, type Traffic, trafficSince } from '../../jobs/index.ts'
import {
  classFigures,
  confusionByName,
  controlled,
  type Dataset,
  type Evaluation,
  ExternalTrainer,
  figuresOf,
  LocalTrainer,
  type ModelSpec,
  packError,
  removeTree,
  type SliceFarm,
  seedOfRound,
  specHash,
  type TrainerCommand,
  type TrainingParameters,
  withLabelled,
} from '../../learning/index.ts'
import {
  Coverage,
  entryBound,
  firstWeights,
  manifestDigest,
  type ServiceManifest,
  specOf,
} from '../../versions/index.ts'
import type { TrainingConfig } from '../data-config.ts'
import { collectGarbage, RoundGarbage } from '../memory.ts'
import type { ModelScore, RoundAt, ShardSummary, ThreadReply, ThreadRequest, TrainOutcome } from './protocol.ts'
import { dealSamples } from './samples.ts'

type Open = {
  manifest: ServiceManifest
  spec: ModelSpec
  /** Null between the jobs of a large model, see `letGo`. */
  trainer: LocalTrainer | null
  /** Has slices of batches computed on other machines; null where threads do. */
  slices: SliceFarm | null
  /** The operator's own program, which trains instead. */
  external: ExternalTrainer | null
  /** Null if there is none. */
  train: Dataset | null
  heldOut: Dataset | null
  test: Dataset | null
  unit: number
}

/** Below the data folder: the folders that programs work in, one a round. */
const EXCHANGE = 'training'

let open: Open | null = null
const garbage = new RoundGarbage()
const running = new Map<number, AbortController>()
const port = parentPort!
let tail: Promise<void> = Promise.resolve()
/** Judgements beside a training: also one at a time, for each takes the memory of a trainer. */
let besideTail: Promise<void> = Promise.resolve()
/** Trainings that are under way, or wait for their turn. */
let trainings = 0

port.on('message', (request: ThreadRequest) => {
  if (request.kind === 'cancel') {
    running.get(request.target)?.abort(new Error('cancelled'))
    return
  }
  const controller = new AbortController()
  running.set(request.id, controller)
  const isBeside = request.kind === 'evaluate' && trainings > 0
  const job = async (): Promise<void> => {
    try {
      controller.signal.throwIfAborted()
      const result = await serve(request, controller.signal, isBeside)
      reply({ id: request.id, kind: 'done', result }, 'weights' in result ? [result.weights.buffer as ArrayBuffer] : [])
    } catch (error) {
      reply({ id: request.id, kind: 'failed', error: packError(error) })
    } finally {
      running.delete(request.id)
      if (request.kind === 'train') trainings--
    }
  }
  if (request.kind === 'train') trainings++
  if (isBeside) besideTail = besideTail.then(job)
  else tail = tail.then(job)
})

/** @param transfer Memory that this thread has no use for any more. */
function reply(message: ThreadReply, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer)
}

function serve(
  request: Exclude<ThreadRequest, { kind: 'cancel' }>,
  signal: AbortSignal,
  isBeside: boolean,
): Promise<ShardSummary | TrainOutcome | ModelScore> {
  switch (request.kind) {
    case 'open':
      // As the daemon does; the thread loads modules that the daemon has no use for.
      return openShard(request, signal).finally(() => {
        flushCompileCache()
        // Frees the file and the samples of others in it, which for MNIST is 60 MB that V8 would not collect for a while.
        collectGarbage()
      })
    case 'train':
      return train(request, signal)
    case 'evaluate':
      return isBeside ? evaluateBeside(request.weights, signal) : evaluate(request.weights, signal)
  }
}

async function openShard(
  { manifest, data, command, start, farm }: Extract<ThreadRequest, { kind: 'open' }>,
  signal: AbortSignal,
): Promise<ShardSummary> {
  const { task } = manifest
  const spec = await specOf(manifest)
  const first = await firstWeights(manifest, spec, start)
  const { announcement, train: kept, heldOut, test } = await dealSamples(manifest, data, signal)
  const warnings: string[] = []
  const trainer = await openTrainer(spec, kept, warnings)
  const unit = task.kind === 'regression' ? task.target.deviation : 1
  const external = command === null ? null : openCommand(spec, command)
  const { backend } = trainer
  const fused = backend === 'fused'
  if (farm !== null && !fused) {
    warnings.push(
      `${spec.name} trains on ${backend}, which workers on other machines cannot follow bit by bit: threads do it`,
    )
  }
  const slices = farm === null || !fused ? null : await openFarm(farm)
  open = { manifest, spec, trainer, slices, external, train: kept, heldOut, test: data.reportTest ? test : null, unit }
  letGo(open)
  return {
    announcement,
    samples: kept?.count ?? 0,
    heldOut: heldOut?.count ?? 0,
    testSamples: test?.count ?? 0,
    parameterCount: spec.parameterCount,
    specHash: specHash(spec),
    backend,
    warnings,
    initialWeights: first,
  }
}

/** Slices that workers do not compute are computed in this thread, to the same bits. */
async function openFarm(access: QueueAccess): Promise<SliceFarm> {
  const { performers } = new Calculators()
  let traffic: () => Traffic = () => ({ sent: 0, received: 0 })
  const { queue, traffic: total } = await openQueue(access, performers, (event) =>
    reply({ id: 0, kind: 'job', event, traffic: traffic() }),
  )
  traffic = trafficSince(total)
  return async (task, signal) => await queue.submit(gradients, task, signal === undefined ? {} : { signal })
}

async function openTrainer(spec: ModelSpec, data: Dataset | null, warnings: string[] = []): Promise<LocalTrainer> {
  const trainer = await LocalTrainer.create({ spec, onWarning: (text) => warnings.push(text) })
  if (data !== null) trainer.loadData(data)
  return trainer
}

/** From this many parameters on, a trainer is opened for each job, because it takes five vectors of the model's length or more. */
const LARGE_MODEL = 1 << 20

/** The trainer for a job. */
async function trainerOf(shard: Open): Promise<LocalTrainer> {
  shard.trainer ??= await openTrainer(shard.spec, shard.train)
  return shard.trainer
}

/** Closes a large model's trainer after a job, so that the keeper has the memory for the rest of the round. */
function letGo(shard: Open): void {
  if (shard.spec.parameterCount >= LARGE_MODEL) {
    shard.trainer?.teardown()
    shard.trainer = null
  }
  // As the loop does; the thread has its own heap.
  garbage.round()
}

function openCommand(spec: ModelSpec, command: TrainerCommand): ExternalTrainer {
  const place = join(command.folder, EXCHANGE)
  // Files of a keeper that was killed during training.
  removeTree(place)
  return new ExternalTrainer(spec, command, place)
}

/** A keeper's training settings in a round; a crash does not change them. */
function parametersOf(training: TrainingConfig, { round }: RoundAt): TrainingParameters {
  const learningRate = training.learningRate * training.decay ** (round - 1)
  return {
    epochs: training.epochs,
    batchSize: training.batchSize,
    optimizer: { kind: training.optimizer, learningRate },
    seed: seedOfRound(training.seed, round),
    ...(training.proximalMu > 0 ? { proximalMu: training.proximalMu } : {}),
  }
}

async function train(request: Extract<ThreadRequest, { kind: 'train' }>, signal: AbortSignal): Promise<TrainOutcome> {
  const { train: own, spec } = loaded()
  const { labelled } = request
  const data = labelled === null || labelled.labels.length === 0 ? own : withLabelled(own, labelled, spec)
  if (data === null) return { weights: request.weights, samples: 0, loss: Number.NaN }
  try {
    if (data !== own) (await trainerOf(loaded())).loadData(data)
    return await trainOn(data, request, signal)
  } finally {
    // Labels come with every request; what stays is the shard.
    if (data !== own && own !== null) (await trainerOf(loaded())).loadData(own)
    letGo(loaded())
  }
}

async function trainOn(
  data: Dataset,
  request: Extract<ThreadRequest, { kind: 'train' }>,
  signal: AbortSignal,
): Promise<TrainOutcome> {
  const { id, weights, at } = request
  const { slices, external, manifest, spec } = loaded()
  const covered = new Coverage(manifest.rounds, spec.parameters).of(at.round)
  const trainer = await trainerOf(loaded())
  const training = parametersOf(request.training, at)
  trainer.setWeights(weights)
  const before = request.judge ? { lossBefore: (await trainer.evaluate(data, { signal })).loss } : {}
  if (external !== null) {
    const { rounds: terms } = manifest
    const clip = { norm: terms.clipNorm, entry: entryBound(terms) }
    const agreed = { clip, privacy: terms.privacy ?? null, manifest: manifestDigest(manifest) }
    const round = {
      ...at,
      ...agreed,
      training,
      state: request.state,
      ...(covered === null ? {} : { only: covered.parts }),
    }
    return { ...(await external.train(weights, data, round, signal)), ...before }
  }
  const held = request.control === null ? { training } : controlled(training, data.count, request.control)
  trainer.setParameters(held.training)
  let last = 0
  const result = await trainer.train({
    signal,
    workers: request.training.workers,
    ...(slices === null || request.training.workers === 1 ? {} : { farm: slices }),
    ...('correction' in held ? { correction: held.correction } : {}),
    ...(covered === null ? {} : { only: covered.parts }),
    onProgress: (progress) => {
      const now = performance.now()
      if (now - last < 500) return
      last = now
      reply({ id, kind: 'progress', progress })
    },
  })
  return { weights: result.weights, samples: data.count, loss: result.history.at(-1)?.loss ?? Number.NaN, ...before }
}

async function evaluate(weights: Float32Array, signal: AbortSignal): Promise<ModelScore> {
  try {
    return await scoreBy(await trainerOf(loaded()), weights, signal)
  } finally {
    if (loaded().spec.parameterCount >= LARGE_MODEL) letGo(loaded())
  }
}

/** Judges with a second trainer, because the first one holds the weights of the training that is under way. */
async function evaluateBeside(weights: Float32Array, signal: AbortSignal): Promise<ModelScore> {
  const judge = await openTrainer(loaded().spec, null)
  try {
    return await scoreBy(judge, weights, signal)
  } finally {
    judge.teardown()
  }
}

async function scoreBy(trainer: LocalTrainer, weights: Float32Array, signal: AbortSignal): Promise<ModelScore> {
  const { manifest, heldOut, test, unit } = loaded()
  if (heldOut === null) throw new Error('no samples to judge by')
  trainer.setWeights(weights)
  const own = await trainer.evaluate(heldOut, { signal })
  const public_ = test === null ? null : await trainer.evaluate(test, { signal })
  return {
    accuracy: own.accuracy,
    loss: own.loss,
    testAccuracy: public_?.accuracy ?? null,
    testLoss: public_?.loss ?? null,
    figures: figuresOf(own, unit),
    ...byName(manifest, own),
  }
}

function byName(
  { task }: ServiceManifest,
  { confusion, ...rest }: Evaluation,
): Pick<ModelScore, 'classes' | 'confusion'> {
  if (task.kind === 'regression') return {}
  if (task.kind === 'labels') return { classes: classFigures({ confusion, ...rest }, task.labels) }
  return { classes: classFigures({ confusion }, task.classes), confusion: confusionByName(confusion, task.classes) }
}

function loaded(): Open {
  if (open === null) throw new Error('no shard is loaded')
  return open
}

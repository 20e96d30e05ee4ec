// SPDX-License-Identifier: GPL-3.0-or-later
// One keeper's local actions: load and remove data, set parameters, train, evaluate, predict, tear down.
import { gather } from '../data/dataset.ts'
import { type BackendChoice, createEngine } from '../engine/backend.ts'
import type { Engine } from '../engine/engine.ts'
import { LearningError } from '../errors.ts'
import { specHash } from '../model/spec.ts'
import { checkVector, initialWeights } from '../model/vector.ts'
import { deriveSeed, SeededRandom } from '../random.ts'
import { nextTurn } from '../turn.ts'
import type {
  BackendName,
  Dataset,
  Evaluation,
  ModelSpec,
  ParameterSpec,
  TrainingCheckpoint,
  TrainingParameters,
  TrainingProgress,
  TrainingResult,
} from '../types.ts'
import { GradientWorkers } from '../workers/gradient-workers.ts'
import { FarmedSlices, type FillSlice, type SliceFarm, type Slices } from '../workers/slices.ts'
import { requireFit } from './data-fit.ts'
import { EvaluationSums } from './evaluation.ts'
import { DEFAULT_TRAINING, parseTrainingParameters } from './parameters.ts'
import { firstRun, type Run, resumedRun } from './run.ts'

export type TrainOptions = {
  readonly signal?: AbortSignal
  /** Called about every 20 ms of training and at the end of each epoch. */
  readonly onProgress?: (progress: TrainingProgress) => void
  /** Added to the gradient of every step; not part of a checkpoint. @see UpdateSettings */
  readonly correction?: Float32Array
  /** Parameters to train, in the order of the flat vector; all others keep their bits. Not part of a checkpoint. Default: all. */
  readonly only?: readonly ParameterSpec[]
  /**
   * Threads that share each batch, 1 by default and at most MOST_WORKERS; 1 is this thread alone. The weights are the same bits for the same
   * seed and number of workers. Threads beyond the first stay for later trainings, until `teardown`.
   */
  readonly workers?: number
  /**
   * Computes the slices beyond the first in place of threads, such as on other machines: the same bits for the same number of workers. Networks
   * that do not run on the fused engine are refused, with BAD_PARAMETERS.
   */
  readonly farm?: SliceFarm
  /** Go on from here, with the parameters and the workers of the checkpoint; the loaded data must be the same. */
  readonly resume?: TrainingCheckpoint
}

/** How long a stretch of arithmetic may keep the event loop waiting. */
const TURN_MS = 20
const EVALUATION_BATCH = 64

export class LocalTrainer {
  readonly spec: ModelSpec
  readonly backend: BackendName
  #engine: Engine | null
  #data: Dataset | null = null
  #parameters: TrainingParameters = DEFAULT_TRAINING
  #run: Run | null = null
  #workers: Slices | null = null
  #farm: SliceFarm | undefined
  #busy = false

  /** Weights start from `initialWeights(spec, 1)`. `onWarning` hears of slow or missing backends. */
  static async create(options: {
    readonly spec: ModelSpec
    readonly backend?: BackendChoice
    readonly onWarning?: (text: string) => void
  }): Promise<LocalTrainer> {
    const engine = await createEngine(options.spec, options.backend ?? 'auto', options.onWarning)
    engine.setWeights(initialWeights(options.spec, 1))
    return new LocalTrainer(engine)
  }

  private constructor(engine: Engine) {
    this.#engine = engine
    this.spec = engine.spec
    this.backend = engine.backend
  }

  /** Throws EMPTY_SHARD or MODEL_DATA_MISMATCH, and then keeps the data loaded before. */
  loadData(dataset: Dataset): void {
    this.#live()
    requireFit(this.spec, dataset)
    if (dataset.count === 0) throw new LearningError('EMPTY_SHARD', `${dataset.name}: the shard has no samples`)
    this.#data = dataset
  }

  removeData(): void {
    this.#data = null
  }

  /** Throws BAD_PARAMETERS; the old ones stay in force then. */
  setParameters(parameters: TrainingParameters): void {
    this.#parameters = parseTrainingParameters(parameters)
  }

  getWeights(): Float32Array<ArrayBuffer> {
    return this.#live().getWeights()
  }

  /** Throws BAD_VECTOR on a wrong length or a value that is not finite. */
  setWeights(weights: Float32Array): void {
    checkVector(this.spec, weights)
    if (this.#busy)
      throw new LearningError('BAD_PARAMETERS', 'the weights cannot be set while this trainer is training')
    this.#live().setWeights(weights)
  }

  /**
   * Trains from the current weights on the loaded data. An abort throws the signal's reason; `checkpoint()` then holds the state to resume
   * from. If the loss becomes infinite or NaN, throws DIVERGED and restores the weights from before the call. If a worker ends or fails, throws
   * WORKER_DIED or its error; `checkpoint()` holds the state after the last whole step, and the next training starts new workers.
   */
  async train(options: TrainOptions = {}): Promise<TrainingResult> {
    const engine = this.#live()
    const data = this.#data
    if (data === null) throw new LearningError('EMPTY_SHARD', 'no data is loaded; call loadData first')
    if (this.#busy) throw new LearningError('BAD_PARAMETERS', 'this trainer is already training')
    options.signal?.throwIfAborted()
    if (options.correction !== undefined) checkVector(this.spec, options.correction, 'correction')
    const run = this.#begin(engine, data, options)
    this.#run = run
    const workers = this.#workersOf(engine, run.workers, options.farm)
    this.#busy = true
    try {
      await workers?.begin(Math.min(run.parameters.batchSize, data.count), options.signal)
      await this.#epochs(engine, data, run, options)
    } finally {
      workers?.end()
      this.#busy = false
    }
    this.#run = null
    const weights = engine.getWeights()
    return { weights, history: run.history, samplesSeen: run.parameters.epochs * data.count }
  }

  /** The state of a training that was interrupted (or is under way, between two turns), else null. */
  checkpoint(): TrainingCheckpoint | null {
    if (this.#run === null) return null
    const engine = this.#live()
    const { parameters, workers, epoch, step, lossSum, correct, seen, history } = this.#run
    return {
      specHash: specHash(this.spec),
      parameters,
      workers,
      epoch,
      step,
      weights: engine.getWeights(),
      ...engine.updateState(),
      history: [...history],
      lossSum,
      correct,
      seen,
    }
  }

  /** Mean loss, accuracy and confusion (of amounts: errors) over a dataset (the loaded one unless told). */
  async evaluate(dataset: Dataset | null = this.#data, options: { signal?: AbortSignal } = {}): Promise<Evaluation> {
    if (dataset === null) throw new LearningError('EMPTY_SHARD', 'no data to evaluate on')
    requireFit(this.spec, dataset)
    if (dataset.count === 0) throw new LearningError('EMPTY_SHARD', `${dataset.name}: no samples to evaluate on`)
    const sums = new EvaluationSums(this.spec, dataset)
    let turn = performance.now()
    for (let start = 0; start < dataset.count; start += EVALUATION_BATCH) {
      const engine = this.#live()
      const count = Math.min(EVALUATION_BATCH, dataset.count - start)
      const staged = engine.stage(count)
      gather(dataset, null, start, count, staged)
      // The staged batch is the engine's own memory, so it is copied before the engine predicts.
      const targets = staged.targets.slice()
      sums.add(start, engine.predict(count), targets)
      if (performance.now() - turn > TURN_MS) {
        await nextTurn()
        options.signal?.throwIfAborted()
        turn = performance.now()
      }
    }
    return sums.result()
  }

  /** Probabilities (of amounts: the outputs), `count × classes`, for `count × product(inputShape)` values in the model's range. */
  async predict(inputs: Float32Array): Promise<Float32Array<ArrayBuffer>> {
    const size = this.spec.inputShape.reduce((a, b) => a * b, 1)
    if (inputs.length === 0 || inputs.length % size !== 0) {
      throw new LearningError(
        'MODEL_DATA_MISMATCH',
        `${inputs.length} input values are not a whole number of samples of ${size}`,
      )
    }
    const bad = inputs.findIndex((value) => !Number.isFinite(value))
    if (bad >= 0) throw new LearningError('BAD_DATA', `input value ${bad} is ${inputs[bad]}, not a finite number`)
    const total = inputs.length / size
    const output = new Float32Array(total * this.spec.classes)
    for (let start = 0; start < total; start += EVALUATION_BATCH) {
      const engine = this.#live()
      const count = Math.min(EVALUATION_BATCH, total - start)
      engine.stage(count).inputs.set(inputs.subarray(start * size, (start + count) * size))
      output.set(engine.predict(count), start * this.spec.classes)
      if (start % (16 * EVALUATION_BATCH) === 0) await nextTurn()
    }
    return output
  }

  /** Frees the engine and forgets the data. Every later call throws TORN_DOWN. */
  teardown(): void {
    this.#workers?.close()
    this.#workers = null
    this.#engine?.dispose()
    this.#engine = null
    this.#data = null
    this.#run = null
  }

  #begin(engine: Engine, data: Dataset, { resume, correction, only, workers }: TrainOptions): Run {
    if (resume === undefined) {
      const run = firstRun(this.#parameters, workers)
      engine.beginUpdates({ ...this.#parameters, correction, only })
      return run
    }
    const run = resumedRun(this.spec, data, resume)
    engine.setWeights(resume.weights)
    engine.beginUpdates({ ...run.parameters, correction, only }, resume)
    return run
  }

  #workersOf(engine: Engine, count: number, farm: SliceFarm | undefined): Slices | null {
    if (this.#workers?.count !== count || this.#farm !== farm) {
      this.#workers?.close()
      this.#workers = null
      this.#farm = farm
      if (count > 1) {
        this.#workers = farm === undefined ? new GradientWorkers(engine, count) : new FarmedSlices(engine, count, farm)
      }
    }
    return this.#workers
  }

  async #epochs(engine: Engine, data: Dataset, run: Run, options: TrainOptions): Promise<void> {
    const { epochs, batchSize, seed } = run.parameters
    const workers = this.#workers
    const steps = Math.ceil(data.count / batchSize)
    let turn = performance.now()
    const report = () =>
      options.onProgress?.({
        epoch: run.epoch,
        epochs,
        step: run.step,
        steps,
        loss: run.lossSum / Math.max(1, run.seen),
        accuracy: run.correct / Math.max(1, run.seen),
      })
    while (run.epoch < epochs) {
      // The order depends on seed and epoch alone, so a resumed run sees the same.
      const order = new SeededRandom(deriveSeed(seed, 0x0e, run.epoch)).permutation(data.count)
      while (run.step < steps) {
        const start = run.step * batchSize
        const count = Math.min(batchSize, data.count - start)
        const stepSeed = deriveSeed(seed, 0x57, run.epoch, run.step)
        const fill: FillSlice = (from, size, buffers) => gather(data, order, start + from, size, buffers)
        if (workers === null) fill(0, count, engine.stage(count))
        const { lossSum, correct } =
          workers === null ? engine.trainStep(count, stepSeed) : await workers.step(count, stepSeed, fill)
        if (!Number.isFinite(lossSum)) this.#diverged(engine, run)
        run.lossSum += lossSum
        run.correct += correct
        run.seen += count
        run.step += 1
        if (performance.now() - turn > TURN_MS) {
          report()
          await nextTurn()
          if (this.#engine === null) throw new LearningError('TORN_DOWN', 'torn down while training')
          options.signal?.throwIfAborted()
          turn = performance.now()
        }
      }
      report()
      run.history.push({ epoch: run.epoch, loss: run.lossSum / data.count, accuracy: run.correct / data.count })
      run.epoch += 1
      run.step = 0
      run.lossSum = 0
      run.correct = 0
      run.seen = 0
    }
    if (!engine.getWeights().every(Number.isFinite)) this.#diverged(engine, run)
  }

  #diverged(engine: Engine, run: Run): never {
    engine.setWeights(engine.updateState().anchor)
    this.#run = null
    const { optimizer } = run.parameters
    throw new LearningError(
      'DIVERGED',
      `training diverged in epoch ${run.epoch + 1}, step ${run.step + 1} (the loss is not finite); ` +
        `lower the learning rate (now ${optimizer.learningRate}) or set clipGradientNorm`,
    )
  }

  #live(): Engine {
    if (this.#engine === null) throw new LearningError('TORN_DOWN', 'this trainer has been torn down')
    return this.#engine
  }
}

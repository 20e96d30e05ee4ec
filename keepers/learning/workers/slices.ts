// SPDX-License-Identifier: GPL-3.0-or-later
// A slice of a batch wherever it is computed, and the order in which a training adds slices up.
import { createEngine } from '../engine/backend.ts'
import type { BatchBuffers, BatchOutcome, Engine } from '../engine/engine.ts'
import { LearningError } from '../errors.ts'
import { specHash } from '../model/spec.ts'
import { deriveSeed } from '../random.ts'
import type { ModelSpec } from '../types.ts'
import { boundsOf, type Sizes, sizesOf } from './shared.ts'

/** Everything that the gradient of a slice depends on. */
export type SliceTask = {
  readonly spec: ModelSpec
  /** `spec.parameterCount` values. */
  readonly weights: Float32Array
  /** Samples in the slice, ≥ 1; then as many inputs, labels and targets as BatchBuffers has. */
  readonly count: number
  readonly inputs: Float32Array
  readonly labels: Int32Array
  readonly targets: Float32Array
  /** Of the dropout masks; 32-bit unsigned. */
  readonly seed: number
  /** The part that these samples are of the whole batch, 0 … 1. */
  readonly share: number
}

export type SliceAnswer = BatchOutcome & {
  /** `spec.parameterCount` values. */
  readonly gradient: Float32Array
}

/**
 * Has a slice computed elsewhere. Resolves once that is under way without this thread, which is busy with its own slice from then on.
 * `answer` rejects when there will be none.
 */
export type SliceFarm = (
  task: SliceTask,
  signal?: AbortSignal,
) => Promise<{ readonly answer: () => Promise<SliceAnswer> }>

/** Fills buffers with `count` samples of the batch from `start` on. */
export type FillSlice = (start: number, count: number, buffers: BatchBuffers) => void

/** Who computes the slices of a training's batches. */
export interface Slices {
  /** Of each batch: 1 and more. */
  readonly count: number
  begin(batchSize: number, signal?: AbortSignal): Promise<void>
  step(count: number, seed: number, fill: FillSlice): Promise<BatchOutcome>
  end(): void
  close(): void
}

/** Network engines that a calculator keeps; an operator's queue rarely has jobs of more services at once. */
const MOST_ENGINES = 2

/** Computes slices of any network that the fused engine supports: its kernels give the same bits on every machine. */
export class SliceCalculator {
  readonly #engines = new Map<string, Engine>()

  /** @throws LearningError BAD_MODEL for a network that the fused engine does not support, BAD_VECTOR, BAD_DATA */
  async compute(task: SliceTask): Promise<SliceAnswer> {
    const { spec, weights } = task
    const sizes = sizesOf(spec)
    // Weights that are not finite are those of a training that diverges: its loss says so.
    if (weights.length !== sizes.parameters) {
      throw new LearningError('BAD_VECTOR', `${weights.length} weights, ${spec.name} has ${sizes.parameters}`)
    }
    const lengths = [task.inputs.length / sizes.input, task.labels.length, task.targets.length / sizes.outputs]
    if (task.count < 1 || lengths.some((length) => length !== task.count)) {
      throw new LearningError('BAD_DATA', `a slice of ${task.count} samples with inputs, labels, targets of ${lengths}`)
    }
    const bad = task.labels.findIndex((label) => label < 0 || label >= sizes.outputs)
    if (bad >= 0) throw new LearningError('BAD_DATA', `label ${task.labels[bad]} of sample ${bad} is not a class`)
    const engine = await this.#engine(spec)
    engine.setWeights(weights)
    const gradient = new Float32Array(spec.parameterCount)
    return { gradient, ...differentiate(engine, task, gradient) }
  }

  dispose(): void {
    for (const engine of this.#engines.values()) engine.dispose()
    this.#engines.clear()
  }

  async #engine(spec: ModelSpec): Promise<Engine> {
    const name = `${specHash(spec)} ${JSON.stringify(spec.loss)}`
    const engine = this.#engines.get(name) ?? (await createEngine(spec, 'fused'))
    this.#engines.delete(name)
    this.#engines.set(name, engine)
    while (this.#engines.size > MOST_ENGINES) {
      const [oldest, unused] = this.#engines.entries().next().value!
      this.#engines.delete(oldest)
      unused.dispose()
    }
    return engine
  }
}

/** The gradient of a slice at the engine's weights, into `gradient`. */
export function differentiate(
  engine: Engine,
  task: Pick<SliceTask, 'count' | 'inputs' | 'labels' | 'targets' | 'seed' | 'share'>,
  gradient: Float32Array,
): BatchOutcome {
  const to = engine.stage(task.count)
  to.inputs.set(task.inputs)
  to.labels.set(task.labels)
  to.targets.set(task.targets)
  const outcome = engine.differentiate(task.count, task.seed, task.share)
  engine.readGradient(gradient)
  return outcome
}

/** Seed of slice `place`, from 0, in a step of this seed: the first slice has the step's own. */
export function sliceSeed(seed: number, place: number): number {
  return place === 0 ? seed : deriveSeed(seed, 0x77, place) >>> 0
}

/**
 * One training step: computes the first slice here, takes in the others in their order, and updates the weights. The order of the sums, and
 * with it every bit, is independent of who computes which slice and when it is done.
 * @param own Samples of the first slice. @param others Answers for the slices after it
 */
export async function reduceSlices(
  engine: Engine,
  of: { readonly count: number; readonly own: number; readonly seed: number; readonly fill: FillSlice },
  others: readonly (() => Promise<SliceAnswer>)[],
): Promise<BatchOutcome> {
  const { count, own, seed, fill } = of
  fill(0, own, engine.stage(own))
  let { lossSum, correct } = engine.differentiate(own, sliceSeed(seed, 0), own / count)
  for (const answer of others) {
    const part = await answer()
    engine.addGradient(part.gradient)
    lossSum += part.lossSum
    correct += part.correct
  }
  engine.applyGradient()
  return { lossSum, correct }
}

/** Slices that a farm computes, beside the one of the calling thread. */
export class FarmedSlices implements Slices {
  readonly count: number
  readonly #engine: Engine
  readonly #farm: SliceFarm
  readonly #sizes: Sizes
  #signal: AbortSignal | undefined

  /** @throws LearningError BAD_PARAMETERS for an engine whose bits depend on the machine */
  constructor(engine: Engine, count: number, farm: SliceFarm) {
    if (engine.backend !== 'fused') {
      throw new LearningError(
        'BAD_PARAMETERS',
        `${engine.spec.name} trains on ${engine.backend}, and slices are computed elsewhere only on the fused engine: leave the farm out`,
      )
    }
    this.#engine = engine
    this.#sizes = sizesOf(engine.spec)
    this.#farm = farm
    this.count = count
  }

  async begin(_batchSize: number, signal?: AbortSignal): Promise<void> {
    this.#signal = signal
  }

  async step(count: number, seed: number, fill: FillSlice): Promise<BatchOutcome> {
    const bounds = boundsOf(count, this.count)
    const { spec } = this.#engine
    const { input, outputs } = this.#sizes
    const weights = this.#engine.getWeights()
    const others = Array.from({ length: this.count - 1 }, (_, i): SliceTask | null => {
      const [start, end] = [bounds[i + 1]!, bounds[i + 2]!]
      const size = end - start
      if (size === 0) return null
      const buffers = {
        inputs: new Float32Array(size * input),
        labels: new Int32Array(size),
        targets: new Float32Array(size * outputs),
      }
      fill(start, size, buffers)
      return { spec, weights, count: size, ...buffers, seed: sliceSeed(seed, i + 1), share: size / count }
    })
    const tasks = others.filter((task) => task !== null)
    const asked = await Promise.all(tasks.map((task) => this.#farm(task, this.#signal)))
    return await reduceSlices(
      this.#engine,
      { count, own: bounds[1]!, seed, fill },
      asked.map(({ answer }) => answer),
    )
  }

  end(): void {
    this.#signal = undefined
  }

  close(): void {}
}

// SPDX-License-Identifier: GPL-3.0-or-later
// Data parallelism within one training: each batch is cut into slices, worker threads compute their gradients, and the training's own thread
// adds them in the order of the slices and updates the weights. Addition in a fixed order makes the bits those of seed and number of workers,
// whichever thread is done first.
import { Worker } from 'node:worker_threads'
import type { BatchOutcome, Engine } from '../engine/engine.ts'
import { LearningError } from '../errors.ts'
import { unpackError } from '../thread-error.ts'
import { nextTurn } from '../turn.ts'
import {
  boundsOf,
  COMMAND,
  CORRECT,
  COUNT,
  DONE,
  FAILED,
  type GradientReply,
  type GradientRequest,
  type GradientWorkerData,
  LOSS_SUM,
  SEED,
  SHARE,
  type SharedSlice,
  type Sizes,
  sharedFloats,
  shareSlice,
  sizesOf,
  staged,
} from './shared.ts'
import { type FillSlice, reduceSlices, type SliceAnswer, type Slices, sliceSeed } from './slices.ts'

/** Longest that this thread sleeps for a worker before events have their turn, among them the worker's end. */
const WAIT_MS = 20
/** Samples and gradients are outside of what V8 sweeps; without a bound it lets young objects grow to 48 MiB in each thread. */
const YOUNG_MIB = 8

type Thread = { readonly worker: Worker; readonly slice: SharedSlice }

export class GradientWorkers implements Slices {
  readonly count: number
  readonly #engine: Engine
  readonly #sizes: Sizes
  #threads: Thread[] = []
  #capacity = 0
  #weights: Float32Array<SharedArrayBuffer> | null = null
  #failure: Error | null = null
  #serving = false
  #closed = false

  /** @param count Slices of a batch: one is computed in the calling thread. Threads start with the first training. */
  constructor(engine: Engine, count: number) {
    this.#engine = engine
    this.#sizes = sizesOf(engine.spec)
    this.count = count
  }

  /**
   * Makes the workers ready for batches of up to `batchSize`; starts them if they do not run, also again after one died.
   * @throws LearningError or other error of a worker that cannot start
   */
  async begin(batchSize: number): Promise<void> {
    if (this.#closed) throw new LearningError('TORN_DOWN', 'these workers have been closed')
    const capacity = Math.ceil(batchSize / this.count)
    if (this.#threads.length === 0) await this.#start(capacity)
    else if (capacity > this.#capacity) this.#share(capacity)
    for (const { worker, slice } of this.#threads) {
      slice.control[FAILED] = 0
      worker.postMessage({ slice, from: slice.control[COMMAND]! } satisfies GradientRequest)
    }
    this.#serving = true
  }

  /**
   * One training step: the gradients of all slices, added in their order, and one update.
   * @throws LearningError WORKER_DIED, or the error of a worker, before any update: the weights are those of the step before
   */
  async step(count: number, seed: number, fill: FillSlice): Promise<BatchOutcome> {
    // A worker may have ended between two steps: its slice would be missing from the sum, and nobody would notice.
    if (this.#failure !== null) throw this.#failure
    const bounds = boundsOf(count, this.count)
    this.#engine.readWeights(this.#weights!)
    const asked: (() => Promise<SliceAnswer>)[] = []
    for (const [i, thread] of this.#threads.entries()) {
      const [start, end] = [bounds[i + 1]!, bounds[i + 2]!]
      if (end === start) continue
      const { slice } = thread
      fill(start, end - start, staged(slice, end - start, this.#sizes))
      slice.control[SEED] = sliceSeed(seed, i + 1)
      slice.figures[SHARE] = (end - start) / count
      const number = command(slice, end - start)
      asked.push(() => this.#answer(thread, number))
    }
    return await reduceSlices(this.#engine, { count, own: bounds[1]!, seed, fill }, asked)
  }

  /** Sends the workers back to their event loops until the next `begin`. */
  end(): void {
    if (!this.#serving) return
    this.#serving = false
    for (const { slice } of this.#threads) command(slice, 0)
  }

  /** Ends the threads. A step under way throws TORN_DOWN. */
  close(): void {
    this.#closed = true
    this.#fail(new LearningError('TORN_DOWN', 'torn down while training'))
  }

  async #start(capacity: number): Promise<void> {
    this.#failure = null
    const { spec, backend } = this.#engine
    const weights = sharedFloats(this.#sizes.parameters)
    // Memory first: if there is not enough of it, no thread has been started.
    const slices = Array.from({ length: this.count - 1 }, () => shareSlice(this.#sizes, capacity, weights))
    const workers = slices.map(
      () =>
        new Worker(new URL('./gradient-worker.ts', import.meta.url), {
          name: 'gradients',
          workerData: { spec, backend } satisfies GradientWorkerData,
          resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB },
        }),
    )
    this.#weights = weights
    this.#threads = workers.map((worker, i) => ({ worker, slice: slices[i]! }))
    this.#capacity = capacity
    await Promise.all(workers.map((worker, i) => this.#watch(worker, i + 2)))
  }

  /** Resolves when the worker is ready; rejects with its error, or with WORKER_DIED. @param place Among all slices, from 1. */
  #watch(worker: Worker, place: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (error: Error) => {
        if (this.#threads.some((thread) => thread.worker === worker)) this.#fail(error)
        reject(this.#failure ?? error)
      }
      worker.on('message', (reply: GradientReply) => {
        if (reply.kind === 'failed') return fail(unpackError(reply.error))
        // An idle worker keeps no process alive.
        worker.unref()
        resolve()
      })
      worker.on('error', (cause) => fail(died(place, this.count, `failed: ${messageOf(cause)}`, cause)))
      worker.on('exit', (code) => fail(died(place, this.count, `ended with code ${code}`)))
    })
  }

  /** Larger slices; the workers are at rest. */
  #share(capacity: number): void {
    this.#threads = this.#threads.map(({ worker }) => ({
      worker,
      slice: shareSlice(this.#sizes, capacity, this.#weights!),
    }))
    this.#capacity = capacity
  }

  async #answer({ slice: { control, figures, gradient } }: Thread, command: number): Promise<SliceAnswer> {
    for (;;) {
      if (this.#failure !== null) throw this.#failure
      const done = Atomics.load(control, DONE)
      // A failed worker's error is on its way as a message.
      if (done === command && control[FAILED] === 0) {
        return { gradient, lossSum: figures[LOSS_SUM]!, correct: figures[CORRECT]! }
      }
      if (done !== command && Atomics.wait(control, DONE, done, WAIT_MS) !== 'timed-out') continue
      await nextTurn()
    }
  }

  /** The first failure is the reason; the other workers end as well, and the next training starts new ones. */
  #fail(error: Error): void {
    this.#failure ??= error
    const threads = this.#threads
    this.#threads = []
    this.#serving = false
    for (const { worker } of threads) void worker.terminate()
  }
}

/** @returns the command's number */
function command({ control }: SharedSlice, count: number): number {
  control[COUNT] = count
  const number = Atomics.add(control, COMMAND, 1) + 1
  Atomics.notify(control, COMMAND)
  return number | 0
}

function died(place: number, count: number, how: string, cause?: unknown): LearningError {
  return new LearningError(
    'WORKER_DIED',
    `training worker ${place} of ${count} ${how}; the weights are those of the last whole step, and the next training starts new workers`,
    { cause },
  )
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

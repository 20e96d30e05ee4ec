// SPDX-License-Identifier: GPL-3.0-or-later
// Players behind one interface: worker threads that share the data, or a single player in this thread.
import { setTimeout as after } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { LearningError } from '../errors.ts'
import type { Dataset, ModelSpec } from '../types.ts'
import {
  type ClientData,
  type ClientOutcome,
  ClientPlayer,
  type ClientTask,
  type EvaluationOutcome,
  type EvaluationTask,
} from './client.ts'
import type { WorkerData, WorkerJob, WorkerReply, WorkerRequest } from './worker.ts'

export type PlayerPool = {
  readonly size: number
  play(task: ClientTask): Promise<ClientOutcome>
  evaluate(task: EvaluationTask): Promise<EvaluationOutcome>
  close(): Promise<void>
}

/** `workers` = 0 plays everything in the calling thread. */
export async function openPool(
  spec: ModelSpec,
  data: ClientData,
  workers: number,
  signal?: AbortSignal,
): Promise<PlayerPool> {
  if (workers === 0) {
    const player = await ClientPlayer.create(spec, data)
    // One trainer can do one thing at a time.
    let last: Promise<unknown> = Promise.resolve()
    const inTurn = <T>(body: () => Promise<T>): Promise<T> => {
      const mine = last.then(body)
      last = mine.catch(() => {})
      return mine
    }
    return {
      size: 1,
      play: (task) => inTurn(() => player.play(task, signal)),
      evaluate: (task) => inTurn(() => player.evaluate(task)),
      close: async () => player.teardown(),
    }
  }
  return new WorkerPool({ ...data, spec, train: shared(data.train), test: shared(data.test) }, workers)
}

/** Longest that threads get to end their programs, in milliseconds. */
const STOP_MS = 5_000

type Waiting = { resolve: (outcome: never) => void; reject: (error: unknown) => void }

class WorkerPool implements PlayerPool {
  readonly size: number
  readonly #workers: Worker[]
  readonly #hasProgram: boolean
  readonly #idle: Worker[]
  readonly #queue: { request: WorkerJob; waiting: Waiting }[] = []
  readonly #running = new Map<Worker, Waiting>()
  #nextId = 0
  #failure: Error | null = null

  constructor(workerData: WorkerData, size: number) {
    this.size = size
    this.#hasProgram = workerData.trainer !== undefined
    this.#workers = Array.from(
      { length: size },
      () => new Worker(new URL('./worker.ts', import.meta.url), { workerData }),
    )
    this.#idle = [...this.#workers]
    for (const worker of this.#workers) {
      worker.on('message', (reply: WorkerReply) => this.#finish(worker, reply))
      worker.on('error', (error) => this.#fail(error instanceof Error ? error : new Error(String(error))))
    }
  }

  play(task: ClientTask): Promise<ClientOutcome> {
    return this.#request({ id: this.#nextId++, kind: 'play', task })
  }

  evaluate(task: EvaluationTask): Promise<EvaluationOutcome> {
    return this.#request({ id: this.#nextId++, kind: 'evaluate', task })
  }

  async close(): Promise<void> {
    this.#fail(new LearningError('TORN_DOWN', 'the simulation was closed'))
    // A thread that is terminated cannot end its program, nor clear up after it.
    if (this.#hasProgram) await Promise.race([this.#stopAll(), after(STOP_MS, undefined, { ref: false })])
    await Promise.all(this.#workers.map((worker) => worker.terminate()))
  }

  async #stopAll(): Promise<void> {
    await Promise.all(
      this.#workers.map(async (worker) => {
        const gone = new Promise((done) => worker.once('exit', done))
        worker.postMessage({ kind: 'stop' } satisfies WorkerRequest)
        await gone
      }),
    )
  }

  #request<T>(request: WorkerJob): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#failure !== null) return reject(this.#failure)
      this.#queue.push({ request, waiting: { resolve: resolve as (outcome: never) => void, reject } })
      this.#dispatch()
    })
  }

  #dispatch(): void {
    while (this.#idle.length > 0 && this.#queue.length > 0) {
      const worker = this.#idle.pop()!
      const { request, waiting } = this.#queue.shift()!
      this.#running.set(worker, waiting)
      worker.postMessage(request)
    }
  }

  #finish(worker: Worker, reply: WorkerReply): void {
    const waiting = this.#running.get(worker)
    this.#running.delete(worker)
    this.#idle.push(worker)
    if ('error' in reply) waiting?.reject(LearningError.fromObject(reply.error))
    else waiting?.resolve(reply.outcome as never)
    this.#dispatch()
  }

  #fail(error: Error): void {
    this.#failure ??= error
    for (const { reject } of this.#running.values()) reject(this.#failure)
    for (const { waiting } of this.#queue) waiting.reject(this.#failure)
    this.#running.clear()
    this.#queue.length = 0
  }
}

/** The same dataset in memory that threads share instead of copying. */
function shared(dataset: Dataset): Dataset {
  const inputs = dataset.inputs
  const labels = new Uint16Array(new SharedArrayBuffer(2 * dataset.labels.length))
  labels.set(dataset.labels)
  const copy =
    inputs instanceof Uint8Array
      ? new Uint8Array(new SharedArrayBuffer(inputs.length))
      : new Float32Array(new SharedArrayBuffer(4 * inputs.length))
  copy.set(inputs)
  return { ...dataset, inputs: copy, labels }
}

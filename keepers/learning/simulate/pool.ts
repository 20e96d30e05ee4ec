// SPDX-License-Identifier: GPL-3.0-or-later
// The players of a simulation in Node: worker threads that share the data, or a single player in this thread.
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { checkRunnable } from '../external/process.ts'
import type { Dataset, ModelSpec } from '../types.ts'
import type { ClientData } from './client.ts'
import type { SimulationConfig } from './config.ts'
import type { WorkerData, WorkerReply } from './requests.ts'
import { openPlayer, type PlayerPool, type PlayerThread, WorkerPool } from './worker-pool.ts'

/** Threads that are worth their start on this machine. */
export function usualThreads(): number {
  return availableParallelism()
}

/** The program of a simulation's settings, checked. @throws LearningError when it cannot be run */
export function programOf({ trainer }: SimulationConfig, folder = '.'): ClientData['trainer'] {
  if (trainer === undefined) return undefined
  const program = { ...trainer, folder: resolve(folder) }
  checkRunnable(program)
  return program
}

/** `workers` = 0 plays everything in the calling thread. */
export async function openPool(
  spec: ModelSpec,
  data: ClientData,
  workers: number,
  signal?: AbortSignal,
): Promise<PlayerPool> {
  if (workers === 0) return await openPlayer(spec, data, signal)
  const workerData: WorkerData = { ...data, spec, train: shared(data.train), test: shared(data.test) }
  const started = Array.from(
    { length: workers },
    () => new Worker(new URL('./worker.ts', import.meta.url), { workerData }),
  )
  // A thread that is terminated cannot end its program, nor clear up after it.
  const ending = async () => {
    if (data.trainer !== undefined) await Promise.race([stopAll(started), after(STOP_MS, undefined, { ref: false })])
  }
  return new WorkerPool(started.map(threadOf), ending)
}

/** Longest that threads get to end their programs, in milliseconds. */
const STOP_MS = 5_000

async function stopAll(workers: readonly Worker[]): Promise<void> {
  await Promise.all(
    workers.map(async (worker) => {
      const gone = new Promise((done) => worker.once('exit', done))
      worker.postMessage({ kind: 'stop' })
      await gone
    }),
  )
}

function threadOf(worker: Worker): PlayerThread {
  return {
    post: (request) => worker.postMessage(request),
    listen: (onReply, onError) => {
      worker.on('message', (reply: WorkerReply) => onReply(reply))
      worker.on('error', (error) => onError(error instanceof Error ? error : new Error(String(error))))
    },
    terminate: () => worker.terminate(),
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

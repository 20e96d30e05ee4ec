// SPDX-License-Identifier: GPL-3.0-or-later
// The players of a simulation in a page, in place of pool.ts: web workers with a copy of the data each.
import { LearningError } from '../errors.ts'
import type { ModelSpec } from '../types.ts'
import type { ClientData } from './client.ts'
import type { SimulationConfig } from './config.ts'
import type { WorkerReply } from './requests.ts'
import { openPlayer, type PlayerPool, type PlayerThread, WorkerPool } from './worker-pool.ts'

/** More threads than these cost a page more memory than they save time. */
const MOST_THREADS = 4

/** None where workers may start no workers. */
export function usualThreads(): number {
  if (typeof Worker === 'undefined') return 0
  return Math.max(1, Math.min(MOST_THREADS, (navigator.hardwareConcurrency || 2) - 1))
}

/** @throws LearningError BAD_SIMULATION: a page runs no programs */
export function programOf({ trainer }: SimulationConfig): undefined {
  if (trainer !== undefined)
    throw new LearningError('BAD_SIMULATION', 'simulation: a page runs no programs: leave out trainer')
}

/** `workers` = 0 plays everything in the calling thread. */
export async function openPool(
  spec: ModelSpec,
  data: ClientData,
  workers: number,
  signal?: AbortSignal,
): Promise<PlayerPool> {
  if (workers === 0) return await openPlayer(spec, data, signal)
  return new WorkerPool(
    Array.from({ length: workers }, () => {
      const worker = new Worker(new URL('./worker.browser.ts', import.meta.url), { type: 'module' })
      worker.postMessage({ ...data, spec })
      return threadOf(worker)
    }),
  )
}

function threadOf(worker: Worker): PlayerThread {
  return {
    post: (request) => worker.postMessage(request),
    listen: (onReply, onError) => {
      worker.onmessage = ({ data }: MessageEvent<WorkerReply>) => onReply(data)
      worker.onerror = ({ message }) => onError(new Error(`a thread of the simulation failed: ${message}`))
    },
    terminate: () => worker.terminate(),
  }
}

// SPDX-License-Identifier: GPL-3.0-or-later
import type { QueueAccess } from './config.ts'
import { FallbackQueue, type JobEvent } from './fallback.ts'
import type { Performers } from './kind.ts'
import { type JobQueue, LocalQueue } from './queue.ts'
import type { QueueTraffic } from './redis/redis-queue.ts'

/** A queue with workers on other machines, and this process as the fallback. */
type OpenQueue = { readonly queue: JobQueue; readonly traffic: QueueTraffic }

/**
 * Opens the queue of a process that has work. Without access, this process does every job, and the server's client is not loaded.
 * @throws JobError BAD_CONFIG
 */
export async function openQueue(
  access: QueueAccess | null,
  performers: Performers,
  report?: (event: JobEvent) => void,
): Promise<OpenQueue> {
  const local = new LocalQueue(performers)
  if (access === null) return { queue: local, traffic: { sent: 0, received: 0, jobs: 0 } }
  const { RedisQueue } = await import('./redis/redis-queue.ts')
  const remote = await RedisQueue.open(access)
  return { queue: new FallbackQueue(remote, local, report), traffic: remote.traffic }
}

/** Bytes sent to the queue and received from it. */
export type Traffic = Pick<QueueTraffic, 'sent' | 'received'>

/** Bytes since the last call. */
export function trafficSince(total: Traffic): () => Traffic {
  let [sent, received] = [0, 0]
  return () => {
    const since = { sent: total.sent - sent, received: total.received - received }
    ;[sent, received] = [total.sent, total.received]
    return since
  }
}

/** Whether the server answers and takes the password. @throws JobError UNAVAILABLE */
export async function pingQueue(access: QueueAccess, signal?: AbortSignal): Promise<void> {
  const { RedisQueue } = await import('./redis/redis-queue.ts')
  await using queue = await RedisQueue.open(access)
  await queue.ping(signal)
}

/** Loads the worker's side of the queue, only when needed. */
export async function loadWorkerSide() {
  const [{ QueueWorker }, { ComputePool }] = await Promise.all([
    import('./redis/queue-worker.ts'),
    import('./redis/compute-pool.ts'),
  ])
  return { QueueWorker, ComputePool }
}

// SPDX-License-Identifier: GPL-3.0-or-later
// Threads that multiply scalars by a generator, fed in order and answered in order.
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { FIELD_BYTES } from '../bn254.ts'
import type { CurveImage, GroupName } from './curve-memory.ts'
import { SetupError } from './errors.ts'
import { chooseWindow, SCALARS_PER_BATCH } from './fixed-base.ts'
import type { FixedBaseRequest, FixedBaseWorkerData } from './fixed-base.worker.ts'

type Job = {
  readonly request: FixedBaseRequest
  readonly resolve: (points: Uint8Array<ArrayBuffer>) => void
  readonly reject: (error: unknown) => void
}

/** A thread, and the jobs that it was sent and has not answered, in order. */
type Lane = { readonly worker: Worker; readonly jobs: Job[] }

/** More threads than this no longer pay for their tables. */
const MAX_THREADS = 16
/** Jobs that a thread is sent ahead: it goes on while this one is busy with something else. */
const JOBS_AHEAD = 16

export class FixedBasePool {
  readonly #lanes: readonly Lane[]
  readonly #waiting: Job[] = []
  #failure: unknown = null

  /** `scalars` is the number that will be asked for in each group: it decides how large the tables are. */
  constructor(image: CurveImage, scalars: Record<GroupName, number>, threads = availableParallelism()) {
    const count = Math.max(1, Math.min(threads, MAX_THREADS))
    const window = { g1: chooseWindow(scalars.g1 / count), g2: chooseWindow(scalars.g2 / count) }
    const workerData: FixedBaseWorkerData = { image, window }
    this.#lanes = Array.from({ length: count }, () => {
      const worker = new Worker(new URL('./fixed-base.worker.ts', import.meta.url), { workerData })
      const lane: Lane = { worker, jobs: [] }
      worker.on('message', (points: Uint8Array<ArrayBuffer>) => this.#finish(lane, points))
      worker.on('error', (error) => this.fail(new SetupError('worker-failed', error.message, { cause: error })))
      return lane
    })
  }

  /** n × 32 bytes of scalars to n affine points, in the zkey's form. The scalars given are overwritten with zeros. */
  async multiply(group: GroupName, scalars: Uint8Array, onBatch?: (done: number) => void): Promise<Uint8Array[]> {
    const bytes = SCALARS_PER_BATCH * FIELD_BYTES
    const parts: Promise<Uint8Array<ArrayBuffer>>[] = []
    for (let from = 0; from < scalars.byteLength; from += bytes) {
      const part = scalars.slice(from, from + bytes)
      // Read now: posting the part to a worker detaches it.
      const count = part.byteLength / FIELD_BYTES
      parts.push(
        this.#submit({ group, scalars: part }).then((points) => {
          onBatch?.(count)
          return points
        }),
      )
    }
    scalars.fill(0)
    return Promise.all(parts)
  }

  /** Rejects everything that waits; further requests fail alike. */
  fail(reason: unknown): void {
    this.#failure ??= reason
    // The scalars of jobs under way were transferred to their threads, which `close` ends.
    for (const { jobs } of this.#lanes) for (const job of jobs.splice(0)) job.reject(reason)
    for (const job of this.#waiting.splice(0)) {
      job.request.scalars.fill(0)
      job.reject(reason)
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#lanes.map(({ worker }) => worker.terminate()))
  }

  #submit(request: FixedBaseRequest): Promise<Uint8Array<ArrayBuffer>> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== null) return reject(this.#failure)
      this.#waiting.push({ request, resolve, reject })
      this.#dispatch()
    })
  }

  #dispatch(): void {
    while (this.#waiting.length > 0) {
      const lane = this.#lanes.reduce((least, other) => (other.jobs.length < least.jobs.length ? other : least))
      if (lane.jobs.length === JOBS_AHEAD) return
      const job = this.#waiting.shift()!
      lane.jobs.push(job)
      // Transferred, not copied: the secret exponents exist in one thread at a time.
      lane.worker.postMessage(job.request, [job.request.scalars.buffer])
    }
  }

  #finish(lane: Lane, points: Uint8Array<ArrayBuffer>): void {
    lane.jobs.shift()?.resolve(points)
    this.#dispatch()
  }
}

// SPDX-License-Identifier: GPL-3.0-or-later
// A thread of the pool: one core, fed by messages.
import { parentPort, workerData } from 'node:worker_threads'
import { Core, type Product, type Values } from './core.ts'
import { FheError, type FheErrorObject } from './errors.ts'
import type { Plan } from './plan.ts'
import type { ClaimSeeds, ClaimSums } from './projection.ts'

/** Requests to a worker. Secrets travel in shared memory, so that no copy of them is left in a message queue. */
export type Task =
  | { readonly op: 'openProduct'; readonly product: Product }
  | { readonly op: 'encrypt'; readonly index: number; readonly values: Float64Array; readonly bytes: number }
  | { readonly op: 'share'; readonly index: number; readonly bytes: number }
  | { readonly op: 'project'; readonly index: number; readonly c0: Uint8Array; readonly seed: Uint8Array }
  | { readonly op: 'closeProduct' }
  | { readonly op: 'openClaim'; readonly seeds: ClaimSeeds }
  | { readonly op: 'addToClaim'; readonly index: number; readonly c0: Uint8Array }
  | { readonly op: 'closeClaim' }
  | { readonly op: 'decode'; readonly sums: Uint8Array; readonly terms: number }

export type TaskResult = Uint8Array | Values | ClaimSums | undefined

/** Ready, a result, or a failure of a task. */
export type WorkerMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly id: number; readonly result: TaskResult }
  | { readonly kind: 'failed'; readonly id: number; readonly error: FheErrorObject | Error }

export type WorkerRequest = { readonly id: number; readonly task: Task }

/** Runs one task on a core. Exported for its test. */
export function perform(core: Core, task: Task): TaskResult {
  switch (task.op) {
    case 'openProduct':
      core.openProduct(task.product)
      return undefined
    case 'encrypt':
    case 'share': {
      const out = new Uint8Array(task.bytes)
      if (task.op === 'share') core.share(task.index, out)
      else {
        try {
          core.encrypt(task.index, task.values, out)
        } finally {
          task.values.fill(0)
        }
      }
      return out
    }
    case 'project':
      return core.project(task.index, task.c0, task.seed)
    case 'closeProduct':
      core.closeProduct()
      return undefined
    case 'openClaim':
      core.openClaim(task.seeds)
      return undefined
    case 'addToClaim':
      core.addToClaim(task.index, task.c0)
      return undefined
    case 'closeClaim':
      return core.closeClaim() ?? undefined
    case 'decode':
      return core.decode(task.sums, task.terms)
  }
}

if (parentPort !== null && (workerData as { cohortFhe?: Plan } | null)?.cohortFhe !== undefined) {
  const port = parentPort
  const core = await Core.open((workerData as { cohortFhe: Plan }).cohortFhe)
  port.on('message', ({ id, task }: WorkerRequest) => {
    try {
      const result = perform(core, task)
      port.postMessage({ kind: 'done', id, result } satisfies WorkerMessage, buffersOf(result))
    } catch (error) {
      const sent = error instanceof FheError ? error.toObject() : (error as Error)
      port.postMessage({ kind: 'failed', id, error: sent } satisfies WorkerMessage)
    }
  })
  port.postMessage({ kind: 'ready' } satisfies WorkerMessage)
}

function buffersOf(result: TaskResult): ArrayBuffer[] {
  if (result === undefined) return []
  if ('weights' in result) return [result.weights.buffer as ArrayBuffer]
  const array = result instanceof Uint8Array ? result : result.values
  return [array.buffer as ArrayBuffer]
}

// SPDX-License-Identifier: GPL-3.0-or-later
// A thread of the pool: one core, fed by messages.
import { parentPort, workerData } from 'node:worker_threads'
import { Core, type Slots } from './core.ts'
import type { Plan } from './plan.ts'

/** What a worker can be asked. Secrets travel in shared memory, so that no copy of them is left in a message queue. */
export type Task =
  | { readonly op: 'useKey'; readonly publicKey: Uint8Array }
  | { readonly op: 'encrypt'; readonly slots: Float64Array }
  | {
      readonly op: 'openShare'
      readonly material: Uint8Array
      readonly lambdas: readonly bigint[]
      readonly noiseKey: Uint8Array
    }
  | { readonly op: 'share'; readonly c1: Uint8Array; readonly index: number }
  | { readonly op: 'closeShare' }
  | { readonly op: 'decode'; readonly message: Uint8Array }

export type TaskResult = Uint8Array | Slots | undefined

/** Ready, a result, or a failure of a task. */
export type WorkerMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly id: number; readonly result: TaskResult }
  | { readonly kind: 'failed'; readonly id: number; readonly error: Error }

export type WorkerRequest = { readonly id: number; readonly task: Task }

/** Runs one task on a core. */
function perform(core: Core, task: Task): TaskResult {
  switch (task.op) {
    case 'useKey':
      core.useKey(task.publicKey)
      return undefined
    case 'encrypt': {
      const out = new Uint8Array(2 * core.kernel.polynomialBytes)
      core.encrypt(task.slots, out)
      return out
    }
    case 'openShare':
      core.openShare(task.material, task.lambdas, task.noiseKey)
      return undefined
    case 'share': {
      const out = new Uint8Array(core.kernel.polynomialBytes)
      core.share(task.c1, task.index, out)
      return out
    }
    case 'closeShare':
      core.closeShare()
      return undefined
    case 'decode':
      return core.decode(task.message)
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
      port.postMessage({ kind: 'failed', id, error: error as Error } satisfies WorkerMessage)
    }
  })
  port.postMessage({ kind: 'ready' } satisfies WorkerMessage)
}

function buffersOf(result: TaskResult): ArrayBuffer[] {
  if (result === undefined) return []
  const arrays = result instanceof Uint8Array ? [result] : [result.real, result.imaginary]
  return arrays.map((array) => array.buffer as ArrayBuffer)
}

// SPDX-License-Identifier: GPL-3.0-or-later
// A worker thread that plays keepers on request.
import { parentPort, workerData } from 'node:worker_threads'
import { LearningError, type LearningErrorObject } from '../errors.ts'
import type { Dataset, ModelSpec } from '../types.ts'
import { ClientPlayer, type ClientTask, type EvaluationTask } from './client.ts'

export type WorkerData = { readonly spec: ModelSpec; readonly train: Dataset; readonly test: Dataset }
export type WorkerRequest =
  | { readonly id: number; readonly kind: 'play'; readonly task: ClientTask }
  | { readonly id: number; readonly kind: 'evaluate'; readonly task: EvaluationTask }
export type WorkerReply =
  | { readonly id: number; readonly outcome: unknown }
  | { readonly id: number; readonly error: LearningErrorObject }

if (parentPort !== null) {
  const port = parentPort
  const { spec, train, test } = workerData as WorkerData
  const player = ClientPlayer.create(spec, { train, test })
  // Every request gets the reason; an unhandled rejection would only kill the thread.
  player.catch(() => {})
  port.on('message', async (request: WorkerRequest) => {
    try {
      const outcome =
        request.kind === 'play' ? await (await player).play(request.task) : await (await player).evaluate(request.task)
      port.postMessage({ id: request.id, outcome } satisfies WorkerReply)
    } catch (error) {
      const known = error instanceof LearningError ? error : new LearningError('BAD_SIMULATION', String(error))
      port.postMessage({ id: request.id, error: known.toObject() } satisfies WorkerReply)
    }
  })
}

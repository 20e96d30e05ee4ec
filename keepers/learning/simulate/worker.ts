// SPDX-License-Identifier: GPL-3.0-or-later
// A worker thread that plays keepers on request.
import { parentPort, workerData } from 'node:worker_threads'
import { LearningError, type LearningErrorObject } from '../errors.ts'
import type { ModelSpec } from '../types.ts'
import { type ClientData, ClientPlayer, type ClientTask, type EvaluationTask } from './client.ts'

export type WorkerData = ClientData & { readonly spec: ModelSpec }
export type WorkerJob =
  | { readonly id: number; readonly kind: 'play'; readonly task: ClientTask }
  | { readonly id: number; readonly kind: 'evaluate'; readonly task: EvaluationTask }
/** Jobs, and the end of all of them. */
export type WorkerRequest = WorkerJob | { readonly kind: 'stop' }
export type WorkerReply =
  | { readonly id: number; readonly outcome: unknown }
  | { readonly id: number; readonly error: LearningErrorObject }

if (parentPort !== null) {
  const port = parentPort
  const { spec, ...data } = workerData as WorkerData
  const player = ClientPlayer.create(spec, data)
  // Whoever asks gets the reason; an unhandled rejection would only kill the thread.
  player.catch(() => {})
  const stopping = new AbortController()
  let running: Promise<unknown> = Promise.resolve()
  port.on('message', async (request: WorkerRequest) => {
    if (request.kind === 'stop') {
      stopping.abort(new LearningError('TORN_DOWN', 'the simulation was closed'))
      await running
      await player.then((opened) => opened.teardown()).catch(() => {})
      port.close()
      return
    }
    running = serve(request)
  })
  const serve = async (request: WorkerJob): Promise<void> => {
    try {
      const outcome =
        request.kind === 'play'
          ? await (await player).play(request.task, stopping.signal)
          : await (await player).evaluate(request.task)
      port.postMessage({ id: request.id, outcome } satisfies WorkerReply)
    } catch (error) {
      const known = error instanceof LearningError ? error : new LearningError('BAD_SIMULATION', String(error))
      port.postMessage({ id: request.id, error: known.toObject() } satisfies WorkerReply)
    }
  }
}

// SPDX-License-Identifier: GPL-3.0-or-later
// The part of a thread that plays keepers, the same over node:worker_threads and web workers.
import { LearningError } from '../errors.ts'
import { ClientPlayer } from './client.ts'
import type { WorkerData, WorkerJob, WorkerReply, WorkerRequest } from './requests.ts'

/** Opens a player. @returns what answers a request; it never rejects */
export function playRequests(
  { spec, ...data }: WorkerData,
  { reply, close }: { reply(reply: WorkerReply): void; close(): void },
): (request: WorkerRequest) => Promise<void> {
  const player = ClientPlayer.create(spec, data)
  // Whoever asks gets the reason; an unhandled rejection would only kill the thread.
  player.catch(() => {})
  const stopping = new AbortController()
  let running: Promise<unknown> = Promise.resolve()
  const serve = async (request: WorkerJob): Promise<void> => {
    try {
      const outcome =
        request.kind === 'play'
          ? await (await player).play(request.task, stopping.signal)
          : await (await player).evaluate(request.task)
      reply({ id: request.id, outcome })
    } catch (error) {
      const known = error instanceof LearningError ? error : new LearningError('BAD_SIMULATION', String(error))
      reply({ id: request.id, error: known.toObject() })
    }
  }
  return async (request) => {
    if (request.kind === 'stop') {
      stopping.abort(new LearningError('TORN_DOWN', 'the simulation was closed'))
      await running
      await player.then((opened) => opened.teardown()).catch(() => {})
      close()
      return
    }
    running = serve(request)
    await running
  }
}

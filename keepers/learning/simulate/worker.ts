// SPDX-License-Identifier: GPL-3.0-or-later
// A worker thread that plays keepers on request.
import { parentPort, workerData } from 'node:worker_threads'
import { playRequests } from './player-thread.ts'
import type { WorkerData, WorkerRequest } from './requests.ts'

if (parentPort !== null) {
  const port = parentPort
  const answer = playRequests(workerData as WorkerData, {
    reply: (reply) => port.postMessage(reply),
    close: () => port.close(),
  })
  port.on('message', (request: WorkerRequest) => void answer(request))
}

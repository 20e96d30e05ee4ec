// SPDX-License-Identifier: GPL-3.0-or-later
// A web worker that plays keepers on request. The first message is its data.
import { config } from 'zod'
import { playRequests } from './player-thread.ts'
import type { WorkerData, WorkerRequest } from './requests.ts'

// Zod compiles parsers with `new Function` where it may; a page's security policy forbids it.
config({ jitless: true })

let answer: ((request: WorkerRequest) => Promise<void>) | null = null

self.onmessage = ({ data }: MessageEvent<WorkerData | WorkerRequest>) => {
  if ('spec' in data)
    answer = playRequests(data, { reply: (reply) => self.postMessage(reply), close: () => self.close() })
  else void answer?.(data)
}

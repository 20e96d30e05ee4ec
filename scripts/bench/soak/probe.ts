// SPDX-License-Identifier: GPL-3.0-or-later
// Loaded into a keeper's process before its program (`--import`): answers SIGUSR2 with a line about the process's memory
// and open resources; after forced garbage collections in every thread when COHORT_SOAK_COLLECT is 1.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { BroadcastChannel, isMainThread } from 'node:worker_threads'

/** An answer's contents: bytes as in process.memoryUsage(), counts of open resources. */
export type ProbeLine = {
  readonly event: 'probe'
  readonly rss: number
  readonly heapUsed: number
  readonly heapTotal: number
  readonly external: number
  readonly arrayBuffers: number
  /** Open resources that last, without timers and requests that end by themselves. */
  readonly handles: number
  readonly resources: Readonly<Record<string, number>>
}

/** Kinds that come and go with the work of the moment. */
const PASSING = /^(Timeout|Immediate|FSReq.*|CloseReq|.*ReqWrap|ConnectWrap|WriteWrap|ShutdownWrap)$/
/** Between two collections, for the finalizers of the first. Milliseconds. */
const SETTLE = 100

const channel = new BroadcastChannel('cohort soak')
channel.unref()
const collects = process.env.COHORT_SOAK_COLLECT === '1'
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

if (isMainThread) process.on('SIGUSR2', answer)
else channel.onmessage = collect

async function answer(): Promise<void> {
  if (collects) {
    channel.postMessage('collect')
    // The second collection takes objects that finalizers freed in the first.
    for (let i = 0; i < 2; i++) {
      collect()
      await new Promise((resolve) => setTimeout(resolve, SETTLE))
    }
  }
  const resources: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1
  const lasting = Object.entries(resources).filter(([kind]) => !PASSING.test(kind))
  const handles = lasting.reduce((sum, [, count]) => sum + count, 0)
  const line: ProbeLine = { event: 'probe', ...process.memoryUsage(), handles, resources }
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

// SPDX-License-Identifier: GPL-3.0-or-later
// The threads that circom runs on. A thread that has compiled a small circuit waits a moment for the next one: most of what a small circuit
// costs is the start of its thread.
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { Worker } from 'node:worker_threads'
import type { CircomJob, CircomOutcome, CircomThreadData } from './circom.worker.ts'
import { CircuitError } from './errors.ts'

/** How long a thread may wait, in milliseconds. It does not keep the process alive. */
const PATIENCE = 1_000
/** A thread that worked for longer has used much memory, which only its end surely frees. */
const LONG_JOB = 2_000

const require = createRequire(import.meta.url)

let compiler: Promise<WebAssembly.Module> | undefined

/** Nine megabytes of WebAssembly. All compiling threads of a process share V8's compiled form of it. */
function circom(): Promise<WebAssembly.Module> {
  compiler ??= readFile(require.resolve('circom2/circom.wasm')).then((bytes) => WebAssembly.compile(bytes))
  return compiler
}

let waiting: { readonly worker: Worker; readonly end: NodeJS.Timeout } | undefined

/**
 * Runs circom once.
 * @throws CircuitError `compile-failed` when its thread ends without an outcome; the signal's reason when aborted
 */
export async function runCircom(job: CircomJob, signal: AbortSignal | undefined): Promise<CircomOutcome> {
  const workerData: CircomThreadData = { compiler: await circom() }
  signal?.throwIfAborted()
  const worker = takeWaiting() ?? new Worker(new URL('./circom.worker.ts', import.meta.url), { workerData })
  const { promise, resolve, reject } = Promise.withResolvers<CircomOutcome>()
  const stop = (): void => reject(signal?.reason)
  signal?.addEventListener('abort', stop, { once: true })
  worker.once('message', resolve)
  worker.once('error', (error) => reject(new CircuitError('compile-failed', `circom stopped: ${error.message}`)))
  worker.once('exit', () =>
    reject(new CircuitError('compile-failed', 'circom ended without an answer, out of memory perhaps')),
  )
  const start = performance.now()
  worker.postMessage(job)
  try {
    const outcome = await promise
    stopListening(worker)
    if (performance.now() - start < LONG_JOB) letWait(worker)
    else void worker.terminate()
    return outcome
  } catch (error) {
    void worker.terminate()
    throw error
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}

function takeWaiting(): Worker | undefined {
  if (waiting === undefined) return undefined
  const { worker, end } = waiting
  forget(worker)
  clearTimeout(end)
  worker.ref()
  return worker
}

function letWait(worker: Worker): void {
  if (waiting !== undefined) return void worker.terminate()
  worker.unref()
  const end = setTimeout(() => {
    forget(worker)
    void worker.terminate()
  }, PATIENCE).unref()
  waiting = { worker, end }
  // One that ends by itself must not be taken.
  worker.once('exit', () => forget(worker))
  worker.once('error', () => forget(worker))
}

function forget(worker: Worker): void {
  if (waiting?.worker === worker) waiting = undefined
  stopListening(worker)
}

/** Not all events: Node's own listeners keep the thread's port open. */
function stopListening(worker: Worker): void {
  for (const event of ['message', 'error', 'exit']) worker.removeAllListeners(event)
}

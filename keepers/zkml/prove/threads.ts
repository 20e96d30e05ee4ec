// SPDX-License-Identifier: GPL-3.0-or-later
// One worker thread with calls answered in order, the same over node:worker_threads and Web Workers.
import { ProveError, type ProveErrorObject } from './errors.ts'

/** The message to the thread; `call` numbers the answers. */
type Request = { readonly call: number; readonly message: unknown }
type Response = { readonly call: number; readonly result?: unknown; readonly error?: ProveErrorObject | Error }

/** The two kinds of worker, reduced to what both can do. */
type Channel = {
  post(message: unknown, transfer: ArrayBuffer[]): void
  terminate(): unknown
}

/** The threads' values are in WebAssembly's memory; their own objects are few and short-lived. */
const YOUNG_MIB = 4

const inNode = typeof process === 'object' && typeof process.versions?.node === 'string'

/** Number of threads that computing on this machine is worth. */
export async function defaultThreads(): Promise<number> {
  const cores = inNode ? (await import('node:os')).availableParallelism() : navigator.hardwareConcurrency
  return Math.max(1, Math.min(cores || 1, 16))
}

/** A module that calls `serve`, as Node finds it and as a browser starts it: bundlers follow `new Worker(new URL(…))`, and nothing else. */
export type WorkerModule = { readonly url: URL; readonly startInBrowser: () => Worker }

export class Thread {
  readonly #channel: Channel
  readonly #waiting = new Map<number, { resolve: (value: never) => void; reject: (error: unknown) => void }>()
  #next = 0
  #failure: Error | null = null

  private constructor(open: (onMessage: (message: unknown) => void, onError: (error: Error) => void) => Channel) {
    this.#channel = open(
      (message) => this.#receive(message as Response),
      (error) => this.#fail(error),
    )
  }

  static async start({ url, startInBrowser }: WorkerModule): Promise<Thread> {
    if (!inNode) {
      return new Thread((onMessage, onError) => {
        const worker = startInBrowser()
        worker.onmessage = ({ data }) => onMessage(data)
        worker.onerror = (event) => onError(new Error(`worker ${url.pathname}: ${event.message}`))
        return {
          post: (message, transfer) => worker.postMessage(message, transfer),
          terminate: () => worker.terminate(),
        }
      })
    }
    const threads = await import('node:worker_threads')
    return new Thread((onMessage, onError) => {
      const worker = new threads.Worker(url, { resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB } })
      worker.on('message', onMessage)
      worker.on('error', onError)
      // An unclosed prover must not keep the process alive.
      worker.unref()
      return { post: (message, transfer) => worker.postMessage(message, transfer), terminate: () => worker.terminate() }
    })
  }

  /** Sends a message and waits for the answer of the thread's handler. Calls are handled one after another. */
  async call<T>(message: unknown, transfer: ArrayBuffer[] = []): Promise<T> {
    if (this.#failure !== null) throw this.#failure
    const call = this.#next++
    const keepAlive = inNode ? setInterval(() => undefined, 1 << 30) : undefined
    try {
      return await new Promise<T>((resolve, reject) => {
        this.#waiting.set(call, { resolve, reject })
        this.#channel.post({ call, message } satisfies Request, transfer)
      })
    } finally {
      clearInterval(keepAlive)
    }
  }

  async terminate(reason = new Error('the prover was closed')): Promise<void> {
    this.#fail(reason)
    await this.#channel.terminate()
  }

  #receive({ call, result, error }: Response): void {
    const waiting = this.#waiting.get(call)
    this.#waiting.delete(call)
    if (error === undefined) waiting?.resolve(result as never)
    else waiting?.reject(error instanceof Error ? error : ProveError.fromObject(error))
  }

  #fail(error: Error): void {
    this.#failure ??= error
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}

/** Called by a worker module: answers each message with the handler's result and transfers its byte arrays. */
export async function serve(handler: (message: never) => Promise<unknown>): Promise<void> {
  const port = inNode ? (await import('node:worker_threads')).parentPort : null
  const post = (message: Response, transfer: ArrayBuffer[]) =>
    port === null ? self.postMessage(message, { transfer }) : port.postMessage(message, transfer)
  let last: Promise<void> = Promise.resolve()
  const receive = ({ call, message }: Request) => {
    last = last.then(async () => {
      try {
        const result = await handler(message as never)
        post({ call, result }, buffersOf(result))
      } catch (error) {
        const known = error instanceof Error ? error : new Error(String(error))
        post({ call, error: known instanceof ProveError ? known.toObject() : known }, [])
      }
    })
  }
  if (port === null) self.onmessage = ({ data }) => receive(data)
  else port.on('message', receive)
}

function buffersOf(result: unknown): ArrayBuffer[] {
  if (result instanceof Uint8Array) return [result.buffer as ArrayBuffer]
  return typeof result === 'object' && result !== null ? Object.values(result).flatMap(buffersOf) : []
}

// SPDX-License-Identifier: GPL-3.0-or-later
// Threads that do a worker's jobs, each one job at a time. The thread that talks to the server must never be busy, because it has to renew its hold on
// jobs. Otherwise the server would think that the worker is dead.
import type { Worker } from 'node:worker_threads'
import { JobError } from '../errors.ts'
import type { JobKind, JobName, Performers } from '../kind.ts'

type Request = { readonly id: number; readonly kind: JobName; readonly input: Uint8Array }
type Reply =
  | { readonly id: number; readonly kind: 'done'; readonly answer: Uint8Array }
  | { readonly id: number; readonly kind: 'failed'; readonly code: JobError['code']; readonly message: string }

type Waiting = {
  readonly request: Omit<Request, 'id'>
  readonly timeoutMs: number
  readonly resolve: (answer: Uint8Array) => void
  readonly reject: (error: Error) => void
}

export class ComputePool implements AsyncDisposable {
  readonly #start: () => Worker
  readonly #idle: Worker[] = []
  readonly #all = new Set<Worker>()
  readonly #waiting: Waiting[] = []
  readonly #size: number
  #nextId = 1
  #closed = false

  /** @param start Starts a thread that calls `serveThread`. Threads start with the first jobs. */
  constructor(start: () => Worker, size: number) {
    this.#start = start
    this.#size = size
  }

  /** @throws JobError FAILED after `timeoutMs` of work or when the thread ends; what the thread threw */
  run(kind: JobName, input: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    if (this.#closed) return Promise.reject(new JobError('UNAVAILABLE', 'this worker is closed'))
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request: { kind, input }, timeoutMs, resolve, reject })
      this.#next()
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const { reject } of this.#waiting.splice(0)) reject(new JobError('UNAVAILABLE', 'this worker is closed'))
    await Promise.all([...this.#all].map((thread) => thread.terminate()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #next(): void {
    if (this.#waiting.length === 0) return
    const thread = this.#idle.pop() ?? this.#another()
    if (thread === null) return
    this.#perform(thread, this.#waiting.shift()!)
  }

  #another(): Worker | null {
    if (this.#all.size >= this.#size) return null
    const thread = this.#start()
    this.#all.add(thread)
    // Notices an error of an idle thread. With a job, the job notices it, too.
    thread.on('error', () => undefined)
    thread.on('exit', () => {
      this.#all.delete(thread)
      const at = this.#idle.indexOf(thread)
      if (at >= 0) this.#idle.splice(at, 1)
      this.#next()
    })
    return thread
  }

  #perform(thread: Worker, { request, timeoutMs, resolve, reject }: Waiting): void {
    const id = this.#nextId++
    const end = () => {
      clearTimeout(timer)
      thread.off('message', onReply).off('error', onError).off('exit', onExit)
    }
    const fail = (error: Error) => {
      end()
      reject(error)
    }
    const onReply = (reply: Reply) => {
      if (reply.id !== id) return
      end()
      this.#idle.push(thread)
      if (reply.kind === 'done') resolve(reply.answer)
      else reject(new JobError(reply.code, reply.message))
      this.#next()
    }
    const onError = (error: Error) => fail(new JobError('FAILED', `the thread failed: ${error.message}`))
    const onExit = (code: number) => fail(new JobError('FAILED', `the thread ended with code ${code}`))
    const timer = setTimeout(() => {
      fail(new JobError('FAILED', `not done in ${timeoutMs / 1_000} s`))
      void thread.terminate()
    }, timeoutMs)
    thread.on('message', onReply).on('error', onError).on('exit', onExit)
    thread.postMessage({ id, ...request } satisfies Request)
  }
}

/** Runs in a thread of the pool, and does the requested jobs with the given performers. */
export function serveThread(
  port: { on(event: 'message', listener: (request: Request) => void): unknown; postMessage(reply: Reply): void },
  kinds: Readonly<Partial<Record<JobName, JobKind<unknown, unknown>>>>,
  performers: Performers,
): void {
  port.on('message', async ({ id, kind: name, input }) => {
    try {
      const kind = kinds[name]
      const perform = performers[name] as ((input: unknown) => Promise<unknown>) | undefined
      if (kind === undefined || perform === undefined) throw new JobError('FAILED', `this worker does no ${name}`)
      const answer = await kind.encodeAnswer(await perform(await kind.decodeInput(input)))
      if (answer.length > kind.mostAnswer) {
        throw new JobError('BAD_ANSWER', `an answer of ${answer.length} bytes, ${kind.mostAnswer} at most`)
      }
      port.postMessage({ id, kind: 'done', answer })
    } catch (error) {
      const code = error instanceof JobError ? error.code : 'FAILED'
      port.postMessage({ id, kind: 'failed', code, message: error instanceof Error ? error.message : String(error) })
    }
  })
}

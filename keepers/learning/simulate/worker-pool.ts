// SPDX-License-Identifier: GPL-3.0-or-later
// Players behind one interface: threads of whatever kind, or a single player in this thread.
import { LearningError } from '../errors.ts'
import type { ModelSpec } from '../types.ts'
import {
  type ClientData,
  type ClientOutcome,
  ClientPlayer,
  type ClientTask,
  type EvaluationOutcome,
  type EvaluationTask,
} from './client.ts'
import type { WorkerJob, WorkerReply, WorkerRequest } from './requests.ts'

export type PlayerPool = {
  play(task: ClientTask): Promise<ClientOutcome>
  evaluate(task: EvaluationTask): Promise<EvaluationOutcome>
  close(): Promise<void>
}

/** A pool that plays everything in the calling thread. */
export async function openPlayer(spec: ModelSpec, data: ClientData, signal?: AbortSignal): Promise<PlayerPool> {
  const player = await ClientPlayer.create(spec, data)
  // One trainer can do one thing at a time.
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(body: () => Promise<T>): Promise<T> => {
    const mine = last.then(body)
    last = mine.catch(() => {})
    return mine
  }
  return {
    play: (task) => inTurn(() => player.play(task, signal)),
    evaluate: (task) => inTurn(() => player.evaluate(task)),
    close: async () => player.teardown(),
  }
}

/** One thread, reduced to what every kind of it can do. */
export type PlayerThread = {
  post(request: WorkerRequest): void
  /** Calls the listeners for each reply, and when the thread failed. */
  listen(onReply: (reply: WorkerReply) => void, onError: (error: Error) => void): void
  terminate(): unknown
}

type Waiting = { resolve: (outcome: never) => void; reject: (error: unknown) => void }

export class WorkerPool implements PlayerPool {
  readonly #threads: readonly PlayerThread[]
  readonly #ending: () => Promise<unknown>
  readonly #idle: PlayerThread[]
  readonly #queue: { request: WorkerJob; waiting: Waiting }[] = []
  readonly #running = new Map<PlayerThread, Waiting>()
  #nextId = 0
  #failure: Error | null = null

  /** @param ending what is to be waited for before threads are terminated */
  constructor(threads: readonly PlayerThread[], ending: () => Promise<unknown> = async () => undefined) {
    this.#threads = threads
    this.#ending = ending
    this.#idle = [...threads]
    for (const thread of threads) {
      thread.listen(
        (reply) => this.#finish(thread, reply),
        (error) => this.#fail(error),
      )
    }
  }

  play(task: ClientTask): Promise<ClientOutcome> {
    return this.#request({ id: this.#nextId++, kind: 'play', task })
  }

  evaluate(task: EvaluationTask): Promise<EvaluationOutcome> {
    return this.#request({ id: this.#nextId++, kind: 'evaluate', task })
  }

  async close(): Promise<void> {
    this.#fail(new LearningError('TORN_DOWN', 'the simulation was closed'))
    await this.#ending()
    await Promise.all(this.#threads.map((thread) => thread.terminate()))
  }

  #request<T>(request: WorkerJob): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#failure !== null) return reject(this.#failure)
      this.#queue.push({ request, waiting: { resolve: resolve as (outcome: never) => void, reject } })
      this.#dispatch()
    })
  }

  #dispatch(): void {
    while (this.#idle.length > 0 && this.#queue.length > 0) {
      const thread = this.#idle.pop()!
      const { request, waiting } = this.#queue.shift()!
      this.#running.set(thread, waiting)
      thread.post(request)
    }
  }

  #finish(thread: PlayerThread, reply: WorkerReply): void {
    const waiting = this.#running.get(thread)
    this.#running.delete(thread)
    this.#idle.push(thread)
    if ('error' in reply) waiting?.reject(LearningError.fromObject(reply.error))
    else waiting?.resolve(reply.outcome as never)
    this.#dispatch()
  }

  #fail(error: Error): void {
    this.#failure ??= error
    for (const { reject } of this.#running.values()) reject(this.#failure)
    for (const { waiting } of this.#queue) waiting.reject(this.#failure)
    this.#running.clear()
    this.#queue.length = 0
  }
}

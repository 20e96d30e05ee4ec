// SPDX-License-Identifier: GPL-3.0-or-later
// Workers make a process faster but can never stop it: a job that they do not do is done in this process, with the same result.
import { JobError, type JobErrorCode } from './errors.ts'
import type { JobKind, JobName } from './kind.ts'
import type { JobOptions, JobQueue, SubmittedJob } from './queue.ts'

/** After a job of a lane failed elsewhere, milliseconds for which the lane's jobs are done here. */
const REST_MS = 30_000

export type JobEvent =
  | {
      readonly event: 'job done'
      readonly kind: JobName
      readonly where: 'worker' | 'here'
      /** Milliseconds from submission to answer; for jobs done here, of the work alone. */
      readonly ms: number
    }
  | {
      /** A job came back unusable or not at all. This process does it, and for a while the jobs after it. */
      readonly event: 'job returned'
      readonly kind: JobName
      readonly code: JobErrorCode
      readonly reason: string
    }
  | { readonly event: 'workers back'; readonly kind: JobName }

export class FallbackQueue implements JobQueue {
  readonly #remote: JobQueue
  readonly #local: JobQueue
  readonly #report: (event: JobEvent) => void
  /** Lanes that are not used for now, and until when. */
  readonly #resting = new Map<string, number>()

  constructor(remote: JobQueue, local: JobQueue, report: (event: JobEvent) => void = () => undefined) {
    this.#remote = remote
    this.#local = local
    this.#report = report
  }

  async submit<I, O>(kind: JobKind<I, O>, input: I, options: JobOptions = {}): Promise<SubmittedJob<O>> {
    const lane = kind.laneOf(input)
    const start = performance.now()
    if ((this.#resting.get(lane) ?? 0) > start) return this.#here(kind, input, options)
    let submitted: SubmittedJob<O>
    try {
      submitted = await this.#remote.submit(kind, input, options)
    } catch (error) {
      this.#failed(kind, lane, error)
      return this.#here(kind, input, options)
    }
    return {
      answer: async () => {
        try {
          const answer = await submitted.answer()
          if (this.#resting.delete(lane)) this.#report({ event: 'workers back', kind: kind.name })
          this.#report({ event: 'job done', kind: kind.name, where: 'worker', ms: performance.now() - start })
          return answer
        } catch (error) {
          options.signal?.throwIfAborted()
          this.#failed(kind, lane, error)
          return await (await this.#here(kind, input, options)).answer()
        }
      },
    }
  }

  async close(): Promise<void> {
    await this.#remote.close()
    await this.#local.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #here<I, O>(kind: JobKind<I, O>, input: I, options: JobOptions): Promise<SubmittedJob<O>> {
    const { answer } = await this.#local.submit(kind, input, options)
    return {
      answer: async () => {
        const start = performance.now()
        const given = await answer()
        this.#report({ event: 'job done', kind: kind.name, where: 'here', ms: performance.now() - start })
        return given
      },
    }
  }

  /** Notes a failure of the queue or a worker. @throws any other error */
  #failed<I, O>(kind: JobKind<I, O>, lane: string, error: unknown): void {
    if (!(error instanceof JobError)) throw error
    const now = performance.now()
    const already = (this.#resting.get(lane) ?? 0) > now
    this.#resting.set(lane, now + REST_MS)
    const { code, message } = error
    if (!already) this.#report({ event: 'job returned', kind: kind.name, code, reason: message })
  }
}

// SPDX-License-Identifier: GPL-3.0-or-later
// A submitted job's progress, as the server reports it. If the server lies about it, that costs time and nothing else.
import { JobError } from '../errors.ts'

/** Milliseconds by which a deadline is extended, for messages that came while this thread was busy. */
const GRACE_MS = 200

export class PendingJob {
  readonly finished: Promise<void>
  readonly #times: { readonly name: string; readonly pickupMs: number; readonly timeoutMs: number }
  readonly #lifeMs: number
  #resolve: () => void = () => undefined
  #reject: (error: unknown) => void = () => undefined
  #stage: NodeJS.Timeout | undefined
  #life: NodeJS.Timeout | undefined
  #off: (() => void) | undefined
  #over = false

  /** @param lifeMs Milliseconds for all attempts together. */
  constructor(times: { readonly name: string; readonly pickupMs: number; readonly timeoutMs: number }, lifeMs: number) {
    this.#times = times
    this.#lifeMs = lifeMs
    this.finished = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // A failure reaches whoever asks for the answer, and perhaps nobody does.
    this.finished.catch(() => undefined)
  }

  start(signal?: AbortSignal): void {
    if (this.#over) return
    if (signal !== undefined) {
      const abort = () => this.fail(signal.reason)
      signal.addEventListener('abort', abort, { once: true })
      this.#off = () => signal.removeEventListener('abort', abort)
    }
    const { name } = this.#times
    this.#life = setTimeout(
      () => this.#late(`no answer to a job of ${name} in ${this.#lifeMs / 1_000} s`, '#life'),
      this.#lifeMs,
    )
    // A worker may have taken the job while it was being added.
    if (this.#stage === undefined) this.put()
  }

  /** Notes that the job waits for a worker, for the first time or again. */
  put(): void {
    const { name, pickupMs } = this.#times
    this.#wait(pickupMs, `no worker took a job of ${name} within ${pickupMs / 1_000} s`)
  }

  taken(): void {
    const { name, timeoutMs } = this.#times
    this.#wait(timeoutMs, `a worker has had a job of ${name} for more than ${timeoutMs / 1_000} s`)
  }

  done(): void {
    this.#end(() => this.#resolve())
  }

  fail(reason: unknown): void {
    this.#end(() => this.#reject(reason))
  }

  #wait(ms: number, message: string): void {
    if (this.#over) return
    clearTimeout(this.#stage)
    this.#stage = setTimeout(() => this.#late(message, '#stage'), ms)
  }

  /** Handles a deadline. The timer may be late itself, and the message that makes it void may be queued behind it. */
  #late(message: string, which: '#stage' | '#life'): void {
    const grace = setTimeout(() => this.fail(new JobError('TIMEOUT', message)), GRACE_MS)
    if (which === '#stage') this.#stage = grace
    else this.#life = grace
  }

  #end(settle: () => void): void {
    if (this.#over) return
    this.#over = true
    clearTimeout(this.#stage)
    clearTimeout(this.#life)
    this.#off?.()
    settle()
  }
}

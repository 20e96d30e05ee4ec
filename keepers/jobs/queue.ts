// SPDX-License-Identifier: GPL-3.0-or-later
// The interface to work that may be done elsewhere, and an implementation that does the work in this process.
import { JobError } from './errors.ts'
import type { JobKind, JobName, Performers } from './kind.ts'

export type JobOptions = {
  readonly signal?: AbortSignal
  /** Milliseconds within which workers must be done; the kind's own limits hold as well. */
  readonly withinMs?: number
}

/** A job that the queue has. This thread may be busy until it asks for the answer. */
export type SubmittedJob<O> = {
  /** @throws JobError; the signal's reason after an abort; from a queue in this process, also what the work throws */
  readonly answer: () => Promise<O>
}

export interface JobQueue extends AsyncDisposable {
  /** Hands over a job. Every answer has passed the kind's check, whoever gave it. */
  submit<I, O>(kind: JobKind<I, O>, input: I, options?: JobOptions): Promise<SubmittedJob<O>>
  close(): Promise<void>
}

/** Does every job in this process, when its answer is requested. Nothing is encoded, and nothing is loaded that the work does not need. */
export class LocalQueue implements JobQueue {
  readonly #performers: Performers

  constructor(performers: Performers) {
    this.#performers = performers
  }

  async submit<I, O>(kind: JobKind<I, O>, input: I, options: JobOptions = {}): Promise<SubmittedJob<O>> {
    const perform = performerOf(this.#performers, kind)
    const work = async (): Promise<O> => {
      options.signal?.throwIfAborted()
      return await perform(input, options.signal)
    }
    return { answer: work }
  }

  async close(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

/** @throws JobError FAILED when nobody here can do this kind of job */
export function performerOf<I, O>(
  performers: Performers,
  kind: JobKind<I, O>,
): (input: I, signal?: AbortSignal) => Promise<O> {
  const perform = performers[kind.name as JobName]
  if (perform === undefined) throw new JobError('FAILED', `nobody here does jobs of the kind ${kind.name}`)
  return perform as unknown as (input: I, signal?: AbortSignal) => Promise<O>
}

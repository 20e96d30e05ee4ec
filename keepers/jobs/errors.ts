// SPDX-License-Identifier: GPL-3.0-or-later

/** Why the jobs room refused or gave up. */
export type JobErrorCode =
  /** A setting of the queue cannot be used; the message names it. */
  | 'BAD_CONFIG'
  /** The bytes are no job or answer of this format. */
  | 'BAD_MESSAGE'
  /** The bytes were not sealed for this place with the key: they are forged, replayed, cut off or swapped. */
  | 'NOT_SEALED'
  /** The answer cannot be one to this job. */
  | 'BAD_ANSWER'
  /** No worker took the job, or none answered, in time. */
  | 'TIMEOUT'
  /** Workers took the job, and it failed as often as it may be tried. */
  | 'FAILED'
  /** The queue's server does not answer, or the queue is closed. */
  | 'UNAVAILABLE'

/** An error that names the fault, its place and the remedy. */
export class JobError extends Error {
  readonly code: JobErrorCode

  constructor(code: JobErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'JobError'
    this.code = code
  }
}

/** Text that others wrote, as one short line without control characters. */
export function quoted(text: unknown): string {
  const line = String(text).replaceAll(/[^\x20-\x7e]+/g, ' ')
  return line.length > 200 ? `${line.slice(0, 200)}…` : line
}

// SPDX-License-Identifier: GPL-3.0-or-later

export type ProveErrorCode =
  /** A proof, a key or a list of signals that does not parse. */
  | 'malformed'
  /** Witness and key belong to different circuits. */
  | 'circuit-mismatch'
  /** The witness does not satisfy the circuit: the proof made from it does not verify. */
  | 'invalid-witness'
  /** The file of tables beside a key is damaged, or belongs to another key or version. */
  | 'tables-unusable'
  /** The backend is not configured, or failed. */
  | 'backend-failed'

/** Proving or verifying was impossible; the message names the value found and the fix. */
export class ProveError extends Error {
  readonly code: ProveErrorCode

  constructor(code: ProveErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ProveError'
    this.code = code
  }

  toObject(): ProveErrorObject {
    const { code, message, stack } = this
    return { name: 'ProveError', code, message, stack }
  }

  /** The error that `toObject` was called on, with the stack of the thread that threw it. */
  static fromObject({ code, message, stack }: ProveErrorObject): ProveError {
    const error = new ProveError(code, message)
    if (stack !== undefined) error.stack = stack
    return error
  }
}

/** A ProveError between threads: cloning keeps neither class nor code. */
export type ProveErrorObject = {
  readonly name: 'ProveError'
  readonly code: ProveErrorCode
  readonly message: string
  readonly stack: string | undefined
}

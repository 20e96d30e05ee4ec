// SPDX-License-Identifier: GPL-3.0-or-later

export type ProveErrorCode =
  /** A proof, a key or a list of signals that does not parse. */
  | 'malformed'
  /** Witness and key belong to different circuits. */
  | 'circuit-mismatch'
  /** The witness does not satisfy the circuit: the proof made from it does not verify. */
  | 'invalid-witness'
  /** The backend is not configured, or failed. */
  | 'backend-failed'

/** Proving or verifying could not be done; the message names what was found and the fix. */
export class ProveError extends Error {
  readonly code: ProveErrorCode

  constructor(code: ProveErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ProveError'
    this.code = code
  }
}
